"""The breaker and the bounds, on real servers that are killed, hung, filled up and restarted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from redis.exceptions import DataError, ResponseError
from structlog.testing import capture_logs

from gateway.errors import Unavailable
from gateway.state.connection import RedisConnection
from gateway.state.failures import StateUnavailable
from gateway.state.line import SIZE, packed
from gateway.state.script import Script
from tests.servers import RedisServer, free_port

ADD = Script("add", "return redis.call('INCRBY', KEYS[1], ARGV[1])", "e9be9bce2ba5fcb6b0d2a0d5c8ebf1e6d1b0f2ba")
BACK = 30.0  # seconds: far beyond what any of these tests needs


@pytest.fixture
def server(binary, tmp_path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis", binary) as running:
        yield running


@pytest.fixture
async def connection(server, connect) -> RedisConnection:
    made = connect(server)
    await made.start()
    return made


def turns_of(connection: RedisConnection) -> asyncio.Queue[bool]:
    """What its watchers are told, in order."""
    turns: asyncio.Queue[bool] = asyncio.Queue()
    connection.watch(turns.put_nowait)
    return turns


async def told(turns: asyncio.Queue[bool]) -> bool:
    return await asyncio.wait_for(turns.get(), BACK)


def questions_of(connection: RedisConnection) -> asyncio.Queue[bytes]:
    """What Redis is asked from now on, the probes too."""
    asked: asyncio.Queue[bytes] = asyncio.Queue()
    ask = connection._line.ask

    def seen(data: bytes, count: int = 1) -> asyncio.Future[object]:
        asked.put_nowait(data)
        return ask(data, count)

    connection._line.ask = seen
    return asked


def stall(seconds: float) -> None:
    """Hold the whole process up, as a long computation would."""
    time.sleep(seconds)


async def refusal(connection: RedisConnection, *command: str) -> Unavailable:
    with pytest.raises(Unavailable) as refused:
        await connection.call(*(command or ("SET", "k", "v")))
    return refused.value


@asynccontextmanager
async def scripted(*answers: bytes | None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives one answer after the other, closing where it is None; and everything that it was sent."""
    sent: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if data.startswith(b"*4\r\n$6\r\nCLIENT\r\n"):
                writer.write(b"+OK\r\n" * data.count(b"SETINFO"))
                continue
            sent.append(data)
            if (answer := left.pop(0) if left else None) is None:
                break
            writer.write(answer)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}", sent


async def test_commands_scripts_and_pipelines_answer_in_bytes(connection):
    key = connection.key("a", "b")
    assert key == "{atelier}:a:b"
    assert await connection.call("SET", key, "5") == b"OK"
    assert await connection.call("GET", key) == b"5"
    assert await connection.script(ADD, [key], [2]) == 7
    assert await connection.pipeline([("GET", key), ("DEL", key), ("GET", key)]) == [b"7", 1, None]
    assert await connection.pipeline([("INCR", key), ("INCR", key)], atomic=True) == [1, 2]
    assert await connection.pipeline([]) == []


async def test_a_script_is_loaded_again_after_a_flush_and_after_a_restart(connection, server):
    turns = turns_of(connection)
    assert await connection.script(ADD, ["n"], [1]) == 1
    await connection.call("SCRIPT", "FLUSH")
    assert await connection.script(ADD, ["n"], [1]) == 2
    server.kill()
    await refusal(connection)
    server.start()
    assert [await told(turns), await told(turns)] == [True, False]
    assert await connection.script(ADD, ["n"], [1]) == 3
    assert turns.empty()


async def test_a_wrong_command_or_script_is_a_bug_and_not_an_outage(connection):
    turns = turns_of(connection)
    for act in (
        connection.call("SET", "k", None),
        connection.call("NO-SUCH-COMMAND"),
        connection.script(Script("bad", "return redis.call('GET')", "0" * 40), []),
        connection.pipeline([("SET", "text", "x"), ("INCR", "text"), ("SET", "after", "y")]),
        connection.pipeline([("SET", "text", "x"), ("NO-SUCH-COMMAND",)], atomic=True),
        connection.pipeline([("SET", "text", "x"), ("INCR", "text")], atomic=True),
    ):
        with pytest.raises((ResponseError, DataError)):
            await act
    assert await connection.call("GET", "after") == b"y", "the connection goes on in step"
    assert not connection.away
    assert turns.empty()


