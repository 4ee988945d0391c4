"""Of several workers the first to say something is told so, by a real Redis; with Redis away each of them is."""

from __future__ import annotations

import asyncio
import secrets

from gateway.state.first import RedisFirst
from tests.servers import RedisServer
from tests.state.conftest import Connect


async def test_one_of_many_is_the_first(redis_server: RedisServer, connect: Connect) -> None:
    prefix = f"{{{secrets.token_hex(8)}}}:"
    workers = [RedisFirst(connect(redis_server, prefix=prefix)) for _ in range(5)]
    for what in ("raised", "cleared", "raised"):
        assert sum(await asyncio.gather(*(first("config", what, 60) for first in workers))) == 1
    assert await workers[0]("another", "raised", 60)


async def test_it_is_forgotten_after_a_while(redis_server: RedisServer, connect: Connect) -> None:
    connection = connect(redis_server, prefix=f"{{{secrets.token_hex(8)}}}:")
    assert await RedisFirst(connection)("config", "raised", 60)
    left = await connection.call("PTTL", connection.key("said", "config"))
    assert 59_000 < left <= 60_000


async def test_with_redis_away_everybody_is(connect: Connect) -> None:
    first = RedisFirst(connect("redis://127.0.0.1:1/0"))
    assert await first("config", "raised", 60)
    assert await first("config", "raised", 60)
