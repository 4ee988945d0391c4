"""A clock that is turned by hand, and Redis in every kind that the contract suites run on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from gateway.clock import SystemClock
from gateway.state.connection import RedisConnection
from tests.servers import RedisServer, redis_binaries

Connect = Callable[..., RedisConnection]


@pytest.fixture(params=redis_binaries())
def binary(request: pytest.FixtureRequest) -> str:
    return redis_binaries()[request.param]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes connections to a server or a URL, and closes them in the end."""
    made: list[RedisConnection] = []

    def connect(to: RedisServer | str, **options) -> RedisConnection:
        url = to if isinstance(to, str) else to.url
        made.append(RedisConnection(url, options.pop("clock", SystemClock()), **options))
        return made[-1]

    yield connect
    for connection in made:
        await connection.close()
