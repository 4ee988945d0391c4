"""What the two set-ups are made of: embedded is SQLite and memory in one process, scaled is PostgreSQL and Redis.

Chosen by the two addresses of the configuration alone. A part that cannot start raises with one sentence, and what was
started before it is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from gateway.config.config import Config
from gateway.errors import Unavailable
from gateway.ledger.live import Live
from gateway.ledger.pairing import belong_together
from gateway.ledger.records import SqlRecords
from gateway.ledger.redis import RedisLedger
from gateway.ledger.sqlite import SqliteLedger
from gateway.ports import Cache, Clock, Ledger, Limiter, Throttle
from gateway.state.failures import StateUnavailable
from gateway.state.first import RedisFirst
from gateway.state.live import RedisLive
from gateway.state.memory import MemoryCache, MemoryLimiter
from gateway.state.redis import RedisCache, RedisLimiter
from gateway.state.throttle import MemoryThrottle, RedisThrottle
from gateway.store.database import Database, open_database
from gateway.store.failures import StoreUnavailable
from gateway.store.secrets import load_or_create_secret, parse_secret
from gateway.telemetry.alerts import First, always
from gateway.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from gateway.state.connection import RedisConnection
    from gateway.state.revocations import RedisChanges

logger = structlog.get_logger(__name__)

SETTLE_TIME = 60.0  # seconds that a request may take beyond its deadline
HOLD_SWEEP = 15.0  # seconds between looks for holds whose time is over
EFFECTS = {
    "database": "keys that were used in the last 15 minutes go on; administration and sign-in wait",
    "redis": "requests with a budget are refused; others go on with this process's own limits",
}
Heard = Callable[[dict[str, str]], None]


class SweptLedger(Ledger, Protocol):
    """A ledger whose expired holds are given back now and then."""

    async def sweep(self) -> int: ...


class BoundedCache(Cache, Protocol):
    """A cache of so many answers."""

    max_entries: int


@dataclass(slots=True)
class Backends:
    """Everything with state, started. `announce` and `listen` reach the other processes, where there are any."""

    database: Database
    secret: bytes
    ledger: SweptLedger
    limiter: Limiter
    cache: BoundedCache
    throttle: Throttle
    dependencies: tuple[str, ...]
    redis: RedisConnection | None = None
    announce: Callable[[dict[str, str]], Awaitable[None]] | None = None
    listen: Callable[[Heard], Coroutine[Any, Any, None]] | None = None
    live: Callable[[str], Awaitable[Live | None]] | None = None  # requests that SQL does not have yet
    shown: RedisLive | None = None  # where this process's live figures go
    workers: Callable[[], int] = field(default=lambda: 1)
    read_gauges: Callable[[Metrics], None] = field(default=lambda _: None)
    drift: Callable[[], int] = field(default=lambda: 0)  # nano-dollars that Redis and SQL disagree by
    first: First = always  # of all workers, to say something

    def records(self, clock: Clock) -> SqlRecords:
        """Reads the ledger; where SQL follows behind, the ledger itself has the last word."""
        return SqlRecords(self.database.engine, clock, self.ledger if self.live is not None else None, self.live)

    def configure(self, config: Config) -> None:
        """What of a changed configuration concerns the stores; their addresses do not change while it serves."""
        self.cache.max_entries = config.cache.max_entries
        if isinstance(self.limiter, RedisLimiter):
            self.limiter.slot_ttl = config.timeouts.total + SETTLE_TIME

    async def sweep_holds(self) -> None:
        """For ever: give back what expired holds set aside."""
        while True:
            await asyncio.sleep(HOLD_SWEEP)
            try:
                await self.ledger.sweep()
            except Unavailable as error:
                logger.warning("holds_not_swept", error=error.message)


async def open_backends(config: Config, clock: Clock, stack: AsyncExitStack) -> Backends:
    """Open what the configuration asks for; `stack` closes it. Raises StoreUnavailable, StateUnavailable, Unavailable."""
    return await (_scaled if config.store.redis_url is not None else _embedded)(config, clock, stack)


async def _embedded(config: Config, clock: Clock, stack: AsyncExitStack) -> Backends:
    database = await open_database(config.data_dir, exclusive=True)
    stack.push_async_callback(database.close)
    ledger = SqliteLedger(database.path or config.data_dir, clock)
    await ledger.start()
    stack.push_async_callback(ledger.close)
    await ledger.recover()
    return Backends(
        database=database,
        secret=configured_secret(config) or load_or_create_secret(config.data_dir),
        ledger=ledger,
        limiter=MemoryLimiter(clock),
        cache=MemoryCache(clock, max_entries=config.cache.max_entries),
        throttle=MemoryThrottle(clock),
        dependencies=("database",),
    )


async def _scaled(config: Config, clock: Clock, stack: AsyncExitStack) -> Backends:
    secret = configured_secret(config)
    if secret is None:
        raise StoreUnavailable(
            "With PostgreSQL and Redis the environment has to say ATELIER_SECRET, the same for every process: "
            "a long random text, or what `atelier migrate` wrote."
        )
    url, redis_url = config.store.database_url, config.store.redis_url
    if url is None or redis_url is None:
        raise RuntimeError("the configuration was not checked")
    database = await open_database(config.data_dir, url.get_secret_value(), exclusive=True)
    stack.push_async_callback(database.close)
    redis = await _connected(redis_url.get_secret_value(), database, clock, stack)
    ledger = RedisLedger(redis, database.engine, clock, config.data_dir)
    await ledger.start()
    stack.push_async_callback(ledger.close)
    presence = ledger.presence
    limiter = RedisLimiter(
        redis, clock, lambda: presence.owner, presence.live_workers, slot_ttl=config.timeouts.total + SETTLE_TIME
    )

    async def free_slots(owner: str) -> None:
        await limiter.release_worker(owner)

    def read_gauges(metrics: Metrics) -> None:
        metrics.outbox(presence.unread)
        metrics.ledger_drift(ledger.reconciler.drift)

    presence.on_dead(free_slots)
    changes = _changes(redis)
    shown = RedisLive(redis, clock, presence.owner)
    stack.push_async_callback(shown.withdraw)
    return Backends(
        database=database,
        secret=secret,
        ledger=ledger,
        limiter=limiter,
        cache=RedisCache(redis, max_entries=config.cache.max_entries),
        throttle=RedisThrottle(redis, clock),
        dependencies=("database", "redis"),
        redis=redis,
        announce=changes.announce,
        listen=changes.listen,
        live=ledger.live,
        shown=shown,
        read_gauges=read_gauges,
        workers=presence.live_workers,
        drift=lambda: ledger.reconciler.drift,
        first=RedisFirst(redis),
    )


async def _connected(url: str, database: Database, clock: Clock, stack: AsyncExitStack) -> RedisConnection:
    """The Redis that belongs to this database. Raises StateUnavailable for another one's."""
    from gateway.state.connection import RedisConnection  # noqa: PLC0415 - it brings redis-py: 9 MB

    redis = RedisConnection(url, clock)
    await redis.start()
    stack.push_async_callback(redis.close)
    if not await belong_together(redis, database.engine):
        raise StateUnavailable(
            f"Redis at {redis.where} belongs to another database: its sums are of other books. Give this gateway a "
            "Redis, or a database number in it, of its own; or empty it, if nothing else uses it."
        )
    return redis


def _changes(redis: RedisConnection) -> RedisChanges:
    from gateway.state.revocations import RedisChanges  # noqa: PLC0415 - it brings redis-py

    return RedisChanges(redis)


def configured_secret(config: Config) -> bytes | None:
    """The secret of the environment, if it has one. Raises StoreUnavailable for one that cannot be read."""
    return parse_secret(config.secret.get_secret_value()) if config.secret is not None else None
