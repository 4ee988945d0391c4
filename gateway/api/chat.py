"""`POST /v1/chat/completions` and `POST /v1/embeddings`: parse, start a generation, follow it.

These are most of what a gateway does, so they are plain ASGI: `Hot` answers them before the router, the dependencies and
the exception handlers of the framework are walked through. Their routes stand in the application all the same, for its
documentation and for the methods that they do not have.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.api.auth import Caller, credential
from gateway.api.bodies import json_body
from gateway.api.delivery import Connection, Delivery, OverAsgi
from gateway.api.docs import CHAT_DOC, EMBEDDINGS_DOC
from gateway.api.intake import Asked, new_call
from gateway.api.outermost import answer
from gateway.api.state import Services
from gateway.errors import GatewayError, Unavailable
from gateway.types import Endpoint

ENDPOINTS = {
    "/v1/chat/completions": Endpoint.CHAT,
    "/chat/completions": Endpoint.CHAT,
    "/v1/embeddings": Endpoint.EMBEDDINGS,
    "/embeddings": Endpoint.EMBEDDINGS,
}
router = APIRouter(tags=["OpenAI"])


class Hot:
    """In front of the application: what is asked most is answered here, everything else there.

    `direct`: the ASGI extension that writes an answer, where the server has one; see `gateway.protocol`.
    """

    def __init__(self, app: ASGIApp, services: Callable[[], Services], direct: str | None) -> None:
        self._app = app
        self._services = services
        self._direct = direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = ENDPOINTS.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        direct = None if self._direct is None else scope.get("extensions", {}).get(self._direct)
        try:
            delivery = await begun(
                self._services(), endpoint, scope, receive, OverAsgi(send) if direct is None else direct
            )
        except GatewayError as error:
            await answer(error, send)
            return
        await delivery.follow(receive)


async def begun(
    found: Services, endpoint: Endpoint, scope: Scope, receive: Receive, connection: Connection | OverAsgi
) -> Delivery:
    """A request read and checked, ready to start. The key is checked before the body is read. Raises GatewayError."""
    if found.generations.draining:
        raise Unavailable(
            "The gateway is restarting. Please repeat the request.", code="service_draining", retry_after=1
        )
    asked = Asked.of(scope)
    key = credential(asked.head, found.serving.config.keys.header)
    identity = await found.identities.identify(key)
    arrived = not isinstance(connection, OverAsgi) and connection.arrived
    body = await json_body(asked.head, receive, found.bounds, arrived=arrived)
    call = new_call(asked, endpoint, body, found.clock, found.total_timeout, key)
    call.identity = identity
    return Delivery(call, connection, found.clock, found.pace, found.generations)


class Generated(Response):
    """The same within the framework, for who calls the application without `Hot` before it."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__()
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found: Services = scope["app"].state.services
        delivery = await begun(found, self._endpoint, scope, receive, OverAsgi(send))
        await delivery.follow(receive)


@router.post("/v1/chat/completions", openapi_extra=CHAT_DOC)
@router.post("/chat/completions", include_in_schema=False)
async def chat_completions(_: Caller) -> Response:
    """A chat completion, whole or streamed, as OpenAI's API has it."""
    return Generated(Endpoint.CHAT)


@router.post("/v1/embeddings", openapi_extra=EMBEDDINGS_DOC)
@router.post("/embeddings", include_in_schema=False)
async def embeddings(_: Caller) -> Response:
    """Embedding vectors, as floats or base64."""
    return Generated(Endpoint.EMBEDDINGS)
