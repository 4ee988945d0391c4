"""The client's end of a generation: bytes out, and notice of its leaving.

Headers of a stream go out with its first chunk, so that a refusal can still have its true status; a stream that waits
longer than `commit_after` is answered 200 and kept alive with comments, and its errors come in band from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec
from starlette.types import Receive, Send

from gateway.api.headers import Head, error_headers, response_headers
from gateway.errors import GatewayError
from gateway.generations.running import Generations
from gateway.ports import Clock
from gateway.sse import DONE, encode_comment, encode_frame
from gateway.types import Call, Outcome, Status

JSON_HEADERS: Head = [(b"content-type", b"application/json")]
SSE_HEADERS: Head = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds until a waiting stream is committed, and between comments that keep it alive; which headers go out."""

    commit_after: float = 5.0
    heartbeat: float = 10.0
    litellm_headers: bool = False


class Connection(Protocol):
    """A server's own way to one client, see `gateway.protocol.Direct`. A client that has gone costs nothing.

    `piece` says what to wait for until its client has taken enough; None: nothing.
    """

    task: asyncio.Task[None]
    left: Callable[[], None]

    @property
    def gone(self) -> bool: ...
    @property
    def arrived(self) -> bool: ...
    async def whole(self, status: int, headers: Head, body: bytes) -> None: ...
    async def begin(self, status: int, headers: Head) -> None: ...
    def piece(self, data: bytes) -> Awaitable[None] | None: ...
    async def last(self, data: bytes) -> None: ...


class OverAsgi:
    """Any server's `send`."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def whole(self, status: int, headers: Head, body: bytes) -> None:
        await self.begin(status, [*headers, (b"content-length", b"%d" % len(body))])
        await self.last(body)

    async def begin(self, status: int, headers: Head) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    def piece(self, data: bytes) -> Awaitable[None]:
        return self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def last(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": False})


class Delivery:
    """One client's connection. Implements `generations.running.ClientEnd`."""

    def __init__(
        self, call: Call, connection: Connection | OverAsgi, clock: Clock, pace: Pace, generations: Generations
    ) -> None:
        self._call = call
        self._connection = connection
        self._clock = clock
        self._pace = pace
        self._generations = generations
        self._timer: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None
        self.started = False
        self.gone = False
        self.sending_since: float | None = None

    async def follow(self, receive: Receive) -> None:
        """Run the call as a generation of the app's, until its last byte is out, whether its client stays or leaves."""
        if self._call.stream:
            self._beat_after(self._pace.commit_after)
        connection = self._connection
        try:
            if isinstance(connection, OverAsgi):
                await self._beside(receive)
                return
            connection.left = self._left  # the server tells when the client leaves, or has left already
            if connection.gone:
                self._left()
            await self._generations.run(self._call, self, connection.task)
        finally:
            self._stop_beating()
            if not isinstance(connection, OverAsgi):
                connection.left = nothing  # or they would hold each other, and the request with them

    async def _beside(self, receive: Receive) -> None:
        """In a task of its own, with this one watching the client."""
        generation = self._generations.start(self._call, self)
        leaving = asyncio.ensure_future(disconnected(receive))
        try:
            await asyncio.wait({generation.task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not generation.task.done():
                self._left()

    def _left(self) -> None:
        self.gone = True
        self._generations.left(self._call)

    async def begin(self, call: Call) -> None:
        """The first chunk is there."""
        self._stop_beating()
        call.first_byte_at = self._clock.monotonic()
        if not self.started:
            await self._start()

    async def send(self, frame: bytes) -> None:
        """Hand one frame to the client."""
        if self.gone:
            return
        try:
            taken = self._connection.piece(frame)
            if taken is not None:
                self.sending_since = self._clock.monotonic()
                await taken
        except OSError:
            self.gone = True
        finally:
            self.sending_since = None

    async def end(self, call: Call, outcome: Outcome) -> None:
        """Everything is settled: the last bytes."""
        self._stop_beating()
        if self.gone or (outcome.status is Status.CANCELLED and outcome.error is None):
            self.gone = True
            return
        try:
            if self.started:
                await self._connection.last(DONE if outcome.error is None else encode_frame(outcome.error.body()))
            elif outcome.error is not None:
                await self._whole(outcome.http_status, _encode(outcome.error.body()), outcome.error)
            elif call.answer is not None and (whole := call.answer.completion) is not None:
                call.first_byte_at = self._clock.monotonic()
                await self._whole(200, whole.data or _encode(whole.body), None)
        except OSError:
            self.gone = True

    def _beat_after(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._beat)

    def _beat(self) -> None:
        self._beating = asyncio.get_running_loop().create_task(self._heartbeat(), name=f"heartbeat {self._call.id}")
        self._beat_after(self._pace.heartbeat)

    def _stop_beating(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _heartbeat(self) -> None:
        """Commit a stream that still waits, and say so; or keep it alive."""
        if not self.started:
            await self._start()
        position = self._call.position
        await self.send(encode_comment(f"waiting, position {position}" if position else "waiting"))

    async def _start(self) -> None:
        """Status and headers of a stream."""
        self.started = True
        await self._connection.begin(200, SSE_HEADERS + self._own_headers(settled=False))

    async def _whole(self, status: int, data: bytes, error: GatewayError | None) -> None:
        headers = JSON_HEADERS if error is None else JSON_HEADERS + error_headers(error)
        await self._connection.whole(status, headers + self._own_headers(settled=True), data)

    def _own_headers(self, *, settled: bool) -> Head:
        litellm = self._pace.litellm_headers
        return response_headers(self._call, self._clock.monotonic(), settled=settled, litellm=litellm)


def nothing() -> None:
    """Nobody is there any more to be told."""


async def disconnected(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
