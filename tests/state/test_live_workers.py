"""Every worker says which version of the configuration it serves; who has said nothing for a while is not shown."""

from __future__ import annotations

from gateway.clock import SystemClock
from gateway.state.connection import RedisConnection
from gateway.state.live import STALE, RedisLive
from tests.core.fakes import FakeClock
from tests.servers import RedisServer


async def test_versions_by_worker(redis_server: RedisServer) -> None:
    connection, clock = RedisConnection(redis_server.url, SystemClock()), FakeClock()
    await connection.start()
    one, two, old = (RedisLive(connection, clock, name) for name in ("w_1", "w_2", "w_3"))
    await one.publish({"running": 1, "config": "a" * 12})
    await two.publish({"running": 1, "config": "b" * 12})
    await old.publish({"running": 1})
    assert await one.workers() == {"w_1": "a" * 12, "w_2": "b" * 12, "w_3": ""}
    clock.advance(STALE + 1)
    await one.publish({"running": 1, "config": "b" * 12})
    assert await two.workers() == {"w_1": "b" * 12}
    for each in (one, two, old):
        await each.withdraw()
    await connection.close()


async def test_with_redis_away_nobody_is_shown() -> None:
    connection = RedisConnection("redis://127.0.0.1:9", SystemClock())
    assert await RedisLive(connection, SystemClock(), "w_1").workers() == {}
