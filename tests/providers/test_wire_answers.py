"""Answers that no exchange was recorded of are read in the wire lane as in the sdk lane, whole and streamed."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Fault, ProviderError
from gateway.providers.cards import card_of
from gateway.providers.http import Http
from gateway.providers.shapes import chat_body, untouched, usage_body
from gateway.providers.wire import WireLane, completion
from gateway.types import Endpoint, JsonObject, Usage
from tests.providers.asking import ANSWER, HELLO, request
from tests.providers.clientside import completed, streamed
from tests.providers.lanes import Lanes
from tests.providers.replay import Recorded, ReplayServer

STREAM = {"content-type": "text/event-stream"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
MESSAGES: dict[str, JsonObject] = {
    "text": {"role": "assistant", "content": "Hi 🍜"},
    "null": {"role": "assistant", "content": None},
    "call": {"role": "assistant", "content": None, "tool_calls": [CALL]},
    "thought": {"role": "assistant", "content": "Hi", "reasoning_content": "Well"},
    "reasoned": {"role": "assistant", "content": "Hi", "reasoning": "Well"},
    "annotated": {"role": "assistant", "content": "Hi", "refusal": None, "annotations": []},
}
USAGES: dict[str, Any] = {
    "none": None,
    "plain": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    "detailed": {
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "total_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 2, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 1},
    },
    "thoughts apart": {
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "total_tokens": 17,
        "completion_tokens_details": {"reasoning_tokens": 10},
    },
}
PROVIDERS = ("openai", "groq", "mistral", "deepseek", "openrouter", "together_ai", "xai", "fireworks_ai", "hosted_vllm")
NAMED_BY_LITELLM = {"fireworks_ai"}  # LiteLLM writes its own name for the model into the answer
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3) | st.just([]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["role", "index", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def wire(lanes: Lanes) -> AsyncIterator[WireLane]:
    http = Http()
    yield WireLane(http, str, lanes.slow)
    await http.close()


def asked(model: str, url: str, **members: Any) -> Any:
    made = request(model, url, **members)
    return dataclasses.replace(
        made, deployment=dataclasses.replace(made.deployment, card=card_of(made.deployment, None), lane="wire")
    )


@pytest.mark.parametrize("usage", USAGES)
@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_whole_answer_is_read_as_in_the_sdk_lane(
    wire: WireLane, lanes: Lanes, replay: ReplayServer, provider: str, message: str, usage: str
) -> None:
    choice = {"index": 0, "message": MESSAGES[message], "finish_reason": "tool_calls" if message == "call" else "stop"}
    answer = {
        **ANSWER,
        "choices": [choice],
        "usage": USAGES[usage],
        "system_fingerprint": None,
        "service_tier": "default",
    }
    replay.answer = Recorded(json.dumps(answer).encode())
    made = asked(f"{provider}/m", replay.url)
    (ours, body), (theirs, expected) = await completed(wire, made), await completed(lanes.slow, made)
    assert ours == theirs
    if provider not in NAMED_BY_LITELLM:
        assert body.keys() >= {"id", "object", "created", "model", "choices"}
        assert (body["model"], body["choices"][0]["finish_reason"]) == (
            expected["model"],
            expected["choices"][0]["finish_reason"],
        )


@pytest.mark.parametrize("usage", USAGES)
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_stream_is_read_as_in_the_sdk_lane(
    wire: WireLane, lanes: Lanes, replay: ReplayServer, provider: str, usage: str
) -> None:
    base = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    deltas: list[JsonObject] = [{"role": "assistant", "content": ""}, *({"content": f"word{at} "} for at in range(9))]
    deltas.append({"tool_calls": [{"index": 0, **CALL}]})
    parts = [{**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    parts.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    parts += [{**base, "choices": [], "usage": USAGES[usage]}] if USAGES[usage] else []
    replay.answer = Recorded(
        b"".join(b"data: %s\n\n" % json.dumps(part).encode() for part in parts) + b"data: [DONE]\n\n", headers=STREAM
    )
    made = asked(f"{provider}/m", replay.url)
    for seed in range(3):
        replay.seed(seed)
        (ours, _), (theirs, _) = await streamed(wire, made), await streamed(lanes.slow, made)
        assert ours == theirs


@given(JSON, st.sampled_from(["answer", "choice", "message", "usage"]), st.text("abcdefghijlmnoprstu_", max_size=12))
def test_what_is_passed_on_as_it_came_needs_no_change(value: Any, place: str, name: str) -> None:
    message = {"role": "assistant", "content": "Hi", "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 1},
    }
    answer: JsonObject = {**ANSWER, "choices": [choice], "usage": usage}
    assert untouched(answer)
    {"answer": answer, "choice": choice, "message": message, "usage": usage}[place][name] = value
    before = copy.deepcopy(answer)
    try:
        kept = untouched(answer)
    except (TypeError, AttributeError):
        return  # not an answer at all; the lane says so
    if kept:
        assert {**chat_body(answer), "usage": usage_body(usage)} == before == answer


def test_bytes_are_passed_on_only_where_nothing_changes() -> None:
    message = {"role": "assistant", "content": "Hi", "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    answer = {**ANSWER, "choices": [choice]}
    data = json.dumps(answer).encode()
    assert completion(answer, data).data == data
    changed = completion({**answer, "system_fingerprint": None}, data)
    assert (changed.data, "system_fingerprint" in changed.body) == (b"", False)


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        (b"{}", Fault.MALFORMED),
        (b"[]", Fault.MALFORMED),
        (b"nonsense", Fault.MALFORMED),
        (b'{"choices": []}', Fault.MALFORMED),
        (b'{"choices": [1]}', Fault.MALFORMED),
        (b'{"error": {"message": "down", "code": 429}}', Fault.RATE_LIMITED),
        (b'{"error": "down"}', Fault.IN_BAND),
    ],
)
async def test_an_answer_that_is_none_is_told_as_such(
    wire: WireLane, replay: ReplayServer, told: bytes, fault: Fault
) -> None:
    replay.answer = Recorded(told)
    with pytest.raises(ProviderError) as caught:
        await wire.complete(asked("openai/m", replay.url))
    assert caught.value.fault is fault


async def test_embeddings_come_as_they_were_asked_for(wire: WireLane, lanes: Lanes, replay: ReplayServer) -> None:
    told = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}], "model": "e"}
    replay.answer = Recorded(json.dumps({**told, "usage": {"prompt_tokens": 3, "total_tokens": 3}}).encode())
    for encoding in (None, "float", "base64"):
        body = {"input": "Hi", **({"encoding_format": encoding} if encoding else {})}
        made = asked("openai/embed", replay.url, body=body)
        assert made.deployment.endpoint is Endpoint.EMBEDDINGS
        ours, theirs = await wire.complete(made), await lanes.slow.complete(made)
        assert (ours.body, ours.usage) == (theirs.body, theirs.usage)
        assert ours.usage == Usage(input=3)


async def test_a_stream_that_is_left_closes_its_connection(wire: WireLane, replay: ReplayServer) -> None:
    piece = b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    replay.answer = Recorded(piece * 5_000, headers=STREAM)
    stream = wire.stream(asked("openai/m", replay.url, body={"messages": HELLO["messages"]}))
    assert (await anext(stream)).content
    await stream.aclose()
    before = replay.connections
    replay.answer = Recorded(json.dumps(ANSWER).encode())
    await wire.complete(asked("openai/m", replay.url))
    assert replay.connections == before + 1
