"""What LiteLLM knows of a model: its provider, prices, windows. Asked once per deployment, at load; no network."""

from __future__ import annotations

from typing import Any

from gateway.config.deployments import Facts, UnknownModelError, pico_dollars
from gateway.providers.runtime import load
from gateway.types import Price

REASONS = "supports_reasoning"


def model_facts(model: str, *, custom_llm_provider: str | None, base_model: str | None) -> Facts:
    """Implements config.deployments.ModelFacts."""
    litellm = load()
    try:
        name, provider, _, _ = litellm.get_llm_provider(model, custom_llm_provider)
    except Exception as error:
        raise UnknownModelError(f"LiteLLM does not know whose model '{model}' is; write 'provider/model'.") from error
    entry = price_entry(litellm.model_cost, base_model or model, provider, base_model or name)
    if entry is None:
        return Facts(provider=provider)
    return Facts(
        provider=provider,
        price=price(entry),
        mode=str(entry.get("mode") or "chat"),
        context_window=whole(entry.get("max_input_tokens") or entry.get("max_tokens")),
        max_output=whole(entry.get("max_output_tokens")),
        reasoning=bool(entry.get(REASONS)),
    )


def price_entry(known: dict[str, Any], model: str, provider: str, name: str) -> dict[str, Any] | None:
    """The price map's entry: by the whole name, with the provider's prefix, or by the bare name of that provider."""
    for key in (model, f"{provider}/{name}", name):
        entry = known.get(key)
        if isinstance(entry, dict) and entry.get("litellm_provider", provider).startswith(provider[:6]):
            return entry
    return None


def price(entry: dict[str, Any]) -> Price:
    """LiteLLM's floats of dollars as pico-dollars."""

    def of(name: str) -> int | None:
        value = entry.get(name)
        return pico_dollars(value) if isinstance(value, int | float) else None

    given = of("input_cost_per_token")
    return Price(
        input=given or 0,
        output=of("output_cost_per_token") or 0,
        cached_input=of("cache_read_input_token_cost"),
        cache_write=of("cache_creation_input_token_cost"),
        reasoning=of("output_cost_per_reasoning_token"),
        audio_input=of("input_cost_per_audio_token"),
        audio_output=of("output_cost_per_audio_token"),
        request=of("input_cost_per_request") or 0,
        source="unknown" if given is None else "litellm",
    )


def whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and value > 0 else None
