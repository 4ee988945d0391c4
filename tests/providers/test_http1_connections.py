"""Connections are kept while they are good, one request after the other; what is left or cancelled is closed at once."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.errors import Fault, ProviderError
from gateway.providers import pool
from gateway.providers.http import Http, Sending
from tests.providers.raw import OK, RawServer, Script, serving

SOON = 5.0  # seconds; they only bound a failure
AT_ONCE = 500


@pytest_asyncio.fixture(loop_scope="module")
async def server() -> AsyncIterator[RawServer]:
    async with serving() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def http() -> AsyncIterator[Http]:
    made = Http(SOON)
    yield made
    await made.close()


def sending(server: RawServer, data: bytes = b"{}", **headers: str) -> Sending:
    return Sending(f"http://127.0.0.1:{server.port}/v1/x?y=%20z", headers, data)


async def left(http: Http) -> None:
    """Return when no connection is left."""
    async with asyncio.timeout(SOON):
        while http._pool.connections:  # noqa: ASYNC110 - the pool tells nobody
            await asyncio.sleep(0)


async def test_a_request_is_written_as_it_should(http: Http, server: RawServer) -> None:
    await http.whole(sending(server, b'{"a": 1}', **{"X-Client-Request-Id": "r:1", "Accept": "text/plain"}))
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == "POST /v1/x?y=%20z HTTP/1.1"
    assert sorted(lines) == [
        "accept-encoding: gzip",
        "accept: text/plain",
        "content-length: 8",
        "content-type: application/json",
        f"host: 127.0.0.1:{server.port}",
        "user-agent: atelier",
        "x-client-request-id: r:1",
    ]
    assert body == b'{"a": 1}'


async def test_requests_share_a_connection(http: Http, server: RawServer) -> None:
    for _ in range(20):
        assert (await http.whole(sending(server))).data == b"{}"
    assert (server.connections, len(server.requests)) == (1, 20)


@pytest.mark.parametrize("data", [b"{}", b"x" * 100_000, b"x" * 5_000_000])
async def test_a_body_of_any_size_goes_out_whole(http: Http, server: RawServer, data: bytes) -> None:
    for _ in range(2):
        await http.whole(sending(server, data))
    assert server.connections == 1
    assert server.requests[1].partition(b"\r\n\r\n")[2] == data


@pytest.mark.parametrize("head", [b"connection: close\r\ncontent-length: 2", b"x: y"])
async def test_a_provider_that_ends_its_connection_gets_another(http: Http, server: RawServer, head: bytes) -> None:
    server.script = Script((b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n{}",), "close")
    for _ in range(3):
        assert (await http.whole(sending(server))).data == b"{}"
    assert server.connections == 3
    await left(http)


async def test_a_provider_that_hangs_up_on_an_idle_connection_is_noticed(http: Http, server: RawServer) -> None:
    await http.whole(sending(server))
    await server.hang_up()
    await left(http)
    await http.whole(sending(server))
    assert (server.connections, len(server.requests)) == (2, 2)


async def test_a_connection_that_turns_out_dead_fails_and_nothing_is_sent_twice(http: Http, server: RawServer) -> None:
    await http.whole(sending(server))
    server.script = Script((), "close")
    with pytest.raises(ProviderError) as caught:
        await http.whole(sending(server))
    assert caught.value.fault is Fault.RESET
    assert (server.connections, len(server.requests)) == (1, 2)


async def test_idle_connections_are_closed_after_their_time(
    http: Http, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.gather(*(http.whole(sending(server)) for _ in range(3)))
    assert len(http._pool.connections) == server.connections == 3
    http._pool._sweep()
    assert len(http._pool.connections) == 3
    monkeypatch.setattr(pool, "KEEP_ALIVE", -1.0)
    await http.whole(sending(server))
    http._pool._sweep()
    assert len(http._pool.connections) == 2
    await http.whole(sending(server))
    await http.whole(sending(server))
    assert server.connections == 3
    await http.whole(sending(server))  # those that are too old are not used, swept or not
    assert server.connections == 4


@pytest.mark.parametrize(
    "pieces", [(), (b"HTTP/1.1 200 OK\r\n",), (OK[:-1],)], ids=["before the head", "in the head", "in the body"]
)
async def test_a_cancelled_request_closes_its_connection_at_once(
    http: Http, server: RawServer, pieces: tuple[bytes, ...]
) -> None:
    server.script = Script(pieces, "hang")
    task = asyncio.ensure_future(http.whole(sending(server)))
    await server.asked.wait()
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not http._pool.connections
    async with asyncio.timeout(SOON):
        await server.left.wait()


async def test_a_body_that_is_closed_half_way_closes_its_connection(http: Http, server: RawServer) -> None:
    server.script = Script((OK[:-1],), "hang")
    body = await http.open(sending(server))
    await body.read()
    await body.close()
    await body.close()
    assert not http._pool.connections
    assert await body.read() == b""


async def test_a_body_that_was_closed_has_no_hold_on_the_connection(http: Http, server: RawServer) -> None:
    first = await http.open(sending(server))
    assert await first.whole() == b"{}"
    await first.close()
    server.script = Script((OK[:-2], b"[]"))
    second = await http.open(sending(server))
    await first.finish()
    await first.close()
    assert await first.read() == b""
    assert await second.whole() == b"[]"
    await second.close()
    assert server.connections == 1


async def test_an_answer_before_the_request_is_written_is_taken_and_ends_the_connection(
    http: Http, server: RawServer
) -> None:
    server.script = Script((OK.replace(b"200 OK", b"413 Too Large"),), "hang", early=True)
    reply = await http.whole(sending(server, b"x" * 20_000_000))
    assert (reply.status, reply.data) == (413, b"{}")
    assert not http._pool.connections


async def test_a_provider_that_never_ends_its_answer_keeps_nobody(http: Http, server: RawServer) -> None:
    server.script = Script((OK[:-1],), "hang")
    body = await http.open(sending(server))
    await body.read()
    await body.finish()
    await body.close()
    assert not http._pool.connections


async def test_a_packed_answer_in_one_piece_is_unpacked_whole(http: Http, server: RawServer) -> None:
    told = bytes(300_000)
    packed = gzip.compress(told)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
    server.script = Script((head + packed,))
    assert (await http.whole(sending(server))).data == told
    assert (await http.whole(sending(server))).data == told
    assert server.connections == 1


async def test_many_at_once_leave_nothing_behind(http: Http, server: RawServer) -> None:
    files, tasks = open_files(), len(asyncio.all_tasks())
    server.script = Script((OK[:10], OK[10:]))
    for _ in range(3):
        replies = await asyncio.gather(*(http.whole(sending(server)) for _ in range(AT_ONCE)))
        assert {reply.data for reply in replies} == {b"{}"}
    assert server.connections <= AT_ONCE + 10
    server.script = Script((OK[:-1],), "hang")
    running = [asyncio.ensure_future(http.whole(sending(server))) for _ in range(AT_ONCE)]
    await asyncio.sleep(0)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await http.close()
    await left(http)
    async with asyncio.timeout(SOON):
        while server.open:
            server.left.clear()
            await server.left.wait()
    assert len(asyncio.all_tasks()) == tasks
    assert open_files() <= files


async def test_closing_ends_what_is_under_way_and_a_later_request_begins_anew(http: Http, server: RawServer) -> None:
    server.script = Script((), "hang")
    task = asyncio.ensure_future(http.whole(sending(server)))
    await server.asked.wait()
    await http.close()
    with pytest.raises(ProviderError):
        await task
    server.script = Script()
    assert (await http.whole(sending(server))).data == b"{}"
    assert server.connections == 2


@pytest.mark.parametrize(
    "headers",
    [
        {"x-name": "a\r\nx-other: b"},
        {"x-name": "a\nb"},
        {"x-name": "a\rb"},
        {"x-name": "a\0b"},
        {"x name": "a"},
        {"x-name:": "a"},
        {"": "a"},
        {"x\r\ny": "a"},
        {"content-length": "3"},
        {"Transfer-Encoding": "chunked"},
        {"x-name": "\ud800"},
    ],
)
async def test_a_header_that_would_say_something_else_is_not_sent(
    http: Http, server: RawServer, headers: dict[str, str]
) -> None:
    with pytest.raises(ProviderError) as caught:
        await http.whole(sending(server, **headers))
    assert (caught.value.fault, server.connections) == (Fault.CONNECT, 0)


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))
