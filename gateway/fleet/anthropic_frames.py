"""The events of a streamed Anthropic message: blocks that open, grow token by token and close."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from gateway.fleet.anthropic_json import error_of, signature_of, stop_of, usage_of
from gateway.fleet.shapes import Generation, JsonObject, ModelRequest, Part, Refusal
from gateway.fleet.wire import Told

_PING = b'event: ping\ndata: {"type": "ping"}\n\n'
_DELTAS = {"text": ("text_delta", "text"), "thinking": ("thinking_delta", "thinking")}


class AnthropicFrames:
    """See `wire.Frames`."""

    content_type = "text/event-stream; charset=utf-8"
    tells_usage = True

    def __init__(self, request: ModelRequest, generation: Generation, told: Told) -> None:
        self._request = request
        self._id = generation.id
        self._reply = generation.replies[0]
        self._told = told

    def opening(self) -> bytes:
        message: JsonObject = {
            "id": f"msg_{self._id}",
            "type": "message",
            "role": "assistant",
            "model": self._request.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }
        if self._told.usage is not None:
            message["usage"] = usage_of(replace(self._told.usage, output=min(1, self._told.usage.output)))
        return _event("message_start", message=message)

    def token(self, _choice: int, part: int, place: int) -> bytes:
        said = self._reply.parts[part]
        frame = self._grown(part, said, said.tokens[place])
        if place == 0:
            frame = self._opened(part, said) + frame
        if place == len(said.tokens) - 1:
            frame += self._closed(part, said)
        return frame

    def finish(self) -> bytes:
        empty = not any(part.tokens for part in self._reply.parts)
        frame = self._opened(0, Part("text", ())) + _event("content_block_stop", index=0) if empty else b""
        delta = {"stop_reason": stop_of(self._reply), "stop_sequence": self._reply.stop_sequence}
        if self._told.usage is None:
            return frame + _event("message_delta", delta=delta)
        usage = usage_of(self._told.usage)
        del usage["cache_creation"], usage["service_tier"]
        return frame + _event("message_delta", delta=delta, usage=usage) * self._told.times

    def end(self) -> bytes:
        return _event("message_stop")

    def error(self) -> bytes:
        told = error_of(Refusal(529, "overloaded", "Overloaded"), self._id)
        return b"event: error\ndata: " + msgspec.json.encode(told) + b"\n\n"

    def malformed(self) -> bytes:
        return b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_de\n\n'

    def filler(self) -> bytes:
        return _event("content_block_delta", index=0, delta={"type": "text_delta", "text": " more"})

    def _opened(self, index: int, said: Part) -> bytes:
        block: JsonObject
        if said.kind == "tool":
            block = {"type": "tool_use", "id": f"toolu_{said.call_id}", "name": said.name, "input": {}}
        elif said.kind == "thinking":
            block = {"type": "thinking", "thinking": "", "signature": ""}
        else:
            block = {"type": "text", "text": ""}
        frame = _event("content_block_start", index=index, content_block=block)
        return frame + _PING if index == 0 else frame

    def _grown(self, index: int, said: Part, token: str) -> bytes:
        kind, member = _DELTAS.get(said.kind, ("input_json_delta", "partial_json"))
        return _event("content_block_delta", index=index, delta={"type": kind, member: token})

    def _closed(self, index: int, said: Part) -> bytes:
        frame = b""
        if said.kind == "thinking":
            delta = {"type": "signature_delta", "signature": signature_of(said)}
            frame = _event("content_block_delta", index=index, delta=delta)
        return frame + _event("content_block_stop", index=index)


def _event(kind: str, **members: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **members}))
