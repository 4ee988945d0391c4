"""Brings to Redis what this worker has on its hands: each settlement once, and again what Redis has lost.

Everything here may be done again after a failure (`errors.Unavailable`) and changes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.ledger import booking, journal, wire
from gateway.ledger.counters import Counters, Operand, Reply, listed, pairs
from gateway.ledger.mirror import Ended, Mirror, Running, reported
from gateway.ledger.offline import Offline
from gateway.ports import Clock
from gateway.store.database import store_errors
from gateway.types import Intent, RequestRecord, Settlement

NOTHING: tuple[Operand, ...] = ("", *listed(), *listed())  # in place of `brought`
TOMBSTONE = 7_200  # seconds that a settled request is remembered
log = structlog.get_logger(__name__)


class Carrier:
    """`owner` is the name under which this worker's requests stand in Redis."""

    def __init__(self, mirror: Mirror, offline: Offline, engine: AsyncEngine, clock: Clock) -> None:
        self.owner = ""
        self._mirror = mirror
        self._offline = offline
        self._engine = engine
        self._clock = clock

    async def settle(
        self,
        counters: Counters,
        settlement: Settlement,
        running: Running | None,
        *,
        only_of: str = "",
        again: bool = False,
        patience: float | None = None,
    ) -> Reply:
        """Settle in Redis; `running` brings along what Redis may not know. `only_of`: only a request of that worker.

        `again`: it was tried before and may be in SQL, which is asked when Redis has lost it (`rejoin`).
        `patience`: see `Counters.act`.
        """
        named = (settlement.request_id, self.owner, only_of, TOMBSTONE, wire.dump(settlement), *reported(settlement))
        void = listed(*sorted(running.void)) if running is not None else listed()
        known = running is None or (not running.journaled and settlement.request_id in self._mirror.running)
        brings = NOTHING if known or running is None else brought(running)
        reply = await counters.act("settle", *named, *void, *brings, anew=not again, patience=patience)
        if reply.word == "unknown" and running is not None:
            reply = await counters.act("settle", *named, *void, *brought(running), anew=not again, patience=patience)
        if running is not None and reply.word in {"ok", "done"}:
            self._mirror.settled(Ended(running, settlement, reply.seq))
        self._mirror.consumed(counters.acked)
        return reply

    async def register(self, counters: Counters, running: Running) -> None:
        """Have a running request stand in Redis, with its hold, whether or not there is room for it."""
        now = self._clock.now()
        held = "" if running.amount is None else running.amount
        times = (wire.instant(now - running.created_at), wire.instant(running.expires_at - now))
        named = (self.owner, running.record.id, wire.dump(running.record), held, *times)
        reply = await counters.act("register", *named, *listed(*running.scopes), *running.attempts)
        running.journaled = False
        if reply.word == "done":  # this worker had been given up, and another one ended it
            self._mirror.running.pop(running.record.id, None)

    async def rejoin(self, counters: Counters) -> None:
        """In a new epoch: what this worker runs, and what it settled, or tried to, and SQL does not have."""
        for running in list(self._mirror.running.values()):
            await self.register(counters, running)
        await self._again(counters, list(self._mirror.ended.values()))

    async def replay(self, counters: Counters) -> bool:
        """What happened while Redis was away; False when there was nothing."""
        entries, mirror = self._offline.entries, self._mirror
        running = [each for each in mirror.running.values() if each.journaled]
        if not (entries or running or mirror.unsent or mirror.doubtful):
            return False
        await counters.act("balances", *listed())  # so that a Redis that has lost something is mended first
        for name in list(mirror.doubtful):
            if name not in mirror.running:
                await counters.act("forget", name)
            mirror.doubtful.discard(name)
        for each in running:
            await self.register(counters, each)
        for ended in mirror.unsent:
            await self.settle(counters, ended.settlement, ended.running, again=True)
        await self._offline.clear(entries)
        log.info("journal_replayed", entries=entries)
        return True

    async def adopt(self, counters: Counters) -> None:
        """What dead processes of this machine wrote down while Redis was away."""
        for file, left in await self._offline.adopt():
            done = False
            try:
                await self._again(counters, left)
                done = True
                log.warning("journal_adopted", file=file.path.name, requests=len(left))
            finally:
                journal.release(file, delete=done)

    async def reap(self, counters: Counters, owner: str, names: Sequence[str]) -> None:
        """End what a dead worker left open, each attempt charged at the most it can cost."""
        booked = await self._booked(names)
        for name in names:
            found = await counters.redis.call("HGETALL", counters.key("req", name))
            if name in booked:
                await counters.act("forget", name)
            elif found:
                left = running_of(pairs([part.decode() for part in found]))
                await self.settle(counters, wire.stopped(name, self._clock.now()), left, only_of=owner)

    async def _again(self, counters: Counters, settled: Sequence[Ended]) -> None:
        """Settle what SQL does not have."""
        booked = await self._booked([ended.running.record.id for ended in settled])
        for ended in settled:
            if (name := ended.running.record.id) in booked:
                await counters.act("forget", name)
                self._mirror.ended.pop(name, None)
            else:
                await self.settle(counters, ended.settlement, ended.running, again=True)

    async def _booked(self, names: Sequence[str]) -> set[str]:
        """Those that SQL has as ended: a Redis of before may have them open, and they are not charged a second time."""
        if not names:
            return set()
        with store_errors():
            return await booking.booked(self._engine, names)


def brought(running: Running) -> tuple[Operand, ...]:
    """A request as `settle` takes it where Redis does not know it."""
    return (wire.dump(running.record), *listed(*running.scopes), *running.attempts)


def running_of(fields: Mapping[str, str]) -> Running:
    """A request as Redis has it, so that it outlives Redis. Its hold is Redis' own business."""
    scopes = tuple(fields[f"s{n}"] for n in range(1, int(fields["n"]) + 1))
    intents = (wire.load(text, Intent) for name, text in fields.items() if name.startswith("i:"))
    record = wire.load(fields["record"], RequestRecord)
    return Running(record, scopes, None, 0.0, 0.0, {intent.number: intent for intent in intents})
