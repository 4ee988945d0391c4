"""Anthropic's wire: POST /v1/messages, its count_tokens, GET /v1/models, and its error object."""

from __future__ import annotations

import msgspec

from gateway.fleet import anthropic_read, checks
from gateway.fleet.anthropic_frames import AnthropicFrames
from gateway.fleet.anthropic_json import block_of, error_of, stop_of, usage_of
from gateway.fleet.checks import bad
from gateway.fleet.shapes import Generation, Head, JsonObject, ModelRequest, Refusal, Tally
from gateway.fleet.wire import Told

_ROUTES = {
    ("POST", "/v1/messages"): "chat",
    ("POST", "/v1/messages/count_tokens"): "count_tokens",
    ("GET", "/v1/models"): "models",
}


class AnthropicWire:
    """See `wire.Wire`."""

    name = "anthropic"

    def authorise(self, head: Head) -> None:
        bearer = head.headers.get("authorization", "").removeprefix("Bearer ")
        key = head.headers.get("x-api-key") or bearer
        if not key:
            raise Refusal(401, "invalid_api_key", "x-api-key header is required")
        if checks.is_bad_key(key):
            raise Refusal(401, "invalid_api_key", "invalid x-api-key")
        if "anthropic-version" not in head.headers:
            raise bad("anthropic-version: header is required")

    def read(self, head: Head, body: bytes) -> ModelRequest:
        endpoint = _ROUTES.get((head.method, head.path))
        if endpoint == "models":
            return ModelRequest(self.name, endpoint, "")
        if endpoint is None:
            raise Refusal(404, "not_found", "Not Found")
        value = checks.json_object(body)
        model = checks.member(value, "model", str)
        if not model:
            raise bad("model: Field required", "model")
        return anthropic_read.messages(model, value, endpoint)

    def headers(self, request_id: str) -> dict[str, str]:
        return {"request-id": f"req_{request_id}", "anthropic-organization-id": "simulated"}

    def refuse(self, refusal: Refusal, request_id: str) -> bytes:
        return msgspec.json.encode(error_of(refusal, request_id))

    def answer(self, request: ModelRequest, generation: Generation, usage: Tally | None) -> bytes:
        reply = generation.replies[0]
        body: JsonObject = {
            "id": f"msg_{generation.id}",
            "type": "message",
            "role": "assistant",
            "model": request.model,
            "content": [block_of(part) for part in reply.parts if part.kind != "text" or part.tokens],
            "stop_reason": stop_of(reply),
            "stop_sequence": reply.stop_sequence,
            "stop_details": None,
        }
        if usage is not None:
            body["usage"] = usage_of(usage)
        return msgspec.json.encode(body)

    def frames(self, request: ModelRequest, generation: Generation, told: Told) -> AnthropicFrames:
        return AnthropicFrames(request, generation, told)

    def listing(self, models: tuple[str, ...]) -> bytes:
        rows = [
            {"type": "model", "id": name, "display_name": name, "created_at": "2026-06-01T00:00:00Z"} for name in models
        ]
        ends = {"first_id": models[0] if models else None, "last_id": models[-1] if models else None}
        return msgspec.json.encode({"data": rows, "has_more": False, **ends})

    def counted(self, request: ModelRequest) -> bytes:
        return msgspec.json.encode({"input_tokens": request.input_tokens})

    def embedded(self, _request: ModelRequest, _usage: Tally | None) -> bytes:
        raise Refusal(404, "not_found", "Not Found")
