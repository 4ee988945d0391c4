"""Keeps LiteLLM's HTTP to one request an attempt, to a bound of bytes, and remembers the answer as it came.

LiteLLM sends again by itself when a connection breaks, or when it believes that a refused request can be mended: here
the second sending of an attempt fails, because the provider may have got, and will bill, the first. *Internal*: stands
around one method of LiteLLM's transport, under every client that it makes; tests count hits and bytes.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextvars import ContextVar
from typing import Any

import httpx

from gateway.providers.unpacking import TooLargeError, Unpacking


class SentAlreadyError(Exception):
    """LiteLLM tried to send an attempt's request once more; what is being told of is the first one."""


class Exchange:
    """What one attempt sent and got: the last answer's head, with a body that may be unread, and what broke."""

    __slots__ = ("broken", "response", "sent")

    def __init__(self) -> None:
        self.sent: set[str] = set()
        self.response: httpx.Response | None = None
        self.broken: Exception | None = None

    @property
    def by_openai_sdk(self) -> bool:
        """Whether OpenAI's SDK made the request; then its answer is in OpenAI's format."""
        return self.response is not None and "x-stainless-lang" in self.response.request.headers


_current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


@contextlib.contextmanager
def exchange(made: Exchange | None = None) -> Iterator[Exchange]:
    """Everything that is sent within belongs to one attempt: to `made`, or to a new one."""
    made = made or Exchange()
    token = _current.set(made)
    try:
        yield made
    finally:
        _current.reset(token)


def install() -> None:
    """Put the bounds around LiteLLM's transport. Once a process."""
    transport: Any = importlib.import_module("litellm.llms.custom_httpx.aiohttp_transport").LiteLLMAiohttpTransport
    transport.handle_async_request = bounded(transport.handle_async_request)


def bounded(
    handle: Callable[[Any, httpx.Request], Awaitable[httpx.Response]],
) -> Callable[[Any, httpx.Request], Awaitable[httpx.Response]]:
    """`handle`, once a URL and attempt, with an answer of bounded size."""

    @functools.wraps(handle)
    async def sent_once(transport: Any, request: httpx.Request) -> httpx.Response:
        current = _current.get()
        if current is not None:
            if str(request.url) in current.sent:
                raise SentAlreadyError
            current.sent.add(str(request.url))
        request.headers["accept-encoding"] = "gzip"
        try:
            response = await handle(transport, request)
        except Exception as error:
            if current is not None:
                current.broken = error
            raise
        response.headers.pop("location", None)  # a redirect would be a second request, with the same credentials
        packing = response.headers.pop("content-encoding", "")
        if not isinstance(response.stream, httpx.AsyncByteStream):
            raise TypeError("LiteLLM's transport gave a stream that cannot be awaited")
        response.stream = Bounded(response.stream, packing)
        if current is not None:
            current.response = response
        return response

    return sent_once


class Bounded(httpx.AsyncByteStream):
    """A body, unpacked step by step and only up to a bound: a bomb ends here."""

    def __init__(self, stream: httpx.AsyncByteStream, packing: str) -> None:
        self._stream = stream
        self._packing = packing

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            unpacking = Unpacking(self._packing)
            async for part in self._stream:
                for piece in unpacking.feed(part):
                    yield piece
        except TooLargeError as error:
            raise httpx.DecodingError(str(error)) from error

    async def aclose(self) -> None:
        await self._stream.aclose()
