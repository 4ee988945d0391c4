"""Anthropic through the translate lane, end to end: results, failures, bounds, and the connection, as in the sdk lane."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.errors import Fault, ProviderError
from gateway.fleet import RunningFleet
from gateway.fleet.journal import DISCONNECTED
from gateway.ports import ProviderRequest
from gateway.providers import runtime
from gateway.providers.http import Http
from gateway.providers.translate import TranslateLane
from gateway.types import JsonObject
from tests.providers.asking import ANSWERS, HELLO, KEY, request
from tests.providers.replay import Canary, Recorded, replaying
from tests.providers.test_media_addresses import SPELLINGS, WAYS, showing
from tests.providers.translating import EVENTS, Asked, Got, Pair, sse, whole

MODEL = "anthropic/claude-sonnet-4-5"
ANSWER = ANSWERS["anthropic"]
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
START: JsonObject = {
    "type": "message_start",
    "message": {"model": "claude", "content": [], "usage": {"input_tokens": 9, "output_tokens": 1}},
}
BEGUN = (START, {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
STOPPED: JsonObject = {"type": "content_block_stop", "index": 0}
ENDED: JsonObject = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
OVER: JsonObject = {"type": "message_stop"}
SAID = "Dîner à huit heures, 約束だよ 🍜"


def word(text: str) -> JsonObject:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}


def refusal(status: int, kind: str, message: str, **headers: str) -> Recorded:
    answer = whole({"type": "error", "error": {"type": kind, "message": message}}, status)
    return Recorded(answer.body, status, {**answer.headers, **headers})


GOOD = sse(*BEGUN, {"type": "ping"}, *(word(letter) for letter in SAID), STOPPED, ENDED, OVER)
STREAMS: dict[str, tuple[Recorded, Fault | None]] = {
    "text": (GOOD, None),
    "with [DONE]": (Recorded(GOOD.body + b"data: [DONE]\n\n", headers=EVENTS), None),
    "no blank line at the end": (Recorded(GOOD.body.rstrip(b"\n"), headers=EVENTS), None),
    "carriage returns": (Recorded(GOOD.body.replace(b"\n", b"\r\n"), headers=EVENTS), None),
    "packed": (Recorded(gzip.compress(GOOD.body), headers={**EVENTS, "content-encoding": "gzip"}), None),
    "length": (sse(*BEGUN, word("x"), STOPPED, {**ENDED, "delta": {"stop_reason": "max_tokens"}}, OVER), None),
    "refused within": (sse(*BEGUN, word("x"), {**ENDED, "delta": {"stop_reason": "refusal"}}, OVER), None),
    "no usage": (sse({**START, "message": {"model": "m"}}, word("x"), {**ENDED, "usage": {}}, OVER), None),
    "overloaded at once": (sse(OVERLOADED), Fault.IN_BAND),
    "overloaded later": (sse(*BEGUN, word("x"), OVERLOADED), Fault.IN_BAND),
    "limited later": (sse(*BEGUN, {"type": "error", "error": {"type": "rate_limit_error", "message": "m"}}), Fault.RATE_LIMITED),
    "error after the end": (sse(*BEGUN, word("x"), ENDED, OVERLOADED), None),
    "ends without a reason": (sse(*BEGUN, word("x"), STOPPED), Fault.TRUNCATED),
    "empty": (Recorded(b"", headers=EVENTS), Fault.TRUNCATED),
    "connection cut": (Recorded(GOOD.body, headers=EVENTS, cut=len(GOOD.body) // 2), Fault.RESET),
    "cut after the end": (Recorded(GOOD.body, headers=EVENTS, cut=len(GOOD.body)), None),
    "half an event": (Recorded(GOOD.body[: len(GOOD.body) // 2] + b"\n\n", headers=EVENTS), Fault.MALFORMED),
    "an event that lacks something": (sse(*BEGUN, {"type": "content_block_delta", "index": 0}), Fault.MALFORMED),
    "no object": (Recorded(b"data: [1]\n\n" + GOOD.body, headers=EVENTS), None),
    "an endless line": (Recorded(b"data: " + b"x" * (2**20 + 99), headers=EVENTS), Fault.MALFORMED),
    "an endless answer": (sse(*BEGUN, *(word("x") for _ in range(200)), ENDED), Fault.MALFORMED),
}  # fmt: skip
ANSWERED: dict[str, tuple[Recorded, Fault | None]] = {
    "text": (whole(ANSWER), None),
    "unicode": (whole({**ANSWER, "content": [{"type": "text", "text": SAID}]}), None),
    "packed": (Recorded(gzip.compress(whole(ANSWER).body), headers={"content-encoding": "gzip"}), None),
    "an error under 200": (whole(OVERLOADED), Fault.IN_BAND),
    "no json": (Recorded(b"<html>Bad gateway</html>"), Fault.MALFORMED),
    "nothing": (Recorded(b""), Fault.MALFORMED),
    "a list": (Recorded(b"[]"), Fault.MALFORMED),
    "half": (Recorded(whole(ANSWER).body[:-9]), Fault.MALFORMED),
    "connection cut": (Recorded(whole(ANSWER).body, cut=9), Fault.RESET),
    "a bomb": (Recorded(gzip.compress(bytes(33 * 2**20)), headers={"content-encoding": "gzip"}), Fault.MALFORMED),
}
REFUSALS: dict[str, tuple[Recorded, Fault]] = {
    "400": (refusal(400, "invalid_request_error", "max_tokens: Field required"), Fault.CALLER),
    "too long": (refusal(400, "invalid_request_error", "prompt is too long: 9 > 8"), Fault.CONTEXT_WINDOW),
    "no credit": (refusal(400, "invalid_request_error", "Your credit balance is too low"), Fault.CREDENTIALS),
    "filtered": (refusal(400, "invalid_request_error", "blocked by content filtering policy"), Fault.CONTENT_POLICY),
    "401": (refusal(401, "authentication_error", f"invalid x-api-key {KEY}"), Fault.CREDENTIALS),
    "404": (refusal(404, "not_found_error", "model: m"), Fault.NOT_FOUND),
    "413": (refusal(413, "request_too_large", "Request exceeds the maximum size"), Fault.CALLER),
    "429": (refusal(429, "rate_limit_error", "slow down", **{"retry-after": "7"}), Fault.RATE_LIMITED),
    "500": (refusal(500, "api_error", "Internal server error"), Fault.SERVER),
    "529": (refusal(529, "overloaded_error", "Overloaded"), Fault.SERVER),
    "no json": (Recorded(b"upstream connect error", 503), Fault.SERVER),
    "moved": (Recorded(b"", 307, {"location": "http://127.0.0.1:1/"}), Fault.SERVER),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def pair() -> AsyncIterator[Pair]:
    async with replaying() as server:
        made = Pair(server)
        yield made
        await made.http.close()
        await runtime.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def swift() -> AsyncIterator[TranslateLane]:
    http = Http()
    yield TranslateLane(http, str, Asked())
    await http.close()


async def same(pair: Pair, answer: Recorded, *, stream: bool = False, body: JsonObject = HELLO) -> Got:
    """What both lanes make of an answer, each after one request."""
    pair.replay.seen.clear()
    one, two = await pair.got(pair.asked(MODEL, body), answer, stream=stream)
    assert two == one
    assert len(pair.replay.seen) == 2
    return two


@pytest.mark.parametrize("name", STREAMS)
async def test_a_stream_is_the_same_in_both_lanes(pair: Pair, name: str) -> None:
    answer, fault = STREAMS[name]
    got = await same(pair, answer, stream=True)
    assert (got.error[0] if got.error else None) is fault


async def test_a_stream_is_the_same_however_its_bytes_are_cut(pair: Pair) -> None:
    for seed in range(5):
        pair.replay.seed(seed)
        got = await same(pair, GOOD, stream=True)
        assert got.text == SAID


@pytest.mark.parametrize("name", ANSWERED)
async def test_a_whole_answer_is_the_same_in_both_lanes(pair: Pair, name: str) -> None:
    answer, fault = ANSWERED[name]
    got = await same(pair, answer)
    assert (got.error[0] if got.error else None) is fault


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", REFUSALS)
async def test_a_refusal_is_the_same_in_both_lanes(pair: Pair, name: str, stream: bool) -> None:
    answer, fault = REFUSALS[name]
    got = await same(pair, answer, stream=stream)
    assert got.error[0] is fault
    assert KEY not in repr(got)


async def test_a_schema_that_travelled_as_a_tool_comes_back_as_content(pair: Pair) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": {}}}}
    block = {"type": "tool_use", "id": "toolu_1", "name": "json_tool_call", "input": {"a": 1}}
    pair.replay.answer = whole({**ANSWER, "content": [block], "stop_reason": "tool_use"})
    asked = pair.asked("anthropic/m", {**HELLO, "response_format": schema})
    one, two = await pair.got(asked, pair.replay.answer)
    assert two == one
    assert two.body["choices"][0]["message"]["content"] == '{"a": 1}'
    start = {"type": "content_block_start", "index": 0, "content_block": {**block, "input": {}}}
    delta = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "input_json_delta", "partial_json": '{"a": 1}'},
    }
    one, two = await pair.got(asked, sse(START, start, delta, STOPPED, ENDED, OVER), stream=True)
    assert two == one
    assert two.text == '{"a": 1}'


async def test_a_tool_has_the_client_s_name_again(pair: Pair) -> None:
    tool = {"type": "function", "function": {"name": "a/b", "parameters": {"type": "object", "properties": {}}}}
    block = {"type": "tool_use", "id": "toolu_1", "name": "a_b", "input": {}}
    asked = pair.asked(MODEL, {**HELLO, "tools": [tool]})
    one, two = await pair.got(asked, whole({**ANSWER, "content": [block], "stop_reason": "tool_use"}))
    assert two == one
    assert two.body["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "a/b"


async def test_no_spelling_of_an_address_is_opened(pair: Pair, canary: Canary) -> None:
    pair.replay.seen.clear()
    for spelling in SPELLINGS:
        body = showing(WAYS["image_url"](spelling.format(port=canary.port)))
        with pytest.raises(ProviderError) as caught:
            await pair.lane.complete(pair.asked(MODEL, body))
        assert (caught.value.fault, caught.value.status) == (Fault.CALLER, 400), spelling
    assert (pair.replay.seen, canary.came) == ([], 0)


async def test_one_connection_serves_request_after_request(pair: Pair) -> None:
    await pair.http.close()
    before = pair.replay.connections
    for number in range(10):
        pair.replay.answer = GOOD if number % 2 else whole(ANSWER)
        asked = pair.asked(MODEL, HELLO)
        if number % 2:
            assert [chunk async for chunk in pair.lane.stream(asked)]
        else:
            await pair.lane.complete(asked)
    assert pair.replay.connections - before == 1


# --- the connection --------------------------------------------------------------------------------------------------


async def left(fleet: RunningFleet) -> None:
    (record,) = await fleet.journal.settled(1, 1.0)
    assert record.outcome == DISCONNECTED


async def served(fleet: RunningFleet) -> None:
    async with asyncio.timeout(5):
        while not fleet.journal.running:  # noqa: ASYNC110 - the journal tells of ends, not of beginnings
            await asyncio.sleep(0.001)


def echo(fleet: RunningFleet) -> ProviderRequest:
    return request("anthropic/echo", fleet.urls["anthropic"])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_cancelled_request_leaves_its_provider(swift: TranslateLane, fleet: RunningFleet, stream: bool) -> None:
    fleet.fault("hang_before_headers")
    work: Any = anext(swift.stream(echo(fleet))) if stream else swift.complete(echo(fleet))
    task = asyncio.ensure_future(work)
    await served(fleet)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await left(fleet)


async def test_a_stream_closed_half_way_leaves_its_provider(swift: TranslateLane, fleet: RunningFleet) -> None:
    fleet.fault("endless")
    stream = swift.stream(echo(fleet))
    await anext(stream)
    await stream.aclose()
    await left(fleet)


async def test_a_reader_cancelled_between_two_chunks_leaves_its_provider(
    swift: TranslateLane, fleet: RunningFleet
) -> None:
    async def read() -> None:
        async for _ in swift.stream(echo(fleet)):
            begun.set()

    fleet.fault("hang", after_tokens=2)
    begun = asyncio.Event()
    task = asyncio.ensure_future(read())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await left(fleet)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("kind", ["400", "408", "429", "500", "529", "reset"])
async def test_a_failing_provider_is_asked_once(
    swift: TranslateLane, fleet: RunningFleet, kind: str, stream: bool
) -> None:
    fleet.fault(kind)
    with pytest.raises(ProviderError):
        if stream:
            async for _ in swift.stream(echo(fleet)):
                pass
        else:
            await swift.complete(echo(fleet))
    assert len(await fleet.journal.settled(1)) == 1


async def test_a_stream_that_will_not_stop_is_cut(swift: TranslateLane, fleet: RunningFleet) -> None:
    fleet.fault("endless")
    with pytest.raises(ProviderError, match="longer than the request allows"):
        async for _ in swift.stream(echo(fleet)):
            pass
    await left(fleet)


async def test_a_provider_without_a_dialect_is_left_to_the_sdk_lane(pair: Pair) -> None:
    pair.replay.answer = Recorded(json.dumps({"error": {"message": "no"}}).encode(), 400)
    pair.sdk.times = 0
    with pytest.raises(ProviderError):
        await pair.lane.complete(pair.asked("mistral/m", HELLO))
    assert pair.sdk.times == 1
