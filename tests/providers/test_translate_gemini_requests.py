"""What the translate lane posts to Gemini, against what the sdk lane posts: the same bytes of meaning, or the same refusal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import ProviderError
from gateway.ports import Provider, ProviderRequest
from gateway.providers.gemini_dialect import Gemini
from gateway.providers.gemini_request import LONGEST_KEPT, MOST_KEPT, carried, pieces, request_body
from gateway.providers.http import Http
from gateway.providers.sdk import SdkLane
from gateway.providers.translate import TranslateLane
from gateway.types import Deployment, Endpoint, JsonObject
from tests.providers.asking import ANSWERS, HELLO, KEY, deployment
from tests.providers.replay import Canary, Recorded, ReplayServer

HI = {"role": "user", "content": "Hi"}
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA = {
    "type": "object",
    "properties": {
        "place": {"type": "string", "description": "où"},
        "unit": {"anyOf": [{"type": "string", "enum": ["c", "f"]}, {"type": "null"}]},
        "days": {"type": "array", "items": {"$ref": "#/$defs/day"}},
    },
    "required": ["place"],
    "additionalProperties": False,
    "$defs": {"day": {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}},
}
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "Tells it", "strict": True, "parameters": SCHEMA},
}
LOOK = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "call_1__thought__c2ln", "type": "function", "function": {"name": "weather", "arguments": '{"a": 1}'}},
        {"id": "call_2", "type": "function", "function": {"name": "look_up", "arguments": "{}"}},
    ],
}
TOLD = [
    {"role": "tool", "tool_call_id": "call_1__thought__c2ln", "content": '{"sun": true}'},
    {"role": "tool", "tool_call_id": "call_2", "content": "nothing"},
]
FORMAT = {"type": "json_schema", "json_schema": {"name": "w", "strict": True, "schema": SCHEMA}}
OLD, NEW, REASONING = "gemini/gemini-2.0-flash", "gemini/gemini-3-pro-preview", "gemini/gemini-2.5-flash"
CARRIED: dict[str, JsonObject] = {
    "hello": HELLO,
    "system": {"messages": [{"role": "system", "content": "Be"}, {"role": "developer", "content": "brief"}, HI]},
    "system-alone": {"messages": [{"role": "system", "content": [{"type": "text", "text": "Be"}]}]},
    "turns": {
        "messages": [HI, {"role": "assistant", "content": "Yes?"}, HI, HI, {"role": "assistant", "content": "A"}]
    },
    "parts": {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "x"}]}]},
    "picture": {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PIXEL}}]}]},
    "picture-in-detail": {
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PIXEL, "detail": "high"}}]},
        ]
    },
    "sound": {
        "messages": [
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]}
        ]
    },
    "document": {
        "messages": [
            {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}}]}
        ]
    },
    "sampling": {**HELLO, "temperature": 0.25, "top_p": 0.5, "seed": 7, "n": 2, "stop": ["a", "b", "c", "d", "e"]},
    "stop": {**HELLO, "stop": "end", "max_tokens": 9},
    "both-bounds": {"messages": [HI], "max_completion_tokens": 5, "max_tokens": 9},
    "penalties": {**HELLO, "frequency_penalty": 0.5, "presence_penalty": -0.5},
    "tools": {**HELLO, "tools": [WEATHER, LOOK], "tool_choice": "auto", "parallel_tool_calls": True},
    "tools-with-cache-marks": {**HELLO, "tools": [{**LOOK, "cache_control": {"type": "ephemeral"}}]},
    "tool-named": {**HELLO, "tools": [LOOK], "tool_choice": {"type": "function", "function": {"name": "look_up"}}},
    "tool-choice-none": {**HELLO, "tools": [LOOK], "tool_choice": "none"},
    "tool-choice-object": {**HELLO, "tools": [LOOK], "tool_choice": {"type": "required"}},
    "calls-and-results": {"messages": [HI, CALLED, *TOLD], "tools": [WEATHER, LOOK]},
    "thoughts-again": {"messages": [HI, {"role": "assistant", "content": "So", "reasoning_content": "hm"}, HI]},
    "schema": {**HELLO, "response_format": FORMAT},
    "json": {**HELLO, "response_format": {"type": "json_object"}},
    "plain-text": {**HELLO, "response_format": {"type": "text"}},
    "pictures-out": {**HELLO, "modalities": ["text", "image"]},
    "search": {**HELLO, "web_search_options": {}},
    "search-and-tools": {**HELLO, "web_search_options": {}, "tools": [LOOK]},
    "google-search": {**HELLO, "tools": [{"type": "web_search"}, {"googleSearch": {}}]},
    "user": {**HELLO, "user": "someone", "safety_identifier": "else", "metadata": {"a": "b"}, "store": True},
    "no-effect": {**HELLO, "n": 1, "logprobs": False, "logit_bias": {}, "verbosity": "medium", "service_tier": "flex"},
    "no-role": {"messages": [{"content": "I"}, HI]},
    "emptied": {"messages": [{"role": "user", "content": None}]},
}
REASONED: dict[str, JsonObject] = {
    **{effort: {**HELLO, "reasoning_effort": effort} for effort in ("none", "minimal", "low", "medium", "high")},
    "effort-object": {**HELLO, "reasoning_effort": {"effort": "low"}},
    "thinking": {**HELLO, "thinking": {"type": "enabled", "budget_tokens": 512}},
    "thinking-camel": {**HELLO, "thinking": {"type": "enabled", "budgetTokens": 64}},
    "thinking-off": {**HELLO, "thinking": {"type": "disabled"}},
}
REFUSED: dict[str, JsonObject] = {
    "effort-unknown": {**HELLO, "reasoning_effort": "xxl"},
    "logit-bias": {**HELLO, "logit_bias": {"1": 2}},
    "top-logprobs": {**HELLO, "logprobs": True, "top_logprobs": 2},
    "odd-role": {"messages": [{"role": "nobody", "content": "x"}]},
    "odd-tool-choice": {**HELLO, "tools": [LOOK], "tool_choice": {"type": "function"}},
    "picture-that-is-none": {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]},
    "file-without-file": {"messages": [{"role": "user", "content": [{"type": "file"}]}]},
    "result-of-no-call": {"messages": [HI, {"role": "tool", "tool_call_id": "c", "content": "x"}]},
    "arguments-no-json": {
        "messages": [
            HI,
            {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{"}}]},
        ]
    },
    "sound-without-tts": {**HELLO, "audio": {"voice": "a", "format": "mp3"}},
}
LEFT: dict[str, JsonObject] = {
    "functions": {**HELLO, "functions": [LOOK["function"]]},
    "function-call": {**HELLO, "function_call": "none"},
    "cache-mark": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}
        ]
    },
    "cache-mark-of-a-message": {"messages": [{**HI, "cache_control": {"type": "ephemeral"}}]},
    "old-pictures": {"messages": [HI, {"role": "assistant", "content": "", "images": []}, HI]},
    "file-of-googles": {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f1"}}]}]},
    "address": {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "https://a.example/x"}]}]},
    "address-in-a-file": {
        "messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "gs://bucket/x.png"}}]}]
    },
    "unknown-part": {"messages": [{"role": "user", "content": [{"type": "video_url", "video_url": PIXEL}]}]},
    "odd-part": {"messages": [{"role": "user", "content": [{"type": "nonsense"}]}]},
    "no-messages": {"max_tokens": 3},
    "messages-of-no-kind": {"messages": [7]},
}
EVENT = b"data: " + json.dumps(ANSWERS["gemini"]).encode() + b"\r\n\r\n"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def translate(lane: SdkLane) -> AsyncIterator[TranslateLane]:
    http = Http()
    yield TranslateLane(http, str, lane, {"gemini": Gemini()})
    await http.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def alone() -> AsyncIterator[TranslateLane]:
    """The translate lane with nobody behind it: what it does not carry fails."""
    http = Http()
    yield TranslateLane(http, str, Nobody(), {"gemini": Gemini()})
    await http.close()


class Nobody:
    """Implements ports.Provider, and fails all it is given."""

    async def complete(self, request: ProviderRequest) -> Any:
        raise AssertionError(request.body)

    def stream(self, request: ProviderRequest) -> Any:
        raise AssertionError(request.body)

    def dropped(self, deployment: Deployment, body: JsonObject) -> tuple[str, ...]:
        raise AssertionError(deployment, body)


def asked(body: JsonObject, url: str, model: str = OLD, **members: Any) -> ProviderRequest:
    found = deployment(model, url, **members)
    return ProviderRequest(found, body, "gen-1:1", 10.0, traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")


async def posted(lane: Provider, request: ProviderRequest, replay: ReplayServer, *, stream: bool) -> Any:
    """What arrived: address, headers that mean something, JSON; or how it was refused."""
    replay.seen.clear()
    replay.answer = Recorded(EVENT if stream else json.dumps(ANSWERS["gemini"]).encode())
    before = json.dumps(request.body)
    try:
        if stream:
            async for _ in lane.stream(request):
                pass
        else:
            await lane.complete(request)
    except ProviderError as error:
        assert replay.seen == []
        return error.fault, error.message, error.status, error.code, error.param
    assert json.dumps(request.body) == before
    (seen,) = replay.seen
    mattering: dict[str, str | None] = {name: value for name, value in seen.headers.items() if name.startswith("x-")}
    mattering |= {name: seen.headers.get(name) for name in ("content-type", "traceparent", "authorization")}
    return seen.method, seen.target, mattering, json.loads(seen.body)


async def same(
    one: Provider, other: Provider, request: ProviderRequest, replay: ReplayServer, *, stream: bool = False
) -> Any:
    wanted = await posted(one, request, replay, stream=stream)
    assert await posted(other, request, replay, stream=stream) == wanted
    return wanted


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [OLD, NEW])
@pytest.mark.parametrize("name", CARRIED)
async def test_what_is_posted_is_what_the_sdk_lane_posts(
    name: str, model: str, stream: bool, lane: SdkLane, alone: TranslateLane, replay: ReplayServer
) -> None:
    request = asked(CARRIED[name], replay.url, model)
    _, target, headers, body = await same(lane, alone, request, replay, stream=stream)
    assert KEY not in target
    assert headers["x-goog-api-key"] == KEY
    assert body["contents"]


@pytest.mark.parametrize("model", [REASONING, NEW])
@pytest.mark.parametrize("name", REASONED)
async def test_thinking_is_asked_for_as_the_sdk_lane_asks(
    name: str, model: str, lane: SdkLane, alone: TranslateLane, replay: ReplayServer
) -> None:
    *_, body = await same(lane, alone, asked(REASONED[name], replay.url, model), replay)
    assert "thinkingConfig" in body["generationConfig"]


@pytest.mark.parametrize("name", [*REFUSED, *LEFT])
async def test_what_cannot_be_mapped_fares_as_in_the_sdk_lane(
    name: str, lane: SdkLane, translate: TranslateLane, replay: ReplayServer
) -> None:
    request = asked({**REFUSED, **LEFT}[name], replay.url)
    assert carried(request.body) is (name in REFUSED)
    await same(lane, translate, request, replay)
    await same(lane, translate, request, replay, stream=True)


@pytest.mark.parametrize("name", ["effort-unknown", "logit-bias", "top-logprobs"])
async def test_members_are_dropped_as_in_the_sdk_lane_where_the_deployment_says_so(
    name: str, lane: SdkLane, translate: TranslateLane, replay: ReplayServer
) -> None:
    request = asked(REFUSED[name], replay.url, params={"drop_params": True})
    await same(lane, translate, request, replay)
    assert translate.dropped(request.deployment, request.body) == lane.dropped(request.deployment, request.body)


@pytest.mark.parametrize(
    ("members", "carries"),
    [
        ({"params": {"extra_headers": {"X-Team": "a", "x-goog-user-project": "p"}}}, True),
        ({"params": {"drop_params": True}}, True),
        ({"params": {"api_version": "v1"}}, False),
        ({"params": {"vertex_project": "p"}}, False),
        ({"api_key": None}, False),
    ],
)
async def test_a_deployments_settings_fare_as_in_the_sdk_lane(
    members: Any, carries: bool, lane: SdkLane, translate: TranslateLane, replay: ReplayServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("GEMINI_API_KEY", "of-the-environment")
    request = asked(HELLO, replay.url, **members)
    assert Gemini().carries(request) is carries
    await same(lane, translate, request, replay)


@pytest.mark.parametrize("suffix", ["", "/", "/v1beta", "/some/proxy", "/v1beta?project=a"])
async def test_the_address_is_the_sdk_lanes_whatever_the_base_is(
    suffix: str, lane: SdkLane, translate: TranslateLane, replay: ReplayServer
) -> None:
    for stream in (False, True):
        for model in (OLD, NEW, "gemini/tuned/a b", "gemini/ü"):
            await same(lane, translate, asked(HELLO, replay.url + suffix, model), replay, stream=stream)


def test_without_a_base_google_is_asked() -> None:
    for model, version in ((OLD, "v1beta"), (NEW, "v1alpha")):
        request = asked(HELLO, "", model)
        whole = Gemini().prepare(request, stream=False).sending
        streamed = Gemini().prepare(request, stream=True).sending
        base = f"https://generativelanguage.googleapis.com/{version}/models/{request.deployment.model_name}"
        assert (whole.url, streamed.url) == (f"{base}:generateContent", f"{base}:streamGenerateContent?alt=sse")
        assert KEY not in repr(whole)


def test_embeddings_are_left_to_the_sdk_lane() -> None:
    request = asked({"input": "x"}, "http://a.example", "gemini/text-embedding-004")
    assert request.deployment.endpoint is Endpoint.EMBEDDINGS
    assert not Gemini().carries(request)


def test_parameters_that_come_again_are_mapped_once_and_never_changed() -> None:
    at, kept = deployment(OLD, ""), pieces().kept
    asks = {**HELLO, "tools": [WEATHER], "response_format": FORMAT}
    first = json.dumps(request_body(at, "m", asks))
    before = len(kept)
    assert all(json.dumps(request_body(at, "m", asks)) == first for _ in range(3))
    assert len(kept) == before
    for seed in range(MOST_KEPT + 9):
        request_body(at, "m", {**HELLO, "seed": seed})
    assert len(kept) == MOST_KEPT
    request_body(at, "m", {**HELLO, "stop": "x" * LONGEST_KEPT})
    assert all(len(given) <= LONGEST_KEPT for _, _, given in kept)
    assert json.dumps(request_body(at, "m", asks)) == first


HIDDEN: dict[str, JsonObject] = {
    "picture": {"type": "image_url", "image_url": {"url": "data:{url}"}},
    "picture-with-type": {"type": "image_url", "image_url": {"url": "data:{url}", "format": "image/png"}},
    "file": {"type": "file", "file": {"file_data": "{url}", "format": "image/png"}},
    "file-as-data": {"type": "file", "file": {"file_data": "data:{url}"}},
    "sound": {"type": "input_audio", "input_audio": {"data": "{url}", "format": "wav"}},
    "type-of-sound": {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "{url}"}},
}


@pytest.mark.parametrize("role", ["user", "tool", "assistant", "system"])
@pytest.mark.parametrize("name", HIDDEN)
async def test_no_address_is_opened_wherever_it_hides(
    name: str, role: str, lane: SdkLane, translate: TranslateLane, replay: ReplayServer, canary: Canary
) -> None:
    for url in (f"{canary.url}/a.png", f"https://localhost:{canary.port}/a.png", f"gs://127.0.0.1:{canary.port}/a"):
        part = json.loads(json.dumps(HIDDEN[name]).replace("{url}", url))
        message = {"role": role, "content": [part], "tool_call_id": "call_2"}
        request = asked({"messages": [HI, CALLED, message]}, replay.url)
        assert not carried(request.body)
        await same(lane, translate, request, replay)
    assert canary.came == 0


WORDS = st.text(alphabet=st.characters(codec="utf-8"), max_size=6)
TEXT_PART = st.builds(lambda text: {"type": "text", "text": text}, WORDS)
PICTURE = st.sampled_from([{"type": "image_url", "image_url": {"url": PIXEL, "detail": d}} for d in ("low", "auto")])
SAID = st.one_of(WORDS, st.lists(st.one_of(TEXT_PART, PICTURE), max_size=3), st.none())
NOTED = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "developer"]), "content": SAID},
    optional={"name": WORDS, "reasoning_content": WORDS, "refusal": st.none()},
)
MESSAGES = st.lists(st.one_of(NOTED, st.sampled_from([CALLED, *TOLD, HI])), min_size=1, max_size=5)
MEMBERS = st.fixed_dictionaries(
    {"messages": MESSAGES},
    optional={
        "temperature": st.sampled_from([0, 0.5, 2]),
        "top_p": st.sampled_from([0.1, 1]),
        "n": st.integers(1, 2),
        "stop": st.one_of(WORDS, st.lists(WORDS, max_size=6)),
        "max_tokens": st.integers(1, 9),
        "max_completion_tokens": st.integers(1, 9),
        "seed": st.integers(0, 2**40),
        "frequency_penalty": st.sampled_from([0, 0.5]),
        "tools": st.lists(st.sampled_from([WEATHER, LOOK, {"googleSearch": {}}]), max_size=3),
        "tool_choice": st.sampled_from(["auto", "none", "required", {"type": "auto"}]),
        "parallel_tool_calls": st.booleans(),
        "response_format": st.sampled_from([FORMAT, {"type": "json_object"}, {"type": "text"}]),
        "reasoning_effort": st.sampled_from(["low", "none", "max"]),
        "thinking": st.sampled_from([{"type": "enabled", "budget_tokens": 0}, {"type": "adaptive"}]),
        "modalities": st.sampled_from([["text"], ["text", "image"]]),
        "logprobs": st.booleans(),
        "user": WORDS,
        "service_tier": st.sampled_from(["auto", "priority"]),
        "metadata": st.just({"a": "b"}),
        "top_k": st.just(3),
        "extra_body": st.just({"a": 1}),
    },
)


@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=MEMBERS, model=st.sampled_from([OLD, REASONING, NEW]))
async def test_any_request_is_posted_or_refused_as_in_the_sdk_lane(
    body: JsonObject, model: str, lane: SdkLane, translate: TranslateLane, replay: ReplayServer
) -> None:
    await same(lane, translate, asked(body, replay.url, model), replay)
