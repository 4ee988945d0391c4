"""LiteLLM's `mock_response`, for test keys: the caller's own text as an answer. There is nothing that could be away."""

from __future__ import annotations

from gateway.stages.cache import replayed
from gateway.types import Answer, Call, Completion, Usage


def mock(call: Call) -> Answer:
    """The answer that the caller asked for: no provider is asked and nothing is owed."""
    text = str(call.options.mock_response)
    message = {"role": "assistant", "content": text, "refusal": None}
    body = {
        "id": f"chatcmpl-{call.id}",
        "object": "chat.completion",
        "created": int(call.created_at),
        "model": call.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }
    if call.stream:
        return Answer(chunks=replayed(body, usage=call.include_usage), source="mock")
    return Answer(completion=Completion(body, Usage(), "stop"), source="mock")
