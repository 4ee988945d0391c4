"""Makes load and times it: whole or streamed answers on a number of connections, in a closed loop or at a fixed rate.

Raw asyncio, so that it costs little beside what it measures. A single failed, refused or cut request raises LoadError:
figures of a run with failures would mean nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import httptools

T = TypeVar("T")
PATIENCE = 60.0  # seconds that the last answers may take
SENTENCE = "Please say something about the weather today. "
PROMPT_BYTES = 200
EVENT, END = b"data: ", b"data: [DONE]\n\n"


def prompt(size: int) -> str:
    """So many bytes of text."""
    return (SENTENCE * (size // len(SENTENCE) + 1))[:size]


class LoadError(Exception):
    """A request was not answered as it should have been."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server on loopback, the key that opens it, the model that is asked, and headers that it wants besides."""

    port: int
    key: str
    model: str
    headers: tuple[tuple[str, str], ...] = ()

    def request(self, words: int, *, stream: bool, prompt_bytes: int = PROMPT_BYTES) -> bytes:
        """A chat request that is answered with so many words; a stream asks for usage, as a client that counts does."""
        body: dict[str, object] = {
            "model": self.model,
            "messages": [{"role": "user", "content": prompt(prompt_bytes)}],
            "max_tokens": words,
        }
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return self.post("/v1/chat/completions", json.dumps(body).encode())

    def post(self, path: str, data: bytes) -> bytes:
        lines = [
            f"POST {path} HTTP/1.1",
            f"host: 127.0.0.1:{self.port}",
            f"authorization: Bearer {self.key}",
            "content-type: application/json",
            f"content-length: {len(data)}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


@dataclass(slots=True)
class Exchange:
    """One request and its answer; times in seconds of the monotonic clock."""

    sent: float
    first: float = 0.0  # the first bytes of the answer's body
    ended: float = 0.0
    events: int = 0  # server-sent events
    reads: int = 0  # pieces in which the body arrived
    status: int = 0
    tail: bytes = b""

    @property
    def duration(self) -> float:
        return self.ended - self.sent

    @property
    def first_after(self) -> float:
        return self.first - self.sent


class Connection(asyncio.Protocol):
    """One keep-alive connection that carries one request at a time."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._exchange = Exchange(0.0)
        self._answered: asyncio.Future[Exchange] | None = None
        self._transport: asyncio.WriteTransport

    async def ask(self, request: bytes) -> Exchange:
        """Send `request` and return when its answer is whole and well. Raises LoadError."""
        if self._transport.is_closing():
            raise LoadError("the server closed a connection that was to be used again")
        self._answered = asyncio.get_running_loop().create_future()
        self._exchange = Exchange(time.perf_counter())
        self._transport.write(request)
        exchange = await self._answered
        if exchange.status != 200 or (exchange.events and not exchange.tail.endswith(END)):
            raise LoadError(f"status {exchange.status}: {exchange.tail.decode(errors='replace')}")
        return exchange

    def close(self) -> None:
        self._answered = None
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(LoadError(f"the connection was lost: {exc or 'closed by the server'}"))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        exchange = self._exchange
        if not exchange.reads:
            exchange.first = time.perf_counter()
        exchange.reads += 1
        exchange.events += body.count(EVENT)
        exchange.tail = body[-200:]

    def on_message_complete(self) -> None:
        exchange = self._exchange
        exchange.ended = time.perf_counter()
        exchange.status = self._parser.get_status_code()
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(exchange)


@contextlib.asynccontextmanager
async def connected(target: Target, count: int) -> AsyncIterator[list[Connection]]:
    """Open connections, so that opening them is no part of what is measured. Raises LoadError."""
    loop = asyncio.get_running_loop()
    connections: list[Connection] = []
    try:
        while len(connections) < count:
            _, connection = await loop.create_connection(Connection, "127.0.0.1", target.port)
            connections.append(connection)
        yield connections
    except OSError as error:
        raise LoadError(f"no connection: {error}") from None
    finally:
        for connection in connections:
            connection.close()


async def drive(
    connections: Sequence[Connection], request: bytes, *, most: int, seconds: float = PATIENCE, spread: float = 0.0
) -> list[Exchange]:
    """A closed loop: `request` again and again on each connection, at most `most` times, none after `seconds`.

    The connections start within `spread` seconds, evenly, so that streams do not run in step. Raises LoadError.
    """
    until = time.perf_counter() + seconds
    turns = iter(range(most))
    starts = [index * spread / len(connections) for index in range(len(connections))]
    work = [_client(each, request, turns, until, start) for each, start in zip(connections, starts, strict=True)]
    done = await _together(work, seconds + spread + PATIENCE)
    return [exchange for exchanges in done for exchange in exchanges]


async def at_rate(connections: Sequence[Connection], request: bytes, rate: float, seconds: float) -> list[Exchange]:
    """An open loop: a request each 1/`rate` seconds whatever the answers do. Raises LoadError.

    No request waits for another's answer: where no connection is free, it raises.
    """
    idle = deque(connections)  # taken in turn, so that the server closes none for being idle

    async def one(due: float) -> Exchange:
        await asyncio.sleep(due)
        if not idle:
            raise LoadError(f"{len(connections)} requests were under way at once")
        connection = idle.popleft()
        exchange = await connection.ask(request)
        idle.append(connection)
        return exchange

    work = [one(number / rate) for number in range(int(rate * seconds))]
    return await _together(work, seconds + PATIENCE)


async def _together(work: Sequence[Coroutine[Any, Any, T]], patience: float) -> list[T]:
    """All of it; the first failure ends the others. Raises LoadError."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        async with asyncio.timeout(patience):
            return await asyncio.gather(*tasks)
    except TimeoutError:
        raise LoadError(f"some answers took longer than {PATIENCE:g} seconds") from None
    finally:
        for task in tasks:
            task.cancel()


async def _client(
    connection: Connection, request: bytes, turns: Iterator[int], until: float, start: float
) -> list[Exchange]:
    await asyncio.sleep(start)
    exchanges = []
    for _ in turns:
        exchanges.append(await connection.ask(request))
        if time.perf_counter() > until:
            break
    return exchanges
