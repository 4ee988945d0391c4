"""The JSON objects of Anthropic's wire that whole and streamed answers share."""

from __future__ import annotations

import base64
import hashlib

from gateway.fleet.shapes import JsonObject, Part, Refusal, Reply, Tally

_STOP = {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use", "stop_sequence": "stop_sequence"}
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_WORDS = {
    "content_policy": "Output blocked by content filtering policy",
    "context_length_exceeded": "prompt is too long: {tokens} tokens > {limit} maximum",
    "model_not_found": "model: {model}",
}


def error_of(refusal: Refusal, request_id: str) -> JsonObject:
    """Anthropic's error object, in Anthropic's words where they matter to a reader."""
    words = _WORDS.get(refusal.code)
    message = words.format(**refusal.facts) if words else refusal.message
    kind = _TYPES.get(refusal.status, "invalid_request_error" if refusal.status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": f"req_{request_id}"}


def stop_of(reply: Reply) -> str:
    return _STOP[reply.finish]


def usage_of(usage: Tally) -> JsonObject:
    """Unlike our own, Anthropic's `input_tokens` leaves out what was read from the cache or written to it."""
    return {
        "input_tokens": usage.input - usage.cached_input - usage.cache_write,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached_input,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": usage.output,
        "service_tier": "standard",
    }


def block_of(part: Part) -> JsonObject:
    """A content block."""
    if part.kind == "tool":
        return {"type": "tool_use", "id": f"toolu_{part.call_id}", "name": part.name, "input": part.arguments}
    if part.kind == "thinking":
        return {"type": "thinking", "thinking": part.text, "signature": signature_of(part)}
    return {"type": "text", "text": part.text}


def signature_of(part: Part) -> str:
    """A stand-in for the signature that a client must send back with the thinking."""
    return base64.b64encode(hashlib.blake2b(part.text.encode()).digest()).decode()
