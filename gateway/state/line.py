"""One connection to Redis that all callers share: what is asked in a few turns of the event loop goes out as one write.

Answers come in the order of the questions, each to its own future. Redis gone, hanging or out of step: every question
that is open is answered with the exception, `lost` is told, and nothing is ever sent again; the next one connects anew.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from hiredis import HiredisError, Reader, pack_command
from redis.asyncio.connection import AbstractConnection
from redis.connection import DefaultParser
from redis.exceptions import DataError, RedisError

from gateway.ports import Clock
from gateway.turns import after_turns

Command = Sequence[str | bytes | int | float]

COMPANY = 2  # turns of the loop; an answer takes longer than a few more of them would save
READ_FIRST = 2  # turns of the loop after which it has read what lay in the socket
SIZE = 64  # questions that Redis has before it at a time; further ones wait for their turn
WAIT = 10  # timeouts that a question waits for its turn, a burst of our own being no sign of Redis's health
SLICES = 8  # of a timeout, see `_tick`
WHOLE, QUARTER = 4, 1  # what a slice counts for
_NOTHING = object()


class Crowded(Exception):
    """Its turn did not come: nothing was sent, and nothing is said of Redis."""


class Question(msgspec.Struct, eq=False):
    """Commands that are sent together. `since`: when, by the line's own time; before that, when it was asked."""

    answer: asyncio.Future[Any]
    data: bytes
    count: int
    since: int
    replies: list[Any] = []


