"""The scaled ledger: Redis decides, the outbox carries, PostgreSQL is the ledger.

Each act is one Lua script on all scopes at once. While Redis is away `open` refuses whoever has a limit
(`errors.Unavailable`), the others go on with the journal on this machine's disk; `settle` never fails: what Redis cannot
take goes to the journal and is replayed. PostgreSQL away: nothing is noticed here but for accounts that Redis does not
know yet; the outbox grows until it may grow no more, then `open` refuses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway import errors
from gateway.killpoints import reached
from gateway.ledger import live, wire
from gateway.ledger.carry import Carrier
from gateway.ledger.counters import Closed, Counters, Redis, listed, unavailable
from gateway.ledger.epochs import Epochs
from gateway.ledger.live import Live
from gateway.ledger.mirror import Mirror, Running
from gateway.ledger.offline import Offline
from gateway.ledger.outbox import Consumer
from gateway.ledger.presence import Presence
from gateway.ledger.reconcile import EVERY, Reconciler
from gateway.ledger.seeds import Seeds
from gateway.ledger.upkeep import Upkeep
from gateway.ports import Clock
from gateway.store.tables import key_scope
from gateway.types import Balance, HoldRefused, HoldRequest, Intent, Opened, RequestRecord, Settlement

MOST_HELD = 2 * 10**18  # nano-dollars that one request can hold: more than any limit
MANY_UNREAD = 10**5  # events in the outbox that are worth a warning
REPLAY = 0.25  # seconds between looks for what the journal has for Redis
JOURNAL = "journal"  # folder in the data folder
SETTLE_TIME = 0.25  # seconds that a client waits at its request's end for what is more than an answer of Redis
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """`server_time`: Redis' clock decides what has expired, not this machine's. `grace`: seconds, see `Epochs`.

    `most_unread`: events that may wait for SQL before nothing new is begun.
    """

    server_time: bool = True
    grace: float = 2.5
    most_unread: int = 10**6


DEFAULTS = Settings()


class RedisLedger:
    """`ports.Ledger` for any number of workers on one Redis and one database."""

    def __init__(
        self, redis: Redis, engine: AsyncEngine, clock: Clock, data_dir: Path, settings: Settings = DEFAULTS
    ) -> None:
        self.mirror = Mirror()
        self.counters = Counters(redis, clock, server_time=settings.server_time)
        self._offline = Offline(self.mirror, data_dir / JOURNAL, clock)
        self._carrier = Carrier(self.mirror, self._offline, engine, clock)
        self.presence = Presence(self.counters, clock, self._carrier)
        self.consumer = Consumer(self.counters, engine, clock)
        self._seeds = Seeds(engine)
        self._epochs = Epochs(self.counters, self._seeds, self.consumer, engine, self.presence.rise, settings.grace)
        self.counters.plant, self.counters.mend = self._seeds.plant, self._epochs.mend
        self.reconciler = Reconciler(self.counters, self._seeds)
        self.presence.on_dead(self._adopt)
        self._clock = clock
        self._most_unread = settings.most_unread
        self._upkeep = Upkeep()

    async def start(self, *, background: bool = True) -> None:
        """Join the other workers. Raises errors.Unavailable while Redis or SQL is away."""
        await self._epochs.mend()
        await self._adopt()
        if background:
            self.counters.redis.watch(lambda away: None if away else self._upkeep.wake())
            self._upkeep.start("presence", self._beat)
            self._upkeep.start("outbox", self.consumer.step)
            self._upkeep.start("journal", self._replay)
            self._upkeep.start("reconcile", self._reconcile)

    async def close(self) -> None:
        """Hand over to the other workers; what this one still has open is ended as expired."""
        await self._upkeep.close()
        try:
            await self._carrier.replay(self.counters)
            await self.presence.leave()
            await self.consumer.drain()
            await self.consumer.hand_over()
        except errors.Unavailable as error:
            log.warning("ledger_not_handed_over", error=error.message)
        await self._offline.close()

    @property
    def unread(self) -> int:
        """Events in the outbox, as of the last beat."""
        return self.presence.unread

    @property
    def drift(self) -> int:
        """Nano-dollars by which Redis and SQL differed when this worker last compared them."""
        return self.reconciler.drift

    async def open(
        self, record: RequestRecord, hold: HoldRequest | None, first: Intent | None = None
    ) -> Opened | HoldRefused:
        """Write the request down and take its hold on all scopes at once, or do neither and say why.

        `first`: an attempt that is written down in the same act; its bound is within the hold.
        """
        scopes = tuple(dict.fromkeys(hold.scopes)) if hold is not None else ()
        if hold is None or not scopes:
            running = free(record)
        else:
            now = self._clock.now()
            running = Running(record, scopes, min(max(0, hold.amount), MOST_HELD), now, hold.expires_at)
        reached("before_hold")
        if first is not None:
            running.intents[first.number] = first
            reached("before_dispatch")
        try:
            answer = await self._open(running)
        except Closed:
            raise
        except errors.Unavailable:
            if not await self._offline.opens(running):
                self.mirror.doubtful.add(record.id)
                raise
            answer = Opened()
        reached("after_hold")
        if first is not None and isinstance(answer, Opened):
            reached("after_dispatch")
        return answer

    async def _open(self, running: Running) -> Opened | HoldRefused:
        record, amount = running.record, "" if running.amount is None else running.amount
        for _ in range(2):
            lifetime = running.expires_at - self._clock.now()
            values = (record.id, wire.dump(record), amount, lifetime, self._most_unread)
            owner = self.presence.owner
            reply = await self.counters.act("open", owner, *values, *listed(*running.scopes), *running.attempts)
            if reply.word != "dead":
                break
            await self.presence.rename(owner)
        match reply.word:
            case "ok":
                self.mirror.opened(running)
                if owner != self.presence.owner:  # renamed since, and brought along what was in the mirror then
                    await self._carrier.register(self.counters, running)
                balances = reply.balances()
                self._offline.learn(balances)
                return Opened(balances)
            case "gone" | "busy":
                return HoldRefused(reply.balances()[0], busy=reply.word == "busy")
            case "conflict":
                raise errors.Conflict(f"The request {record.id} was opened before.")
            case "grace":
                raise Closed("The gateway's shared state was lost and comes back in a moment; try again shortly.")
        raise unavailable()

    async def dispatch(self, intent: Intent, hold_at_least: int) -> HoldRefused | None:
        """Write the attempt down before it is sent. Raises Conflict for a request that is not open."""
        reached("before_dispatch")
        running = self.mirror.running.get(intent.request_id)
        at_least = min(max(0, hold_at_least), MOST_HELD)
        try:
            refused = await self._dispatch(intent, at_least, running)
        except errors.Unavailable:
            if running is None:
                raise
            if not await self._offline.dispatches(running, intent, at_least):
                running.void.add(intent.number)
                raise
            refused = None
        reached("after_dispatch")
        return refused

    async def _dispatch(self, intent: Intent, at_least: int, running: Running | None) -> HoldRefused | None:
        if running is not None and running.journaled:
            await self._carrier.register(self.counters, running)
        values = (intent.request_id, intent.number, wire.bound(intent), wire.dump(intent), at_least)
        reply = await self.counters.act("dispatch", *values)
        match reply.word:
            case "gone" | "busy":
                return HoldRefused(reply.balances()[0], busy=reply.word == "busy")
            case "closed":
                raise errors.Conflict(f"The request {intent.request_id} is not open.", code="already_finished")
            case "conflict" if running is None or intent.number not in running.void:
                raise errors.Conflict(f"Attempt {intent.number} of {intent.request_id} was dispatched before.")
        self.mirror.dispatched(intent, at_least)
        if running is not None and reply.word == "ok":
            now, (amount, age, lifetime) = self._clock.now(), reply.rest[2:]
            running.held(int(amount), now - float(age), now + float(lifetime))
        return None

    async def extend(self, request_ids: Sequence[str], expires_at: float) -> None:
        """Keep the holds of running requests alive until `expires_at`, Unix seconds."""
        now = self._clock.now()
        self.mirror.extended(request_ids, now, expires_at)
        await self.counters.act("extend", wire.instant(expires_at - now), *listed(*request_ids))

    async def settle(self, settlement: Settlement) -> tuple[Balance, ...]:
        """End a request. Returns once Redis or the journal has it; never fails because a store is away."""
        reached("before_capture")
        running = self.mirror.running.get(settlement.request_id)
        balances = await self._settle(settlement, running)
        reached("after_capture")
        return balances

    async def _settle(self, settlement: Settlement, running: Running | None) -> tuple[Balance, ...]:
        try:
            settling = self._carrier.settle(self.counters, settlement, running, patience=SETTLE_TIME)
            if self.counters.redis.crowded:  # else an answer of Redis takes no longer than its connection lets it
                settling = asyncio.wait_for(settling, SETTLE_TIME)
            reply = await settling
        except (errors.Unavailable, TimeoutError):
            if running is not None and settlement.request_id not in self.mirror.ended:
                await self._offline.settles(running, settlement)
            return ()
        if reply.word == "unknown":
            log.error("settlement_of_unknown_request", generation=settlement.request_id)
        if reply.word != "ok":
            return ()
        balances = reply.balances()
        self._offline.learn(balances)
        return balances

    async def record(self, record: RequestRecord, settlement: Settlement) -> None:
        """Write down a request that needed no provider, opened and ended at once."""
        await self._settle(settlement, free(record))

    async def balances(self, scopes: Sequence[str]) -> list[Balance]:
        """The accounts of `scopes` in that order, expired holds and ended windows already taken off."""
        found = (await self.counters.act("balances", *listed(*scopes))).balances()
        self._offline.learn(found)
        return list(found)

    async def refresh(self, scopes: Sequence[str]) -> None:
        """The accounts' limits or windows were changed in SQL: take them over. Raises Unavailable."""
        await self._seeds.plant(self.counters, scopes, force=True)
        await self.balances(scopes)

    async def live(self, generation_id: str) -> Live | None:
        """A request that SQL does not have yet: it runs, or was settled a moment ago. Raises Unavailable."""
        return await live.find(self.counters, generation_id)

    async def sweep(self) -> int:
        """Give back what expired holds set aside; return how many there were. Their requests stay open."""
        swept = 0
        while count := int((await self.counters.act("sweep")).rest[0]):
            swept += count
        return swept

    async def _beat(self) -> float:
        pause = await self.presence.step()
        self.mirror.consumed(self.counters.acked)
        if self.unread >= MANY_UNREAD:
            log.warning("settlements_wait_for_sql", events=self.unread, requests_refused_at=self._most_unread)
        return pause

    async def _adopt(self, *_: str) -> None:
        await self._carrier.adopt(self.counters)

    async def _replay(self) -> float:
        if not self.counters.redis.away:
            await self._carrier.replay(self.counters)
        return REPLAY

    async def _reconcile(self) -> float:
        if self.consumer.leads:
            await self.reconciler.run()
        return EVERY


def free(record: RequestRecord) -> Running:
    """A request that holds nothing: its key's own account pays."""
    return Running(record, (key_scope(record.key_id),), None, 0.0, 0.0)
