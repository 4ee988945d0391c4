"""Each fault on each wire: what the client meets, and what the journal says it would cost."""

from __future__ import annotations

import asyncio
import json
import re

import httpx
import pytest

from gateway.fleet import Tally, faults, tokenizer
from tests.fleet.fleet_clients import WIRES, Asker, ManualClock, is_finished, text_in

TEXT = "one two three four five six"
TOKENS = tokenizer.split(TEXT)
every_wire = pytest.mark.parametrize("wire", WIRES)


def asked(marker: str) -> tuple[str, str]:
    """A prompt with a marker, and the same with which an echo model answers."""
    text = f"{TEXT} [[sim:{marker}]]"
    return text, "".join(tokenizer.split(text))


@every_wire
@pytest.mark.parametrize("status", sorted(faults.STATUSES))
async def test_a_status_is_answered_in_the_providers_own_shape(asker: Asker, wire: str, status: str) -> None:
    answer = await asker.send(wire, f"x [[sim:{status}]]")
    assert answer.status_code == int(status)
    assert "retry-after" not in answer.headers
    error = answer.json()["error"]
    assert error["message"]
    shapes = {"openai": {"message", "type", "param", "code"}, "anthropic": {"type", "message"}}
    assert set(error) - {"details"} == shapes.get(wire, {"code", "message", "status"})
    [record] = asker.fleet.journal.ended
    assert (record.status, record.fault, record.outcome) == (int(status), status, "faulted")
    assert record.billed == Tally()


@every_wire
@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_can_say_when_to_come_back(asker: Asker, wire: str, stream: bool) -> None:
    answer = await asker.send(wire, "x [[sim:429 retry_after=2.5]]", stream=stream)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2.5")


@pytest.mark.parametrize(
    ("wire", "kind", "words"),
    [
        ("openai", "context_length_exceeded", "maximum context length"),
        ("anthropic", "context_length_exceeded", "prompt is too long"),
        ("gemini", "context_length_exceeded", "exceeds the maximum number of tokens"),
        ("openai", "content_policy", "safety system"),
        ("anthropic", "content_policy", "content filtering policy"),
        ("gemini", "content_policy", "blocked"),
    ],
)
async def test_a_refused_prompt_is_refused_in_the_providers_words(
    asker: Asker, wire: str, kind: str, words: str
) -> None:
    answer = await asker.send(wire, f"x [[sim:{kind}]]")
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


@every_wire
@pytest.mark.parametrize("stream", [False, True])
async def test_a_refused_connection_is_reset_before_any_byte(asker: Asker, wire: str, stream: bool) -> None:
    with pytest.raises(httpx.ReadError):
        await asker.send(wire, "x [[sim:refused]]", stream=stream)
    [record] = asker.fleet.journal.ended
    assert (record.status, record.outcome, record.billed) == (None, "faulted", Tally())


@every_wire
async def test_a_reset_comes_after_the_tokens_that_were_sent(asker: Asker, wire: str) -> None:
    text, _ = asked("reset after=3")
    answer = await asker.open(wire, text, stream=True, model="echo")
    got = b""
    with pytest.raises(httpx.ReadError):
        async for piece in answer.aiter_raw():
            got += piece
    assert text_in(wire, got.decode()) == "".join(TOKENS[:3])
    [record] = asker.fleet.journal.ended
    assert (record.outcome, record.output_tokens, record.billed.output, record.usage) == ("faulted", 3, 3, None)
    assert record.billed.input == record.input_tokens > 0


@every_wire
async def test_a_clean_end_has_neither_finish_nor_end_mark(asker: Asker, wire: str) -> None:
    text, _ = asked("clean_end after=3")
    answer = await asker.send(wire, text, stream=True, model="echo")
    assert text_in(wire, answer.text) == "".join(TOKENS[:3])
    assert not is_finished(wire, answer.text)
    assert asker.fleet.journal.ended[0].billed.output == 3


@every_wire
async def test_an_error_comes_inside_the_stream(asker: Asker, wire: str) -> None:
    text, _ = asked("in_band_error after=3")
    answer = await asker.send(wire, text, stream=True, model="echo")
    last = [line for line in answer.text.splitlines() if line][-1]
    assert json.loads(last.removeprefix("data: "))["error"]["message"]
    assert text_in(wire, answer.text) == "".join(TOKENS[:3])
    assert not is_finished(wire, answer.text)
    assert asker.fleet.journal.ended[0].outcome == "faulted"


@every_wire
async def test_an_unreadable_line_stands_among_good_ones(asker: Asker, wire: str) -> None:
    text, echoed = asked("malformed after=3")
    answer = await asker.send(wire, text, stream=True, model="echo")
    broken = []
    for line in answer.text.splitlines():
        if line.startswith("data: {"):
            try:
                json.loads(line.removeprefix("data: "))
            except ValueError:
                broken.append(line)
    assert len(broken) == 1
    assert text_in(wire, answer.text) == echoed
    assert is_finished(wire, answer.text)
    assert asker.fleet.journal.ended[0].outcome == "completed"


@every_wire
async def test_a_fault_beyond_the_answer_strikes_before_the_finish(asker: Asker, wire: str) -> None:
    text, echoed = asked("clean_end after=9999")
    answer = await asker.send(wire, text, stream=True, model="echo")
    assert text_in(wire, answer.text) == echoed
    assert not is_finished(wire, answer.text)


