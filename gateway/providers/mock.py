"""Deployments with LiteLLM's `mock_response` in their parameters: the same words each time, no provider, no cost."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator

from gateway.errors import Fault, ProviderError
from gateway.ports import ProviderRequest
from gateway.sse import encode_frame
from gateway.types import Chunk, Completion, Deployment, Endpoint, JsonObject, Usage


class MockLane:
    """Implements ports.Provider."""

    async def complete(self, request: ProviderRequest) -> Completion:
        message = {"role": "assistant", "content": text_of(request), "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        return Completion({**head(request, "chat.completion"), "choices": [choice], "usage": usage}, Usage(), "stop")

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Chunk, None]:
        base, text = head(request, "chat.completion.chunk"), text_of(request)
        delta = {"role": "assistant", "content": text}
        begin = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
        yield Chunk(encode_frame({**base, "choices": [begin]}), text=text, content=True)
        end = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
        yield Chunk(encode_frame({**base, "choices": [end]}), finish="stop", usage=Usage())

    def dropped(self, deployment: Deployment, body: JsonObject) -> tuple[str, ...]:  # noqa: ARG002 - the port's
        return ()


def text_of(request: ProviderRequest) -> str:
    if request.deployment.endpoint is not Endpoint.CHAT:
        raise ProviderError(Fault.CALLER, "a mock_response answers chat only", code="unsupported_parameter")
    return str(request.deployment.params["mock_response"])


def head(request: ProviderRequest, kind: str) -> JsonObject:
    return {
        "id": f"chatcmpl-{request.attempt_id.partition(':')[0]}",
        "object": kind,
        "created": int(time.time()),
        "model": request.deployment.model_name,
    }
