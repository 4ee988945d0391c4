"""OpenAI's wire: POST /v1/chat/completions, POST /v1/embeddings, GET /v1/models, and its error object.

Answers carry every member that today's OpenAI sends.
"""

from __future__ import annotations

import msgspec

from gateway.fleet import checks, embeddings, openai_read
from gateway.fleet.checks import bad
from gateway.fleet.openai_frames import OpenAIFrames
from gateway.fleet.openai_json import choice_of, error_of, tier_of, usage_of
from gateway.fleet.shapes import Generation, Head, JsonObject, ModelRequest, Refusal, Tally
from gateway.fleet.wire import Told

_ROUTES = {
    ("POST", "/v1/chat/completions"): "chat",
    ("POST", "/v1/embeddings"): "embeddings",
    ("GET", "/v1/models"): "models",
}
_DIMENSIONS = {"text-embedding-3-large": 3072}


class OpenAIWire:
    """See `wire.Wire`."""

    name = "openai"

    def authorise(self, head: Head) -> None:
        scheme, _, key = head.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise Refusal(401, "invalid_api_key", "You didn't provide an API key in an Authorization header.")
        if checks.is_bad_key(key):
            raise Refusal(401, "invalid_api_key", "Incorrect API key provided.")

    def read(self, head: Head, body: bytes) -> ModelRequest:
        endpoint = _ROUTES.get((head.method, head.path))
        if endpoint == "models":
            return ModelRequest(self.name, endpoint, "")
        if endpoint is None:
            raise Refusal(404, "unknown_url", f"Invalid URL ({head.method} {head.path})")
        value = checks.json_object(body)
        model = checks.member(value, "model", str)
        if not model:
            raise bad("you must provide a model parameter", "model", "missing_required_parameter")
        return openai_read.chat(model, value) if endpoint == "chat" else openai_read.embeddings(model, value)

    def headers(self, request_id: str) -> dict[str, str]:
        return {"x-request-id": f"req_{request_id}", "openai-version": "2020-10-01", "openai-organization": "simulated"}

    def refuse(self, refusal: Refusal, _request_id: str) -> bytes:
        return msgspec.json.encode(error_of(refusal))

    def answer(self, request: ModelRequest, generation: Generation, usage: Tally | None) -> bytes:
        body: JsonObject = {
            "id": f"chatcmpl-{generation.id}",
            "object": "chat.completion",
            "created": generation.created,
            "model": request.model,
            "choices": [choice_of(request, place, reply) for place, reply in enumerate(generation.replies)],
            "usage": usage_of(usage) if usage else None,
            "service_tier": tier_of(request),
            "system_fingerprint": "fp_simulated",
        }
        if usage is None:
            del body["usage"]
        return msgspec.json.encode(body)

    def frames(self, request: ModelRequest, generation: Generation, told: Told) -> OpenAIFrames:
        return OpenAIFrames(request, generation, told)

    def listing(self, models: tuple[str, ...]) -> bytes:
        rows = [{"id": name, "object": "model", "created": 1_780_000_000, "owned_by": "simulated"} for name in models]
        return msgspec.json.encode({"object": "list", "data": rows})

    def counted(self, _request: ModelRequest) -> bytes:
        raise Refusal(404, "unknown_url", "OpenAI has no such call.")

    def embedded(self, request: ModelRequest, usage: Tally | None) -> bytes:
        dimensions = request.body.get("dimensions") or _DIMENSIONS.get(request.model, 1536)
        packed = request.body.get("encoding_format") == "base64"
        rows = []
        for place, item in enumerate(request.inputs):
            values = embeddings.vector(item if isinstance(item, str) else " ".join(map(str, item)), dimensions)
            rows.append(
                {"object": "embedding", "index": place, "embedding": embeddings.packed(values) if packed else values}
            )
        body: JsonObject = {"object": "list", "data": rows, "model": request.model}
        if usage is not None:
            body["usage"] = {"prompt_tokens": usage.input, "total_tokens": usage.input}
        return msgspec.json.encode(body)
