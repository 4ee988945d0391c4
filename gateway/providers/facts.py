"""What LiteLLM knows of a model: its provider, prices, windows. Asked once per deployment, at load; no network.

Read from LiteLLM's own file, so that it need not be imported; it is asked only whose model a name means that does not say
so plainly. On an event loop nobody waits for its import: until it is there such a name is unknown.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any

from gateway.config.deployments import Facts, UnknownModelError, pico_dollars
from gateway.providers import runtime
from gateway.providers.cards import card_of
from gateway.providers.price_map import PriceMap, price_map
from gateway.providers.whose import ASK
from gateway.providers.whose import whose as told
from gateway.types import Deployment, Price

REASONS = "supports_reasoning"
CAPABILITIES = {
    "supports_vision": "vision",
    "supports_pdf_input": "documents",
    "supports_function_calling": "tools",
    "supports_response_schema": "json schema",
    "supports_audio_input": "audio in",
    "supports_audio_output": "audio out",
    REASONS: "reasoning",
}
ASK_FOR_LOG_IN = frozenset({"chatgpt", "github_copilot"})  # LiteLLM opens a connection only to tell whose model it is
ALL_THROUGH_ONE = "USE_LITELLM_PROXY"  # with this variable, every model is LiteLLM's proxy's
LONG = re.compile(r"input_cost_per_token_above_(\d+)k_tokens\Z")


def model_facts(model: str, *, custom_llm_provider: str | None, base_model: str | None) -> Facts:
    """Implements config.deployments.ModelFacts."""
    name, provider = whose(model, custom_llm_provider)
    entry = price_entry(price_map(), base_model or model, provider, base_model or name)
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


def forget_prices() -> None:
    """Give up the price map, 4 MB, until somebody asks again."""
    price_map.cache_clear()


def carded(deployment: Deployment) -> Deployment:
    """Implements config.deployments.Carded: the deployment with its card, in the lane that the card names."""
    entry = price_entry(price_map(), deployment.model, deployment.provider, deployment.model_name)
    card = card_of(deployment, entry)
    return replace(deployment, card=card, lane=card.lane)


def whose(model: str, custom_llm_provider: str | None) -> tuple[str, str]:
    """The provider's own name of a model, and the provider. Raises UnknownModelError."""
    named = custom_llm_provider or model.partition("/")[0]
    if named in ASK_FOR_LOG_IN:
        raise UnknownModelError(f"models of '{named}' need a log-in in a browser; name a provider that takes keys.")
    found = ASK if os.environ.get(ALL_THROUGH_ONE) else told(model, custom_llm_provider, price_map())
    if isinstance(found, str):
        found = asked(model, custom_llm_provider)
    if found is None:
        raise UnknownModelError(f"LiteLLM does not know whose model '{model}' is; write 'provider/model'.")
    return found


def asked(model: str, custom_llm_provider: str | None) -> tuple[str, str] | None:
    """LiteLLM's own answer, None where it has none. Raises UnknownModelError where it would have to be waited for."""
    if runtime.state() != "loaded" and runtime.on_a_loop():
        runtime.begin()
        raise UnknownModelError(f"LiteLLM, which knows whose model '{model}' is, is not loaded yet; ask again soon.")
    try:
        name, provider, _, _ = runtime.load().get_llm_provider(model, custom_llm_provider)
    except Exception:  # noqa: BLE001 - whatever it says, it does not know
        return None
    return name, provider


def capabilities(model: str, *, base_model: str | None) -> frozenset[str]:
    """What LiteLLM knows a model to do: values of `CAPABILITIES`, or "embeddings"; nothing of unknown models."""
    try:
        name, provider = whose(model, None)
    except UnknownModelError:
        return frozenset()
    entry = price_entry(price_map(), base_model or model, provider, base_model or name) or {}
    found = frozenset(word for key, word in CAPABILITIES.items() if entry.get(key))
    return found | {"embeddings"} if entry.get("mode") == "embedding" else found


def price_entry(known: PriceMap, model: str, provider: str, name: str) -> dict[str, Any] | None:
    """The price map's entry: by the whole name, with the provider's prefix, or by the bare name of that provider."""
    for key in (model, f"{provider}/{name}", name):
        entry = known.get(key)
        if entry is not None and entry.get("litellm_provider", provider).startswith(provider[:6]):
            return entry
    return None


def price(entry: dict[str, Any]) -> Price:
    """LiteLLM's floats of dollars as pico-dollars, with the dearer prices that some models have for long inputs."""
    usual = classes(entry, "", Price())
    threshold = next((int(found[1]) * 1000 for name in sorted(entry) if (found := LONG.match(name))), None)
    if threshold is None:
        return usual
    long = classes(entry, f"_above_{threshold // 1000}k_tokens", usual)
    return replace(usual, long_from=threshold, long=long)


def classes(entry: dict[str, Any], suffix: str, otherwise: Price) -> Price:
    """The prices whose names end in `suffix`; `otherwise` for those that are missing."""

    def of(name: str, default: int | None) -> int | None:
        value = entry.get(name + suffix)
        return pico_dollars(value) if isinstance(value, int | float) else default

    return Price(
        input=of("input_cost_per_token", otherwise.input) or 0,
        output=of("output_cost_per_token", otherwise.output) or 0,
        cached_input=of("cache_read_input_token_cost", otherwise.cached_input),
        cache_write=of("cache_creation_input_token_cost", otherwise.cache_write),
        reasoning=of("output_cost_per_reasoning_token", otherwise.reasoning),
        audio_input=of("input_cost_per_audio_token", otherwise.audio_input),
        audio_output=of("output_cost_per_audio_token", otherwise.audio_output),
        request=of("input_cost_per_request", otherwise.request) or 0,
        source="litellm" if "input_cost_per_token" in entry else "unknown",
    )


def whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and value > 0 else None
