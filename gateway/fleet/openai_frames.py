"""The chunks of a streamed OpenAI chat completion: one token a chunk, usage last where it was asked for."""

from __future__ import annotations

import msgspec

from gateway.fleet.openai_json import error_of, finish_of, logprobs_of, tier_of, usage_of
from gateway.fleet.shapes import Generation, JsonObject, ModelRequest, Part, Refusal
from gateway.fleet.wire import Told


class OpenAIFrames:
    """See `wire.Frames`."""

    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, request: ModelRequest, generation: Generation, told: Told) -> None:
        options = request.body.get("stream_options") or {}
        self._request = request
        self._told = told
        self._replies = generation.replies
        self.tells_usage = bool(options.get("include_usage"))
        self._legacy = "functions" in request.body
        self._logprobs = bool(request.body.get("logprobs"))
        self._head: JsonObject = {
            "id": f"chatcmpl-{generation.id}",
            "object": "chat.completion.chunk",
            "created": generation.created,
            "model": request.model,
            "service_tier": tier_of(request),
            "system_fingerprint": "fp_simulated",
        }

    def opening(self) -> bytes:
        frames = []
        for choice, reply in enumerate(self._replies):
            content = None if reply.finish == "tool" else ""
            frames.append(self._chunk(choice, {"role": "assistant", "content": content, "refusal": None}))
        return b"".join(frames)

    def token(self, choice: int, part: int, place: int) -> bytes:
        said = self._replies[choice].parts[part]
        token = said.tokens[place]
        if said.kind == "thinking":
            return b""
        if said.kind == "text":
            logprobs = None
            if self._logprobs:
                logprobs = logprobs_of([token], self._request.body.get("top_logprobs") or 0)
            return self._chunk(choice, {"content": token}, logprobs)
        opening = b"" if place else self._chunk(choice, self._called(choice, part, said))
        return opening + self._chunk(choice, self._arguments(choice, part, token))

    def finish(self) -> bytes:
        ends = [
            self._chunk(choice, {}, finish=finish_of(self._request, reply))
            for choice, reply in enumerate(self._replies)
        ]
        if self._told.usage is not None and self.tells_usage:
            last = _event({**self._head, "choices": [], "usage": usage_of(self._told.usage)})
            ends.extend([last] * self._told.times)
        return b"".join(ends)

    def end(self) -> bytes:
        return b"data: [DONE]\n\n"

    def error(self) -> bytes:
        message = "The server had an error while processing your request. Sorry about that!"
        return _event(error_of(Refusal(500, "server_error", message)))

    def malformed(self) -> bytes:
        return b'data: {"id":"chatcmpl-broken","choices":[{"index":0,"delta":{"content":"\n\n'

    def filler(self) -> bytes:
        return self._chunk(0, {"content": " more"})

    def _called(self, choice: int, part: int, said: Part) -> JsonObject:
        function = {"name": said.name, "arguments": ""}
        if self._legacy:
            return {"function_call": function}
        call = {"index": self._place(choice, part), "id": f"call_{said.call_id}", "type": "function"}
        return {"tool_calls": [{**call, "function": function}]}

    def _arguments(self, choice: int, part: int, token: str) -> JsonObject:
        if self._legacy:
            return {"function_call": {"arguments": token}}
        return {"tool_calls": [{"index": self._place(choice, part), "function": {"arguments": token}}]}

    def _place(self, choice: int, part: int) -> int:
        """The number of a call among the calls of its choice."""
        return sum(said.kind == "tool" for said in self._replies[choice].parts[:part])

    def _chunk(
        self, choice: int, delta: JsonObject, logprobs: JsonObject | None = None, finish: str | None = None
    ) -> bytes:
        chunk: JsonObject = {
            **self._head,
            "choices": [{"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": finish}],
        }
        if self.tells_usage:
            chunk["usage"] = None
        return _event(chunk)


def _event(value: JsonObject) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"
