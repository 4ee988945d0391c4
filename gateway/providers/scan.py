"""Reads a stream in OpenAI's format without decoding every event: most differ from the one before in one string only.

The first such event is decoded and shown as in every lane; what stands around its text is kept, as the provider sent it
and as the client gets it. Events that fit are put together from these pieces. Everything else is decoded. What cannot be
read ends the stream: `Scan.failure` says why, after the chunks that came before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.errors import ProviderError
from gateway.providers.events import END, START, EventReader
from gateway.providers.reader import Reader
from gateway.types import Chunk, JsonObject, Usage

DONE = b"[DONE]"
AFTER_START, BEFORE_END = len(START), -len(END)
ROLE, TEXTUAL = b'"role":"', frozenset({"role", "content"})
PADS = ("obfuscation", "p")  # members of random length against listeners: OpenAI's, Mistral's
_decode = msgspec.json.Decoder().decode
_decode_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode


class Scan:
    """One streamed answer. `ended`: nothing more is to be read."""

    def __init__(self, reader: Reader, mend: Callable[[JsonObject], JsonObject] | None = None) -> None:
        """`mend` is given each event that is decoded, before it is read."""
        self._reader = reader
        self._mend = mend
        self._events = EventReader()
        self._pattern: Pattern | None = None
        self.ended = False
        self.failure: Exception | None = None

    def feed(self, part: bytes) -> Chunk | None:
        """What `part` says to the client, all its events in one chunk; b"" ends the stream. Never raises."""
        try:
            if self._pattern is not None and self._events.idle:
                chunk = self._fitting(part, self._pattern)
                if chunk is not None:
                    return chunk
            if part:
                return self._decoded(self._events.feed(part))
            self.ended = True
            return self._decoded(self._events.flush())
        except (ProviderError, ValueError, RecursionError) as error:  # of the lines themselves, before any event
            self._fail(error)
            return None

    def _fitting(self, part: bytes, pattern: Pattern) -> Chunk | None:
        """A read of one event that fits, in the plainest framing; None for any other: no string holds an end of line."""
        if not (part.startswith(START) and part.endswith(END)):
            return None
        found = pattern.fill(part[AFTER_START:BEFORE_END])
        if found is None:
            return None
        self._reader.more()
        frame, text = found
        return Chunk(frame, text, True)

    def _decoded(self, events: list[bytes]) -> Chunk | None:
        chunks: list[Chunk] = []
        try:
            for event in events:
                if event.strip() == DONE:
                    self.ended = True
                    break
                chunk = self._event(event)
                if chunk is not None:
                    chunks.append(chunk)
        except (ProviderError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            self._fail(error)
        return joined(chunks)

    def _event(self, event: bytes) -> Chunk | None:
        if self._pattern is not None and (found := self._pattern.fill(event)) is not None:
            self._reader.more()
            return Chunk(*found, content=True)
        document = document_in(event)
        if not isinstance(document, dict):
            return None
        chunk = self._reader.read(document if self._mend is None else self._mend(document))
        if chunk is not None and chunk.content and chunk.finish is None and chunk.usage is None:
            self._pattern = learned(event, document, chunk) or self._pattern
        return chunk

    def _fail(self, error: Exception) -> None:
        self.failure, self.ended = error, True


class Pattern:
    """What stands around the text, and around the padding after it, in an event and in the client's frame of it."""

    __slots__ = ("_after", "_before", "_between", "_shown_after", "_shown_before", "_shown_between", "_start", "_stop")

    def __init__(self, event: tuple[bytes, bytes, bytes], frame: tuple[bytes, bytes, bytes]) -> None:
        self._before, self._between, self._after = event
        self._shown_before, self._shown_between, self._shown_after = frame
        self._start, self._stop = len(self._before), -len(self._after)

    def fill(self, event: bytes) -> tuple[bytes, str] | None:
        """The frame and the text of an event that fits; None where it does not."""
        if not (event.startswith(self._before) and event.endswith(self._after)):
            return None
        middle = event[self._start : self._stop]
        if not self._between:
            text = text_in(middle)
            return (self._shown_before + middle + self._shown_after, text) if text else None
        content, found, pad = middle.partition(self._between)
        text = text_in(content)
        if not text or not found or text_in(pad) is None:
            return None
        return b"".join((self._shown_before, content, self._shown_between, pad, self._shown_after)), text


def learned(event: bytes, document: JsonObject, chunk: Chunk) -> Pattern | None:
    """The pattern of an event that says one piece of text in a choice that has begun; None where it is not certain."""
    choices = document["choices"]
    if len(choices) != 1 or choices[0].get("finish_reason") or ROLE in chunk.frame or b"\n" in event or b"\r" in event:
        return None
    delta = choices[0]["delta"]
    if not isinstance(delta.get("content"), str) or any(value for name, value in delta.items() if name not in TEXTUAL):
        return None
    pad = next((name for name in PADS if isinstance(document.get(name), str)), None)
    given = pieces(event, delta["content"], pad, document)
    shown = pieces(chunk.frame, delta["content"], pad, document)
    if given is None or shown is None or bool(given[1]) != bool(shown[1]):
        return None
    return Pattern(given, shown)


def pieces(text: bytes, content: Any, pad: str | None, document: JsonObject) -> tuple[bytes, bytes, bytes] | None:
    """`text` around its content and its padding; None unless each is found exactly once, the padding last."""
    before, after = halves(text, "content", content)
    if not before:
        return None
    if pad is None:
        return before, b"", after
    between, end = halves(after, pad, document[pad])
    return (before, between, end) if between else None


def halves(text: bytes, name: str, value: Any) -> tuple[bytes, bytes]:
    """`text` before and after the string `value` of the member `name`; nothing where it is not there exactly once."""
    written: bytes = _encode(value)
    for colon in (b'":', b'": '):
        member = b'"' + name.encode() + colon + written
        if text.count(member) == 1:
            before, _, after = text.partition(member)
            return before + member[: -len(written) + 1], b'"' + after
    return b"", b""


def text_in(inside: bytes) -> str | None:
    """The text of a JSON string of which the quotes are missing; None where it is none."""
    try:
        return _decode_text(b'"' + inside + b'"')
    except ValueError:
        return None


def document_in(event: bytes) -> Any:
    """An event's JSON. Raises ValueError where it is none, by the rules of Python's own decoder."""
    try:
        return _decode(event)
    except ValueError:
        return json.loads(event)


def joined(chunks: list[Chunk]) -> Chunk | None:
    """The chunks of one read as one."""
    if len(chunks) < 2:
        return chunks[0] if chunks else None
    finish: str | None = None
    usage: Usage | None = None
    for chunk in chunks:
        finish, usage = chunk.finish or finish, chunk.usage or usage
    frame, text = b"".join([chunk.frame for chunk in chunks]), "".join([chunk.text for chunk in chunks])
    count = sum([chunk.content for chunk in chunks])
    return Chunk(frame, text, count > 0, finish, usage, count=count)
