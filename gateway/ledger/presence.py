"""Who is alive. Every worker counts its beats in Redis; whoever sees another's count stand still ends its requests.

A count has to stand still for eight seconds of Redis being there all the time, as the watcher itself saw it, so after an
outage of Redis every live worker has time to be seen first. A worker that finds itself given up takes a new name and
brings its requests along. Redis away: nobody is given up, and `live_workers` stays at what was seen last.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence

import structlog

from gateway import errors
from gateway.ledger.carry import Carrier
from gateway.ledger.counters import Counters, pairs
from gateway.ports import Clock

EVERY = 2.0  # seconds between beats
GIVEN_UP = 8.0  # seconds of a count that stands still
DEAD = "dead"
Hook = Callable[[str], Awaitable[None]]
log = structlog.get_logger(__name__)


class Presence:
    """`carrier` takes this worker's requests along, and ends those that a dead worker left open."""

    def __init__(self, counters: Counters, clock: Clock, carrier: Carrier) -> None:
        self._counters = counters
        self._clock = clock
        self._carrier = carrier
        self.unread = 0  # events in the outbox
        self._hooks: list[Hook] = []
        self._seen: dict[str, tuple[str, float]] = {}  # a worker's count, and since when it stands there
        self._beaten_at: float | None = None
        self._graves: dict[str, None] = {}  # workers that are to be buried, in order
        self._renaming = asyncio.Lock()

    @property
    def owner(self) -> str:
        """The name of this worker, until it is given up."""
        return self._carrier.owner

    def live_workers(self) -> int:
        """Workers that are not given up, this one included; at least one."""
        return max(1, len(self._seen))

    def on_dead(self, hook: Hook) -> None:
        """Have `hook(owner)` awaited when a worker has been given up and its requests are settled."""
        self._hooks.append(hook)

    async def step(self) -> float:
        """Beat, look at the others, end what the dead ones left, and beat on meanwhile. Raises Unavailable."""
        await self._beat()
        burial = asyncio.create_task(self._bury_all(), name="ledger-burial")
        try:
            while not (await asyncio.wait({burial}, timeout=EVERY))[0]:
                await self._beat()
        finally:
            burial.cancel()
            await asyncio.gather(burial, return_exceptions=True)
        burial.result()
        return EVERY

    async def rise(self, counters: Counters) -> None:
        """Be counted, under a new name where the old one was given up, and bring along what runs."""
        await self._enrol(counters, self.owner)

    async def rename(self, given_up: str) -> None:
        """`given_up`, which was this worker's name, was given up: go on under one that nobody ends the requests of.

        However many notice it: there is one new name.
        """
        async with self._renaming:
            if self.owner == given_up:
                log.error("worker_was_given_up", owner=given_up)
                await self._enrol(self._counters, "")

    async def _enrol(self, counters: Counters, name: str) -> None:
        """The name counts before anybody uses it."""
        while not name or (await counters.act("beat", name, 1)).word == DEAD:
            name = f"w_{secrets.token_hex(8)}"
        self._carrier.owner = name
        await self._carrier.rejoin(counters)

    async def _beat(self) -> None:
        owner = self.owner
        try:
            reply = await self._counters.act("beat", owner, 0)
            if reply.word == DEAD:
                await self.rename(owner)
                return
        except errors.Unavailable:
            self._beaten_at = None
            raise
        self.unread = int(reply.rest[2])
        self._graves.update(dict.fromkeys(self._look(pairs(reply.rest[3:]))))

    async def leave(self) -> None:
        """End in good order: nobody has to wait for this worker to be given up."""
        await self._bury(self.owner)

    def _look(self, beats: dict[str, str]) -> Sequence[str]:
        """The workers that are to be given up now."""
        now = self._clock.monotonic()
        gap = self._beaten_at is None or now - self._beaten_at > GIVEN_UP / 2
        before = {} if gap else self._seen
        self._beaten_at = now
        seen = {
            owner: before[owner] if owner in before and before[owner][0] == count else (count, now)
            for owner, count in beats.items()
        }
        dead = [o for o, (count, since) in seen.items() if o != self.owner and now - since >= GIVEN_UP]
        dead += [o for o, count in beats.items() if count == DEAD and o not in dead]
        self._seen = {owner: seen[owner] for owner in seen if owner not in dead}
        for owner in dead:  # until it is buried, it stands still
            if beats[owner] != DEAD:
                log.warning("worker_given_up", owner=owner)
        return dead

    async def _bury_all(self) -> None:
        while self._graves:
            owner = next(iter(self._graves))
            await self._bury(owner)
            self._graves.pop(owner, None)

    async def _bury(self, owner: str) -> None:
        """Settle what it left open; it is forgotten once nothing is left."""
        reply = await self._counters.act("bury", owner)
        if reply.rest:
            await self._carrier.reap(self._counters, owner, reply.rest)
            await self._counters.act("bury", owner)
        for hook in self._hooks:
            await hook(owner)
