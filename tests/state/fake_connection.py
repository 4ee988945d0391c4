"""A connection to a fakeredis of its own: quick, and with real Lua. It has no INFO, so it is not to be started."""

from __future__ import annotations

import asyncio
from typing import Any

from fakeredis import FakeServer
from fakeredis.aioredis import AsyncFakeSocket, FakeAsyncRedisConnection
from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from gateway.ports import Clock
from gateway.state.connection import RedisConnection
from gateway.state.line import Line


class FakeLine(Line):
    """Asks a fakeredis, which has the reply at once; its caller has it in the next turn of the loop."""

    socket: AsyncFakeSocket | None = None

    def ask(self, data: bytes, count: int = 1) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        answer, reply = loop.create_future(), self._reply(data, count)
        loop.call_soon(lambda: answer.done() or answer.set_result(reply))
        return answer

    def _reply(self, data: bytes, count: int) -> Any:
        try:
            if self.socket is None:
                asked = self._make()
                self.socket = AsyncFakeSocket(asked._server, 0, client_class=Redis, client_info=asked._client_info)
            self.socket.sendall(data)
            replies = [self.socket.responses.get_nowait() for _ in range(count)]
        except RedisConnectionError as error:
            self.socket = None
            self._lost(error)
            return error
        return replies if count > 1 else replies[0]


class FakeRedisConnection(RedisConnection):
    """Connections to one `server` share its data; `server.connected = False` takes it away."""

    def __init__(self, clock: Clock, server: FakeServer | None = None, **options: Any) -> None:
        self.server = server or FakeServer(version=(7,))
        super().__init__("redis://fake", clock, **options)

    def _connect(self, url: str, **options: Any) -> ConnectionPool:
        return ConnectionPool(
            connection_class=FakeAsyncRedisConnection, server=self.server, version=(7,), protocol=2, **options
        )

    def _lines(self, pool: ConnectionPool) -> tuple[Line, Line]:
        line, broad = (FakeLine(pool.make_connection, self._clock, self._timeout, self._leave) for _ in range(2))
        return line, broad
