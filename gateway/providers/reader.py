"""Turns OpenAI-shaped chunks into the client's frames, and remembers whether the answer was whole.

What the provider did not say stays unsaid: no usage, no finish reason. An error within the stream raises, unless
every choice has had its end by then; so does a stream that will not stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.errors import Fault, ProviderError
from gateway.ledger.prices import cost, usd
from gateway.ports import ProviderRequest
from gateway.providers.errors import Redact, in_band
from gateway.providers.shapes import chunk_body, count, shows, usage_body, usage_in, usage_of
from gateway.sse import encode_frame
from gateway.types import Chunk, JsonObject

BASE = ("id", "object", "created", "model")
RUNAWAY, SLACK = 1.1, 64  # an answer may have so many chunks for each token asked for, and so many besides


class Reader:
    """One streamed answer."""

    def __init__(self, request: ProviderRequest, redact: Redact) -> None:
        self._request = request
        self._redact = redact
        self._most = most_chunks(request.body)
        self._chunks = 0
        self._open: set[int] = set()
        self._done: set[int] = set()
        self._begun: set[int] = set()
        self._calls: dict[int, list[str]] = {}  # ids of tool calls that came without a number, by choice
        self._base: JsonObject = {}
        self._usage: JsonObject | None = None

    @property
    def finished(self) -> bool:
        """Every choice that was begun has had its finish reason."""
        return bool(self._done) and not self._open

    def read(self, raw: JsonObject) -> Chunk | None:
        """One chunk of the provider's; None when it says nothing. Raises ProviderError for an error in the stream."""
        used = usage_in(raw)
        if used is not None:
            self._usage = usage_body(used)
        if raw.get("error"):
            if self.finished:
                return None
            raise in_band(raw["error"], self._redact)
        body = chunk_body(raw, self._begun)
        usage = None if used is None else usage_of(self._usage)
        if not body["choices"]:
            return None if usage is None else Chunk(b"", usage=usage)
        self._number(body)
        finish = self._finish(body)
        content = tells = False
        for choice in body["choices"]:
            content = content or shows(choice["delta"])
            tells = tells or "role" in choice["delta"] or bool(choice["finish_reason"])
        if not (content or tells):
            return None if usage is None else Chunk(b"", usage=usage)
        if content:
            self.more()
        if not self._base:
            self._base = {name: body[name] for name in BASE if name in body}
        body.update(self._base)
        if self._request.include_usage:
            body["usage"] = None
        return Chunk(encode_frame(body), text_of(body), content, finish, usage)

    def more(self) -> None:
        """One more chunk with content. Raises ProviderError when there are more than the request allows."""
        self._chunks += 1
        if self._most is not None and self._chunks > self._most:
            raise ProviderError(Fault.MALFORMED, "the answer is longer than the request allows")

    def check(self) -> None:
        """A stream that ended without a finish reason for each of its choices was cut."""
        if not self.finished:
            raise ProviderError(Fault.TRUNCATED, "the stream ended without a finish reason")

    def usage_chunk(self) -> Chunk | None:
        """The last chunk, for clients that asked for usage; it also says what the attempt cost."""
        usage = usage_of(self._usage)
        if usage is None:
            return None
        spent = usd(cost(self._request.deployment.price, usage))
        frame = encode_frame({**self._base, "choices": [], "usage": self._usage, "x_atelier": {"cost": spent}})
        return Chunk(frame, usage=usage, usage_only=True)

    def _number(self, body: JsonObject) -> None:
        """Clients put tool calls together by their numbers; Mistral gives only ids, each call whole."""
        for choice in body["choices"]:
            for call in choice["delta"].get("tool_calls") or ():
                if "index" in call:
                    continue
                known, identity = self._calls.setdefault(choice["index"], []), str(call.get("id"))
                if identity not in known:
                    known.append(identity)
                call["index"] = known.index(identity)

    def _finish(self, body: JsonObject) -> str | None:
        """The finish reason, once the last open choice has its own."""
        finish: str | None = None
        for choice in body["choices"]:
            index = choice["index"]
            if choice["finish_reason"] is None:
                self._open |= {index} - self._done
                continue
            self._done.add(index)
            self._open.discard(index)
            finish = choice["finish_reason"] if self.finished else None
        return finish


def most_chunks(body: Mapping[str, Any]) -> float | None:
    """A provider that sends more than this does not keep to the request; None where it names no limit."""
    tokens = count(body.get("max_completion_tokens")) or count(body.get("max_tokens"))
    return tokens * max(1, count(body.get("n"))) * RUNAWAY + SLACK if tokens else None


def text_of(body: JsonObject) -> str:
    contents = [choice["delta"].get("content") for choice in body["choices"]]
    return "".join([content for content in contents if isinstance(content, str)])
