"""A connection to a fakeredis of its own: quick, and with real Lua. It has no INFO, so it is not to be started."""

from __future__ import annotations

from typing import Any

from fakeredis import FakeServer
from fakeredis.aioredis import FakeAsyncRedisConnection
from redis.asyncio import ConnectionPool

from gateway.ports import Clock
from gateway.state.connection import RedisConnection


class FakeRedisConnection(RedisConnection):
    """Connections to one `server` share its data; `server.connected = False` takes it away."""

    def __init__(self, clock: Clock, server: FakeServer | None = None, **options: Any) -> None:
        self.server = server or FakeServer(version=(7,))
        super().__init__("redis://fake", clock, **options)

    def _connect(self, url: str, **options: Any) -> ConnectionPool:
        return ConnectionPool(
            connection_class=FakeAsyncRedisConnection, server=self.server, version=(7,), protocol=2, **options
        )
