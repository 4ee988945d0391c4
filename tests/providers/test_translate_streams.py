"""A stream's bytes as chunks: text put together from the pieces of the event before says what translating it would."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Fault, ProviderError
from gateway.providers.anthropic_answer import Events, completion
from gateway.providers.dialect import Prepared
from gateway.providers.http import Sending
from gateway.providers.reader import Reader
from gateway.providers.translate import Stream
from gateway.types import Chunk, JsonObject
from tests.providers.asking import HELLO, request

ASKED = request("anthropic/m", "http://provider.invalid", {"messages": HELLO["messages"]})
START: JsonObject = {"type": "message_start", "message": {"model": "claude", "usage": {"input_tokens": 9}}}
ENDED: JsonObject = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}


def stream(reader: Reader, text: str | None) -> Stream:
    sending = Sending("http://provider.invalid", {}, b"")
    prepared = Prepared(sending, lambda document, _: completion(document), lambda _: Events(now=lambda: 0.0), text)
    return Stream(prepared, {}, reader)


def delta(text: str, index: int = 0, **members: Any) -> JsonObject:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text, **members}}


def fed(parts: list[bytes], text: str | None) -> tuple[list[JsonObject], str, list[Chunk], bool]:
    """Frames without their ids, all text, the chunks, and whether the answer was whole."""
    reader = Reader(ASKED, str)
    found = stream(reader, text)
    chunks = [chunk for part in parts if (chunk := found.feed(part)) is not None]
    found.check()
    frames = [json.loads(each[6:]) for chunk in chunks for each in chunk.frame.split(b"\n\n")[:-1]]
    for frame in frames:
        del frame["id"]
    return frames, "".join(chunk.text for chunk in chunks), chunks, reader.finished


def written(event: JsonObject, *, ascii_only: bool, close: bool) -> bytes:
    separators = (",", ":") if close else None
    return b"data: " + json.dumps(event, ensure_ascii=ascii_only, separators=separators).encode() + b"\n\n"


TEXTS = st.text(max_size=8) | st.sampled_from(['"text":"', '"role":"', "\\", "\n", "🍜", "\u2028", '"}}', "a"])
EVENTS = st.lists(
    st.builds(delta, TEXTS, st.integers(0, 1))
    | st.builds(lambda text: delta(text, citations=[]), TEXTS)
    | st.sampled_from(
        [
            {"type": "ping"},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "a"}},
            {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "a"}},
            {"type": "content_block_stop", "index": 0},
        ]
    ),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(EVENTS, st.booleans(), st.booleans(), st.integers(1, 400))
def test_text_that_is_put_together_is_text_that_was_translated(
    events: list[JsonObject], ascii_only: bool, close: bool, size: int
) -> None:
    data = b"".join(written(each, ascii_only=ascii_only, close=close) for each in (START, *events, ENDED))
    parts = [*(data[at : at + size] for at in range(0, len(data), size)), b""]
    quick, slow = fed(parts, "text"), fed(parts, None)
    assert (quick[0], quick[1], quick[3]) == (slow[0], slow[1], slow[3])
    assert [(one.content, one.finish, one.usage, one.count) for one in quick[2]] == [
        (two.content, two.finish, two.usage, two.count) for two in slow[2]
    ]
    assert quick[3]


def test_most_of_a_text_is_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    translated: list[JsonObject] = []
    monkeypatch.setattr(Events, "__call__", seen(translated, Events.__call__))
    words = [f"word {number} 🍜 " for number in range(50)]
    data = b"".join(written(delta(word), ascii_only=False, close=True) for word in words)
    assert fed([written(START, ascii_only=False, close=True) + data], "text")[1] == "".join(words)
    assert len(translated) == 2


def seen(found: list[JsonObject], call: Any) -> Any:
    def wrapper(self: Events, event: JsonObject) -> Any:
        found.append(event)
        return call(self, event)

    return wrapper


def test_what_came_before_a_failure_is_with_the_client() -> None:
    found = stream(Reader(ASKED, str), "text")
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    data = b"".join(written(each, ascii_only=False, close=False) for each in (START, delta("Hi"), error, delta("more")))
    chunk = found.feed(data)
    assert chunk is not None
    assert (chunk.text, found.ended) == ("Hi", True)
    with pytest.raises(ProviderError, match="Overloaded") as caught:
        found.check()
    assert caught.value.fault is Fault.IN_BAND


def test_a_text_that_will_not_stop_is_cut_however_it_is_put_together() -> None:
    asked = request("anthropic/m", "http://provider.invalid", {**HELLO, "max_completion_tokens": 10})
    found = stream(Reader(asked, str), "text")
    found.feed(written(START, ascii_only=False, close=False))
    told = [found.feed(written(delta("x"), ascii_only=False, close=False)) for _ in range(90)]
    assert sum(chunk is not None for chunk in told) == 75  # 10 x 1.1 and the slack of 64
    with pytest.raises(ProviderError, match="longer than the request allows"):
        found.check()
