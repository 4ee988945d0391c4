"""Prices, windows and kinds of models are LiteLLM's, to the pico-dollar, and so is what an answer costs."""

from __future__ import annotations

import socket
from decimal import Decimal
from typing import Any

import pytest

from gateway.config.deployments import UnknownModelError
from gateway.config.loader import load as load_config
from gateway.ledger.prices import NANO_PER_USD, cost
from gateway.providers.facts import model_facts
from gateway.providers.runtime import load
from gateway.types import Price, Usage
from tests.harness import ROOT

CLASSES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "reasoning": "output_cost_per_reasoning_token",
    "audio_input": "input_cost_per_audio_token",
    "audio_output": "output_cost_per_audio_token",
}
SHIPPED = sorted({entry.litellm_params.model for entry in load_config(ROOT / "config.yaml", {}).model_list})
FURTHER = [
    "gemini/gemini-2.5-flash",
    "openai/gpt-4o-audio-preview-2025-06-03",
    "deepseek/deepseek-chat",
    "anthropic/claude-opus-4-5",
]
USAGES = {
    "plain": Usage(1_000, 500),
    "one token": Usage(1, 1),
    "nothing": Usage(0, 0),
    "cached": Usage(1_000, 500, cached_input=900),
    "cache write": Usage(1_000, 500, cache_write=700),
    "cached and written": Usage(1_000, 500, cached_input=300, cache_write=600),
    "reasoning": Usage(1_000, 500, reasoning=450),
    "all of it": Usage(5_000, 3_000, cached_input=1_000, cache_write=2_000, reasoning=2_500),
    "just under 100k": Usage(100_000, 10),
    "over 100k": Usage(100_001, 1_000, cached_input=50_000, cache_write=1_000),
    "over 200k": Usage(200_001, 1_000, cached_input=50_000),
    "over 272k": Usage(272_001, 1_000, cached_input=50_000, cache_write=1_000, reasoning=10),
}


def facts(model: str, base_model: str | None = None) -> Any:
    return model_facts(model, custom_llm_provider=None, base_model=base_model)


def known(model: str) -> dict[str, Any]:
    """LiteLLM's own entry, by the name it goes by there."""
    costs = load().model_cost
    found: dict[str, Any] = costs.get(model) or costs[model.partition("/")[2]]
    return found


def pico(dollars: float | None) -> Decimal | None:
    return None if dollars is None else Decimal(str(dollars)) * 10**12


@pytest.mark.parametrize("model", SHIPPED + FURTHER)
def test_prices_are_litellms_to_the_pico_dollar(model: str) -> None:
    price, entry = facts(model).price, known(model)
    assert price.source == "litellm"
    for name, key in CLASSES.items():
        told = pico(entry.get(key))
        assert getattr(price, name) == (told if told is not None else 0 if name in {"input", "output"} else None), name


@pytest.mark.parametrize("model", SHIPPED)
def test_windows_and_kinds_are_litellms(model: str) -> None:
    found, entry = facts(model), known(model)
    assert (found.provider, found.mode) == (model.partition("/")[0], entry["mode"])
    assert found.context_window == entry["max_input_tokens"]
    assert found.max_output == entry.get("max_output_tokens")
    assert found.reasoning == bool(entry.get("supports_reasoning"))


@pytest.mark.parametrize("usage", USAGES.values(), ids=USAGES)
@pytest.mark.parametrize("model", [model for model in SHIPPED + FURTHER if "embedding" not in model])
def test_an_answer_costs_what_litellm_reckons(model: str, usage: Usage) -> None:
    ours = cost(facts(model).price, usage)
    assert abs(ours - Decimal(str(litellms(model, usage))) * NANO_PER_USD) <= 1


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        ("gemini/gemini-2.5-flash", Usage(1_000, 500, audio_input=400)),
        ("openai/gpt-4o-audio-preview-2025-06-03", Usage(1_000, 500, audio_input=400, audio_output=300)),
    ],
)
def test_audio_costs_what_litellm_reckons(model: str, usage: Usage) -> None:
    ours = cost(facts(model).price, usage)
    assert abs(ours - Decimal(str(litellms(model, usage))) * NANO_PER_USD) <= 1


@pytest.mark.parametrize("model", [model for model in SHIPPED if "embedding" in model])
def test_an_embedding_costs_what_litellm_reckons(model: str) -> None:
    ours = cost(facts(model).price, Usage(12_345))
    assert abs(ours - Decimal(str(known(model)["input_cost_per_token"])) * 12_345 * NANO_PER_USD) <= 1


def litellms(model: str, usage: Usage) -> float:
    """What LiteLLM's own reckoning says, in dollars."""
    litellm = load()
    from litellm.types.utils import CompletionTokensDetailsWrapper, PromptTokensDetailsWrapper
    from litellm.types.utils import Usage as TheirUsage

    told = TheirUsage(
        prompt_tokens=usage.input,
        completion_tokens=usage.output,
        total_tokens=usage.input + usage.output,
        prompt_tokens_details=PromptTokensDetailsWrapper(
            cached_tokens=usage.cached_input,
            cache_creation_tokens=usage.cache_write,
            audio_tokens=usage.audio_input,
            text_tokens=usage.input - usage.cached_input - usage.cache_write - usage.audio_input,
        ),
        completion_tokens_details=CompletionTokensDetailsWrapper(
            reasoning_tokens=usage.reasoning,
            audio_tokens=usage.audio_output,
            text_tokens=usage.output - usage.reasoning - usage.audio_output,
        ),
        cache_read_input_tokens=usage.cached_input,
        cache_creation_input_tokens=usage.cache_write,
    )
    answer = litellm.ModelResponse(model=model, usage=told)
    reckoned: float = litellm.completion_cost(completion_response=answer, model=model)
    return reckoned


def test_a_model_that_litellm_does_not_know_counts_as_free_and_says_so() -> None:
    found = facts("openai/house-large")
    assert found.provider == "openai"
    assert found.price == Price()
    assert found.price.source == "unknown"


def test_a_name_without_a_known_provider_is_refused() -> None:
    with pytest.raises(UnknownModelError, match="write 'provider/model'"):
        facts("nobodys-model")


def test_prices_come_from_the_base_model_where_one_is_named() -> None:
    found = facts("azure/our-deployment", base_model="azure/gpt-4o")
    assert found.provider == "azure"
    assert found.price.input == pico(known("azure/gpt-4o")["input_cost_per_token"])


@pytest.mark.parametrize("model", ["openai/claude-haiku-5-5", "mistral/gpt-6-luna", "groq/claude-opus-5-5"])
def test_a_price_is_never_another_providers(model: str) -> None:
    assert facts(model).price.source == "unknown"


@pytest.mark.parametrize(
    ("model", "mode"), [("openai/whisper-1", "audio_transcription"), ("openai/text-embedding-3-small", "embedding")]
)
def test_the_kind_of_model_is_told(model: str, mode: str) -> None:
    assert facts(model).mode == mode


@pytest.mark.parametrize("model", ["chatgpt/gpt-6-luna", "github_copilot/gpt-6-luna"])
def test_nobody_is_asked_to_log_in_only_to_tell_whose_a_model_is(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("a connection was opened"))

    with pytest.raises(UnknownModelError, match="need a log-in in a browser"):
        facts(model)
