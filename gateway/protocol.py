"""uvicorn's HTTP/1.1 with the bounds that it leaves to a proxy: size and time of headers, and what follows an answer.

A connection that begins no request, or does not finish its headers, is closed. So is one that goes on sending the body of
a request that was answered long ago. What cannot be read as HTTP gets OpenAI's error object like everything else.

`Direct` is an ASGI extension, "atelier.direct": an application may write an answer through it instead of `send`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

HEADER_PATIENCE = 30.0  # seconds for a request's headers, from the connection's or the request's first moment
LEFTOVER_PATIENCE = 30.0  # seconds for the rest of a body whose request is answered
MOST_HEAD = 65_536  # bytes of headers that are kept while more are to come; `api.outermost` allows less
MOST_LEFTOVER = 64_000_000  # bytes of it that are read, so that a client may see its refusal, and dropped


DIRECT = "atelier.direct"
Headers = list[tuple[bytes, bytes]]


def nothing() -> None:
    """Nobody wants to know."""


def forget(cycle: RequestResponseCycle) -> Direct | None:
    """Take the extension out of a request whose answer is over: they hold each other, and with them all of it."""
    scope: dict[str, Any] = cycle.scope  # type: ignore[assignment]  # a plain dictionary, whatever else is in it
    found: Direct | None = scope.get("extensions", {}).pop(DIRECT, None)
    return found


class Direct:
    """Writes one answer: a whole one in one piece, a stream's pieces as they come. Headers must be valid as they are.

    Does what `send` does, without checking and rewriting each header, and adds the request's id as the outermost layer
    does. A client that has gone costs nothing.
    """

    __slots__ = ("_cycle", "left", "task")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self.task: asyncio.Task[None]  # the application's, which serves this request
        self.left: Callable[[], None] = nothing  # told when the client leaves before its answer is complete

    @property
    def gone(self) -> bool:
        """The client has left already."""
        return self._cycle.disconnected

    @property
    def arrived(self) -> bool:
        """All of the request's body is there."""
        return not self._cycle.more_body

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """All of an answer."""
        if not self._cycle.disconnected:
            head = self._head(status, headers, b"content-length: %d\r\n\r\n" % len(body))
            self._cycle.transport.write(head + body)
            self._done()

    async def begin(self, status: int, headers: Headers) -> None:
        """The head of a stream."""
        if not self._cycle.disconnected:
            self._cycle.transport.write(self._head(status, headers, b"transfer-encoding: chunked\r\n\r\n"))

    def piece(self, data: bytes) -> Awaitable[None] | None:
        """More of a stream; not empty. What to wait for, once the client takes it more slowly than it comes."""
        cycle = self._cycle
        if cycle.disconnected:
            return None
        cycle.transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        return cycle.flow.drain() if cycle.flow.write_paused else None

    async def last(self, data: bytes) -> None:
        """The end of a stream; not empty."""
        cycle = self._cycle
        if not cycle.disconnected:
            cycle.transport.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data))
            self._done()

    def _head(self, status: int, headers: Headers, framing: bytes) -> bytes:
        cycle = self._cycle
        cycle.response_started = True
        lines = [b"%b: %b\r\n" % header for header in headers]
        own = b"x-request-id: %b\r\n" % cycle.scope["state"]["request_id"].encode()
        closing = b"" if cycle.keep_alive else b"connection: close\r\n"
        return b"".join((STATUS_LINE[status], *lines, own, closing, framing))

    def _done(self) -> None:
        cycle = self._cycle
        forget(cycle)
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()


class BoundedProtocol(HttpToolsProtocol):
    """One connection. At most one timer runs, the one that closes it, and none where a read brings all of a request."""

    _timer: asyncio.TimerHandle | None = None
    _in_head = True
    _head = 0
    _receiving = False  # a request has begun and not arrived in full
    _leftover = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.access_log = False  # requests have their one line already, with what may be told of them
        self._wait(HEADER_PATIENCE)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(None)
        super().connection_lost(exc)
        if self.cycle is not None and self.cycle.disconnected and (direct := forget(self.cycle)) is not None:
            direct.left()

    def data_received(self, data: bytes) -> None:
        was_in_head = self._in_head
        super().data_received(data)
        if not self._in_head:
            return
        if self._timer is None:
            self._wait(HEADER_PATIENCE)
        if was_in_head:
            self._head += len(data)
            if self._head > MOST_HEAD:
                self._refuse("431 Request Header Fields Too Large", "The request's headers are too large.")

    def on_message_begin(self) -> None:
        self._receiving, self._leftover = True, 0
        self._in_head, self._head = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._wait(None)
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        scope: dict[str, Any] = cycle.scope  # type: ignore[assignment]
        direct = Direct(cycle)
        scope["extensions"] = {DIRECT: direct}
        direct.task = task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_body(self, body: bytes) -> None:
        if self.cycle.response_complete:
            self._leftover += len(body)
            if self._leftover > MOST_LEFTOVER:
                self.transport.abort()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._receiving = False
        self._wait(None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._receiving:
            self._wait(LEFTOVER_PATIENCE)

    def send_400_response(self, msg: str) -> None:
        self._refuse("400 Bad Request", msg)

    def _refuse(self, status: str, message: str) -> None:
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": "invalid_http"}
        body = json.dumps({"error": error}).encode()
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n"
            f"x-request-id: req_{secrets.token_hex(12)}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _wait(self, seconds: float | None) -> None:
        """Close the connection after so many seconds, unless something stops the timer (None)."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = self.loop.call_later(seconds, self.transport.abort)
