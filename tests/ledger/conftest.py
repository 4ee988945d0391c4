"""The world of the ledger's tests: a ledger on a fresh store, a clock that is set by hand, and a look at the books.

The contract suite uses nothing but `World`. Another implementation of `ports.Ledger` comes in as another parameter of
the `world` fixture, with its own way to read the books.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from msgspec.structs import asdict, replace
from sqlalchemy import delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import col

from gateway import errors
from gateway.clock import SystemClock
from gateway.ledger.acts import Recovered
from gateway.ledger.counters import Redis
from gateway.ledger.redis import RedisLedger, Settings
from gateway.ledger.sqlite import SqliteLedger
from gateway.state.connection import RedisConnection
from gateway.store.database import open_database
from gateway.store.tables import Account, Content, DeadLetter, LedgerLine, Position, Request
from gateway.types import (
    AttemptResult,
    Balance,
    Endpoint,
    HoldRefused,
    HoldRequest,
    Intent,
    Price,
    RequestRecord,
    Settlement,
    Status,
    Usage,
)
from tests.servers import PostgresServer, RedisServer, in_a_thread, redis_binaries
from tests.state.fake_connection import FakeRedisConnection

START = 1_900_000_000.0
PRICE = Price(input=1_000, output=2_000, source="config")


@dataclass(slots=True)
class SetClock:
    time: float = START

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


def a_record(generation: str, key: str = "k_1", **members: Any) -> RequestRecord:
    record = RequestRecord(generation, f"req-{generation}", key, f"key:{key}", Endpoint.CHAT, "smart", True, START)
    return replace(record, **members)


def an_intent(generation: str, number: int = 1, bound: int = 100) -> Intent:
    return Intent(generation, number, f"dep-{number}", "openai", "gpt-x", PRICE, bound, START)


def a_result(intent: Intent, cost: int, **members: Any) -> AttemptResult:
    result = AttemptResult(intent, Status.COMPLETED, Usage(input=3, output=cost), cost, START + 2.0)
    return replace(result, **members)


def a_settlement(generation: str, *results: AttemptResult, **members: Any) -> Settlement:
    settlement = Settlement(generation, results, Status.COMPLETED, 200, None, START + 2.0)
    return replace(settlement, **members)


@dataclass(slots=True)
class World:
    """A ledger and the few moves that the tests are written in. Amounts in nano-dollars, lifetimes in seconds."""

    ledger: Any
    clock: SetClock
    engine: AsyncEngine
    scopes: tuple[str, ...] = ("key:k_1",)
    intents: dict[str, list[Intent]] = field(default_factory=dict)

    async def account(self, scope: str, limit: int | None, window_days: int | None = None) -> None:
        now = self.clock.now()
        window, resets_at = (f"{window_days}d", now + window_days * 86_400) if window_days else (None, None)
        row = Account(
            scope=scope, limit_nano=limit, budget_window=window, window_started_at=now, resets_at=resets_at
        ).model_dump()
        async with self.engine.begin() as sql:
            await sql.execute(insert(Account).values(row))
        await self.ledger.refresh([scope])

    async def open(
        self, generation: str, amount: int, *, scopes: Sequence[str] | None = None, lifetime: float = 60.0
    ) -> HoldRefused | None:
        hold = HoldRequest(tuple(scopes or self.scopes), amount, self.clock.now() + lifetime)
        answer = await self.ledger.open(a_record(generation, created_at=self.clock.now()), hold)
        return answer if isinstance(answer, HoldRefused) else None

    async def open_with(self, generation: str, amount: int, *, bound: int = 100) -> HoldRefused | None:
        """Open the request together with its first attempt."""
        hold = HoldRequest(self.scopes, amount, self.clock.now() + 60.0)
        intent = an_intent(generation, bound=bound)
        answer = await self.ledger.open(a_record(generation, created_at=self.clock.now()), hold, intent)
        if isinstance(answer, HoldRefused):
            return answer
        self.intents.setdefault(generation, []).append(intent)
        return None

    async def dispatch(
        self, generation: str, number: int = 1, *, bound: int = 100, hold: int = 0
    ) -> HoldRefused | None:
        intent = an_intent(generation, number, bound)
        refused = await self.ledger.dispatch(intent, hold)
        if refused is None:
            self.intents.setdefault(generation, []).append(intent)
        return refused

    async def settle(self, generation: str, *costs: int) -> None:
        """Settle with one result for each dispatched attempt, in order, at these costs."""
        intents = self.intents.get(generation, [])
        results = [a_result(intent, cost) for intent, cost in zip(intents, costs, strict=True)]
        await self.ledger.settle(a_settlement(generation, *results))

    async def balance(self, scope: str = "key:k_1") -> Balance:
        (balance,) = await self.ledger.balances([scope])
        return balance

    async def lines(self, generation: str) -> list[dict[str, Any]]:
        query = select(LedgerLine.__table__).where(col(LedgerLine.request_id) == generation)
        return await self.rows(query.order_by(col(LedgerLine.number)))

    async def request(self, generation: str) -> dict[str, Any] | None:
        rows = await self.rows(select(Request.__table__).where(col(Request.id) == generation))
        return rows[0] if rows else None

    async def rows(self, query: Any) -> list[dict[str, Any]]:
        async with self.engine.connect() as sql:
            return [dict(row._mapping) for row in await sql.execute(query)]


@dataclass(slots=True)
class SqliteWorld(World):
    """The embedded ledger. `path`: its file."""

    path: Path = Path()

    async def open_requests(self) -> list[str]:
        return [row["id"] for row in self.read("SELECT id FROM request WHERE status IS NULL")]

    async def written(self) -> list[dict[str, Any]]:
        """The attempts that were written down, of requests that are open."""
        rows = self.read("SELECT attempts FROM request WHERE attempts IS NOT NULL")
        return [attempt for row in rows for attempt in json.loads(row["attempts"])]

    async def holds(self) -> list[str]:
        """The requests whose holds stand."""
        return [row["id"] for row in self.read("SELECT id FROM request WHERE hold_state = 'held'")]

    async def recover(self) -> Recovered:
        return await self.ledger.recover()

    def read(self, query: str, *values: object) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.path)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(query, values).fetchall()]


@dataclass(slots=True)
class RedisWorld(World):
    """The scaled ledger, whose consumer works when the books are looked at."""

    async def rows(self, query: Any) -> list[dict[str, Any]]:
        await self.ledger.consumer.drain()
        return await World.rows(self, query)

    async def request(self, generation: str) -> dict[str, Any] | None:
        found = await World.request(self, generation)
        if found is None and (live := await self.ledger.live(generation)) is not None:
            return live.request.model_dump()
        return found

    async def open_requests(self) -> list[str]:
        counters = self.ledger.counters
        found = await counters.redis.call("SMEMBERS", counters.key("open", self.ledger.presence.owner))
        return [name.decode() for name in found]

    async def written(self) -> list[dict[str, Any]]:
        found = [await self.ledger.live(name) for name in await self.open_requests()]
        return [asdict(intent) for live in found for intent in live.intents]

    async def holds(self) -> list[str]:
        counters = self.ledger.counters
        return [name.decode() for name in await counters.redis.call("ZRANGE", counters.key("holds"), 0, -1)]

    async def recover(self) -> Recovered:
        """What the other workers do about a dead one."""
        names = await self.open_requests()
        await self.ledger.presence.leave()
        lines = [line for name in names for line in await self.lines(name)]
        return Recovered(len(names), len(lines), sum(line["cost_nano"] for line in lines))


class Build:
    """The values that go into a ledger, as test modules get them."""

    record = staticmethod(a_record)
    intent = staticmethod(an_intent)
    result = staticmethod(a_result)
    settlement = staticmethod(a_settlement)


@pytest.fixture
def build() -> type[Build]:
    return Build


@pytest.fixture
def store_file(tmp_path: Path) -> Path:
    """The file of a fresh store."""

    async def create() -> Path:
        database = await open_database(tmp_path / "data", exclusive=False)
        await database.close()
        assert database.path is not None
        return database.path

    return asyncio.run(create())


@asynccontextmanager
async def on_sqlite(path: Path) -> AsyncIterator[SqliteWorld]:
    clock = SetClock()
    ledger = SqliteLedger(path, clock, lock_wait=0.05)
    await ledger.start()
    database = await open_database(path.parent, exclusive=False)
    yield SqliteWorld(ledger, clock, database.engine, path=path)
    await ledger.close()
    await database.close()


@asynccontextmanager
async def on_redis(redis: Redis, engine: AsyncEngine, folder: Path) -> AsyncIterator[RedisWorld]:
    clock = SetClock()
    ledger = RedisLedger(redis, engine, clock, folder, Settings(server_time=False, grace=0.0))
    await ledger.start(background=False)
    yield RedisWorld(ledger, clock, engine)
    await ledger.close()


@asynccontextmanager
async def connected(server: RedisServer) -> AsyncIterator[RedisConnection]:
    """A connection with names of its own on a Redis that all tests share."""
    connection = RedisConnection(server.url, SystemClock(), timeout=5.0, prefix=f"{{{secrets.token_hex(4)}}}:")
    await connection.start()
    yield connection
    await connection.close()


@asynccontextmanager
async def emptied(url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on a migrated database whose tables are emptied; the triggers that forbid it are off for a moment."""
    engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.begin() as sql:
        await sql.execute(text("SET LOCAL session_replication_role = replica"))
        for table in (LedgerLine, Request, Account, Position, DeadLetter, Content):
            await sql.execute(delete(table))
    yield engine
    await engine.dispose()


