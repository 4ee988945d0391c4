"""The chunks of a streamed Gemini answer, as server-sent events or, without `alt=sse`, as one JSON array.

Every chunk tells the usage so far, as Gemini's do. A function call comes whole, with its last token.
"""

from __future__ import annotations

import msgspec

from gateway.fleet.gemini_json import body_of, candidate_of, error_of, finish_of, part_of
from gateway.fleet.shapes import Generation, JsonObject, ModelRequest, Refusal, Tally
from gateway.fleet.wire import Told


class GeminiFrames:
    """See `wire.Frames`."""

    tells_usage = True

    def __init__(self, request: ModelRequest, generation: Generation, told: Told) -> None:
        self._request = request
        self._generation = generation
        self._told = told
        self._events = request.body.get("alt") == "sse"
        self._first = True
        self._thought = sum(
            reply.reasoning - sum(len(part.tokens) for part in reply.parts if part.kind == "thinking")
            for reply in generation.replies
        )
        self._said = 0
        self.content_type = "text/event-stream" if self._events else "application/json; charset=UTF-8"

    def opening(self) -> bytes:
        return b"" if self._events else b"["

    def token(self, choice: int, part: int, place: int) -> bytes:
        said = self._generation.replies[choice].parts[part]
        if said.kind == "thinking":
            self._thought += 1
        else:
            self._said += 1
        if said.kind == "tool":
            return self._chunk(choice, [part_of(said)]) if place == len(said.tokens) - 1 else b""
        shown: JsonObject = {"text": said.tokens[place]}
        return self._chunk(choice, [{**shown, "thought": True} if said.kind == "thinking" else shown])

    def finish(self) -> bytes:
        replies = self._generation.replies
        candidates = [candidate_of(n, [{"text": ""}], finish_of(reply)) for n, reply in enumerate(replies)]
        body = body_of(self._request, self._generation, candidates, self._told.usage)
        return b"".join(self._event(body) for _ in range(self._told.times))

    def end(self) -> bytes:
        return b"" if self._events else b"]"

    def error(self) -> bytes:
        return self._event(error_of(Refusal(503, "overloaded", "The model is overloaded. Please try again later.")))

    def malformed(self) -> bytes:
        broken = b'{"candidates": [{"content": {"parts": [{"te'
        return b"data: " + broken + b"\r\n\r\n" if self._events else self._comma() + broken

    def filler(self) -> bytes:
        self._said += 1
        return self._chunk(0, [{"text": " more"}])

    def _chunk(self, choice: int, parts: list[JsonObject]) -> bytes:
        usage = self._told.usage
        if usage is not None and usage != Tally():
            usage = Tally(input=usage.input, output=self._said + self._thought, reasoning=self._thought)
        return self._event(body_of(self._request, self._generation, [candidate_of(choice, parts)], usage))

    def _event(self, value: JsonObject) -> bytes:
        encoded = msgspec.json.encode(value)
        return b"data: " + encoded + b"\r\n\r\n" if self._events else self._comma() + encoded

    def _comma(self) -> bytes:
        first, self._first = self._first, False
        return b"" if first else b",\r\n"
