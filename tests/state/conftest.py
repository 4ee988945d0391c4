"""A clock that is turned by hand, and Redis in every kind that the contract suites run on."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache

import pytest

from gateway.clock import SystemClock
from gateway.ports import Cache, Limiter, Throttle
from gateway.state.connection import RedisConnection
from gateway.state.memory import MemoryCache, MemoryLimiter
from gateway.state.redis import RedisCache, RedisLimiter
from gateway.state.throttle import MemoryThrottle, RedisThrottle
from tests.servers import RedisServer, redis_binaries
from tests.state.fake_connection import FakeRedisConnection

Connect = Callable[..., RedisConnection]


class HandClock:
    """Stands still until its time is changed. As large as a real one, which is where scripts lose digits."""

    def __init__(self) -> None:
        self.time = 1_799_999_987.654321

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


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


@dataclass
class Kind:
    """One kind of shared state: makes limiters, caches and throttles that know nothing yet, on a clock of its own."""

    connect: Callable[[HandClock, str], RedisConnection] | None
    clock: HandClock = field(default_factory=HandClock)
    connections: list[RedisConnection] = field(default_factory=list)

    def connection(self) -> RedisConnection:
        assert self.connect is not None
        self.connections.append(self.connect(self.clock, f"{{{secrets.token_hex(8)}}}:"))
        return self.connections[-1]

    def limiter(self) -> Limiter:
        if self.connect is None:
            return MemoryLimiter(self.clock)
        return RedisLimiter(self.connection(), self.clock, lambda: "w1", lambda: 1, now=self.clock.now)

    def cache(self, **bounds: int) -> Cache:
        if self.connect is None:
            return MemoryCache(self.clock, **bounds)
        return RedisCache(self.connection(), now=self.clock.now, **bounds)

    def throttle(self) -> Throttle:
        if self.connect is None:
            return MemoryThrottle(self.clock)
        return RedisThrottle(self.connection(), self.clock, now=self.clock.now)


@pytest.fixture(scope="session")
def redis_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], RedisServer]]:
    """One server of each version, started when it is first asked for."""
    with ExitStack() as stack:

        @cache
        def server(name: str) -> RedisServer:
            folder = tmp_path_factory.mktemp("contract")
            return stack.enter_context(RedisServer(folder, redis_binaries()[name]))

        yield server


@pytest.fixture(params=["memory", "fakeredis", *redis_binaries()])
async def kind(request: pytest.FixtureRequest, redis_servers: Callable[[str], RedisServer]) -> AsyncIterator[Kind]:
    """Every kind that must be equal."""
    if request.param == "memory":
        made = Kind(None)
    elif request.param == "fakeredis":
        made = Kind(lambda clock, prefix: FakeRedisConnection(clock, prefix=prefix, timeout=5.0))
    else:
        url = redis_servers(request.param).url
        made = Kind(lambda clock, prefix: RedisConnection(url, clock, prefix=prefix, timeout=5.0))
    yield made
    for connection in made.connections:
        await connection.close()
