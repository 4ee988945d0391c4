"""A stream read by its pattern says what one says of which every event is decoded, wherever its bytes are cut."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Fault, ProviderError
from gateway.providers.events import EventReader
from gateway.providers.reader import Reader
from gateway.providers.scan import Scan
from gateway.types import Chunk, JsonObject, Usage
from tests.providers.asking import HELLO, request

ASKED = dataclasses.replace(request("openai/m", "http://unused.invalid"), body={"messages": HELLO["messages"]})
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["", " ", '"', "\\", '"content":"x"', "\n\n", "data: ", "\u2028", "🍜", "é", '","logprobs":null', "\x7f"]
)
PIECES = st.one_of(
    TEXTS.map(lambda text: {"content": text}),
    TEXTS.map(lambda text: {"role": "assistant", "content": text}),
    TEXTS.map(lambda text: {"reasoning_content": text}),
    TEXTS.map(lambda text: {"content": text, "reasoning": "hm"}),
    st.just({"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]}),
    st.just({"content": None}),
    st.just({}),
)
FORMS: tuple[tuple[tuple[str, str], bool], ...] = (((",", ":"), False), ((", ", ": "), True), ((",", ":"), True))


def event(delta: JsonObject, form: tuple[tuple[str, str], bool], **members: Any) -> bytes:
    choice = {
        "index": members.pop("index", 0),
        "delta": delta,
        "logprobs": None,
        "finish_reason": members.pop("finish", None),
    }
    separators, escaped = form
    document = {
        "id": "x",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
        **members,
    }
    return json.dumps(document, separators=separators, ensure_ascii=escaped).encode()


def framed(events: list[bytes], end: bytes) -> bytes:
    return b"".join(b"data: " + each + end + end for each in events)


def decoded(body: bytes, asked: Any = ASKED) -> tuple[list[Chunk], Exception | None]:
    """The reference: each event decoded, one chunk each."""
    reader, found, events = Reader(asked, str), [], EventReader()
    try:
        for each in events.feed(body) + events.flush():
            if each.strip() == b"[DONE]":
                break
            document = json.loads(each)
            chunk = reader.read(document) if isinstance(document, dict) else None
            if chunk is not None:
                found.append(chunk)
    except (ProviderError, ValueError) as error:
        return found, error
    return found, None


def scanned(parts: list[bytes], asked: Any = ASKED) -> tuple[list[Chunk], Exception | None]:
    scan, found = Scan(Reader(asked, str)), []
    for part in [*parts, b""]:
        chunk = scan.feed(part)
        if chunk is not None:
            found.append(chunk)
        if scan.ended:
            break
    return found, scan.failure


def told(chunks: list[Chunk]) -> Any:
    """What the client and the ledger learn, no matter in how many pieces."""
    frames = b"".join(chunk.frame for chunk in chunks).split(b"\n\n")
    return (
        [json.loads(frame[6:]) for frame in frames if frame],
        "".join(chunk.text for chunk in chunks),
        sum(chunk.count for chunk in chunks if chunk.content),
        [chunk.finish for chunk in chunks if chunk.finish],
        [chunk.usage for chunk in chunks if chunk.usage][-1:],
    )


def cut(body: bytes, seed: int, longest: int) -> list[bytes]:
    cuts, parts, at = random.Random(seed), [], 0
    while at < len(body):
        size = cuts.randint(1, longest)
        parts.append(body[at : at + size])
        at += size
    return parts


@settings(max_examples=150, deadline=None)
@given(
    st.lists(PIECES, max_size=8),
    st.sampled_from(FORMS),
    st.sampled_from([b"\n", b"\r\n"]),
    st.integers(0, 2**16),
    st.sampled_from([3, 60, 400, 4000]),
    st.booleans(),
)
def test_a_stream_says_the_same_however_it_is_cut(
    deltas: list[JsonObject], form: Any, end: bytes, seed: int, longest: int, padded: bool
) -> None:
    chance = random.Random(seed)
    more = [{"obfuscation": "".join(chance.choices("aB3", k=chance.randint(0, 5)))} if padded else {} for _ in deltas]
    events = [event(delta, form, **each) for delta, each in zip(deltas, more, strict=True)]
    body = framed([*events, event({}, form, finish="stop"), b"[DONE]"], end)
    wanted, _ = decoded(body)
    found, failure = scanned(cut(body, seed, longest))
    assert failure is None
    assert told(found) == told(wanted)
    whole, _ = scanned([each + end + end for each in body.split(end + end)[:-1]])
    assert told(whole) == told(wanted)


def test_events_that_fit_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    read = Reader.read
    monkeypatch.setattr(Reader, "read", lambda self, raw: seen.append(raw) or read(self, raw))
    for padding in ("", "obfuscation", "p"):
        seen.clear()
        events = [
            event({"content": f"word{at} "}, FORMS[0], **({padding: "x" * at} if padding else {}))
            for at in range(1, 50)
        ]
        opening = event({"role": "assistant", "content": ""}, FORMS[0], **({padding: "y"} if padding else {}))
        found, failure = scanned([framed([each], b"\n") for each in [opening, *events]])
        assert failure is None
        assert len(found) == 50
        assert len(seen) == 2
        seen.clear()
        found, _ = scanned([framed([opening, *events], b"\n")])
        assert (len(found), found[0].count, len(seen)) == (1, 49, 2)


@pytest.mark.parametrize(
    "odd",
    [
        b'{"id":"x","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}',
        b'{"error":{"message":"down","code":500}}',
        b'{"id":"x","choices":[{"index":1,"delta":{"content":"a"}}]}',
        b'{"id":"x","choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}',
        b'{"id":"x","choices":[{"index":0,"delta":{"content":"a","tool_calls":[{"index":0,"id":"c"}]}}]}',
        b'{"id":"x","choices":[{"index":0,"delta":{"content":"a\tb"}}]}',
        b'{"id":"x","choices":[{"index":0,"delta":{"content":"a"b"}}]}',
        b'{"id":"x","choices":[{"index":0,"delta":{"content":"\\ud83c"}}]}',
        b'{"id":"x","choices":[{"index":0,"delta":{"content":"\xff"}}]}',
        b'{"id":"x","choices":[{"index":0,"delta":{"content":""}}]}',
        b'{"id":"x","choices":[{"index":0,"delta":{"content":"a","content":"b"}}]}',
        b'{"id":"y","choices":[{"index":0,"delta":{"content":"a"}}]}',
        b"[]",
        b"nonsense",
        b"",
    ],
)
def test_events_that_do_not_fit_are_read_as_ever(odd: bytes) -> None:
    usual = [b'{"id":"x","choices":[{"index":0,"delta":{"content":"%d"}}]}' % at for at in range(4)]
    for at in range(4):
        body = framed([*usual[:at], odd, *usual[at:]], b"\n")
        wanted, expected = decoded(body)
        for parts in ([body], cut(body, at, 50), [each + b"\n\n" for each in body.split(b"\n\n")[:-1]]):
            found, failure = scanned(parts)
            assert told(found) == told(wanted)
            assert type(failure) is type(expected)


def test_comments_and_lines_of_an_event_are_read_by_the_rules() -> None:
    first, second = event({"content": "a"}, FORMS[0]), event({"content": "b"}, FORMS[0])
    halves = json.dumps(json.loads(event({"content": "c"}, FORMS[0])), indent=1).encode().splitlines()
    body = b": hello\n\n" + framed([first], b"\n") + b"event: x\ndata:" + second + b"\n\n: ping\n\n"
    body += b"".join(b"data: " + half + b"\n" for half in halves) + b"\n" + framed([first], b"\r\n")
    for longest in (7, 120, 5000):
        found, failure = scanned(cut(body, 1, longest))
        assert (failure, told(found)[1]) == (None, "abca")


def test_usage_and_finish_in_the_same_read_as_text_are_told_with_it() -> None:
    used = {"prompt_tokens": 3, "completion_tokens": 4}
    last = b'{"id":"x","choices":[],"usage":' + json.dumps(used).encode() + b"}"
    body = framed(
        [
            event({"content": "a"}, FORMS[0]),
            event({"content": "b"}, FORMS[0]),
            event({}, FORMS[0], finish="stop"),
            last,
        ],
        b"\n",
    )
    (chunk,), failure = scanned([body])
    assert (chunk.text, chunk.finish, chunk.usage, chunk.count, failure) == ("ab", "stop", Usage(3, 4), 2, None)


def test_what_came_before_an_error_in_the_same_read_is_told() -> None:
    body = framed(
        [event({"content": "a"}, FORMS[0]), b'{"error":{"message":"down"}}', event({"content": "b"}, FORMS[0])], b"\n"
    )
    (chunk,), failure = scanned([body])
    assert chunk.text == "a"
    assert isinstance(failure, ProviderError)
    assert failure.fault is Fault.IN_BAND


@pytest.mark.parametrize("longest", [200, 100_000])
def test_an_answer_that_will_not_stop_is_cut_off_whether_decoded_or_not(longest: int) -> None:
    asked = dataclasses.replace(ASKED, body={**HELLO, "max_completion_tokens": 100})
    body = framed([event({"content": "word "}, FORMS[0])] * 400, b"\n")
    found, failure = scanned(cut(body, 1, longest), asked)
    assert isinstance(failure, ProviderError)
    assert failure.fault is Fault.MALFORMED
    assert sum(chunk.count for chunk in found) == 174  # 1.1 for each token, and 64 besides
