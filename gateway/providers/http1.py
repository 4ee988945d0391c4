"""One HTTP/1.1 connection to a provider: one request, then its answer, bounded, then perhaps the next request.

Failures are raised as ProviderError where the answer is awaited, after what had come before them: RESET for a connection
that breaks, MALFORMED for an answer that is none. Nothing here waits for longer than its caller does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.errors import Fault, ProviderError
from gateway.providers.fields import Fields
from gateway.providers.origin import Origin

MOST_UNREAD = 2**16  # bytes that wait to be read before the provider has to; as many at most may come without any body
MOST_FIELDS = 256  # of one answer's head
JOINED = 2**14  # bytes of a body that is sent in one piece with its head; a larger one is not copied
FRAMING = frozenset({"content-length", "transfer-encoding"})
LENIENT = {"lenient_headers": True, "lenient_optional_cr_before_lf": True, "lenient_spaces_after_chunk_size": True}


class Connection(asyncio.Protocol):
    """`lost` is called once, when nothing more can be asked here. One request at a time."""

    __slots__ = (
        "_failure", "_fields", "_keeps", "_loop", "_lost", "_parser", "_parts", "_paused", "_unread", "_waiter",
        "closed", "complete", "headed", "headers", "on_body", "on_header", "origin", "status", "transport",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, origin: Origin, lost: Callable[[Connection], None]) -> None:
        self.origin = origin
        self.closed = False
        self.complete = True  # nothing is asked, so nothing is missing
        self.headed = False
        self.status = 0
        self.headers = Fields({})
        self._loop = loop
        self._lost = lost
        self._fields: dict[bytes, bytes] = {}
        self._parts: list[bytes] = []
        self._unread = 0
        self._paused = False
        self._keeps = False
        self._failure: ProviderError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.transport: asyncio.Transport
        self.on_header = self._fields.setdefault  # called by the parser, as all that begins with on_
        self.on_body = self._parts.append
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(**LENIENT)  # what many servers send and all clients read

    def send(self, head: bytes, data: bytes) -> None:
        """Ask. What cannot be written at once is written as fast as the provider reads."""
        self._fields.clear()
        self.complete = self.headed = self._keeps = False
        self._unread = 0
        if len(data) <= JOINED:
            self.transport.write(head + data)
        else:
            self.transport.write(head)
            self.transport.write(data)

    async def answered(self) -> None:
        """Wait for the answer's `status` and `headers`, which are named in lower case. Raises ProviderError."""
        while not self.headed:
            if self._failure is not None:
                raise self._failure
            await self._more()

    async def read(self) -> bytes:
        """Whatever has come of the answer's body, at least one byte; b"" at its end. Raises ProviderError."""
        while not self._parts:
            if self.complete:
                return b""
            if self._failure is not None:
                raise self._failure
            await self._more()
        return self.take()

    def take(self) -> bytes:
        """What has come of the answer's body and was not read yet."""
        parts = self._parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self._unread = 0
        if self._paused:
            self._paused = False
            if not self.closed:
                self.transport.resume_reading()
        return data

    @property
    def drained(self) -> bool:
        """The answer has been read to its end."""
        return self.complete and not self._parts

    @property
    def reusable(self) -> bool:
        """Whether the next request may go out here: this one is written whole, and its answer has been read whole."""
        over = self._keeps and self.complete and not (self.closed or self._parts)
        return over and not self.transport.get_write_buffer_size()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if not self.closed:
            self._close()
            self.transport.abort()

    def _more(self) -> asyncio.Future[None]:
        """Done when something has come, or nothing will."""
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _close(self) -> None:
        self.closed = True
        self._lost(self)

    def _fail(self, fault: Fault, why: str) -> None:
        if self._failure is None and not self.complete:
            self._failure = ProviderError(fault, why)
        self.abort()
        self._wake()

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.complete:  # nobody has asked
            self.abort()
            return
        self._unread += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._keeps = False
            if not self.complete:
                self._fail(Fault.MALFORMED, f"the answer cannot be read ({type(error).__name__})")
                return
        if self._unread > MOST_UNREAD and not self.complete and not self._paused:
            if not self._parts:
                self._fail(Fault.MALFORMED, "the answer's head is too long")
                return
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        if self.headed and not self.complete and not FRAMING & self.headers.keys():
            self.complete = True  # the end of the connection is that of the answer
        self._fail(Fault.RESET, "the provider closed the connection before its answer ended")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed:
            self._close()
        self._fail(Fault.RESET, f"the connection to the provider failed ({type(exc).__name__ if exc else 'closed'})")

    # Called by the parser; what they raise ends the answer.

    def on_message_begin(self) -> None:
        if self.complete:
            raise ValueError("more than was asked for")

    def on_headers_complete(self) -> None:
        status: int = self._parser.get_status_code()
        fields = self._fields
        if len(fields) > MOST_FIELDS or (self._unread > MOST_UNREAD and size(fields) > MOST_UNREAD):
            raise ValueError("the answer's head is too long")
        if 100 <= status < 200:  # told on the way; the answer is yet to come
            fields.clear()
            return
        self.status = status
        self.headers = Fields(fields.copy())
        self._keeps = self._parser.should_keep_alive()
        self.headed = True

    def on_message_complete(self) -> None:
        self.complete = self.headed


def size(fields: dict[bytes, bytes]) -> int:
    return sum(len(name) + len(value) for name, value in fields.items())
