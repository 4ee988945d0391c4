"""The servers that other tests trust: what survives which end, and that a failed start says why."""

from __future__ import annotations

import asyncpg
import pytest
from redis import Redis
from redis.exceptions import TimeoutError as RedisTimeout

from tests.servers import PostgresServer, RedisServer, redis_binaries


def test_there_is_a_redis_of_the_oldest_supported_version():
    assert redis_binaries()["6.2"].endswith("bin/redis-server")


@pytest.mark.parametrize("version", redis_binaries())
def test_redis_comes_back_at_its_address_with_what_it_had(version, tmp_path):
    with RedisServer(tmp_path / "redis", redis_binaries()[version]) as server, Redis.from_url(server.url) as client:
        assert client.info()["redis_version"].startswith(version)
        client.set("k", "v")
        server.kill()
        server.start()
        assert client.get("k") == b"v"
        server.stop()
        server.start()
        assert client.get("k") == b"v"
        server.stop()
        server.wipe()
        server.start()
        assert client.get("k") is None


def test_a_paused_redis_takes_connections_and_does_not_answer(tmp_path):
    with RedisServer(tmp_path / "redis") as server:
        server.pause()
        with Redis.from_url(server.url, socket_timeout=0.1, retry=None) as client, pytest.raises(RedisTimeout):
            client.ping()
        server.resume()
        with Redis.from_url(server.url) as client:
            assert client.ping()
        server.pause()  # and it is stopped from there


def test_a_server_that_does_not_start_fails_with_its_log(tmp_path):
    server = RedisServer(tmp_path / "redis", settings={"maxmemory-policy": "nonsense"})
    with pytest.raises(AssertionError, match="FATAL CONFIG FILE ERROR"):
        server.start()
    server.close()


async def test_postgres_keeps_what_was_committed_when_it_is_killed(tmp_path):
    with PostgresServer(tmp_path / "postgres") as server:
        url = server.fresh()
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
        server.kill()
        server.start()
        await connection.close()
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT n FROM t") == 1
        server.pause()
        with pytest.raises(TimeoutError):
            await connection.fetchval("SELECT 1", timeout=0.1)
        server.resume()
        assert server.fresh() != url
        server.drop(url)
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await asyncpg.connect(url)
        connection.terminate()
        home = server._home
    assert not home.exists()


async def test_the_servers_of_a_session_are_there(redis_server, postgres_url):
    with Redis.from_url(redis_server.url) as client:
        assert client.ping()
    connection = await asyncpg.connect(postgres_url)
    assert await connection.fetch("SELECT * FROM pg_tables WHERE schemaname = 'public'") == []
    await connection.close()