class Line(asyncio.Protocol):
    """`make`: a connection of redis-py's, which knows how to connect, to sign in and to choose a database.

    `timeout`: seconds for an answer, and for connecting; times `patience`. An answer is the reply, or the list of them
    for several commands; errors of Redis and of the connection are among the answers, so that none goes untaken.
    """

    def __init__(
        self,
        make: Callable[[], AbstractConnection],
        clock: Clock,
        timeout: float,
        lost: Callable[[Exception], None],
    ) -> None:
        self.patience = 1
        self._make = make
        self._clock = clock
        self._slice = timeout / SLICES
        self._lost = lost
        self._waiting: deque[Question] = deque()
        self._sent: deque[Question] = deque()
        self._transport: asyncio.WriteTransport | None = None
        self._connection: AbstractConnection | None = None
        self._opening: asyncio.Task[None] | None = None
        self._opened_at = 0
        self._reader: Any = None
        self._flushing = False
        self._timer: asyncio.TimerHandle | None = None
        self._time = 0  # quarters of slices in which somebody waited
        self._looked_at = 0.0

    def ask(self, data: bytes, count: int = 1) -> asyncio.Future[Any]:
        """Send `data`, which is `count` commands. Whoever is cancelled leaves its answer to be read off."""
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        self._waiting.append(Question(answer, data, count, self._time))
        if not self._flushing:
            self._flushing = True
            after_turns(loop, self._flush, COMPANY)
        return answer

    @property
    def crowded(self) -> bool:
        """Whether who asks now has to wait for its turn."""
        return len(self._sent) + len(self._waiting) >= SIZE

    def drop(self) -> None:
        """Close the connection; what is open is answered with an error. A further question connects anew."""
        self._end(ConnectionResetError("the connection was closed"))

    async def close(self) -> None:
        """Drop the connection for good, with nothing of it left behind."""
        opening = self._opening
        self.drop()
        if opening is not None:
            await asyncio.gather(opening, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()

    def _flush(self) -> None:
        """Send what waits, as far as there is room."""
        self._flushing = False
        if self._timer is None:
            self._looked_at = self._clock.monotonic()
            self._timer = asyncio.get_running_loop().call_later(self._slice, self._tick)
        if self._transport is None:
            if self._opening is None and self._waiting:
                self._opened_at = self._time
                self._opening = asyncio.get_running_loop().create_task(self._open(), name="redis-connects")
            return
        data = []
        while self._waiting and len(self._sent) < SIZE:
            question = self._waiting.popleft()
            if not question.answer.done():
                question.since = self._time
                data.append(question.data)
                self._sent.append(question)
        if data:
            self._transport.write(b"".join(data))

    async def _open(self) -> None:
        connection = self._make()
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            writer = connection._writer  # noqa: SLF001 - redis-py connects; from here on the socket is read and written here
            if writer is None:
                raise ConnectionResetError("the connection was closed")
            self._reader = Reader(replyError=DefaultParser.parse_error, notEnoughData=_NOTHING)
            transport: asyncio.WriteTransport = writer.transport
            transport.set_protocol(self)
            self._transport, self._connection = transport, connection
        except (RedisError, OSError) as error:
            self._opening = None
            self._end(error)
            return
        finally:
            if self._connection is not connection:
                await connection.disconnect(nowait=True)
        self._opening = None
        if transport.is_closing():
            self._end(ConnectionResetError("the connection was closed"))
        else:
            self._flush()

    def data_received(self, data: bytes) -> None:
        """Give each reply to whom it belongs."""
        reader, sent = self._reader, self._sent
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not _NOTHING:
                question = sent[0]
                if question.count > 1:
                    question.replies.append(reply)
                    if len(question.replies) < question.count:
                        continue
                    reply = question.replies
                sent.popleft()
                if not question.answer.done():
                    question.answer.set_result(reply)
        except (HiredisError, IndexError):  # no reply, or one that nobody asked for
            self._end(ConnectionResetError("Redis and the gateway are out of step"))
            return
        if self._waiting:
            self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Told by the loop."""
        if self._transport is not None:
            self._end(exc or ConnectionResetError("Redis closed the connection"))

    def _tick(self) -> None:
        """Let the time of a slice pass, and give up what has waited for too long.

        A slice of time in which this process itself was held up says nothing about Redis, whose answer may lie in the
        socket already: it counts for a quarter, and nobody is given up before the socket was read.
        """
        now = self._clock.monotonic()
        self._time += WHOLE if now - self._looked_at < 2 * self._slice else QUARTER
        self._looked_at, self._timer = now, None
        loop = asyncio.get_running_loop()
        if self._overdue():
            after_turns(loop, self._judge, READ_FIRST)
        while self._waiting and self._time - self._waiting[0].since > WAIT * self._most:
            answer(self._waiting.popleft(), Crowded())
        if self._sent or self._waiting or self._opening is not None:
            self._timer = loop.call_later(self._slice, self._tick)

    @property
    def _most(self) -> int:
        """For how much of the line's time an answer is waited for."""
        return WHOLE * SLICES * self.patience

    def _overdue(self) -> bool:
        since = self._sent[0].since if self._sent else self._opened_at if self._opening is not None else self._time
        return self._time - since > self._most

    def _judge(self) -> None:
        """What was overdue may have been answered since."""
        if self._overdue():
            self._end(TimeoutError())

    def _end(self, error: Exception) -> None:
        """The connection is of no use any more; nor is Redis, where somebody waits for it."""
        opening, self._opening = self._opening, None
        transport, self._transport = self._transport, None
        connection, self._connection = self._connection, None
        open_ones = [*self._sent, *self._waiting]
        self._sent.clear()
        self._waiting.clear()
        if opening is not None:
            opening.cancel()
        if transport is not None:
            transport.abort()
        if connection is not None:
            connection._writer = connection._reader = None  # noqa: SLF001 - or it complains that nobody has closed it
        if open_ones:
            self._lost(error)
        for question in open_ones:
            answer(question, error)


def answer(question: Question, reply: object) -> None:
    """Unless its caller was cancelled."""
    if not question.answer.done():
        question.answer.set_result(reply)


def packed(command: Command) -> bytes:
    """A command as it is sent. Raises `DataError` for an argument that cannot be."""
    try:
        data: bytes = pack_command(tuple(command))  # type: ignore[arg-type]
    except TypeError as error:
        raise DataError(str(error)) from None
    return data
