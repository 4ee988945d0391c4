"""Deployments and requests for the tests of the lane, one line each."""

from __future__ import annotations

from typing import Any

from gateway.ports import ProviderRequest
from gateway.types import Deployment, Endpoint, JsonObject, Price

KEY = "sk-provider-0123456789abcdef"
WIRES = ("openai", "anthropic", "gemini")
HELLO: JsonObject = {
    "messages": [{"role": "user", "content": "Hello there, how are you?"}],
    "max_completion_tokens": 64,
}
TEXT: JsonObject = {"input": "Hello there"}
TOOL: JsonObject = {
    "type": "function",
    "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}},
}
ANSWER: JsonObject = {
    "id": "x",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
ANSWERS: dict[str, JsonObject] = {
    "anthropic": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "gemini": {
        "candidates": [{"content": {"parts": [{"text": "Hi"}], "role": "model"}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
    },
}  # of the providers that do not answer as OpenAI does
VECTORS: JsonObject = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}],
    "model": "m",
    "usage": {"prompt_tokens": 1, "total_tokens": 1},
}


def deployment(model: str, url: str, **members: Any) -> Deployment:
    """`model` with LiteLLM's prefix, at `url` (LiteLLM's api_base)."""
    provider = model.partition("/")[0]
    endpoint = Endpoint.EMBEDDINGS if "embed" in model else Endpoint.CHAT
    fixed = {"id": "d", "group": "g", "price": Price(input=1_000, output=2_000), "api_key": KEY, **members}
    return Deployment(provider=provider, model=model, endpoint=endpoint, api_base=url, **fixed)


def request(model: str, url: str, body: JsonObject = HELLO, **members: Any) -> ProviderRequest:
    """One attempt at a deployment made of the same arguments."""
    return ProviderRequest(deployment(model, url, **members), body, "gen-1:1", timeout=20.0, include_usage=True)
