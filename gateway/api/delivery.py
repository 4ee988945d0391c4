"""The client's end of a generation: bytes out, and notice of its leaving.

Headers of a stream go out with its first chunk, so that a refusal can still have its true status; a stream that waits
longer than `commit_after` is answered 200 and kept alive with comments, and its errors come in band from then on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.api.headers import response_headers
from gateway.errors import GatewayError
from gateway.generations.running import Generation, Generations
from gateway.ports import Clock
from gateway.sse import DONE, encode_comment, encode_frame
from gateway.types import Call, Outcome, Status

SSE_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds until a waiting stream is committed, and between comments that keep it alive; which headers go out."""

    commit_after: float = 5.0
    heartbeat: float = 10.0
    litellm_headers: bool = False


class Delivery:
    """One client's connection. Implements `generations.running.ClientEnd`."""

    def __init__(self, call: Call, send: Send, clock: Clock, *, litellm_headers: bool = False) -> None:
        self._call = call
        self._send = send
        self._clock = clock
        self._litellm = litellm_headers
        self.started = False
        self.gone = False
        self.sending_since: float | None = None

    async def begin(self, call: Call) -> None:
        """The first chunk is there."""
        call.first_byte_at = self._clock.monotonic()
        if not self.started:
            await self._start(200, SSE_HEADERS, settled=False)

    async def send(self, frame: bytes) -> None:
        """Hand one frame to the client; a client that has left costs nothing."""
        await self._body(frame, more=True)

    async def heartbeat(self) -> None:
        """Commit a stream that still waits, and say so; or keep it alive."""
        if not self.started:
            await self._start(200, SSE_HEADERS, settled=False)
        position = self._call.position
        await self._body(encode_comment(f"waiting, position {position}" if position else "waiting"), more=True)

    async def end(self, call: Call, outcome: Outcome) -> None:
        """Everything is settled: the last bytes."""
        if outcome.status is Status.CANCELLED and outcome.error is None:
            self.gone = True
            return
        if self.started:
            await self._end_stream(outcome)
        elif outcome.error is not None:
            await self._whole(outcome.http_status, outcome.error.body(), outcome.error)
        elif call.answer is not None and call.answer.completion is not None:
            call.first_byte_at = self._clock.monotonic()
            await self._whole(200, call.answer.completion.body, None)

    async def _end_stream(self, outcome: Outcome) -> None:
        if outcome.error is not None:
            await self._body(encode_frame(outcome.error.body()), more=False)
        else:
            await self._body(DONE, more=False)

    async def _whole(self, status: int, body: object, error: GatewayError | None) -> None:
        data = _encode(body)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
        if error is not None:
            headers += [(name.encode(), value.encode()) for name, value in error.headers().items()]
        await self._start(status, headers, settled=True)
        await self._body(data, more=False)

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]], *, settled: bool) -> None:
        self.started = True
        ours = response_headers(self._call, self._clock.monotonic(), settled=settled, litellm=self._litellm)
        await self._out({"type": "http.response.start", "status": status, "headers": [*headers, *ours]})

    async def _body(self, data: bytes, *, more: bool) -> None:
        await self._out({"type": "http.response.body", "body": data, "more_body": more})

    async def _out(self, message: dict[str, object]) -> None:
        if self.gone:
            return
        self.sending_since = self._clock.monotonic()
        try:
            await self._send(message)
        except OSError:
            self.gone = True
        finally:
            self.sending_since = None


class GenerationResponse(Response):
    """Runs a call as a generation of the app's and follows it until its end or until its client leaves."""

    def __init__(self, generations: Generations, call: Call, clock: Clock, pace: Pace) -> None:
        super().__init__()
        self._generations = generations
        self._call = call
        self._clock = clock
        self._pace = pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        delivery = Delivery(self._call, send, self._clock, litellm_headers=self._pace.litellm_headers)
        generation = self._generations.start(self._call, delivery)
        leaving = asyncio.ensure_future(disconnected(receive))
        try:
            await self._follow(generation, delivery, leaving)
        finally:
            leaving.cancel()
            if not generation.task.done():
                delivery.gone = True
                self._generations.left(self._call)

    async def _follow(self, generation: Generation, delivery: Delivery, leaving: asyncio.Future[None]) -> None:
        wait = self._pace.commit_after
        while True:
            ends: set[asyncio.Future[Any]] = {generation.task, leaving}
            done, _ = await asyncio.wait(
                ends,
                timeout=wait if self._call.stream and self._call.first_byte_at is None else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if done:
                return
            if self._call.first_byte_at is None:
                await delivery.heartbeat()
            wait = self._pace.heartbeat


async def disconnected(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
