"""The connection that all calls share: order, turns, cut answers, callers that have gone, and whose fault slowness is."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from redis.asyncio import ConnectionPool
from redis.exceptions import DataError, ResponseError

from gateway.clock import SystemClock
from gateway.state.line import SIZE, Crowded, Line, packed

PING = packed(("PING",))
LONG = 30.0  # seconds: far beyond what any of these tests needs


@dataclass
class Upstream:
    """A Redis of which the test says every byte. `sent`: what came, one piece for each read."""

    url: str = ""
    sent: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while data := await reader.read(1 << 20):
            if b"SETINFO" in data:
                writer.write(b"+OK\r\n" * data.count(b"SETINFO"))
            else:
                self.sent.put_nowait(data)
        writer.close()

    def say(self, data: bytes) -> None:
        self.writers[-1].write(data)

    async def heard(self) -> bytes:
        return await asyncio.wait_for(self.sent.get(), LONG)


@asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    made = Upstream()
    listener = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    async with listener:
        made.url = f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        yield made
        for writer in made.writers:
            writer.close()


@asynccontextmanager
async def line_to(url: str, timeout: float = LONG) -> AsyncIterator[tuple[Line, list[Exception]]]:
    """A line, and what it says that it has lost."""
    lost: list[Exception] = []
    pool = ConnectionPool.from_url(url, protocol=2)
    line = Line(pool.make_connection, SystemClock(), timeout, lost.append)
    yield line, lost
    await line.close()


async def in_time(answer: asyncio.Future[object]) -> object:
    return await asyncio.wait_for(asyncio.shield(answer), LONG)


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG):
        while not condition():  # noqa: ASYNC110 - it is told to nobody
            await asyncio.sleep(0)


async def test_what_is_asked_in_one_turn_goes_out_at_once_and_each_gets_its_own_answer() -> None:
    async with upstream() as redis, line_to(redis.url) as (line, lost):
        questions = [packed(("GET", f"k{number}")) for number in range(20)]
        answers = [line.ask(question) for question in questions]
        assert await redis.heard() == b"".join(questions)
        redis.say(b"".join(b"$%d\r\n%d\r\n" % (len(str(number)), number) for number in range(20)))
        assert await asyncio.gather(*answers) == [str(number).encode() for number in range(20)]
        assert lost == []


async def test_answers_that_are_cut_anywhere_are_put_together() -> None:
    async with upstream() as redis, line_to(redis.url) as (line, _):
        answers = [line.ask(PING), line.ask(PING * 3, 3), line.ask(PING)]
        await redis.heard()
        for byte in b"$4\r\na\r\nb\r\n*2\r\n:1\r\n*1\r\n$-1\r\n-ERR no\r\n:3\r\n+last\r\n":
            redis.say(bytes([byte]))
            await turns()
        one, three, last = await asyncio.wait_for(asyncio.gather(*answers), LONG)
        assert (one, last) == (b"a\r\nb", b"last")
        assert three[0] == [1, [None]]
        assert isinstance(three[1], ResponseError)
        assert three[2] == 3


async def test_the_answer_of_a_caller_that_has_gone_is_read_off() -> None:
    async with upstream() as redis, line_to(redis.url) as (line, lost):
        before, gone, after = (line.ask(PING) for _ in range(3))
        await redis.heard()
        gone.cancel()
        redis.say(b"+1\r\n+2\r\n+3\r\n")
        assert [await in_time(before), await in_time(after)] == [b"1", b"3"]
        assert lost == []


async def test_what_was_cancelled_before_its_turn_is_not_sent() -> None:
    async with upstream() as redis, line_to(redis.url) as (line, _):
        gone = line.ask(packed(("INCR", "n")))
        kept = line.ask(PING)
        gone.cancel()
        assert await redis.heard() == PING
        redis.say(b"+PONG\r\n")
        assert await in_time(kept) == b"PONG"


async def test_only_so_many_are_sent_and_the_others_follow_in_order() -> None:
    async with upstream() as redis, line_to(redis.url) as (line, _):
        answers = [line.ask(PING) for _ in range(SIZE + 5)]
        assert await redis.heard() == PING * SIZE
        redis.say(b"+0\r\n+1\r\n")
        assert await redis.heard() == PING * 2
        redis.say(b"".join(b"+%d\r\n" % number for number in range(2, SIZE + 2)))
        assert await redis.heard() == PING * 3
        redis.say(b"".join(b"+%d\r\n" % number for number in range(SIZE + 2, SIZE + 5)))
        assert [int(await in_time(answer)) for answer in answers] == list(range(SIZE + 5))


@pytest.mark.parametrize("half", [b"", b"+0\r\n", b"+0\r\n$5\r\nab"])
async def test_a_connection_that_dies_answers_all_that_is_open_and_nothing_is_sent_again(half: bytes) -> None:
    async with upstream() as redis, line_to(redis.url) as (line, lost):
        answers = [line.ask(PING) for _ in range(SIZE + 1)]
        await redis.heard()
        redis.say(half)
        redis.writers[-1].close()
        replies = [await in_time(answer) for answer in answers]
        assert [isinstance(reply, OSError) for reply in replies] == [
            number > 0 or not half for number in range(SIZE + 1)
        ]
        assert len(lost) == 1
        later = line.ask(packed(("GET", "k")))
        assert await redis.heard() == packed(("GET", "k")), "on a new connection, and nothing else"
        redis.say(b"$-1\r\n")
        assert await in_time(later) is None


async def test_a_connection_that_ends_while_nobody_waits_is_made_anew_in_silence() -> None:
    async with upstream() as redis, line_to(redis.url) as (line, lost):
        first = line.ask(PING)
        await redis.heard()
        redis.say(b"+PONG\r\n")
        await in_time(first)
        redis.writers[-1].close()
        await until(lambda: line._transport is None)
        second = line.ask(PING)
        await redis.heard()
        redis.say(b"+PONG\r\n")
        assert await in_time(second) == b"PONG"
        assert lost == []


@pytest.mark.parametrize("noise", [b"+PONG\r\n+unasked\r\n", b"HTTP/1.1 400 Bad Request\r\n"])
async def test_a_server_that_is_out_of_step_is_left(noise: bytes) -> None:
    async with upstream() as redis, line_to(redis.url) as (line, _):
        answer = line.ask(PING)
        await redis.heard()
        redis.say(noise)
        await in_time(answer)
        await until(lambda: line._transport is None)


async def test_a_server_that_says_nothing_is_given_up_after_the_time_and_not_before() -> None:
    async with upstream() as redis, line_to(redis.url, 0.2) as (line, lost):
        began = time.monotonic()
        answers = [line.ask(PING) for _ in range(SIZE + 10)]
        replies = [await in_time(answer) for answer in answers]
        assert {type(reply) for reply in replies} == {TimeoutError}
        assert 0.2 <= time.monotonic() - began < 5
        assert [type(error) for error in lost] == [TimeoutError]


async def test_time_in_which_this_process_was_held_up_does_not_count() -> None:
    """The answer comes after more than the time, all of which this process slept through."""
    async with upstream() as redis, line_to(redis.url, 0.2) as (line, lost):
        answer = line.ask(PING)
        await redis.heard()
        for _ in range(5):
            time.sleep(0.08)  # noqa: ASYNC251 - as a long computation would
            await turns()
        redis.say(b"+PONG\r\n")
        assert await in_time(answer) == b"PONG"
        assert lost == []


async def test_an_answer_that_has_arrived_is_read_before_anybody_is_given_up() -> None:
    """The timer is due in the same turn in which the answer lies in the socket, as after a turn that took long."""
    async with upstream() as redis, line_to(redis.url) as (line, lost):
        answer = line.ask(PING)
        await redis.heard()
        redis.say(b"+PONG\r\n")
        line._sent[0].since = -(10**9)
        line._tick()
        assert await in_time(answer) == b"PONG"
        assert lost == []


async def test_what_is_overdue_and_not_answered_is_given_up_at_once() -> None:
    async with upstream() as redis, line_to(redis.url) as (line, lost):
        answer = line.ask(PING)
        await redis.heard()
        line._sent[0].since = -(10**9)
        line._tick()
        assert isinstance(await in_time(answer), TimeoutError)
        assert [type(error) for error in lost] == [TimeoutError]


async def test_who_waits_for_its_turn_for_too_long_learns_nothing_of_redis() -> None:
    async with upstream() as redis, line_to(redis.url, 0.05) as (line, lost):
        answers = [line.ask(PING) for _ in range(SIZE)]
        await redis.heard()
        last = line.ask(PING)
        for question in line._sent:
            question.since = 10**9  # as if there were always a new one
        assert isinstance(await in_time(last), Crowded)
        assert not any(answer.done() for answer in answers)
        assert lost == []


async def test_nobody_complains_of_an_answer_that_nobody_took() -> None:
    """An exception that nobody takes is told by the loop, with a traceback, when its future is collected."""
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with upstream() as redis, line_to(redis.url) as (line, _):

        async def ask() -> object:
            return await line.ask(PING)

        call = asyncio.create_task(ask())
        await redis.heard()
        line.drop()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    del call
    gc.collect()
    await turns()
    assert complaints == []


def test_an_argument_that_cannot_be_sent_is_a_bug() -> None:
    with pytest.raises(DataError):
        packed(("SET", "k", None))  # type: ignore[arg-type]
