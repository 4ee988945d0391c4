"""A Redis and a database belong together, whoever starts first and how often."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.ledger.pairing import belong_together
from gateway.state.connection import RedisConnection
from gateway.state.failures import StateUnavailable
from gateway.store.database import Database, open_database
from tests.harness import FleetThread, GatewayThread, Stores
from tests.servers import PostgresServer, RedisServer


@pytest.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[RedisConnection]:
    prefix = f"{{{secrets.token_hex(4)}}}:"
    connection = RedisConnection(redis_server.url, SystemClock(), timeout=5.0, prefix=prefix)
    await connection.start()
    yield connection
    await connection.close()


@pytest.fixture
async def databases(postgres_server: PostgresServer, tmp_path: Path) -> AsyncIterator[list[Database]]:
    opened = [await open_database(tmp_path, postgres_server.fresh(), exclusive=True) for _ in range(2)]
    yield opened
    for database in opened:
        await database.close()


async def test_the_first_database_keeps_a_redis_for_itself(redis: RedisConnection, databases: list[Database]) -> None:
    own, other = databases
    starts = [belong_together(redis, own.engine) for _ in range(4)]
    assert await asyncio.gather(*starts) == [True] * 4
    assert not await belong_together(redis, other.engine)
    assert await belong_together(redis, own.engine)
    await redis.call("DEL", redis.key("money", "store"))
    assert await belong_together(redis, other.engine)


def test_a_gateway_does_not_start_on_the_redis_of_another_database(
    empty_stores: Callable[[], Stores], postgres_server: PostgresServer, fleet: FleetThread, tmp_path: Path
) -> None:
    stores = empty_stores()
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with GatewayThread(tmp_path / "one", fleet, stores=stores):
        pass
    foreign = GatewayThread(tmp_path / "two", fleet, stores=Stores(postgres_server.fresh(), stores.redis_url))
    with pytest.raises(StateUnavailable, match="belongs to another database"):
        foreign.start()
    foreign._loop.close()
