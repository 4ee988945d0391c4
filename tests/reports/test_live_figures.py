"""Live figures: each worker's own, summed by whoever may only read; dead and nonsensical ones do not count."""

from __future__ import annotations

import json

from redis import Redis

from gateway.clock import SystemClock
from gateway.reports import Live, Now
from gateway.reports.live import WORKERS
from gateway.state.connection import RedisConnection
from gateway.state.live import RedisLive
from gateway.store.grants import redis_grants
from tests.servers import RedisServer


class Clock:
    time = 1_000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


async def test_the_workers_that_live_are_summed_by_a_reader(redis_server: RedisServer) -> None:
    clock = Clock()
    connection = RedisConnection(redis_server.url, SystemClock())
    await connection.start()
    one, two, dead = (RedisLive(connection, clock, name) for name in ("w_1", "w_2", "w_3"))
    await dead.publish({"running": 100, "waiting": 100})
    clock.time += 30
    await one.publish({"running": 3, "waiting": 1})
    await two.publish({"running": 4, "waiting": 0})
    with Redis.from_url(redis_server.url) as owner:
        owner.hset(WORKERS, "w_4", "no figures")
        owner.execute_command(*redis_grants("figures_reader", "secret").split())
        reader = Live(redis_server.url.replace("//", "//figures_reader:secret@"))
        assert reader.read() == Now(workers=2, running=7, waiting=1, at=1_030.0)
        clock.time += 40
        await one.publish({"running": 0, "waiting": 0})
        assert {name.decode() for name in owner.hkeys(WORKERS)} == {"w_1", "w_2"}
        await two.withdraw()
        assert json.loads(owner.hget(WORKERS, "w_1")) == {"running": 0, "waiting": 0, "at": 1_070.0}
        await one.withdraw()
        assert reader.read() is None
        owner.execute_command("ACL", "DELUSER", "figures_reader")
    reader.close()
    await connection.close()


def test_without_redis_there_is_nothing_to_see() -> None:
    assert Live("redis://127.0.0.1:9").read() is None
