"""The `wire` lane: providers that speak the client's own format get the request as it is, but for what must change.

One hit per attempt, over our own connections. Any failure leaves as a ProviderError, and the provider's connection is
closed on every way out. Requests that LiteLLM would rewrite go to the sdk lane, before anything was sent.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from gateway.errors import Fault, ProviderError
from gateway.ports import Provider, ProviderRequest
from gateway.providers import params
from gateway.providers.errors import Redact, in_band, refused
from gateway.providers.http import Http, is_success
from gateway.providers.plain_answer import plain
from gateway.providers.reader import Reader
from gateway.providers.scan import Scan, document_in
from gateway.providers.shapes import (
    chat_body,
    embeddings_body,
    untouched,
    usage_body,
    usage_in,
    usage_of,
    with_thoughts_counted,
)
from gateway.providers.wire_messages import LeftToLiteLLM
from gateway.providers.wire_request import Route
from gateway.types import Chunk, Completion, Deployment, Endpoint, JsonObject

MOST_ROUTES = 4096  # kept; clients name models of wildcards
MENDED: Mapping[str, Callable[[JsonObject], JsonObject]] = {"xai": with_thoughts_counted}
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


class WireLane:
    """Implements ports.Provider for deployments whose card says "wire"."""

    def __init__(self, http: Http, redact: Redact, sdk: Provider) -> None:
        self._http = http
        self._redact = redact
        self._sdk = sdk
        self._routes: dict[str, Route] = {}

    def dropped(self, deployment: Deployment, body: JsonObject) -> tuple[str, ...]:
        return params.dropped(deployment, body)

    async def complete(self, request: ProviderRequest) -> Completion:
        """One whole answer. `usage` is None when the provider sent none."""
        try:
            sending = self._route(request.deployment).sending(request)
        except LeftToLiteLLM:
            return await self._sdk.complete(request)
        reply = await self._http.whole(sending)
        if not is_success(reply.status):
            raise refused(reply.status, reply.headers, reply.data, self._redact)
        try:
            return self._read(request, reply.data)
        except UNREADABLE as error:
            raise unread(error) from error

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Chunk, None]:
        """One chunk for each read. Ends only after every choice had its finish reason; raises otherwise."""
        try:
            sending = self._route(request.deployment).sending(request, stream=True)
        except LeftToLiteLLM:
            async with contextlib.aclosing(self._sdk.stream(request)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        reader = Reader(request, self._redact)
        body = await self._http.open(sending)
        try:
            if not is_success(body.status):
                raise refused(body.status, body.headers, await body.whole(), self._redact)
            scan = Scan(reader, MENDED.get(request.deployment.provider))
            read, feed = body.read, scan.feed
            while not scan.ended:
                try:
                    part = await read()
                except ProviderError as error:
                    part = nothing_lost(error, reader)
                if (found := feed(part)) is not None:
                    yield found
            if scan.failure is not None:
                raise failed(scan.failure) from scan.failure
            reader.check()
            await body.finish()
        finally:
            await body.close()
        last = reader.usage_chunk()
        if last is not None:
            yield last

    def _read(self, request: ProviderRequest, data: bytes) -> Completion:
        mend = MENDED.get(request.deployment.provider)
        embeds = request.deployment.endpoint is Endpoint.EMBEDDINGS
        if not embeds and mend is None and (found := plain(data)) is not None:
            return found
        document = document_in(data)
        if document.get("error"):
            raise in_band(document["error"], self._redact)
        if embeds:
            return embeddings(document, request.body.get("encoding_format"))
        return completion(document, data) if mend is None else completion(mend(document), b"")

    def _route(self, deployment: Deployment) -> Route:
        """How the deployment is asked; the same name may mean another one after a reload."""
        route = self._routes.get(deployment.id)
        if route is None or not (route.deployment is deployment or route.deployment == deployment):
            if len(self._routes) >= MOST_ROUTES:
                self._routes.clear()
            self._routes[deployment.id] = route = Route(deployment)
        return route


def nothing_lost(error: ProviderError, reader: Reader) -> bytes:
    """The end of a stream whose connection broke after the whole answer came; `error` is raised where it was not whole."""
    if reader.finished and error.fault is Fault.RESET:
        return b""
    raise error


def completion(document: JsonObject, data: bytes) -> Completion:
    """A chat completion in the client's shape. Raises ProviderError for one without choices."""
    if not isinstance(document.get("choices"), list):
        raise TypeError("no choices")
    if document["choices"] and untouched(document):
        return Completion(document, usage_of(document["usage"]), document["choices"][0]["finish_reason"], data)
    body = chat_body(document)
    if not body["choices"]:
        raise ProviderError(Fault.MALFORMED, "the answer has no choices")
    usage = usage_in(document)
    if usage is not None:
        body["usage"] = usage_body(usage)
    return Completion(body, usage_of(usage), body["choices"][0]["finish_reason"])


def embeddings(document: JsonObject, encoding: Any) -> Completion:
    """Embeddings in the client's shape."""
    if not isinstance(document.get("data"), list):
        raise TypeError("no data")
    return Completion(embeddings_body(document, encoding), usage_of(document.get("usage")))


def failed(error: Exception) -> ProviderError:
    return error if isinstance(error, ProviderError) else unread(error)


def unread(error: Exception) -> ProviderError:
    """Not in the decoder's words, which quote the answer."""
    return ProviderError(Fault.MALFORMED, f"the answer cannot be read ({type(error).__name__})")
