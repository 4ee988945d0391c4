"""Gemini's answers over the wire, through the translate lane and through the sdk lane: the same chunks, the same errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.errors import Fault, ProviderError
from gateway.fleet import RunningFleet
from gateway.ports import Provider
from gateway.providers.gemini_dialect import Gemini
from gateway.providers.http import Http
from gateway.providers.sdk import SdkLane
from gateway.providers.translate import TranslateLane
from gateway.telemetry.redact import Redactor
from gateway.types import JsonObject
from tests.providers.asking import HELLO, KEY, TOOL, request
from tests.providers.clientside import completed, streamed
from tests.providers.replay import Recorded, ReplayServer

MODEL = "gemini/gemini-2.5-flash"
USED = {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 12, "thoughtsTokenCount": 4}


def candidate(text: str, **members: Any) -> JsonObject:
    return {"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **members}]}


FIRST = {**candidate("Ça va, "), "usageMetadata": USED, "modelVersion": "gemini-x", "responseId": "r1"}
LAST = {**candidate("約束だよ 🍜", finishReason="STOP"), "usageMetadata": USED, "modelVersion": "gemini-x"}
CALL = {
    "candidates": [{"content": {"parts": [{"functionCall": {"name": "look_up", "args": {"où": "🍜"}, "id": "c1"}}]}}]
}
ENDED = {"candidates": [{"finishReason": "STOP", "index": 0}], "usageMetadata": USED}
EXHAUSTED = {
    "error": {
        "code": 429,
        "message": f"Quota of {KEY} exceeded.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7.5s"}],
    }
}
BAD_KEY = {
    "error": {
        "code": 400,
        "message": "API key not valid.",
        "status": "INVALID_ARGUMENT",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
    }
}
TOO_LONG = {
    "error": {"code": 400, "message": "The input token count (9) exceeds the maximum number of tokens allowed (8)."}
}


def sse(*events: Any, end: str = "\r\n", done: bool = False) -> bytes:
    lines = [*(json.dumps(each, ensure_ascii=False) for each in events), *(["[DONE]"] if done else [])]
    return "".join(f"data: {each}{end}{end}" for each in lines).encode()


STREAMS: dict[str, Recorded] = {
    "crlf": Recorded(sse(FIRST, LAST)),
    "lf": Recorded(sse(FIRST, LAST, end="\n")),
    "cr": Recorded(sse(FIRST, LAST, end="\r")),
    "done": Recorded(sse(FIRST, LAST, done=True)),
    "comments": Recorded(b": ping\r\n\r\nevent: x\r\n" + sse(FIRST) + b"retry: 3\r\n\r\n" + sse(LAST)),
    "no-blank-line-at-the-end": Recorded(sse(FIRST, LAST).rstrip()),
    "tier": Recorded(sse(FIRST, LAST), headers={"X-Gemini-Service-Tier": "Standard"}),
    "calls": Recorded(sse(CALL, ENDED)),
    "calls-in-two": Recorded(sse(CALL, CALL, ENDED)),
    "text-and-calls": Recorded(sse(FIRST, CALL, ENDED)),
    "thoughts": Recorded(
        sse({"candidates": [{"content": {"parts": [{"text": "hm", "thought": True}]}}], "usageMetadata": USED}, LAST)
    ),
    "two-candidates": Recorded(
        sse({"candidates": [candidate(text, index=at)["candidates"][0] for at, text in enumerate("ab")]}, LAST)
    ),
    "blocked": Recorded(sse({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": USED})),
    "safety": Recorded(sse(FIRST, {"candidates": [{"finishReason": "SAFETY", "index": 0}]})),
    "usage-comes-last": Recorded(sse(candidate("a", finishReason="STOP"), {"usageMetadata": USED})),
    "no-usage": Recorded(sse(candidate("a", finishReason="STOP"))),
    "no-finish": Recorded(sse(FIRST)),
    "nothing": Recorded(b""),
    "an-array": Recorded(json.dumps([FIRST, LAST]).encode()),
    "no-json": Recorded(sse(FIRST) + b"data: {nonsense\r\n\r\n"),
    "no-object": Recorded(sse(FIRST, 7, LAST)),
    "a-call-without-arguments": Recorded(
        sse({"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}}]})
    ),
    "error-first": Recorded(sse(EXHAUSTED)),
    "error-within": Recorded(sse(FIRST, EXHAUSTED)),
    "error-after-the-end": Recorded(sse(FIRST, LAST, EXHAUSTED)),
    "error-of-no-form": Recorded(sse(FIRST, {"error": "boom"})),
    "cut-in-an-event": Recorded(sse(FIRST, LAST), cut=len(sse(FIRST)) + 30),
    "cut-in-a-character": Recorded(sse(FIRST, LAST), cut=sse(FIRST).index("Ç".encode()) + 1),
    "cut-after-the-end": Recorded(sse(FIRST, LAST, ENDED), cut=len(sse(FIRST, LAST))),
    "cut-at-once": Recorded(sse(FIRST), cut=0),
    "longer-than-asked": Recorded(sse(*[candidate("a")] * 200)),
}
REFUSALS: dict[str, Recorded] = {
    "bad-key": Recorded(json.dumps(BAD_KEY).encode(), 400),
    "too-long": Recorded(json.dumps(TOO_LONG).encode(), 400),
    "exhausted": Recorded(json.dumps(EXHAUSTED).encode(), 429),
    "exhausted-in-an-array": Recorded(json.dumps([EXHAUSTED]).encode(), 429),
    "forbidden": Recorded(json.dumps({"error": {"code": 403, "message": f"{KEY} may not"}}).encode(), 403),
    "unknown-model": Recorded(json.dumps({"error": {"code": 404, "message": "no such model"}}).encode(), 404),
    "down": Recorded(b"<html>busy</html>", 503, {"content-type": "text/html", "retry-after": "3"}),
    "internal": Recorded(b"", 500),
    "elsewhere": Recorded(b"", 302, {"location": "http://127.0.0.1:9/"}),
}
WHOLE: dict[str, Recorded] = {
    "text": Recorded(json.dumps(LAST, ensure_ascii=False).encode()),
    "tier": Recorded(json.dumps(LAST).encode(), headers={"x-gemini-service-tier": "priority"}),
    "call": Recorded(json.dumps({**CALL, "usageMetadata": USED}).encode()),
    "blocked": Recorded(json.dumps({"promptFeedback": {"blockReason": "OTHER"}, "usageMetadata": USED}).encode()),
    "no-candidate": Recorded(json.dumps({"usageMetadata": USED}).encode()),
    "no-usage": Recorded(json.dumps(CALL).encode()),
    "an-array": Recorded(json.dumps([LAST]).encode()),
    "an-error": Recorded(json.dumps(EXHAUSTED).encode()),
    "no-json": Recorded(b"{nonsense"),
    "nothing": Recorded(b""),
    "cut": Recorded(json.dumps(LAST).encode(), cut=40),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def ours(lane: SdkLane) -> AsyncIterator[TranslateLane]:
    http = Http()
    yield TranslateLane(http, Redactor([KEY]).text, lane, {"gemini": Gemini()})
    await http.close()


async def chunks_of(lane: Provider, url: str) -> list[Any]:
    """All that a client and the gateway learn from a stream, its error last, however many events came in one read."""
    events: list[Any] = []
    text, finishes, used = "", list[Any](), list[Any]()
    try:
        async for each in lane.stream(request(MODEL, url)):
            bodies = [json.loads(event.removeprefix(b"data: ")) for event in each.frame.split(b"\n\n") if event]
            events += [(same_each_time(body), each.usage_only) for body in bodies]
            text += each.text
            finishes += [each.finish] * (each.finish is not None)
            used += [each.usage] * (each.usage is not None and each.usage not in used)
    except ProviderError as error:
        events.append(told(error))
    return [*events, text, finishes, used]


async def body_of(lane: Provider, url: str) -> Any:
    try:
        completion = await lane.complete(request(MODEL, url))
    except ProviderError as error:
        return told(error)
    return same_each_time(completion.body), completion.usage, completion.finish


def same_each_time(body: JsonObject | None) -> JsonObject | None:
    """Without the time, and names that are made up."""
    if body is None:
        return None
    made_up = {"created"} | ({"id"} if body["id"].startswith("chatcmpl-") else set())
    return {name: value for name, value in body.items() if name not in made_up}


def told(error: ProviderError) -> tuple[Any, ...]:
    """Of an answer that cannot be read the words name the exception that met it, which is each lane's own."""
    assert KEY not in error.message
    words = None if error.fault in {Fault.MALFORMED, Fault.RESET} else error.message
    return error.fault, words, error.status, error.code, error.param, error.retry_after


