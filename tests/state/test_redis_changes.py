"""Changes reach everybody who listens; after a gap the listener is told that it may have missed some."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from gateway.state import revocations
from gateway.state.connection import RedisConnection
from gateway.state.revocations import RedisChanges
from tests.servers import RedisServer

BACK = 30.0  # seconds: far beyond what any of these tests needs

Next = Callable[[], "asyncio.Future[dict[str, str]]"]


@pytest.fixture
def server(binary, tmp_path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis", binary) as running:
        yield running


@pytest.fixture
def connection(server, connect) -> RedisConnection:
    return connect(server)


@asynccontextmanager
async def listening(connection: RedisConnection) -> AsyncIterator[Next]:
    """What a listener hears, one after the other; it is connected when this begins."""
    heard: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    task = asyncio.create_task(RedisChanges(connection).listen(heard.put_nowait))

    async def following() -> dict[str, str]:
        return await asyncio.wait_for(heard.get(), BACK)

    try:
        assert await following() == {}
        yield following
        assert not task.done()
    finally:
        task.cancel()
        assert (await asyncio.wait({task}, timeout=BACK))[0] == {task}


async def test_all_that_listen_hear_what_is_announced_in_order(connection, server, connect):
    async with listening(connection) as here, listening(connect(server)) as there:
        changes = RedisChanges(connection)
        await changes.announce({"kind": "key", "id": "k_1"})
        await changes.announce({"kind": "user", "id": "ключ"})
        for heard in (here, there):
            assert [await heard(), await heard()] == [{"kind": "key", "id": "k_1"}, {"kind": "user", "id": "ключ"}]


async def test_after_a_restart_it_listens_again_and_says_so(connection, server):
    async with listening(connection) as heard:
        server.kill()
        server.start()
        assert await heard() == {}
        await RedisChanges(connection).announce({"id": "after"})
        assert await heard() == {"id": "after"}


async def test_a_connection_that_only_hangs_is_given_up(connection, server, monkeypatch):
    monkeypatch.setattr(revocations, "QUIET", 0.05)
    gave_up = asyncio.Event()
    monkeypatch.setattr(revocations.log, "info", lambda *_, **__: gave_up.set())
    async with listening(connection) as heard:
        server.pause()
        await asyncio.wait_for(gave_up.wait(), BACK)
        server.resume()
        assert await heard() == {}


class Script:
    """A connection that reads what it was given, None for silence, and keeps what it was sent."""

    def __init__(self, *events: list[object] | None) -> None:
        self.events = list(events)
        self.sent: list[str] = []

    async def connect(self) -> None: ...

    async def send_command(self, *command: str) -> None:
        self.sent.append(command[0])

    async def read_response(self, timeout: float) -> list[object] | None:
        return self.events.pop(0)


async def test_a_quiet_connection_is_asked_and_kept_while_it_answers(connection):
    pong = [b"pong", b""]
    message = [b"message", b"channel", b'{"id": "x"}']
    script = Script([b"subscribe", b"channel", 1], None, pong, None, pong, message, None, message, None, None)
    heard: list[dict[str, str]] = []
    with pytest.raises(TimeoutError):
        await RedisChanges(connection)._follow(script, heard.append)
    assert heard == [{}, {"id": "x"}, {"id": "x"}]
    assert script.sent == ["SUBSCRIBE", "PING", "PING", "PING", "PING"]
    assert script.events == []


@pytest.mark.parametrize("hangs", [False, True])
async def test_it_ends_when_it_is_told_to_whatever_redis_does_and_though_the_pools_are_closed(
    connection, server, hangs
):
    async with listening(connection):
        if hangs:
            server.pause()
        await connection.close()
    server.resume()


@pytest.mark.parametrize(
    "poison", [b"\x80\x04K\x01.", b"[1]", b"null", b"{", b"\xff", b'{"id": 1}', b'{"id": {"a": "b"}}', b"[" * 100_000]
)
async def test_whatever_is_no_message_of_ours_is_ignored(connection, poison):
    async with listening(connection) as heard:
        await connection.call("PUBLISH", connection.key("changes"), poison)
        await RedisChanges(connection).announce({"id": "next"})
        assert await heard() == {"id": "next"}


async def test_announcing_to_nobody_and_with_redis_away_raises_nothing(connection, server):
    await RedisChanges(connection).announce({"id": "x"})
    server.kill()
    await RedisChanges(connection).announce({"id": "x"})
