"""The scaled ledger: Redis decides, the outbox carries, PostgreSQL is the ledger.

Each act is one Lua script on all scopes at once. While Redis is away `open` refuses whoever has a limit
(`errors.Unavailable`), the others go on with the journal on this machine's disk; `settle` never fails: what Redis cannot
take goes to the journal and is replayed. PostgreSQL away: nothing is noticed here but for accounts that Redis does not
know yet; the outbox grows until it may grow no more, then `open` refuses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway import errors
from gateway.killpoints import reached
from gateway.ledger import booking, live, wire
from gateway.ledger.acts import STOPPED
from gateway.ledger.counters import Counters, Redis, Reply, listed, unavailable
from gateway.ledger.epochs import Epochs
from gateway.ledger.live import Live
from gateway.ledger.mirror import Ended, Mirror, Running, reported
from gateway.ledger.outbox import Consumer
from gateway.ledger.presence import Presence
from gateway.ledger.seeds import Seeds
from gateway.ledger.upkeep import Upkeep
from gateway.ports import Clock
from gateway.store.database import store_errors
from gateway.store.tables import key_scope
from gateway.types import (
    Balance,
    HoldRefused,
    HoldRequest,
    Intent,
    Opened,
    RequestRecord,
    Settlement,
    Status,
)

MOST_HELD = 10**18  # nano-dollars that one request can hold
MOST_UNREAD = 10**6  # events that may wait for SQL
TOMBSTONE = 7_200  # seconds that a settled request is remembered
SETTLE_TIME = 0.25  # seconds that a client waits for Redis at its request's end
log = structlog.get_logger(__name__)


class RedisLedger:
    """`ports.Ledger` for any number of workers on one Redis and one database."""

    def __init__(
        self,
        redis: Redis,
        engine: AsyncEngine,
        clock: Clock,
        data_dir: Path,
        *,
        server_time: bool = True,
        grace: float = 2.5,
        most_unread: int = MOST_UNREAD,
    ) -> None:
        """`server_time`: Redis' clock decides what has expired. `grace`: see `Epochs`."""
        self.mirror = Mirror()
        self.counters = Counters(redis, clock, server_time=server_time)
        self.presence = Presence(self.counters, clock, self._reap, self._rejoin)
        self.consumer = Consumer(self.counters, engine, clock, self.presence.owner)
        self._seeds = Seeds(engine)
        self._epochs = Epochs(self.counters, self._seeds, self.consumer, engine, self.presence.rise, grace)
        self.counters.plant, self.counters.mend = self._seeds.plant, self._epochs.mend
        self._clock = clock
        self._engine = engine
        self._most_unread = most_unread
        self._upkeep = Upkeep()

    async def start(self, *, background: bool = True) -> None:
        """Join the other workers. Raises errors.Unavailable while Redis or SQL is away."""
        await self._epochs.mend()
        if background:
            self._upkeep.start("presence", self._beat)
            self._upkeep.start("outbox", self.consumer.step)

    async def close(self) -> None:
        """Hand over to the other workers; what this one still has open is ended as expired."""
        await self._upkeep.close()
        try:
            await self.presence.leave()
            await self.consumer.drain()
            await self.consumer.hand_over()
        except errors.Unavailable as error:
            log.warning("ledger_not_handed_over", error=error.message)

    async def open(self, record: RequestRecord, hold: HoldRequest | None) -> Opened | HoldRefused:
        """Write the request down and take its hold on all scopes at once, or do neither and say why."""
        scopes = tuple(dict.fromkeys(hold.scopes)) if hold is not None else ()
        if hold is None or not scopes:
            running = Running(record, (key_scope(record.key_id),), None, 0.0)
        else:
            running = Running(record, scopes, min(max(0, hold.amount), MOST_HELD), hold.expires_at)
        reached("before_hold")
        answer = await self._open(running)
        reached("after_hold")
        return answer

    async def _open(self, running: Running) -> Opened | HoldRefused:
        record, amount = running.record, "" if running.amount is None else running.amount
        for _ in range(2):
            lifetime = wire.instant(running.expires_at - self._clock.now())
            values = (record.id, wire.dump(record), amount, lifetime, self._most_unread, *listed(*running.scopes))
            reply = await self.counters.act("open", self.presence.owner, *values)
            if reply.word != "dead":
                break
            await self.presence.rise(self.counters)
        match reply.word:
            case "ok":
                self.mirror.opened(running)
                return Opened(reply.balances)
            case "gone" | "busy":
                return HoldRefused(reply.balances[0], busy=reply.word == "busy")
            case "conflict":
                raise errors.Conflict(f"The request {record.id} was opened before.")
        raise unavailable()

    async def dispatch(self, intent: Intent, hold_at_least: int) -> HoldRefused | None:
        """Write the attempt down before it is sent. Raises Conflict for a request that is not open."""
        reached("before_dispatch")
        at_least = min(max(0, hold_at_least), MOST_HELD)
        values = (intent.request_id, intent.number, wire.bound(intent), wire.dump(intent), at_least)
        reply = await self.counters.act("dispatch", *values)
        match reply.word:
            case "gone" | "busy":
                return HoldRefused(reply.balances[0], busy=reply.word == "busy")
            case "closed":
                raise errors.Conflict(f"The request {intent.request_id} is not open.", code="already_finished")
            case "conflict":
                raise errors.Conflict(f"Attempt {intent.number} of {intent.request_id} was dispatched before.")
        self.mirror.dispatched(intent, at_least)
        reached("after_dispatch")
        return None

    async def extend(self, request_ids: Sequence[str], expires_at: float) -> None:
        """Keep the holds of running requests alive until `expires_at`, Unix seconds."""
        self.mirror.extended(request_ids, expires_at)
        await self.counters.act("extend", wire.instant(expires_at - self._clock.now()), *listed(*request_ids))

    async def settle(self, settlement: Settlement) -> tuple[Balance, ...]:
        """End a request. Returns once Redis or the journal has it; never fails because a store is away."""
        reached("before_capture")
        running = self.mirror.running.get(settlement.request_id)
        reply = await self._settle(self.counters, settlement, running)
        if reply.word == "unknown":
            log.error("settlement_of_unknown_request", generation=settlement.request_id)
        reached("after_capture")
        return reply.balances if reply.word == "ok" else ()

    async def record(self, record: RequestRecord, settlement: Settlement) -> None:
        """Write down a request that needed no provider, opened and ended at once."""
        running = Running(record, (key_scope(record.key_id),), None, 0.0)
        await self._settle(self.counters, settlement, running)

    async def balances(self, scopes: Sequence[str]) -> list[Balance]:
        """The accounts of `scopes` in that order, expired holds and ended windows already taken off."""
        return list((await self.counters.act("balances", *listed(*scopes))).balances)

    async def refresh(self, scopes: Sequence[str]) -> None:
        """The accounts' limits or windows were changed in SQL: take them over. Raises Unavailable."""
        await self._seeds.plant(self.counters, scopes, force=True)

    async def live(self, generation_id: str) -> Live | None:
        """A request that SQL does not have yet: it runs, or was settled a moment ago. Raises Unavailable."""
        return await live.find(self.counters, generation_id)

    async def sweep(self) -> int:
        """Give back what expired holds set aside; return how many there were. Their requests stay open."""
        swept = 0
        while count := int((await self.counters.act("sweep")).rest[0]):
            swept += count
        return swept

    async def _settle(
        self, counters: Counters, settlement: Settlement, running: Running | None, *, only_of: str = ""
    ) -> Reply:
        """Settle in Redis; `running` brings along what Redis may have lost."""
        named = (settlement.request_id, self.presence.owner, only_of, TOMBSTONE, wire.dump(settlement))
        lost: tuple[object, ...] = (*listed(), "", *listed(), *listed())
        if running is not None:
            void = listed(*sorted(running.void))
            lost = (*void, wire.dump(running.record), *listed(*running.scopes), *running.attempts)
        reply = await counters.act("settle", *named, *reported(settlement), *lost)
        if running is not None and reply.word in {"ok", "done"}:
            self.mirror.settled(Ended(running, settlement, reply.seq if reply.word == "ok" else 0))
        self.mirror.consumed(counters.acked)
        return reply

    async def _beat(self) -> float:
        pause = await self.presence.step()
        self.mirror.consumed(self.counters.acked)
        return pause

    async def _rejoin(self, counters: Counters) -> None:
        """Bring back what this worker runs, and what it settled and SQL does not have."""
        for running in list(self.mirror.running.values()):
            await self._register(counters, running)
        sent = [ended for ended in self.mirror.ended.values() if ended.seq]
        with store_errors():
            booked = await booking.booked(self._engine, [ended.running.record.id for ended in sent])
        for ended in sent:
            if ended.running.record.id in booked:
                self.mirror.ended.pop(ended.running.record.id, None)
            else:
                await self._settle(counters, ended.settlement, ended.running)

    async def _register(self, counters: Counters, running: Running) -> None:
        lifetime = wire.instant(running.expires_at - self._clock.now())
        held = "" if running.amount is None else running.amount
        named = (self.presence.owner, running.record.id, wire.dump(running.record), held, lifetime)
        reply = await counters.act("register", *named, *listed(*running.scopes), *running.attempts)
        if reply.word == "done":  # somebody gave this worker up, and ended it
            self.mirror.running.pop(running.record.id, None)

    async def _reap(self, owner: str, request_id: str) -> None:
        """End what a worker left open, each attempt charged at the most it can cost."""
        ended_at = self._clock.now()
        settlement = Settlement(request_id, (), Status.EXPIRED, 500, STOPPED, ended_at=ended_at)
        await self._settle(self.counters, settlement, None, only_of=owner)
