"""Answers in every framing, torn apart anywhere, broken anywhere, and such as no honest provider would send."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.errors import Fault, ProviderError
from gateway.providers.http1 import MOST_FIELDS, MOST_UNREAD, Connection
from gateway.providers.origin import Origin
from tests.providers.unwired import Unwired

TEXT = b'{"text": "hello"}'
SIZED = b"HTTP/1.1 200 OK\r\nX-Name: a\r\nContent-Length: 17\r\n\r\n" + TEXT
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nx-name: a\r\ntransfer-encoding: chunked\r\n\r\n"
    b'5;note=1\r\n{"tex\r\n0c\r\nt": "hello"}\r\n0\r\ntrailer: b\r\n\r\n'
)
TO_THE_END = b"HTTP/1.1 200 OK\r\nx-name: a\r\n\r\n" + TEXT
ANSWERS = {
    "sized": SIZED,
    "chunked": CHUNKED,
    "to the end": TO_THE_END,
    "closing": SIZED.replace(b"X-Name", b"connection: close\r\nX-Name"),
    "old": SIZED.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "informed": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\nx-name: b\r\n\r\n" + SIZED,
    "plain ends of lines": SIZED.replace(b"\r\n", b"\n"),
}
KEPT = {"sized", "chunked", "informed", "plain ends of lines"}
EMPTY = {
    204: b"HTTP/1.1 204 No Content\r\n\r\n",
    304: b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
    200: b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
}


class Asked:
    """A connection on which a request was sent."""

    def __init__(self) -> None:
        self.lost = 0
        self.transport = Unwired()
        self.connection = Connection(asyncio.get_running_loop(), Origin(False, "a.invalid", 80), self._count)
        self.connection.connection_made(self.transport)
        self.connection.send(b"head", b"body")

    def _count(self, _: Connection) -> None:
        self.lost += 1

    def comes(self, *pieces: bytes, end: bool = False) -> Asked:
        for piece in pieces:
            if piece and not self.connection.closed:
                self.connection.data_received(piece)
        if end and not self.connection.closed:
            self.connection.eof_received()
        return self

    async def whole(self) -> tuple[int, dict[str, str], bytes]:
        await self.connection.answered()
        data = b""
        while part := await self.connection.read():
            data += part
        return self.connection.status, self.connection.headers, data

    async def fault(self) -> Fault:
        with pytest.raises(ProviderError) as caught:
            await self.whole()
        assert self.transport.aborted
        assert (self.lost, self.connection.reusable) == (1, False)
        return caught.value.fault


async def check(name: str, *pieces: bytes) -> None:
    asked = Asked().comes(*pieces, end=name == "to the end")
    status, headers, data = await asked.whole()
    assert (status, headers["x-name"], data) == (200, "a", TEXT)
    assert asked.connection.reusable is (name in KEPT)


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_is_the_same_wherever_it_is_torn(name: str) -> None:
    answer = ANSWERS[name]
    await check(name, *(answer[at : at + 1] for at in range(len(answer))))
    for at in range(len(answer)):
        await check(name, answer[:at], answer[at:])


@given(name=some.sampled_from(sorted(ANSWERS)), cuts=some.lists(some.integers(0, 200), max_size=8))
def test_an_answer_is_the_same_in_any_pieces(name: str, cuts: list[int]) -> None:
    answer = ANSWERS[name]
    marks = [0, *sorted(min(cut, len(answer)) for cut in cuts), len(answer)]
    asyncio.run(check(name, *(answer[start:end] for start, end in itertools.pairwise(marks))))


@pytest.mark.parametrize("name", ["sized", "chunked", "informed", "closing"])
async def test_an_answer_that_breaks_off_anywhere_is_told_from_a_whole_one(name: str) -> None:
    for at in range(len(ANSWERS[name])):
        asked = Asked().comes(ANSWERS[name][:at])
        asked.connection.connection_lost(ConnectionResetError())
        with pytest.raises(ProviderError) as caught:
            await asked.whole()
        assert caught.value.fault is Fault.RESET
        assert asked.lost == 1
        assert await Asked().comes(ANSWERS[name][:at], end=True).fault() is Fault.RESET


async def test_what_came_before_a_break_is_read_first() -> None:
    connection = Asked().comes(SIZED[:-4], end=True).connection
    await connection.answered()
    assert await connection.read() == TEXT[:-4]
    with pytest.raises(ProviderError):
        await connection.read()


async def test_an_answer_to_the_end_that_is_reset_is_broken() -> None:
    asked = Asked().comes(TO_THE_END)
    asked.connection.connection_lost(ConnectionResetError())
    with pytest.raises(ProviderError):
        await asked.whole()


@pytest.mark.parametrize("status", EMPTY)
async def test_an_answer_without_a_body_ends_with_its_head(status: int) -> None:
    asked = Asked().comes(EMPTY[status])
    assert (await asked.whole())[::2] == (status, b"")
    assert asked.connection.reusable


@pytest.mark.parametrize(
    "more", [SIZED, b"HTTP/1.1 200 OK\r\n", b"x", EMPTY[204]], ids=["an answer", "half a head", "garbage", "nothing"]
)
@pytest.mark.parametrize("together", [True, False])
async def test_nothing_that_follows_an_answer_is_taken_for_the_next_one(more: bytes, together: bool) -> None:
    asked = Asked()
    _ = asked.comes(SIZED + more) if together else asked.comes(SIZED, more)
    assert (await asked.whole())[2] == TEXT
    assert not asked.connection.reusable


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>no HTTP</html>",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 2xx OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na b: c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: y\r\n" % each for each in range(MOST_FIELDS + 1)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * (2 * MOST_UNREAD) + b"\r\ncontent-length: 0\r\n\r\n",
    ],
)
async def test_an_answer_that_is_none_is_malformed(answer: bytes) -> None:
    assert await Asked().comes(answer).fault() is Fault.MALFORMED


@pytest.mark.parametrize(
    ("begin", "again"),
    [
        (b"HTTP/1.1 200 OK\r\nx: ", b"y" * 999),
        (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 ", b"o" * 999),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;", b"note=" + b"x" * 999),
    ],
    ids=["a line", "lines", "information", "a reason", "trailers", "a chunk's notes"],
)
async def test_a_head_without_an_end_is_malformed(begin: bytes, again: bytes) -> None:
    asked = Asked().comes(begin)
    sent = 0
    while not asked.connection.closed:
        sent += len(again)
        assert sent < 2 * MOST_UNREAD
        asked.comes(again)
    assert await asked.fault() is Fault.MALFORMED


async def test_a_provider_waits_until_it_is_read() -> None:
    asked = Asked().comes(b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n", b"x" * 50_000)
    assert not asked.transport.paused
    asked.comes(b"x" * 50_000)
    assert asked.transport.paused
    assert len(await asked.connection.read()) == 100_000
    assert not asked.transport.paused
    asked.comes(b"x" * 200_000)
    assert not asked.transport.paused  # there is nothing more to come
    assert len(await asked.connection.read()) == 200_000
    assert asked.connection.reusable


async def test_bytes_are_handed_over_as_they_came() -> None:
    asked = Asked().comes(SIZED)
    assert not asked.connection.reusable  # not before it is read
    await asked.connection.answered()
    assert await asked.connection.read() == TEXT
    assert asked.connection.drained
    assert asked.connection.reusable


async def test_a_connection_whose_request_is_not_written_yet_serves_no_other() -> None:
    asked = Asked().comes(SIZED)
    await asked.whole()
    asked.transport.waiting = 1
    assert not asked.connection.reusable


async def test_an_idle_connection_that_says_something_is_closed() -> None:
    asked = Asked().comes(SIZED)
    await asked.whole()
    asked.comes(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert (asked.transport.aborted, asked.lost) == (True, 1)


async def test_a_large_body_is_not_copied_into_one_piece_with_its_head() -> None:
    asked = Asked()
    written: list[bytes] = []
    asked.transport.write = written.append  # type: ignore[method-assign,assignment]
    large = b"x" * 1_000_000
    asked.connection.send(b"head", large)
    assert written[0] == b"head"
    assert written[1] is large
