"""A provider's bytes: events however they are cut, bombs, endless lines and endless answers (S15)."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Fault, ProviderError
from gateway.ports import Provider
from gateway.providers.events import LONGEST_LINE, EventReader
from gateway.providers.unpacking import MOST_BYTES
from gateway.types import JsonObject
from tests.providers.asking import ANSWER, HELLO, WIRES, request
from tests.providers.clientside import completed, streamed
from tests.providers.replay import Recorded, ReplayServer

EVENT_STREAM = {"content-type": "text/event-stream"}
ODD = "one\u2028two\u2029three\x85four\x0bfive\x0csix\x1cseven\ufeffeight 🍜 \u0000nine"
LINES = st.lists(
    st.sampled_from(
        [b"data: a", b"data:b", b"data:  c", b"data", b": comment", b"event: x", b"id: 1", b"", b"retry: 3"]
    ),
    max_size=10,
)
ENDS = st.sampled_from([b"\n", b"\r\n"])


@given(LINES, ENDS, st.integers(0, 2**16))
def test_events_are_the_same_however_the_bytes_are_cut(lines: list[bytes], end: bytes, seed: int) -> None:
    body = b"".join(line + end for line in lines)
    assert fed(body, len(body) or 1) == fed(body, 1)
    cuts = random.Random(seed)
    assert fed(body, len(body) or 1) == fed(body, cuts.randint(1, 9))


def fed(body: bytes, size: int) -> list[bytes]:
    reader = EventReader()
    found = [event for at in range(0, len(body), size) for event in reader.feed(body[at : at + size])]
    return found + reader.flush()


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b": hello\n\nevent: x\ndata:a\n\n", [b"a"]),
        (b"data: a", [b"a"]),
        (b"\n\n\n", []),
        (b"", []),
    ],
)
def test_events_are_read_by_the_rules(body: bytes, events: list[bytes]) -> None:
    assert fed(body, 3) == fed(body, 1_000) == events


def test_an_endless_line_is_given_up() -> None:
    reader = EventReader()
    with pytest.raises(ProviderError) as caught:
        for _ in range(LONGEST_LINE // 1000 + 2):
            reader.feed(b"x" * 1000)
    assert caught.value.fault is Fault.MALFORMED


def frames(wire: str, texts: list[str], *, end: bool = True) -> bytes:
    """A stream of `texts` in the words of a provider, in raw UTF-8."""
    parts: list[JsonObject]
    if wire == "openai":
        parts = [{"id": "x", "choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
        last: JsonObject = {"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    elif wire == "anthropic":
        parts = [
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": each}} for each in texts
        ]
        last = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}
    else:
        parts = [{"candidates": [{"index": 0, "content": {"parts": [{"text": text}]}}]} for text in texts]
        last = {"candidates": [{"index": 0, "content": {"parts": [{"text": ""}]}, "finishReason": "STOP"}]}
    return b"".join(
        b"data: %s\n\n" % json.dumps(part, ensure_ascii=False).encode() for part in [*parts, *([last] * end)]
    )


@pytest.mark.parametrize("model", ["openai/m", "anthropic/m", "gemini/m", "mistral/m", "groq/m", "openrouter/m"])
async def test_odd_characters_arrive_as_they_were_sent(lane: Provider, replay: ReplayServer, model: str) -> None:
    wire = model.partition("/")[0]
    body = frames(wire if wire in WIRES else "openai", [ODD, " and on"])
    for seed in range(3):
        replay.seed(seed)
        replay.answer = Recorded(body, headers=EVENT_STREAM)
        reading, _ = await streamed(lane, request(model, replay.url))
        assert (reading.choice(0).text, reading.choice(0).finish) == (ODD + " and on", "stop")


@pytest.mark.parametrize("wire", WIRES)
async def test_a_line_that_cannot_be_read_is_not_skipped(lane: Provider, replay: ReplayServer, wire: str) -> None:
    body = frames(wire, ["one"], end=False) + b'data: {"torn\n\n' + frames(wire, ["two"])
    replay.answer = Recorded(body, headers=EVENT_STREAM)
    reading, _ = await streamed(lane, request(f"{wire}/m", replay.url))
    assert (reading.choice(0).text, reading.fault) == ("one", Fault.MALFORMED)


@pytest.mark.parametrize("wire", WIRES)
async def test_a_connection_that_breaks_in_the_middle_is_a_reset(
    lane: Provider, replay: ReplayServer, wire: str
) -> None:
    body = frames(wire, ["one", "two"])
    replay.answer = Recorded(body, headers=EVENT_STREAM, cut=len(frames(wire, ["one"], end=False)))
    reading, _ = await streamed(lane, request(f"{wire}/m", replay.url))
    assert (reading.choice(0).text, reading.fault) == ("one", Fault.RESET)


async def test_a_connection_that_breaks_after_the_end_has_lost_nothing(lane: Provider, replay: ReplayServer) -> None:
    body = frames("openai", ["one"])
    replay.answer = Recorded(body, headers=EVENT_STREAM, cut=len(body))
    reading, _ = await streamed(lane, request("openai/m", replay.url))
    assert (reading.choice(0).text, reading.choice(0).finish, reading.fault) == ("one", "stop", None)


@pytest.mark.parametrize("wire", WIRES)
async def test_an_answer_that_will_not_stop_is_given_up(lane: Provider, replay: ReplayServer, wire: str) -> None:
    replay.answer = Recorded(frames(wire, ["word "] * 400), headers=EVENT_STREAM)
    asked = request(f"{wire}/m", replay.url, {**HELLO, "max_completion_tokens": 100})
    reading, chunks = await streamed(lane, asked)
    assert reading.fault is Fault.MALFORMED
    assert 100 <= sum(chunk.count for chunk in chunks if chunk.content) <= 180
    reading, _ = await streamed(lane, request(f"{wire}/m", replay.url, {**HELLO, "max_completion_tokens": 400}))
    assert reading.fault is None


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", WIRES)
async def test_a_bomb_is_given_up_before_it_is_unpacked(
    lane: Provider, replay: ReplayServer, wire: str, stream: bool
) -> None:
    packing = zlib.compressobj(9, wbits=31)
    bomb = b"".join([packing.compress(bytes(2**20)) for _ in range(MOST_BYTES // 2**20 + 8)]) + packing.flush()
    assert len(bomb) < MOST_BYTES / 800
    replay.answer = Recorded(bomb, headers={**EVENT_STREAM, "content-encoding": "gzip"})
    reading, _ = await (streamed if stream else completed)(lane, request(f"{wire}/m", replay.url))
    assert reading.fault is Fault.MALFORMED


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("packing", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes), ("GZIP", gzip.compress)],
)
async def test_a_packed_answer_is_unpacked(
    lane: Provider, replay: ReplayServer, packing: str, pack: Any, stream: bool
) -> None:
    body = frames("openai", ["Hi"]) if stream else json.dumps(ANSWER).encode()
    replay.answer = Recorded(pack(body), headers={"content-encoding": packing})
    reading, _ = await (streamed if stream else completed)(lane, request("openai/m", replay.url))
    assert reading.choice(0).text == "Hi"


@pytest.mark.parametrize("packing", ["br", "zstd", "gzip"])
async def test_a_packing_that_was_not_offered_or_does_not_hold_is_malformed(
    lane: Provider, replay: ReplayServer, packing: str
) -> None:
    replay.seen.clear()
    replay.answer = Recorded(b"not packed at all", headers={"content-encoding": packing})
    reading, _ = await completed(lane, request("openai/m", replay.url))
    assert reading.fault is Fault.MALFORMED
    (seen,) = replay.seen
    assert seen.headers["accept-encoding"] == "gzip"


async def test_usage_and_finish_are_told_once_and_choices_keep_apart(lane: Provider, replay: ReplayServer) -> None:
    def piece(index: int, text: str, finish: str | None = None) -> JsonObject:
        return {"id": "x", "choices": [{"index": index, "delta": {"content": text}, "finish_reason": finish}]}

    told = {"prompt_tokens": 3, "completion_tokens": 4}
    parts = [piece(0, "a"), piece(1, "b"), piece(0, "", "stop"), piece(1, "", "length"), {"choices": [], "usage": told}]
    body = b"".join(b"data: %s\n\n" % json.dumps(part).encode() for part in parts)
    replay.answer = Recorded(body + b"data: [DONE]\n\n", headers=EVENT_STREAM)
    reading, chunks = await streamed(lane, request("openai/m", replay.url))
    assert {index: (said.text, said.finish) for index, said in reading.choices.items()} == {
        0: ("a", "stop"),
        1: ("b", "length"),
    }
    assert [chunk.finish for chunk in chunks if chunk.finish] == ["length"]
    assert [chunk.usage_only for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert json.loads(chunks[-1].frame[6:])["x_atelier"] == {"cost": "0.000000011"}


async def test_one_choice_without_an_end_is_a_cut(lane: Provider, replay: ReplayServer) -> None:
    parts = [
        {"id": "x", "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]},
        {"id": "x", "choices": [{"index": 1, "delta": {"content": "b"}}]},
    ]
    body = b"".join(b"data: %s\n\n" % json.dumps(part).encode() for part in parts)
    replay.answer = Recorded(body + b"data: [DONE]\n\n", headers=EVENT_STREAM)
    reading, _ = await streamed(lane, request("openai/m", replay.url))
    assert reading.fault is Fault.TRUNCATED
