"""The JSON objects of OpenAI's wire that whole and streamed answers share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from gateway.fleet.shapes import JsonObject, ModelRequest, Part, Refusal, Reply, Tally

FINISH = {"stop": "stop", "length": "length", "tool": "tool_calls", "stop_sequence": "stop"}

_TYPES = {
    "rate_limit_exceeded": "requests",
    "insufficient_quota": "insufficient_quota",
    "server_error": "server_error",
    "overloaded": "server_error",
}


def error_of(refusal: Refusal) -> JsonObject:
    """OpenAI's error object, all four members."""
    kind = _TYPES.get(refusal.code, "invalid_request_error")
    code = None if refusal.code in {"server_error", "overloaded"} else refusal.code
    code = "content_policy_violation" if code == "content_policy" else code
    return {"error": {"message": refusal.message, "type": kind, "param": refusal.param, "code": code}}


def usage_of(usage: Tally) -> JsonObject:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def tier_of(request: ModelRequest) -> str:
    asked = request.body.get("service_tier")
    return asked if asked in {"flex", "priority"} else "default"


def finish_of(request: ModelRequest, reply: Reply) -> str:
    return "function_call" if reply.finish == "tool" and "functions" in request.body else FINISH[reply.finish]


def call_of(part: Part) -> JsonObject:
    function = {"name": part.name, "arguments": part.text}
    return {"id": f"call_{part.call_id}", "type": "function", "function": function}


def choice_of(request: ModelRequest, place: int, reply: Reply) -> JsonObject:
    called = [part for part in reply.parts if part.kind == "tool"]
    message: JsonObject = {
        "role": "assistant",
        "content": None if called else reply.text_of("text"),
        "refusal": None,
        "annotations": [],
    }
    if called and "functions" in request.body:
        message["function_call"] = call_of(called[0])["function"]
    elif called:
        message["tool_calls"] = [call_of(part) for part in called]
    logprobs = None
    if request.body.get("logprobs") and not called:
        tokens = [token for part in reply.parts if part.kind == "text" for token in part.tokens]
        logprobs = logprobs_of(tokens, request.body.get("top_logprobs") or 0)
    return {"index": place, "message": message, "logprobs": logprobs, "finish_reason": finish_of(request, reply)}


def logprobs_of(tokens: Sequence[str], alternatives: int) -> JsonObject:
    """Made-up but stable log probabilities; each of the `alternatives` is less likely than the one before."""
    return {"content": [_logprob(token, alternatives) for token in tokens], "refusal": None}


def _logprob(token: str, alternatives: int) -> JsonObject:
    certainty = -hashlib.blake2b(token.encode(), digest_size=1).digest()[0] / 1000
    others = [(token, certainty), *((f"{token}{place}", certainty - 2.0 * place) for place in range(1, alternatives))]
    top = [_weighed(other, value) for other, value in others[:alternatives]]
    return {**_weighed(token, certainty), "top_logprobs": top}


def _weighed(token: str, logprob: float) -> JsonObject:
    return {"token": token, "logprob": round(logprob, 6), "bytes": list(token.encode())}
