"""What the tables say of a deployment is what LiteLLM says of it, for every model in its price map."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

import pytest

from gateway.providers import runtime
from gateway.providers.cards import card_of
from gateway.providers.facts import price_entry
from gateway.providers.params import CHAT
from gateway.providers.speakers import SPEAKERS
from gateway.providers.wire_messages import LeftToLiteLLM
from gateway.providers.wire_request import Route
from gateway.types import Endpoint, JsonObject
from tests.providers.asking import HELLO, TOOL, deployment

NO_MODEL = {"openai/container"}


@pytest.mark.parametrize("provider", SPEAKERS)
def test_supported_parameters_are_litellms(provider: str) -> None:
    litellm = runtime.load()
    models = {f"{provider}/house-model": None}
    for name, entry in litellm.model_cost.items():
        if entry.get("litellm_provider") == provider and entry.get("mode") == "chat":
            models[name if name.startswith(f"{provider}/") else f"{provider}/{name}"] = entry
    for model, entry in models.items():
        made = deployment(model, "https://provider.invalid/v1")
        card = card_of(made, price_entry(litellm.model_cost, model, provider, made.model_name) if entry else None)
        if card.lane != "wire" or model in NO_MODEL:
            continue
        known = litellm.get_supported_openai_params(model=made.model_name, custom_llm_provider=provider)
        left = SPEAKERS[provider].hands_over  # these decide nothing: LiteLLM is asked
        assert (card.supported & CHAT) - left == (frozenset(known) & CHAT) - left, model


@pytest.mark.parametrize(
    ("model", "members", "reason"),
    [
        ("openai/m", {"api_key": None}, "no key"),
        ("openai/m", {"params": {"aws_region_name": "x"}}, "signed"),
        ("azure/m", {"params": {"azure_ad_token": "x"}}, "signed"),
        ("openai/m", {"params": {"extra_headers": {"Authorization": "x"}}}, "credential of their own"),
        ("azure/gpt-5", {}, "reasoning"),
        ("azure/mine", {"params": {"base_model": "azure/o3"}}, "reasoning"),
        ("openai/responses/gpt-4o", {}, "more than a name"),
        ("openai/m", {"api_base": "https://a.invalid/v1?x=1"}, "no base"),
        ("openai/m", {"api_base": "https://a.invalid/v1/chat/completions"}, "no base"),
        ("hosted_vllm/m", {"api_base": None}, "where it is"),
        ("mistral/magistral-small", {}, "system prompt"),
        ("bedrock/m", {}, "own format"),
        ("groq/embed", {"endpoint": Endpoint.EMBEDDINGS}, "embeddings"),
    ],
)
def test_what_is_not_certain_stays_with_litellm(
    model: str, members: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    made = dataclasses.replace(deployment(model, "https://provider.invalid/v1"), **members)
    card = card_of(made, None)
    assert (card.lane, card.url) == ("sdk", None)
    assert reason in card.why


def test_models_of_the_responses_api_stay_with_litellm_only_where_there_is_one() -> None:
    entry = {"mode": "responses", "litellm_provider": "openai"}
    assert "Responses" in card_of(deployment("openai/gpt-5-pro", "https://api.openai.com/v1"), entry).why
    assert card_of(deployment("openai/gpt-5-pro", "https://other.invalid/v1"), entry).lane == "wire"


def test_key_and_address_come_from_the_variables_that_litellm_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    made = dataclasses.replace(deployment("openai/m", ""), api_base=None, api_key=None)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    assert card_of(made, None).url == "https://api.openai.com/v1/chat/completions"
    monkeypatch.setenv("OPENAI_API_BASE", "https://house.invalid/v1/")
    card = card_of(made, None)
    assert card.url == "https://house.invalid/v1/chat/completions"
    assert "sk-canary" not in repr(card)


@pytest.mark.parametrize(
    ("model", "lane"),
    [("anthropic/m", "translate"), ("gemini/m", "translate"), ("openai/m", "wire"), ("vertex_ai/m", "sdk")],
)
def test_each_provider_has_its_lane(model: str, lane: str) -> None:
    assert card_of(deployment(model, "https://provider.invalid"), None).lane == lane


@pytest.mark.parametrize("members", [{}, {"tools": [TOOL]}, {"tools": [TOOL], "reasoning_effort": "low"}])
def test_what_litellm_asks_the_responses_api_for_is_left_to_it(members: JsonObject) -> None:
    litellm = runtime.load()
    bridged = importlib.import_module("litellm.main").responses_api_bridge_check
    asked, left = 0, 0
    for name, entry in litellm.model_cost.items():
        if entry.get("litellm_provider") != "openai" or entry.get("mode") not in {"chat", "responses"}:
            continue
        made = dataclasses.replace(deployment(f"openai/{name}", "https://api.openai.com/v1"), reasoning=True)
        made = dataclasses.replace(made, card=card_of(made, entry))
        info, _ = bridged(name, "openai", **members)
        try:
            Route(made).body({**HELLO, **members})
            carried = True
        except LeftToLiteLLM:
            carried = False
        asked += carried
        left += info.get("mode") == "responses"
        assert not (carried and info.get("mode") == "responses"), name
    assert asked > 20
    assert left > 5
