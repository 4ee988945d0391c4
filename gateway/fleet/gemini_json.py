"""The JSON objects of Gemini's wire that whole and streamed answers share."""

from __future__ import annotations

import base64
import hashlib

from gateway.fleet import tokenizer
from gateway.fleet.shapes import Generation, JsonObject, ModelRequest, Part, Refusal, Reply, Tally

_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool": "STOP", "stop_sequence": "STOP"}
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_WORDS = {
    "content_policy": "The response was blocked. Output blocked by content filtering policy.",
    "context_length_exceeded": "The input token count ({tokens}) exceeds the maximum number of tokens allowed ({limit}).",
    "model_not_found": "models/{model} is not found for API version v1beta, or is not supported for generateContent.",
    "rate_limit_exceeded": "You exceeded your current quota, please check your plan and billing details.",
}
_GOOGLE = "type.googleapis.com/google.rpc."


def error_of(refusal: Refusal) -> JsonObject:
    """Google's error object; a wait is told as its RetryInfo, besides the header."""
    words = _WORDS.get(refusal.code)
    message = words.format(**refusal.facts) if words else refusal.message
    status = _STATUS.get(refusal.status, "UNKNOWN")
    error: JsonObject = {"code": refusal.status, "message": message, "status": status}
    if refusal.code == "invalid_api_key":
        info = {"@type": f"{_GOOGLE}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
        error["details"] = [{**info, "metadata": {"service": "generativelanguage.googleapis.com"}}]
    elif refusal.retry_after is not None:
        error["details"] = [{"@type": f"{_GOOGLE}RetryInfo", "retryDelay": f"{refusal.retry_after:g}s"}]
    return {"error": error}


def finish_of(reply: Reply) -> str:
    return _FINISH[reply.finish]


def usage_of(request: ModelRequest, usage: Tally) -> JsonObject:
    """Unlike our own, Gemini's `candidatesTokenCount` leaves out the thoughts."""
    images = tokenizer.IMAGE_TOKENS * sum(len(turn.images) for turn in request.turns)
    images = min(images, usage.input)
    details = [{"modality": "TEXT", "tokenCount": usage.input - images}]
    if images:
        details.append({"modality": "IMAGE", "tokenCount": images})
    said = usage.output - usage.reasoning
    told: JsonObject = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": said,
        "totalTokenCount": usage.input + usage.output,
        "promptTokensDetails": details,
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": said}],
        "serviceTier": "standard",
    }
    if usage.reasoning:
        told["thoughtsTokenCount"] = usage.reasoning
    return told


def parts_of(reply: Reply) -> list[JsonObject]:
    return [part_of(part) for part in reply.parts if part.tokens or part.kind == "text"]


def part_of(part: Part) -> JsonObject:
    """A part of a candidate's content."""
    if part.kind == "tool":
        call = {"name": part.name, "args": part.arguments, "id": part.call_id}
        return {"functionCall": call, "thoughtSignature": signature_of(part)}
    return {"text": part.text, "thought": True} if part.kind == "thinking" else {"text": part.text}


def signature_of(part: Part) -> str:
    """A stand-in for the signature that a client must send back with the call."""
    return base64.b64encode(hashlib.blake2b(part.text.encode()).digest()).decode()


def body_of(
    request: ModelRequest, generation: Generation, candidates: list[JsonObject], usage: Tally | None
) -> JsonObject:
    """A GenerateContentResponse."""
    body: JsonObject = {"candidates": candidates}
    if usage is not None:
        body["usageMetadata"] = usage_of(request, usage)
    return {**body, "modelVersion": request.model, "responseId": generation.id}


def candidate_of(index: int, parts: list[JsonObject], finish: str | None = None) -> JsonObject:
    candidate: JsonObject = {"content": {"parts": parts, "role": "model"}, "index": index}
    return candidate if finish is None else {**candidate, "finishReason": finish}
