"""Keeps LiteLLM's HTTP to one request an attempt, to a bound of bytes, and remembers the answer as it came.

LiteLLM sends again by itself when a connection breaks, or when it believes that a refused request can be mended: here
the second sending of an attempt fails, because the provider may have got, and will bill, the first. *Internal*: stands
around one method of LiteLLM's transport, under every client that it makes; tests count hits and bytes.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextvars import ContextVar
from typing import Any

import httpx

MOST_BYTES = 32 * 2**20  # of one answer, decoded
INFLATE_STEP = 2**16
IDENTITY, GZIP = frozenset({"", "identity"}), frozenset({"gzip", "x-gzip", "deflate"})
_ANY_ZLIB = zlib.MAX_WBITS | 32


class SentAlreadyError(Exception):
    """LiteLLM tried to send an attempt's request once more; what is being told of is the first one."""


class TooLargeError(httpx.DecodingError):
    """The answer is larger than any honest one, or packed in a way that was not offered."""


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
    """`handle`, once a URL and attempt, with an answer of at most `MOST_BYTES`."""

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
        packing = response.headers.pop("content-encoding", "").strip().lower()
        if not isinstance(response.stream, httpx.AsyncByteStream):
            raise TypeError("LiteLLM's transport gave a stream that cannot be awaited")
        response.stream = Bounded(response.stream, packing)
        if current is not None:
            current.response = response
        return response

    return sent_once


class Bounded(httpx.AsyncByteStream):
    """A body, unpacked step by step and only up to `MOST_BYTES`: a bomb ends here."""

    def __init__(self, stream: httpx.AsyncByteStream, packing: str) -> None:
        self._stream = stream
        self._packing = packing
        self._left = MOST_BYTES

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._packing not in IDENTITY | GZIP:
            raise TooLargeError("the answer is packed in a way that was not offered")
        unpacking = zlib.decompressobj(_ANY_ZLIB) if self._packing in GZIP else None
        async for part in self._stream:
            for piece in (part,) if unpacking is None else inflated(unpacking, part):
                self._left -= len(piece)
                if self._left < 0:
                    raise TooLargeError(f"the answer is larger than {MOST_BYTES} bytes")
                yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def inflated(unpacking: Any, part: bytes) -> Iterator[bytes]:
    """What `part` unpacks to, in pieces of at most `INFLATE_STEP` bytes."""
    try:
        while part:
            yield unpacking.decompress(part, INFLATE_STEP)
            part = unpacking.unconsumed_tail
    except zlib.error as error:
        raise TooLargeError("the answer cannot be unpacked") from error