@pytest.mark.parametrize("name", [*STREAMS, *REFUSALS])
async def test_a_stream_is_read_as_in_the_sdk_lane(
    name: str, lane: SdkLane, ours: TranslateLane, replay: ReplayServer
) -> None:
    replay.answer = {**STREAMS, **REFUSALS}[name]
    wanted = await chunks_of(lane, replay.url)
    for seed in (1, 2):
        replay.seed(seed)
        replay.seen.clear()
        assert await chunks_of(ours, replay.url) == wanted
        assert len(replay.seen) == 1


@pytest.mark.parametrize("name", [*WHOLE, *REFUSALS])
async def test_a_whole_answer_is_read_as_in_the_sdk_lane(
    name: str, lane: SdkLane, ours: TranslateLane, replay: ReplayServer
) -> None:
    replay.answer = {**WHOLE, **REFUSALS}[name]
    replay.seen.clear()
    assert await body_of(ours, replay.url) == await body_of(lane, replay.url)
    assert len(replay.seen) == 2


async def test_a_refusal_is_told_with_its_wait_and_without_the_key(ours: TranslateLane, replay: ReplayServer) -> None:
    replay.answer = REFUSALS["exhausted"]
    with pytest.raises(ProviderError) as caught:
        await ours.complete(request(MODEL, replay.url))
    assert (caught.value.fault, caught.value.status, caught.value.retry_after) == (Fault.RATE_LIMITED, 429, 7.5)
    assert KEY not in caught.value.message


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["gemini/echo", "gemini/writer"])
@pytest.mark.parametrize("members", [{}, {"tools": [TOOL], "tool_choice": "required"}])
async def test_the_fleet_answers_both_lanes_alike(
    members: JsonObject, model: str, stream: bool, lane: SdkLane, ours: TranslateLane, fleet: RunningFleet
) -> None:
    asked = request(model, fleet.urls["gemini"], {**HELLO, **members})
    run = streamed if stream else completed
    (wanted, _), (got, _) = await run(lane, asked), await run(ours, asked)
    assert got.usage is not None
    assert got.usage == wanted.usage
    for index, said in wanted.choices.items():
        found = got.choices[index]
        assert (found.text, found.finish, len(found.tools)) == (said.text, said.finish, len(said.tools))
