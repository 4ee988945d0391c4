"""`POST /v1/chat/completions` and `POST /v1/embeddings`: parse, start a generation, follow it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from gateway.api.auth import Caller
from gateway.api.bodies import json_body
from gateway.api.delivery import GenerationResponse
from gateway.api.docs import CHAT_DOC, EMBEDDINGS_DOC
from gateway.api.intake import new_call
from gateway.api.state import services
from gateway.errors import Unavailable
from gateway.types import Endpoint

router = APIRouter(tags=["OpenAI"])


@router.post("/v1/chat/completions", openapi_extra=CHAT_DOC)
@router.post("/chat/completions", include_in_schema=False)
async def chat_completions(request: Request, _: Caller) -> Response:
    """A chat completion, whole or streamed, as OpenAI's API has it."""
    return await generate(request, Endpoint.CHAT)


@router.post("/v1/embeddings", openapi_extra=EMBEDDINGS_DOC)
@router.post("/embeddings", include_in_schema=False)
async def embeddings(request: Request, _: Caller) -> Response:
    """Embedding vectors, as floats or base64."""
    return await generate(request, Endpoint.EMBEDDINGS)


async def generate(request: Request, endpoint: Endpoint) -> Response:
    """Start what the body asks for. The key was checked before the body is read here."""
    found = services(request)
    if found.generations.draining:
        raise Unavailable(
            "The gateway is restarting. Please repeat the request.", code="service_draining", retry_after=1
        )
    body = await json_body(request, found.bounds)
    key_header = found.serving.config.keys.header
    call = new_call(request, endpoint, body, found.clock, found.total_timeout, key_header)
    return GenerationResponse(found.generations, call, found.clock, found.pace)
