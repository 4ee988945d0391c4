"""One request, from its body to its journal entry.

The order of things is a provider's own: key, body, model, fault, place, then the answer at its pace. However it
ends (in full, by a fault, by the client's leaving, by the fleet's end), the journal gets exactly one closing line.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from aiohttp import web

from gateway.fleet import model
from gateway.fleet.faults import CUTTING, REFUSALS, STATUSES, Fault
from gateway.fleet.journal import COMPLETED, DISCONNECTED, FAULTED, STOPPED
from gateway.fleet.sending import Sender
from gateway.fleet.shapes import Generation, Head, ModelRequest, Refusal, Tally
from gateway.fleet.state import State, refusal_of
from gateway.fleet.wire import Frames, Told, Wire


class _Cut(Exception):  # noqa: N818 - ends an answer, is no accident
    """A fault has ended the answer."""


class Exchange:
    """Serves one request. `run` returns the response that was sent; it raises only when it is cancelled."""

    def __init__(self, state: State, wire: Wire, http: web.BaseRequest) -> None:
        self._state = state
        self._wire = wire
        self._id = state.new_id()
        self._record = state.journal.start(wire.name, "unknown")
        self._send = Sender(http, {"x-sim": "1", **wire.headers(self._id)})
        self._http = http
        self._fault: Fault | None = None
        self._usage = Tally()  # of the whole answer
        self._accepted = False

    async def run(self) -> web.StreamResponse:
        record = self._record
        try:
            await self._served()
            record.outcome = COMPLETED
        except Refusal as refusal:
            record.outcome = FAULTED
            await self._refuse(refusal)
        except _Cut:
            record.outcome = FAULTED
        except (asyncio.CancelledError, ConnectionError) as error:
            self._left()
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            self._close()
        return self._send.response

    @property
    def _kind(self) -> str:
        """What fault strikes this request; empty for none."""
        return self._fault.kind if self._fault else ""

    async def _served(self) -> None:
        request = await self._read()
        self._state.admit(request)
        fault = self._state.faults.pick(request)
        if fault is not None:
            self._fault = fault
            self._record.fault = fault.kind
            await self._struck_at_once(fault, request)
        if request.endpoint == "models":
            known = self._state.settings.known_models or tuple(sorted(self._state.settings.models))
            await self._whole(self._wire.listing(known))
            return
        with self._state.slot(request):
            await self._answer(request)

    async def _read(self) -> ModelRequest:
        http, record = self._http, self._record
        head = Head(http.method, http.path, http.query, {name.lower(): value for name, value in http.headers.items()})
        record.client_request_id = head.headers.get("x-client-request-id")
        try:
            body = await http.content.read()
            request = self._wire.read(head, body)
            record.endpoint, record.model, record.stream = request.endpoint, request.model, request.stream
            record.input_tokens = request.input_tokens
            self._wire.authorise(head)
        finally:
            self._state.journal.begun(record)
        return request

    async def _struck_at_once(self, fault: Fault, request: ModelRequest) -> None:
        """The faults that leave no room for an answer."""
        if fault.kind in STATUSES | REFUSALS:
            raise refusal_of(fault, request)
        if fault.kind == "refused":
            self._send.reset()
            raise _Cut
        if fault.kind == "hang_before_headers":
            await self._for_ever()

    async def _answer(self, request: ModelRequest) -> None:
        generation = self._generation(request)
        self._usage = generation.usage
        self._accepted = True
        if request.stream:
            await self._streamed(request, generation)
            return
        await self._paced(generation.usage)
        told = self._told().usage
        if request.endpoint == "embeddings":
            body = self._wire.embedded(request, told)
        elif request.endpoint == "count_tokens":
            body = self._wire.counted(request)
        else:
            body = self._wire.answer(request, generation, told)
        self._record.usage = told
        await self._whole(body)

    def _generation(self, request: ModelRequest) -> Generation:
        usage = self._state.input_usage(request)
        if request.endpoint == "count_tokens":
            usage = Tally()
        replies = model.generate(request) if request.endpoint == "chat" else ()
        spent = sum(reply.output_tokens for reply in replies)
        thought = sum(reply.reasoning for reply in replies)
        usage = replace(usage, output=spent, reasoning=thought)
        return Generation(self._id, int(self._state.clock.now()), replies, usage)

    async def _paced(self, usage: Tally) -> None:
        """Wait as long as a whole answer takes, or until its fault strikes."""
        record, fault = self._record, self._fault
        pace = self._state.pace(record.model)
        until = min(fault.after_tokens, usage.output) if fault and fault.kind in CUTTING else usage.output
        try:
            await pace.until(until)
        except asyncio.CancelledError:
            record.output_tokens = pace.generated(until)
            raise
        record.output_tokens = until
        if self._kind == "hang":
            await self._for_ever()
        if self._kind == "reset":
            self._send.reset()
            raise _Cut

    async def _whole(self, body: bytes) -> None:
        """Send a whole body, spoilt by the fault where there is one."""
        kind = self._kind
        self._record.status = 200
        if kind == "clean_end":
            await self._send.torn(body)
            raise _Cut
        if kind == "in_band_error":
            refusal = Refusal(500, "server_error", "The server had an error while processing your request.")
            await self._send.whole(200, self._wire.refuse(refusal, self._id))
            raise _Cut
        if kind in {"endless", "drip"}:
            await self._send.begin("application/json")
            while kind == "endless":
                await self._send.write(b" " * 1024)
                await self._state.clock.sleep(0.001)
            await self._halves(body)
            await self._send.finish()
            return
        body = body[: len(body) // 2] if kind == "malformed" else body
        content_type = "text/html" if kind == "wrong_content_type" else "application/json"
        await self._send.whole(200, body, content_type=content_type)

    async def _streamed(self, request: ModelRequest, generation: Generation) -> None:
        record, strikes_at = self._record, self._fault.after_tokens if self._fault else -1
        told = self._told()
        frames = self._wire.frames(request, generation, told)
        pace = self._state.pace(record.model)
        await pace.until(0)
        await self._send.begin("text/html" if self._kind == "wrong_content_type" else frames.content_type)
        record.status = 200
        await self._send.write(frames.opening())
        shown = at = 0
        for at, choice, part, place in _schedule(generation):
            await pace.until(at)
            if part is not None:
                if shown == strikes_at:
                    await self._strike(frames)
                await self._write(frames.token(choice, part, place), drips=0 <= strikes_at <= shown)
                shown += 1
            record.output_tokens += 1
        await pace.until(at + 1)
        if shown <= strikes_at:
            await self._strike(frames)
        record.usage = told.usage if frames.tells_usage else None
        await self._send.write(frames.finish())
        await self._send.write(frames.end())
        await self._send.finish()

    async def _write(self, frame: bytes, *, drips: bool) -> None:
        if drips and self._kind == "drip":
            await self._halves(frame)
        else:
            await self._send.write(frame)

    async def _halves(self, frame: bytes) -> None:
        middle = len(frame) // 2
        await self._send.write(frame[:middle])
        await self._state.clock.sleep(self._fault.interval if self._fault else 0.0)
        await self._send.write(frame[middle:])

    async def _strike(self, frames: Frames) -> None:
        """What a fault does in the midst of a stream."""
        kind = self._kind
        if kind == "hang":
            await self._for_ever()
        elif kind == "reset":
            self._send.reset()
            raise _Cut
        elif kind == "clean_end":
            await self._send.finish()
            raise _Cut
        elif kind == "in_band_error":
            await self._send.write(frames.error())
            await self._send.finish()
            raise _Cut
        elif kind == "malformed":
            await self._send.write(frames.malformed())
        elif kind == "endless":
            await self._without_end(frames)

    async def _without_end(self, frames: Frames) -> None:
        pace = self._state.pace(self._record.model)
        at = 0
        while True:
            await pace.until(at)
            await self._send.write(frames.filler())
            self._record.output_tokens += 1
            at += 1

    def _told(self) -> Told:
        if self._kind == "usage_absent":
            return Told(None)
        if self._kind == "usage_zero":
            self._usage = Tally()
        return Told(self._usage, 2 if self._kind == "usage_twice" else 1)

    async def _for_ever(self) -> None:
        while True:
            await self._state.clock.sleep(3600.0)

    async def _refuse(self, refusal: Refusal) -> None:
        self._record.status = refusal.status
        headers = {} if refusal.retry_after is None else {"retry-after": f"{refusal.retry_after:g}"}
        body = self._wire.refuse(refusal, self._id)
        try:
            await self._send.whole(refusal.status, body, headers)
        except (asyncio.CancelledError, ConnectionError):
            self._left()
            raise

    def _left(self) -> None:
        self._record.outcome = STOPPED if self._state.stopping else DISCONNECTED
        self._record.disconnected_at = None if self._state.stopping else self._state.clock.now()

    def _close(self) -> None:
        record, usage = self._record, self._usage
        if self._accepted:
            output = min(record.output_tokens, usage.output) if record.outcome == COMPLETED else record.output_tokens
            record.billed = replace(usage, output=output, reasoning=min(usage.reasoning, output))
        self._state.journal.end(record)


def _schedule(generation: Generation) -> list[tuple[int, int, int | None, int]]:
    """All tokens as (when, choice, part, place in it), choices side by side; hidden thought has no part."""
    plan: list[tuple[int, int, int | None, int]] = []
    for choice, reply in enumerate(generation.replies):
        shown = sum(len(part.tokens) for part in reply.parts if part.kind == "thinking")
        hidden = reply.reasoning - shown
        plan.extend((at, choice, None, at) for at in range(hidden))
        at = hidden
        for number, part in enumerate(reply.parts):
            for place in range(len(part.tokens)):
                plan.append((at, choice, number, place))
                at += 1
    plan.sort(key=lambda step: step[:2])
    return plan