@every_wire
@pytest.mark.parametrize("stream", [False, True])
async def test_usage_can_be_absent(asker: Asker, wire: str, stream: bool) -> None:
    answer = await asker.send(wire, "x [[sim:usage_absent]]", stream=stream, model="echo")
    assert "usage" not in answer.text.replace("usage_absent", "").replace('"usage":null', "")
    [record] = asker.fleet.journal.ended
    assert record.usage is None
    assert record.billed.output == record.output_tokens > 0


@every_wire
@pytest.mark.parametrize("stream", [False, True])
async def test_usage_can_be_zero_and_is_then_billed_so(asker: Asker, wire: str, stream: bool) -> None:
    answer = await asker.send(wire, "x [[sim:usage_zero]]", stream=stream, model="echo")
    name = {"openai": "completion_tokens", "anthropic": "output_tokens", "gemini": "candidatesTokenCount"}[wire]
    assert set(re.findall(rf'"{name}":(\d+)', answer.text)) == {"0"}
    [record] = asker.fleet.journal.ended
    assert record.usage == record.billed == Tally()
    assert record.output_tokens > 0


@pytest.mark.parametrize(
    ("wire", "sign"), [("openai", '"choices":[]'), ("anthropic", "event: message_delta"), ("gemini", '"finishReason":')]
)
async def test_usage_can_be_told_twice(asker: Asker, wire: str, sign: str) -> None:
    answer = await asker.send(wire, "x [[sim:usage_twice]]", stream=True, model="echo")
    assert answer.text.count(sign) == 2
    [record] = asker.fleet.journal.ended
    assert record.billed.output == record.output_tokens


@every_wire
@pytest.mark.parametrize("stream", [False, True])
async def test_the_content_type_can_be_wrong(asker: Asker, wire: str, stream: bool) -> None:
    answer = await asker.send(wire, "x [[sim:wrong_content_type]]", stream=stream)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert asker.fleet.journal.ended[0].outcome == "completed"


@every_wire
async def test_a_frame_can_come_in_two_halves(slow_asker: Asker, clock: ManualClock, wire: str) -> None:
    asking = asyncio.create_task(slow_asker.open(wire, "ab cd [[sim:drip interval=7]]", stream=True, model="echo"))
    await clock.advance(1.0)
    answer = await asking
    pieces = answer.aiter_raw()
    got = await anext(pieces)
    await clock.someone_waits()
    while not got.rstrip().endswith(b"{") and got.endswith(b"\n\n"):
        got += await anext(pieces)
    assert not got.endswith(b"\n")
    await answer.aclose()


@every_wire
async def test_a_dripping_answer_is_whole_in_the_end(asker: Asker, wire: str) -> None:
    text, echoed = asked("drip interval=0")
    streamed = await asker.send(wire, text, stream=True, model="echo")
    assert text_in(wire, streamed.text) == echoed
    assert is_finished(wire, streamed.text)
    whole = await asker.send(wire, text, model="echo")
    assert json.dumps(echoed)[1:-1] in whole.text


@every_wire
@pytest.mark.parametrize("stream", [False, True])
async def test_an_endless_answer_ends_when_the_client_leaves(asker: Asker, wire: str, stream: bool) -> None:
    answer = await asker.open(wire, "x [[sim:endless]]", stream=stream, model="echo")
    size = 0
    async for piece in answer.aiter_raw():
        size += len(piece)
        if size > 200_000:
            break
    await answer.aclose()
    [record] = await asker.fleet.journal.settled(1)
    assert record.outcome == "client_disconnected"
    assert record.output_tokens > (100 if stream else 0)


@every_wire
@pytest.mark.parametrize("kind", ["hang_before_headers", "hang"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_hang_lasts_until_the_client_leaves(
    slow_asker: Asker, clock: ManualClock, wire: str, kind: str, stream: bool
) -> None:
    asking = asyncio.create_task(slow_asker.send(wire, f"{TEXT} [[sim:{kind} after=2]]", stream=stream, model="echo"))
    for seconds in (1.0, 10.0, 100.0):
        await clock.advance(seconds)
    await clock.someone_waits()
    assert not asking.done()
    asking.cancel()
    [record] = await slow_asker.fleet.journal.settled(1)
    billed = 2 if kind == "hang" else 0
    assert (record.outcome, record.output_tokens, record.billed.output) == ("client_disconnected", billed, billed)
    assert record.disconnected_at == clock.now()
    assert bool(record.billed.input) is (kind == "hang")


@every_wire
async def test_whole_answers_are_torn_reset_or_spoilt(asker: Asker, wire: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await asker.send(wire, "x [[sim:clean_end]]")
    with pytest.raises(httpx.ReadError):
        await asker.send(wire, "x [[sim:reset after=2]]")
    with pytest.raises(ValueError, match=r"\w"):
        (await asker.send(wire, "x [[sim:malformed]]")).json()
    told = (await asker.send(wire, "x [[sim:in_band_error]]")).json()
    assert told["error"]["message"]
    torn, cut, spoilt, said = asker.fleet.journal.ended
    assert [record.billed.output for record in (torn, cut)] == [0, 2]
    assert [record.usage for record in (torn, cut, spoilt, said)] == [None] * 4
