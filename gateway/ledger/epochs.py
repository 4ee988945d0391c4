"""Mends a Redis that was emptied, started again, or restored from a time before what the workers have seen.

One worker repairs under a lock: what the outbox still has goes to SQL, all sums are dropped (they come back out of SQL
when they are needed), `seq` jumps ahead of everything that anyone has seen, and a new epoch begins. Whoever meets the
new epoch brings back what it runs and what it settled. With SQL away there is no mending: `errors.Unavailable`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.ledger import booking
from gateway.ledger.counters import Counters, Operand, pairs, script, unavailable
from gateway.ledger.outbox import BATCH, TRIES, Consumer
from gateway.ledger.seeds import Seeds
from gateway.store.database import store_errors

LOCK = 10_000  # milliseconds
WAITS, PAUSE = 40, 0.05  # looks for another worker's repair, and the seconds between them
LEAP = 1_000_000  # how far `seq` jumps: more than any worker can have been ahead
Rejoin = Callable[[Counters], Awaitable[None]]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """Redis at one moment. `restarted`: it is not the process any more that began the epoch."""

    epoch: str | None
    seq: int
    run: str
    restarted: bool


class Epochs:
    """`rejoin` brings this worker's requests back. `grace`: seconds for all workers to do so before money is given."""

    def __init__(
        self, counters: Counters, seeds: Seeds, consumer: Consumer, engine: AsyncEngine, rejoin: Rejoin, grace: float
    ) -> None:
        self._counters = counters
        self._seeds = seeds
        self._consumer = consumer
        self._engine = engine
        self._rejoin = rejoin
        self._grace = grace
        self._mending: asyncio.Task[None] | None = None

    async def mend(self) -> None:
        """Take over the epoch that Redis has, or begin one. Raises Unavailable.

        All who need it wait for the same task, which goes on when one of them gives up.
        """
        if self._mending is None or self._mending.done():
            self._mending = asyncio.create_task(self._mend(), name="ledger-mend")
            self._mending.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._mending)

    async def _mend(self) -> None:
        now = await self._look()
        epoch = now.epoch
        if epoch is None or now.restarted or now.seq < max(self._counters.seen, await self._seeds.position()):
            epoch = await self._repair(epoch)
        if epoch == self._counters.epoch:
            return
        fresh = self._counters.at(epoch)
        await self._rejoin(fresh)
        self._counters.epoch, self._counters.seen = epoch, max(self._counters.seen, fresh.seen)

    async def _look(self) -> Seen:
        redis, base = self._counters.redis, self._counters.base
        answer = await redis.script(script("look"), [base], ("", 0, ""))
        epoch, seq, began, run = (part.decode() for part in answer)
        return Seen(epoch or None, int(seq), run, restarted=began != run)

    async def _repair(self, old: str | None) -> str:
        redis, key = self._counters.redis, self._counters.key
        if await redis.call("SET", key("repair"), "1", "NX", "PX", LOCK) is None:
            return await self._wait(old)
        try:
            found = (await self._look()).epoch
            return found if found is not None and found != old else await self._begin(old)
        finally:
            await redis.call("DEL", key("repair"))

    async def _begin(self, old: str | None) -> str:
        """Under the lock: a new epoch, in which only SQL and what is open counts."""
        redis, key = self._counters.redis, self._counters.key
        run = (await self._look()).run  # before all else: another start in the middle of this makes it void
        await redis.call("DEL", key("epoch"))
        await self._drain()
        position = await self._seeds.position()
        lost = await self._open_requests()
        await self._drop("acct:*")
        epoch = secrets.token_hex(8)
        ahead = max((await self._look()).seq, position, self._counters.seen)
        begin: list[Sequence[Operand]] = [
            ("DEL", key("unacked"), key("holds")),
            ("SET", key("seq"), ahead + LEAP if ahead else 0),
            ("SET", key("acked"), position),
            ("SET", key("run"), run),
            ("SET", key("epoch"), epoch),
        ]
        if self._grace and (ahead or lost or self._counters.epoch):
            begin.append(("SET", key("grace"), "1", "PX", int(self._grace * 1000)))
        await redis.pipeline(begin, atomic=True)
        if old is not None or self._counters.epoch:
            consequence = "it may have forgotten its last second: what was spent is taken from SQL again"
            log.warning("redis_starts_over", emptied=old is None, consequence=consequence)
        fresh = self._counters.at(epoch)
        for name in lost:
            await fresh.act("restore", name)
        return epoch

    async def _wait(self, old: str | None) -> str:
        for _ in range(WAITS):
            await asyncio.sleep(PAUSE)
            epoch = (await self._look()).epoch
            if epoch is not None and epoch != old:
                return epoch
        raise unavailable()

    async def _drain(self) -> None:
        """What the outbox still has goes to SQL: it may have it already, which changes nothing."""
        redis, key = self._counters.redis, self._counters.key
        for _ in range(TRIES * 10**6 // BATCH):
            waiting = await self._counters.oldest(BATCH)
            if not waiting:
                return
            if done := await self._consumer.book(waiting):
                await redis.call("XDEL", key("outbox"), *done)
        raise unavailable()

    async def _open_requests(self) -> list[str]:
        """Of the requests that Redis has as open, forget those that SQL has as ended; the others hold nothing yet."""
        redis, prefix = self._counters.redis, self._counters.key("req", "")
        lost: list[str] = []
        async for names in self._scan("req:*"):
            ids = [name.removeprefix(prefix) for name in names]
            with store_errors():
                ended = await booking.booked(self._engine, ids)
            for name, request_id in zip(names, ids, strict=True):
                found = pairs([part.decode() for part in await redis.call("HGETALL", name)])
                if request_id in ended and found:
                    open_set = self._counters.key("open", found["owner"])
                    await redis.pipeline([("DEL", name), ("SREM", open_set, request_id)], atomic=True)
                elif found.get("state") == "held":
                    await redis.call("HSET", name, "state", "lost")
                    lost.append(request_id)
        return lost

    async def _drop(self, pattern: str) -> None:
        async for names in self._scan(pattern):
            await self._counters.redis.call("UNLINK", *names)

    async def _scan(self, pattern: str) -> AsyncIterator[list[str]]:
        cursor: bytes | str = "0"
        while True:
            match = self._counters.key(pattern)
            cursor, found = await self._counters.redis.call("SCAN", cursor, "MATCH", match, "COUNT", 500)
            if found:
                yield [name.decode() for name in found]
            if int(cursor) == 0:
                return
