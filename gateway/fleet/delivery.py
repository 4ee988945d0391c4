"""Sends one answer, whole or streamed, at its pace, and spoils it as its fault says.

What had been generated when the sending ends is in the record, however it ends.
"""

from __future__ import annotations

import asyncio

from gateway.fleet.faults import CUTTING, Fault
from gateway.fleet.journal import Record
from gateway.fleet.sending import Sender
from gateway.fleet.shapes import Generation, ModelRequest, Refusal, Tally
from gateway.fleet.state import State
from gateway.fleet.wire import Frames, Told, Wire

_JSON = "application/json"
_WRONG = "text/html; charset=utf-8"
_FILLER = b" " * 1024  # of an endless whole answer
_FILLER_EVERY = 0.001  # seconds

_Step = tuple[int, int, int | None, int]  # when, choice, part (None: hidden thought), place in it


class CutError(Exception):
    """A fault has ended the answer."""


class Delivery:
    """One answer on its way. `deliver` raises `CutError` when the fault ended it, ConnectionError when the client has."""

    def __init__(self, state: State, wire: Wire, send: Sender, record: Record, fault: Fault | None) -> None:
        self._state = state
        self._wire = wire
        self._send = send
        self._record = record
        self._kind = fault.kind if fault else ""
        self._interval = fault.interval if fault else 0.0
        self._strikes_at = fault.after_tokens if fault else -1  # tokens that are shown before it

    async def deliver(self, request: ModelRequest, generation: Generation) -> None:
        if request.stream:
            await self._streamed(request, generation)
            return
        await self._paced(generation.usage.output, len(generation.replies) or 1)
        told = self._told(generation.usage).usage
        if request.endpoint == "embeddings":
            body = self._wire.embedded(request, told)
        elif request.endpoint == "count_tokens":
            body = self._wire.counted(request)
        else:
            body = self._wire.answer(request, generation, told)
        await self._whole(body, told)

    def _told(self, usage: Tally) -> Told:
        if self._kind == "usage_absent":
            return Told(None)
        return Told(Tally() if self._kind == "usage_zero" else usage, 2 if self._kind == "usage_twice" else 1)

    async def _paced(self, tokens: int, choices: int) -> None:
        """Wait as long as a whole answer takes, its choices made side by side, or until its fault strikes."""
        record = self._record
        pace = self._state.pace(record.model)
        until = min(self._strikes_at, tokens) if self._kind in CUTTING else tokens
        try:
            await pace.until(-(-until // choices))
        except asyncio.CancelledError:
            record.output_tokens = min(until, choices * pace.generated(until))
            raise
        record.output_tokens = until
        if self._kind == "hang":
            await self._state.for_ever()
        if self._kind == "reset":
            self._cut()

    async def _whole(self, body: bytes, told: Tally | None) -> None:
        self._record.status = 200
        if self._kind == "clean_end":
            await self._send.torn(body)
            raise CutError
        if self._kind == "in_band_error":
            refusal = Refusal(500, "server_error", "The server had an error while processing your request.")
            await self._send.whole(200, self._wire.refuse(refusal, "simulated"))
            raise CutError
        if self._kind == "malformed":
            await self._send.whole(200, body[: len(body) // 2])
            return
        if self._kind == "endless":
            await self._send.begin(_JSON)
            while True:
                await self._send.write(_FILLER)
                await self._state.clock.sleep(_FILLER_EVERY)
        self._record.usage = told
        if self._kind == "drip":
            await self._send.begin(_JSON)
            await self._halves(body)
            await self._send.finish()
            return
        await self._send.whole(200, body, content_type=_WRONG if self._kind == "wrong_content_type" else _JSON)

    async def _streamed(self, request: ModelRequest, generation: Generation) -> None:
        record = self._record
        told = self._told(generation.usage)
        frames = self._wire.frames(request, generation, told)
        pace = self._state.pace(record.model)
        await pace.until(0)
        await self._send.begin(_WRONG if self._kind == "wrong_content_type" else frames.content_type)
        record.status = 200
        await self._send.write(frames.opening())
        shown = when = 0
        for when, choice, part, place in _schedule(generation):
            await pace.until(when)
            if part is not None:
                if shown == self._strikes_at:
                    await self._strike(frames)
                await self._write(frames.token(choice, part, place), drips=shown >= self._strikes_at)
                shown += 1
            record.output_tokens += 1
        await pace.until(when + 1)
        if shown <= self._strikes_at:
            await self._strike(frames)
        record.usage = told.usage if frames.tells_usage else None
        await self._send.write(frames.finish() + frames.end())
        await self._send.finish()

    async def _strike(self, frames: Frames) -> None:
        """What a fault does in the midst of a stream."""
        match self._kind:
            case "hang":
                await self._state.for_ever()
            case "reset":
                self._cut()
            case "clean_end":
                await self._send.finish()
                raise CutError
            case "in_band_error":
                await self._send.write(frames.error())
                await self._send.finish()
                raise CutError
            case "malformed":
                await self._send.write(frames.malformed())
            case "endless":
                await self._without_end(frames)

    async def _without_end(self, frames: Frames) -> None:
        pace = self._state.pace(self._record.model)
        place = 0
        while True:
            await pace.until(place)
            await self._send.write(frames.filler())
            self._record.output_tokens += 1
            place += 1

    async def _write(self, frame: bytes, *, drips: bool) -> None:
        if drips and self._kind == "drip":
            await self._halves(frame)
        else:
            await self._send.write(frame)

    async def _halves(self, data: bytes) -> None:
        middle = len(data) // 2
        await self._send.write(data[:middle])
        await self._state.clock.sleep(self._interval)
        await self._send.write(data[middle:])

    def _cut(self) -> None:
        self._send.reset()
        raise CutError


def _schedule(generation: Generation) -> list[_Step]:
    """Every token in the order of its time, choices side by side."""
    plan: list[_Step] = []
    for choice, reply in enumerate(generation.replies):
        shown = sum(len(part.tokens) for part in reply.parts if part.kind == "thinking")
        hidden = reply.reasoning - shown
        plan.extend((when, choice, None, when) for when in range(hidden))
        when = hidden
        for number, part in enumerate(reply.parts):
            for place in range(len(part.tokens)):
                plan.append((when, choice, number, place))
                when += 1
    plan.sort(key=lambda step: step[:2])
    return plan
