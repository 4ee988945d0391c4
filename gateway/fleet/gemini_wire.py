"""Gemini's wire: generateContent, streamGenerateContent, countTokens, embedContent, batchEmbedContents, the models."""

from __future__ import annotations

import msgspec

from gateway.fleet import checks, embeddings, gemini_read
from gateway.fleet.gemini_frames import GeminiFrames
from gateway.fleet.gemini_json import body_of, candidate_of, error_of, finish_of, parts_of
from gateway.fleet.shapes import Generation, Head, JsonObject, ModelRequest, Refusal, Tally
from gateway.fleet.wire import Told

_MODELS = "/v1beta/models"
_CONTENT = frozenset({"generateContent", "streamGenerateContent", "countTokens"})
_EMBEDDING = frozenset({"embedContent", "batchEmbedContents"})
_DIMENSIONS = 3072


class GeminiWire:
    """See `wire.Wire`."""

    name = "gemini"

    def authorise(self, head: Head) -> None:
        key = head.headers.get("x-goog-api-key") or head.query.get("key")
        if not key:
            message = (
                "Method doesn't allow unregistered callers. Please use API Key or other form of API consumer identity."
            )
            raise Refusal(403, "permission_denied", message)
        if checks.is_bad_key(key):
            raise Refusal(400, "invalid_api_key", "API key not valid. Please pass a valid API key.")

    def read(self, head: Head, body: bytes) -> ModelRequest:
        if head.method == "GET" and head.path == _MODELS:
            return ModelRequest(self.name, "models", "")
        model, _, method = head.path.removeprefix(f"{_MODELS}/").partition(":")
        if head.method != "POST" or not head.path.startswith(f"{_MODELS}/") or method not in _CONTENT | _EMBEDDING:
            raise Refusal(404, "not_found", f"The requested URL {head.path} was not found on this server.")
        value = checks.json_object(body)
        if method in _EMBEDDING:
            return gemini_read.embedding(model, {**value, "method": method}, method)
        return gemini_read.content(model, {**value, "alt": head.query.get("alt")}, method)

    def headers(self, request_id: str) -> dict[str, str]:
        return {"x-gemini-service-tier": "standard", "server-timing": f"sim;desc={request_id}"}

    def refuse(self, refusal: Refusal, _request_id: str) -> bytes:
        return msgspec.json.encode(error_of(refusal))

    def answer(self, request: ModelRequest, generation: Generation, usage: Tally | None) -> bytes:
        replies = generation.replies
        candidates = [candidate_of(n, parts_of(reply), finish_of(reply)) for n, reply in enumerate(replies)]
        return msgspec.json.encode(body_of(request, generation, candidates, usage))

    def frames(self, request: ModelRequest, generation: Generation, told: Told) -> GeminiFrames:
        return GeminiFrames(request, generation, told)

    def listing(self, models: tuple[str, ...]) -> bytes:
        rows = [{"name": f"models/{name}", "version": "001", "displayName": name} for name in models]
        return msgspec.json.encode({"models": rows})

    def counted(self, request: ModelRequest) -> bytes:
        tokens = request.input_tokens
        return msgspec.json.encode(
            {"totalTokens": tokens, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}]}
        )

    def embedded(self, request: ModelRequest, usage: Tally | None) -> bytes:
        size = request.body["dimensions"] or _DIMENSIONS
        vectors = [{"values": embeddings.vector(str(text), size)} for text in request.inputs]
        single = request.body["method"] == "embedContent"
        body: JsonObject = {"embedding": vectors[0]} if single else {"embeddings": vectors}
        if usage is not None:
            details = [{"modality": "TEXT", "tokenCount": usage.input}]
            body["usageMetadata"] = {"promptTokenCount": usage.input, "promptTokensDetails": details}
        return msgspec.json.encode(body)