@pytest.fixture(scope="session")
def books_url(postgres_server: PostgresServer) -> str:
    """A migrated database that the tests of the ledger empty each time."""
    url = postgres_server.fresh()

    async def migrate() -> None:
        with TemporaryDirectory() as folder:
            await (await open_database(Path(folder), url, exclusive=False)).close()

    in_a_thread(migrate())
    return url


@pytest.fixture(scope="session")
def newest_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The machine's own, where it has one."""
    with RedisServer(tmp_path_factory.mktemp("redis"), list(redis_binaries().values())[-1]) as running:
        yield running


@pytest.fixture
async def sqlite_world(store_file: Path) -> AsyncIterator[SqliteWorld]:
    async with on_sqlite(store_file) as world:
        yield world


@pytest.fixture(params=["sqlite", "fakeredis", *(f"redis-{version}" for version in redis_binaries())])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """The same tests on each set-up."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        if request.param == "sqlite":
            database = await open_database(tmp_path / "data", exclusive=False)
            await database.close()
            assert database.path is not None
            yield await enter(on_sqlite(database.path))
        elif request.param == "fakeredis":
            database = await open_database(tmp_path / "data", exclusive=False)
            stack.push_async_callback(database.close)
            yield await enter(on_redis(FakeRedisConnection(SystemClock(), timeout=5.0), database.engine, tmp_path))
        else:
            server = "redis_server" if request.param == "redis-6.2" else "newest_redis"
            connection = await enter(connected(request.getfixturevalue(server)))
            engine = await enter(emptied(request.getfixturevalue("books_url")))
            yield await enter(on_redis(connection, engine, tmp_path))


@dataclass(slots=True)
class Scaled:
    """Several workers on a Redis of their own, which may be stopped, and one database. One clock for all."""

    server: RedisServer
    engine: AsyncEngine
    folder: Path
    clock: SetClock = field(default_factory=SetClock)
    workers: list[RedisWorld] = field(default_factory=list)

    async def worker(self, **options: Any) -> RedisWorld:
        connection = RedisConnection(self.server.url, SystemClock(), timeout=1.0)
        settings = Settings(**{"server_time": False, "grace": 0.0, **options})
        ledger = RedisLedger(connection, self.engine, self.clock, self.folder, settings)
        await ledger.start(background=False)
        self.workers.append(RedisWorld(ledger, self.clock, self.engine))
        return self.workers[-1]

    async def back(self) -> None:
        """Until every worker has seen that Redis is back."""
        for worker in self.workers:
            redis = worker.ledger.counters.redis
            with suppress(errors.Unavailable):
                await redis.call("PING")
            while redis.away:  # noqa: ASYNC110 - it is told to nobody
                await asyncio.sleep(0.01)

    async def lost(self, worker: RedisWorld) -> None:
        """The worker's process is gone: nothing of its memory is left."""
        self.workers.remove(worker)
        await worker.ledger._offline.close()
        await worker.ledger.counters.redis.close()

    async def close(self) -> None:
        for worker in self.workers:
            await worker.ledger.close()
            await worker.ledger.counters.redis.close()


@pytest.fixture
async def scaled(tmp_path: Path, books_url: str) -> AsyncIterator[Scaled]:
    with RedisServer(tmp_path / "redis") as server:
        async with emptied(books_url) as engine:
            scaled = Scaled(server, engine, tmp_path)
            yield scaled
            server.resume()
            await scaled.close()
