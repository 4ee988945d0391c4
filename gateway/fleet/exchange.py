"""One request, from its body to its journal entry.

The order of things is a provider's own: body, key, model, fault, place, then the answer at its pace. However it
ends (in full, by a fault, by the client's leaving, by the fleet's end), the journal gets exactly one closing line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from aiohttp import web

from gateway.fleet import model
from gateway.fleet.checks import bad
from gateway.fleet.delivery import CutError, Delivery
from gateway.fleet.faults import REFUSALS, STATUSES, Fault
from gateway.fleet.journal import COMPLETED, DISCONNECTED, FAULTED, STOPPED
from gateway.fleet.sending import Sender
from gateway.fleet.shapes import Generation, Head, ModelRequest, Refusal, Tally
from gateway.fleet.state import State, refusal_of
from gateway.fleet.wire import Wire

T = TypeVar("T")

_MISSHAPEN = (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)


class Exchange:
    """Serves one request. `run` returns the response that was sent; it raises only when it is cancelled."""

    def __init__(self, state: State, wire: Wire, http: web.BaseRequest) -> None:
        self._state = state
        self._wire = wire
        self._http = http
        self._id = state.new_id()
        self._record = state.journal.start(wire.name)
        self._send = Sender(http, {"x-sim": "1", **wire.headers(self._id)})
        self._generated: Tally | None = None  # what the whole answer costs, once one is being made

    async def run(self) -> web.StreamResponse:
        try:
            await self._served()
            self._record.outcome = COMPLETED
        except Refusal as refusal:
            self._record.outcome = FAULTED
            await self._refuse(refusal)
        except CutError:
            self._record.outcome = FAULTED
        except ConnectionError:
            self._left()
        except asyncio.CancelledError:
            self._left()
            raise
        finally:
            self._close()
        return self._send.response

    async def _served(self) -> None:
        request = await self._read()
        self._state.admit(request)
        fault = self._state.faults.pick(request)
        if fault is not None:
            self._record.fault = fault.kind
            await self._struck_at_once(fault, request)
        if request.endpoint == "models":
            known = self._state.settings.known_models or tuple(sorted(self._state.settings.models))
            await self._send.whole(200, self._wire.listing(known))
            self._record.status = 200
            return
        with self._state.slot(request):
            generation = _understood(lambda: self._generation(request))
            self._generated = generation.usage
            await Delivery(self._state, self._wire, self._send, self._record, fault).deliver(request, generation)

    async def _read(self) -> ModelRequest:
        http, record = self._http, self._record
        head = Head(http.method, http.path, http.query, {name.lower(): value for name, value in http.headers.items()})
        record.client_request_id = head.headers.get("x-client-request-id")
        try:
            body = await http.content.read()
            request = _understood(lambda: self._wire.read(head, body))
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
            raise CutError
        if fault.kind == "hang_before_headers":
            await self._state.for_ever()

    def _generation(self, request: ModelRequest) -> Generation:
        replies = model.generate(request) if request.endpoint == "chat" else ()
        spent = sum(reply.output_tokens for reply in replies)
        thought = sum(reply.reasoning for reply in replies)
        usage = Tally() if request.endpoint == "count_tokens" else self._state.input_usage(request)
        usage = replace(usage, output=spent, reasoning=thought)
        return Generation(self._id, int(self._state.clock.now()), replies, usage)

    async def _refuse(self, refusal: Refusal) -> None:
        headers = {} if refusal.retry_after is None else {"retry-after": f"{refusal.retry_after:g}"}
        try:
            await self._send.whole(refusal.status, self._wire.refuse(refusal, self._id), headers)
            self._record.status = refusal.status
        except ConnectionError:
            self._left()
        except asyncio.CancelledError:
            self._left()
            raise

    def _left(self) -> None:
        stopping = self._state.stopping
        self._record.outcome = STOPPED if stopping else DISCONNECTED
        self._record.disconnected_at = None if stopping else self._state.clock.now()

    def _close(self) -> None:
        """Bill what was told, or else what had been generated, and close the record."""
        record = self._record
        if record.usage is not None:
            record.billed = record.usage
        elif self._generated is not None:
            thought = min(self._generated.reasoning, record.output_tokens)
            record.billed = replace(self._generated, output=record.output_tokens, reasoning=thought)
        self._state.journal.end(record)


def _understood(call: Callable[[], T]) -> T:
    """What `call` returns; a body of a shape that nobody expects is the client's mistake."""
    try:
        return call()
    except _MISSHAPEN as error:
        raise bad(f"The request cannot be understood: {type(error).__name__}: {error}") from error
