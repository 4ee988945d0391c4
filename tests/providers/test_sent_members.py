"""What of a client's body reaches the provider on each wire, and what is refused or left out instead."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.errors import Fault, ProviderError
from gateway.ports import Provider
from gateway.providers.params import dropped, hashed
from gateway.types import JsonObject, Usage
from tests.providers.asking import ANSWER, ANSWERS, HELLO, TEXT, TOOL, VECTORS, request
from tests.providers.replay import Recorded, ReplayServer

MODELS = {
    "openai": "openai/gpt-6-luna",
    "anthropic": "anthropic/claude-haiku-5-5",
    "gemini": "gemini/gemini-3.5-flash-lite",
}
BOB = hashed("bob")
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}}
NAMED = {"type": "function", "function": {"name": "look_up"}}
UNSUPPORTED = object()  # the lane refuses, and names the member
NOTHING: JsonObject = {}


async def sent(lane: Provider, replay: ReplayServer, model: str, members: JsonObject, **params: Any) -> JsonObject:
    """The JSON that the provider gets for HELLO with `members`."""
    replay.seen.clear()
    replay.answer = Recorded(json.dumps(ANSWERS.get(model.partition("/")[0], ANSWER)).encode())
    known = model in MODELS.values()
    await lane.complete(request(model, replay.url, {**HELLO, **members}, params=params, reasoning=known))
    (seen,) = replay.seen
    got: JsonObject = seen.json
    return got


# A client's members; then, wire by wire, what has to be among those that the provider gets.
TABLE: list[tuple[JsonObject, Any, Any, Any]] = [
    ({"user": "bob"}, {"user": BOB}, {"metadata": {"user_id": BOB}}, NOTHING),
    ({"safety_identifier": "bob"}, {"safety_identifier": BOB}, {"metadata": {"user_id": BOB}}, NOTHING),
    ({"metadata": {"team": "a"}}, {"metadata": {"team": "a"}}, NOTHING, NOTHING),
    ({"store": True}, {"store": True}, NOTHING, NOTHING),
    ({"prompt_cache_key": "k"}, {"prompt_cache_key": "k"}, NOTHING, NOTHING),
    ({"service_tier": "flex"}, {"service_tier": "flex"}, NOTHING, NOTHING),
    ({"service_tier": "auto"}, {"service_tier": "auto"}, NOTHING, NOTHING),
    ({"service_tier": "priority"}, NOTHING, NOTHING, NOTHING),
    (
        {"reasoning_effort": "low"},
        {"reasoning_effort": "low"},
        {"output_config": {"effort": "low"}},
        {"generationConfig": {"thinkingConfig": {"thinkingLevel": "low", "includeThoughts": True}}},
    ),
    (
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        UNSUPPORTED,
        {"thinking": {"type": "adaptive"}},
        {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}},
    ),
    (
        {"response_format": JSON_SCHEMA},
        {"response_format": JSON_SCHEMA},
        {"output_format": {"type": "json_schema", "schema": SCHEMA}},
        {"generationConfig": {"response_mime_type": "application/json", "response_json_schema": SCHEMA}},
    ),
    (
        {"tools": [TOOL], "tool_choice": "auto"},
        {"tool_choice": "auto"},
        {"tool_choice": {"type": "auto"}},
        {"toolConfig": {"functionCallingConfig": {"mode": "AUTO"}}},
    ),
    (
        {"tools": [TOOL], "tool_choice": "none"},
        {"tool_choice": "none"},
        {"tool_choice": {"type": "none"}},
        {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}},
    ),
    (
        {"tools": [TOOL], "tool_choice": "required"},
        {"tool_choice": "required"},
        {"tool_choice": {"type": "any"}},
        {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
    ),
    (
        {"tools": [TOOL], "tool_choice": NAMED},
        {"tool_choice": NAMED, "tools": [TOOL]},
        {"tool_choice": {"type": "tool", "name": "look_up"}},
        {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowed_function_names": ["look_up"]}}},
    ),
    (
        {"tools": [TOOL], "parallel_tool_calls": False},
        {"parallel_tool_calls": False},
        {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        NOTHING,
    ),
    ({"stop": ["a"]}, {"stop": ["a"]}, {"stop_sequences": ["a"]}, {"generationConfig": {"stop_sequences": ["a"]}}),
    ({"n": 2}, {"n": 2}, UNSUPPORTED, {"generationConfig": {"candidate_count": 2}}),
    ({"n": 1, "presence_penalty": 0, "modalities": ["text"]}, {"n": 1}, NOTHING, NOTHING),
    ({"top_p": 1, "logprobs": False, "top_logprobs": 0}, NOTHING, NOTHING, {"generationConfig": {"top_p": 1}}),
    ({"logit_bias": {"1": 2}}, {"logit_bias": {"1": 2}}, UNSUPPORTED, UNSUPPORTED),
    ({"seed": 1}, {"seed": 1}, UNSUPPORTED, {"generationConfig": {"seed": 1}}),
    ({"prediction": {"type": "content", "content": "a"}}, {"prediction": {"type": "content"}}, NOTHING, NOTHING),
    ({"unknown": 1}, {"unknown": 1}, NOTHING, NOTHING),
]
CASES = [
    pytest.param(wire, row[0], row[place], id=f"{wire}-{'-'.join(row[0])}-{at}")
    for at, row in enumerate(TABLE)
    for place, wire in enumerate(MODELS, start=1)
]


@pytest.mark.parametrize(("wire", "members", "wanted"), CASES)
async def test_a_member_reaches_its_provider_in_that_ones_words(
    lane: Provider, replay: ReplayServer, wire: str, members: JsonObject, wanted: Any
) -> None:
    plain = await sent(lane, replay, MODELS[wire], {})
    if wanted is UNSUPPORTED:
        with pytest.raises(ProviderError) as caught:
            await sent(lane, replay, MODELS[wire], members)
        assert (caught.value.fault, caught.value.code) == (Fault.CALLER, "unsupported_parameter")
        assert caught.value.param in members
        assert replay.seen == []
        return
    got = await sent(lane, replay, MODELS[wire], members)
    if wanted is NOTHING:
        assert without(got, "tools") == plain
    assert holds(got, wanted)


def without(got: JsonObject, name: str) -> JsonObject:
    return {key: value for key, value in got.items() if key != name}


def holds(got: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(got, dict) and all(name in got and holds(got[name], value) for name, value in wanted.items())
    return bool(got == wanted)


async def test_logprobs_reach_those_that_have_them(lane: Provider, replay: ReplayServer) -> None:
    asked = {"logprobs": True, "top_logprobs": 2}
    assert holds(await sent(lane, replay, "openai/house", asked), asked)
    got = await sent(lane, replay, MODELS["gemini"], {"logprobs": True})
    assert got["generationConfig"]["responseLogprobs"] is True
    with pytest.raises(ProviderError) as caught:
        await sent(lane, replay, MODELS["openai"], asked)
    assert caught.value.code == "unsupported_parameter"


@pytest.mark.parametrize("model", ["groq/m", "mistral/m", "deepseek/m", "together_ai/m", "zai/m", "azure_ai/m"])
async def test_other_speakers_of_openais_format_get_their_own_members_but_not_openais(
    lane: Provider, replay: ReplayServer, model: str
) -> None:
    members = {
        "safe_prompt": True,
        "store": True,
        "metadata": {"a": "b"},
        "service_tier": "flex",
        "presence_penalty": 1,
    }
    got = await sent(lane, replay, model, members)
    assert got["safe_prompt"] is True
    assert got["presence_penalty"] == 1
    assert not got.keys() & {"store", "metadata", "service_tier", "extra_body", "extra_headers", "max_retries"}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("zai/m", "max_tokens"),
        ("deepseek/m", "max_tokens"),
        ("hyperbolic/m", "max_tokens"),
        ("mistral/m", "max_tokens"),
        ("hosted_vllm/m", "max_completion_tokens"),
        ("openai/m", "max_completion_tokens"),
    ],
)
async def test_the_bound_on_the_output_goes_by_the_name_that_is_known(
    lane: Provider, replay: ReplayServer, model: str, name: str
) -> None:
    got = await sent(lane, replay, model, {})
    assert {key: value for key, value in got.items() if key.startswith("max_")} == {name: 64}


@pytest.mark.parametrize("model", ["zai/m", "mistral/m", "openrouter/m", "deepseek/m"])
async def test_thinking_reaches_those_that_know_it(lane: Provider, replay: ReplayServer, model: str) -> None:
    got = await sent(lane, replay, model, {"thinking": {"type": "enabled"}})
    assert got["thinking"] == {"type": "enabled"}


@pytest.mark.parametrize(
    ("model", "lost"), [(MODELS["anthropic"], ["logit_bias", "seed"]), (MODELS["gemini"], ["logit_bias"])]
)
async def test_a_deployment_that_drops_members_says_which(
    lane: Provider, replay: ReplayServer, model: str, lost: list[str]
) -> None:
    members = {"logit_bias": {"1": 2}, "seed": 1}
    got = await sent(lane, replay, model, members, drop_params=True)
    assert "logit_bias" not in json.dumps(got)
    asked = request(model, replay.url, {**HELLO, **members}, params={"drop_params": True})
    assert list(dropped(asked.deployment, asked.body)) == lost


@pytest.mark.parametrize(
    ("model", "members", "lost"),
    [
        ("openai/m", {"unknown": 1, "store": True, "service_tier": "flex"}, ()),
        ("openai/m", {"service_tier": "priority"}, ("service_tier",)),
        ("anthropic/m", {"unknown": 1, "store": True, "metadata": {}, "stream": True}, ("unknown",)),
        ("anthropic/m", {"service_tier": "flex"}, ("service_tier",)),
        ("anthropic/m", {"service_tier": "auto"}, ()),
        ("mistral/m", {"safe_prompt": True, "store": True}, ()),
        ("gemini/m", {"zeta": 1, "alpha": 1}, ("alpha", "zeta")),
    ],
)
def test_what_is_left_out_is_told(model: str, members: JsonObject, lost: tuple[str, ...]) -> None:
    asked = request(model, "http://unused.invalid", {**HELLO, **members})
    assert dropped(asked.deployment, asked.body) == lost


async def test_the_clients_own_body_is_left_as_it_was(lane: Provider, replay: ReplayServer) -> None:
    body = {**HELLO, "tools": [TOOL], "response_format": JSON_SCHEMA, "unknown": {"a": [1]}}
    before = json.dumps(body)
    for wire, model in MODELS.items():
        replay.answer = Recorded(json.dumps(ANSWERS.get(wire, ANSWER)).encode())
        await lane.complete(request(model, replay.url, body))
    assert json.dumps(body) == before


@pytest.mark.parametrize("wire", MODELS)
async def test_every_attempt_carries_its_id_and_the_deployments_headers(
    lane: Provider, replay: ReplayServer, wire: str
) -> None:
    await sent(lane, replay, MODELS[wire], {}, extra_headers={"x-tenant": "blue"})
    (seen,) = replay.seen
    assert (seen.headers["x-client-request-id"], seen.headers["x-tenant"]) == ("gen-1:1", "blue")


@pytest.mark.parametrize("model", [MODELS["anthropic"], "openrouter/anthropic/claude-haiku-4.5"])
async def test_a_cache_for_an_hour_becomes_one_for_five_minutes(
    lane: Provider, replay: ReplayServer, model: str
) -> None:
    part = {"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    got = await sent(lane, replay, model, {"messages": [{"role": "user", "content": [part]}]})
    assert got["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize("model", ["openai/text-embed-1", "mistral/mistral-embed", "hosted_vllm/embed"])
async def test_an_embedding_is_asked_for_with_nothing_but_what_the_client_said(
    lane: Provider, replay: ReplayServer, model: str
) -> None:
    replay.seen.clear()
    replay.answer = Recorded(json.dumps(VECTORS).encode())
    completion = await lane.complete(request(model, replay.url, TEXT))
    (seen,) = replay.seen
    assert seen.json.keys() == {"model", "input", "encoding_format"}
    assert completion.usage == Usage(input=1)
