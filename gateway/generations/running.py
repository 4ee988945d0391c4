"""The generations that run in this process: started, watched by one sweep a second, stopped by a message.

Losing the client and cancelling are two acts. A crash loses this register; the ledger's recovery ends what it held.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Protocol

import msgspec
import structlog

from gateway.errors import GatewayError, Reason
from gateway.killpoints import reached
from gateway.pipeline import Pipeline
from gateway.ports import Clock, Ledger
from gateway.relay import Relay, Subscriber
from gateway.tasks import Tasks
from gateway.types import Call, Outcome

log = structlog.get_logger(__name__)

HEARTBEAT = 15.0  # seconds between extensions of the holds of what runs
HOLD_LIFE = 120.0  # seconds that an extension lasts


class ClientEnd(Subscriber, Protocol):
    """What a running generation needs of its client's connection; see `api.delivery`."""

    sending_since: float | None  # monotonic, while a write waits for a slow client

    async def end(self, call: Call, outcome: Outcome) -> None: ...


class Generation(msgspec.Struct, eq=False):
    """One running request."""

    call: Call
    client: ClientEnd
    task: asyncio.Task[Any]
    client_slow_at: float = -math.inf  # monotonic, when the sweep last found a write waiting for the client


class Generations:
    """Starts generations as tasks of the app and ends those that stall."""

    def __init__(
        self, pipeline: Pipeline, relay: Relay, ledger: Ledger, tasks: Tasks, clock: Clock, client_stall: float = 60.0
    ) -> None:
        self.use(pipeline, client_stall)
        self._relay = relay
        self._ledger = ledger
        self._tasks = tasks
        self._clock = clock
        self._running: dict[str, Generation] = {}
        self._extended = 0.0
        self.draining = False

    def __len__(self) -> int:
        return len(self._running)

    def use(self, pipeline: Pipeline, client_stall: float) -> None:
        """What starts from now on goes through this pipeline; what runs ends in the one it began with."""
        self._pipeline = pipeline
        self._client_stall = client_stall

    def start(self, call: Call, client: ClientEnd) -> Generation:
        """Run `call` through the pipeline in a task of its own, whatever becomes of its client."""
        task = self._tasks.spawn(self._run(call, client, self._pipeline), f"generation {call.id}")
        return self._register(call, client, task)

    def run(self, call: Call, client: ClientEnd, task: asyncio.Task[Any]) -> Coroutine[Any, Any, Outcome]:
        """The same in `task`, which is this one: the server's, which it does not cancel when the client leaves."""
        self._tasks.adopt(task)
        self._register(call, client, task)
        return self._run(call, client, self._pipeline)

    def get(self, generation_id: str) -> Generation | None:
        return self._running.get(generation_id)

    def left(self, call: Call) -> None:
        """The client's connection is gone: a message to the generation."""
        wanted = call.options.on_disconnect or (call.identity.on_disconnect if call.identity else "cancel")
        if wanted != "continue":
            call.interruption.request(Reason.CLIENT_GONE)

    def interrupt_all(self, reason: Reason) -> None:
        for generation in self._running.values():
            generation.call.interruption.request(reason)

    async def sweep(self, wait: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Forever: once a second look for stalls and passed deadlines, and extend the holds of what still runs."""
        while True:
            await wait(1.0)
            now = self._clock.monotonic()
            for generation in list(self._running.values()):
                self._check(generation, now)
            if now - self._extended >= HEARTBEAT:
                self._extended = now
                await self._extend()

    def _check(self, generation: Generation, now: float) -> None:
        call, sending_since = generation.call, generation.client.sending_since
        if sending_since is not None:
            generation.client_slow_at = now
        if sending_since is not None and now - sending_since > self._client_stall:
            call.interruption.request(Reason.CLIENT_GONE)
        elif now > call.deadline:
            call.interruption.request(Reason.DEADLINE)
        elif stalled(call, now, generation.client_slow_at):
            call.interruption.request(Reason.STALLED)

    async def _extend(self) -> None:
        ids = [call_id for call_id, generation in self._running.items() if generation.call.recorded]
        if not ids:
            return
        try:
            await self._ledger.extend(ids, self._clock.now() + HOLD_LIFE)
        except GatewayError as error:
            log.warning("holds_not_extended", error=error.message)

    def _register(self, call: Call, client: ClientEnd, task: asyncio.Task[Any]) -> Generation:
        call.interruption.walk = task
        generation = self._running[call.id] = Generation(call, client, task)
        return generation

    async def _run(self, call: Call, client: ClientEnd, pipeline: Pipeline) -> Outcome:
        try:
            outcome = await pipeline.run(call, partial(self._relay.deliver, subscriber=client))
            reached("before_last_byte")
            await client.end(call, outcome)
        finally:
            self._running.pop(call.id, None)
        return outcome


def stalled(call: Call, now: float, client_slow_at: float) -> bool:
    """Whether the provider has been silent in the middle of its answer for longer than its deployment may.

    While the client is slow to take what there is, nobody reads on: that silence is not the provider's.
    """
    running = call.running
    if running is None or running.first_chunk is None or running.last_chunk is None:
        return False
    return now - max(running.last_chunk, client_slow_at) > running.deployment.idle_timeout
