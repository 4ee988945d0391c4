"""The stores of a scaled set-up, empty, on servers that nobody stops."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from tests.harness import Stores
from tests.servers import PostgresServer, RedisServer


@pytest.fixture
def stores(redis_server: RedisServer, postgres_server: PostgresServer) -> Iterator[Stores]:
    with Redis.from_url(redis_server.url) as redis:
        redis.flushall()
    url = postgres_server.fresh()
    yield Stores(url, redis_server.url)
    postgres_server.drop(url)