async def test_a_killed_server_is_noticed_told_and_found_again(connection, server):
    turns = turns_of(connection)
    server.kill()
    refused = await refusal(connection)
    assert (refused.code, refused.status, refused.retry_after) == ("state_unavailable", 503, 1.0)
    assert connection.away
    assert await told(turns) is True
    probes = questions_of(connection)
    for _ in range(3):
        await asyncio.wait_for(probes.get(), BACK)
    assert connection.away
    assert turns.empty()
    server.start()
    assert await told(turns) is False
    assert await connection.call("SET", "k", "v") == b"OK"


async def test_one_timeout_is_enough_to_notice_a_hanging_server_and_further_calls_do_not_wait(connect, server):
    connection = connect(server, timeout=0.5)
    await connection.start()
    turns = turns_of(connection)
    server.pause()
    began = time.monotonic()
    answers = await asyncio.gather(*(connection.call("INCR", "n") for _ in range(200)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unavailable}
    assert 0.5 <= time.monotonic() - began < 5, "one timeout, and not one after the other"
    asked = questions_of(connection)
    for _ in range(1000):
        await refusal(connection)
    assert {asked.get_nowait() for _ in range(asked.qsize())} <= {packed(connection._probe)}
    server.resume()
    assert [await told(turns), await told(turns)] == [True, False]
    assert int(await connection.call("GET", "n") or 0) <= SIZE, "those that waited for their turn were not sent"


async def test_a_stall_of_this_process_is_not_taken_for_an_outage(connect, server):
    connection = connect(server, timeout=0.08)
    turns = turns_of(connection)
    call = asyncio.create_task(connection.call("PING"))
    for _ in range(6):  # as many rounds of the loop, while it connects, asks and reads
        await asyncio.sleep(0)
        stall(0.05)
    assert await call == b"PONG"
    assert turns.empty()


async def test_a_cancelled_call_leaves_the_connection_in_step(connection):
    for number in range(40):
        call = asyncio.create_task(connection.call("ECHO", f"{number}"))
        for _ in range(number % 10):  # nothing sent, sent, waiting, answered
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert await connection.call("PING") == b"PONG"


async def test_a_burst_waits_for_its_turn_and_is_no_outage(connection):
    counted = await asyncio.gather(*(connection.call("INCR", "n") for _ in range(20 * SIZE)))
    assert sorted(counted) == list(range(1, 20 * SIZE + 1))
    assert not connection.away


async def test_a_large_answer_comes_by_a_way_of_its_own(connection):
    await connection.call("SET", "large", bytes(1_000_000))
    assert len(await connection.call_for_much("GET", "large")) == 1_000_000
    assert connection._broad._connection is not connection._line._connection


async def test_a_full_memory_refuses_writes_and_still_lets_things_be_deleted(connection):
    turns = turns_of(connection)
    await connection.call("SET", "k", "v")
    await connection.call("CONFIG", "SET", "maxmemory", "1")
    await refusal(connection)
    with pytest.raises(Unavailable):
        await connection.script(ADD, ["n"], [1])
    with pytest.raises(Unavailable):
        await connection.pipeline([("SET", "a", "b")], atomic=True)
    assert await connection.call("DEL", "k") == 1
    assert turns.empty()


@pytest.mark.parametrize("act", ["call", "script"])
async def test_a_server_that_takes_no_writes_is_away_until_it_does(connection, server, act):
    turns = turns_of(connection)
    await connection.call("REPLICAOF", "127.0.0.1", str(free_port()))
    with pytest.raises(Unavailable):
        await (connection.call("SET", "k", "v") if act == "call" else connection.script(ADD, ["n"], [1]))
    assert await told(turns) is True
    await connection.client.execute_command("REPLICAOF", "NO", "ONE")
    assert await told(turns) is False


async def test_a_server_that_loads_its_data_is_away_until_it_has_them(connect, binary, tmp_path):
    with RedisServer(tmp_path / "slow", binary, aof=False) as server:
        connection = connect(server)
        await connection.start()
        for number in range(40):
            await connection.client.execute_command("SET", f"k{number}", bytes(range(256)) * 1000)
        await connection.client.execute_command("SAVE")
        turns = turns_of(connection)
        server.kill()
        server.settings["key-load-delay"] = "20000"  # microseconds, so that all take most of a second
        server.start(wait=False)
        await refusal(connection)
        assert [await told(turns), await told(turns)] == [True, False]
        assert len(await connection.call("GET", "k39")) == 256_000


async def test_nothing_is_sent_twice(connect):
    async with scripted(None, b"+OK\r\n") as (url, sent):
        connection = connect(url)
        await refusal(connection, "INCR", "n")
        assert [data for data in sent if b"INCR" in data] == [b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"]
    for make in (connection._line._make, connection.client.connection_pool.make_connection):
        assert make().retry.get_retries() == 0


async def test_no_start_without_a_server(connect):
    with pytest.raises(StateUnavailable, match=r"^Redis at 127\.0\.0\.1:\d+ cannot be reached \(.+\); check"):
        await connect(f"redis://:hunter2@127.0.0.1:{free_port()}").start()


async def test_no_start_with_a_hanging_server(connect, server):
    server.pause()
    with pytest.raises(StateUnavailable, match="no answer in time"):
        await connect(server, timeout=0.02).start()
    server.resume()


async def test_no_start_with_a_wrong_password_and_no_password_in_what_is_said(connect, connection, server):
    await connection.call("CONFIG", "SET", "requirepass", "right-one")
    for url in (f"redis://:hunter2@127.0.0.1:{server.port}", server.url):
        with pytest.raises(StateUnavailable, match="refuses the user or the password") as refused:
            await connect(url).start()
        assert "hunter2" not in f"{refused.value!r} {refused.value.__cause__!r}"
    right = connect(f"redis://:right-one@127.0.0.1:{server.port}")
    await right.start()
    assert await right.call("PING") == b"PONG"
    assert "right-one" not in f"{right!r} {vars(right)!r}"


async def test_no_start_where_keys_may_be_evicted(connect, connection, server):
    await connection.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    with pytest.raises(StateUnavailable, match=r"noeviction \(it is allkeys-lru\)"):
        await connect(server).start()


async def test_no_start_on_a_replica(connect, connection, server):
    await connection.call("REPLICAOF", "127.0.0.1", str(free_port()))
    with pytest.raises(StateUnavailable, match="must be a primary"):
        await connect(server).start()


async def test_no_start_on_a_version_that_is_too_old(connect):
    info = b"# Server\r\nredis_version:6.0.16\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n"
    async with scripted(b"$%d\r\n%s\r\n+OK\r\n" % (len(info), info)) as (url, _):
        with pytest.raises(StateUnavailable, match=r"is version 6\.0\.16; version 6\.2 or newer is needed"):
            await connect(url).start()


async def test_a_redis_that_forgets_is_warned_about(connect, binary, tmp_path):
    with RedisServer(tmp_path / "forgetful", binary, aof=False) as server, capture_logs() as lines:
        await connect(server).start()
    assert [line["event"] for line in lines] == ["redis_forgets"]


@pytest.mark.parametrize(
    "url", ["redis://:pa#ss@host:6379", "redis://:pa/ss@host:6379", "redis://h:port", "http://host", "nonsense"]
)
def test_a_url_that_cannot_be_read_is_refused_without_quoting_it(url, connect):
    with pytest.raises(StateUnavailable, match="The Redis URL cannot be read") as refused:
        connect(url)
    assert "pa" not in str(refused.value).replace("password", "")
    assert refused.value.__suppress_context__


async def test_what_is_posted_is_done_before_what_is_asked_next_and_its_end_is_told(connection, server):
    told: list[bool] = []
    connection.post([("SET", "k", "1"), ("INCR", "k")], told.append)
    assert told == [], "nobody waits for it"
    assert await connection.call("GET", "k") == b"2"
    connection.post([("INCR", "k")], told.append)
    await connection.call("PING")
    assert told == [True, True]
    server.kill()
    connection.post([("INCR", "k")], told.append)
    await refusal(connection)
    await asyncio.sleep(0)
    connection.post([("INCR", "k")], told.append)
    assert told == [True, True, False, False]
