"""Carries an answer to its client, and knows at every moment what of it has arrived.

A provider that breaks off after the first text is told to the client in band: a stream never ends silently.
The provider's connection is closed on every way out. One sweep a second looks for stalls, not a timer a chunk.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Protocol

import structlog

from gateway.attempts import Attempts, ended, public_error
from gateway.errors import Fault, GatewayError, Interrupted, ProviderError
from gateway.ports import Clock
from gateway.types import Answer, Call, Chunk, Outcome, RunningAttempt, Status

log = structlog.get_logger(__name__)

CLOSE_TIMEOUT = 5.0  # seconds that a provider's stream may take to close


class Subscriber(Protocol):
    """The client's end of a generation. `send` returns when the bytes are handed over; it never raises."""

    async def begin(self, call: Call) -> None: ...
    async def send(self, frame: bytes) -> None: ...


class Relay:
    """Delivers one answer; used by every streaming endpoint."""

    def __init__(self, attempts: Attempts, clock: Clock) -> None:
        self._attempts = attempts
        self._clock = clock

    async def deliver(self, call: Call, subscriber: Subscriber) -> Outcome:
        """Send what `call.answer` holds. Returns the outcome; raises Interrupted after everything is closed."""
        answer = call.answer
        if answer is None:
            raise RuntimeError("no stage gave an answer")
        if answer.completion is not None:
            finish = answer.completion.finish
            return Outcome(ended(finish), finish_reason=finish)
        if answer.chunks is None:
            raise RuntimeError("an answer holds neither a body nor a stream")
        try:
            await call.interruption.run(self._pump(call, answer, answer.chunks, subscriber))
        except ProviderError as error:
            self._attempts.fail(call, error)
            return _broken(error, call)
        except Interrupted as interruption:
            self._attempts.interrupted(call, interruption.reason)
            raise
        finally:
            await close(answer.chunks)
        finish = call.running.finish if call.running is not None else None
        self._attempts.succeed(call)
        return Outcome(ended(finish), finish_reason=finish)

    async def _pump(
        self, call: Call, answer: Answer, chunks: AsyncGenerator[Chunk, None], subscriber: Subscriber
    ) -> None:
        running, send, now = call.running, subscriber.send, self._clock.monotonic
        await subscriber.begin(call)
        for chunk in answer.read:
            if shown(chunk, call):
                await send(chunk.frame)
        async for chunk in chunks:
            if running is not None:
                note(running, chunk, now())
            if shown(chunk, call):
                await send(chunk.frame)
        if running is not None and running.finish is None:
            raise ProviderError(Fault.TRUNCATED, "the stream ended without a finish reason")


def shown(chunk: Chunk, call: Call) -> bool:
    """Whether the client gets this chunk."""
    return bool(chunk.frame) and (call.include_usage or not chunk.usage_only)


def note(running: RunningAttempt, chunk: Chunk, now: float) -> None:
    """Remember what one chunk told, as soon as it was read: for the ledger, the sweep and continuation."""
    running.last_chunk = now
    running.chunks += chunk.count or 1  # one that holds no content tells all the same that the provider began
    if running.first_chunk is None and (chunk.content or chunk.finish is not None):
        running.first_chunk = now
    if chunk.text:
        running.text.append(chunk.text)
    if chunk.usage is not None:
        running.usage = chunk.usage
    if chunk.finish is not None:
        running.finish = chunk.finish


async def close(chunks: AsyncGenerator[Chunk, None]) -> None:
    """Close a provider's stream, whatever state it is in; never raises. One that has come to its end is closed."""
    if getattr(chunks, "ag_frame", chunks) is None:
        return
    try:
        await asyncio.wait_for(chunks.aclose(), CLOSE_TIMEOUT)
    except (TimeoutError, RuntimeError, ProviderError) as error:
        log.warning("stream_close_failed", error=str(error))


def _broken(error: ProviderError, call: Call) -> Outcome:
    public: GatewayError = public_error(error, call)
    return Outcome(Status.FAILED, error=public, http_status=public.status)
