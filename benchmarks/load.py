"""Makes load and times it: requests one after the other on a number of connections, whole or streamed.

Raw asyncio, so that it costs little beside what it measures. A single failed, refused or cut request raises LoadError:
figures of a run with failures would mean nothing.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import httptools

PATIENCE = 60.0  # seconds that the last answers may take
SENTENCE = "Please say something about the weather today. "
EVENT, END = b"data: ", b"data: [DONE]\n\n"


class LoadError(Exception):
    """A request was not answered as it should have been."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server on loopback, and the key that opens it."""

    port: int
    key: str
    model: str

    def request(self, words: int, *, stream: bool, prompt_bytes: int = 200) -> bytes:
        """A chat request that is answered with so many words; a stream asks for usage, as a client that counts does."""
        prompt = (SENTENCE * (prompt_bytes // len(SENTENCE) + 1))[:prompt_bytes]
        body: dict[str, object] = {
            "model": self.model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": words,
        }
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        data = json.dumps(body).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\nauthorization: Bearer {self.key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        )
        return head.encode() + data


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
        """Send `request` and return when its answer is whole. Raises LoadError."""
        self._answered = asyncio.get_running_loop().create_future()
        self._exchange = Exchange(time.perf_counter())
        self._transport.write(request)
        return await self._answered

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


async def drive(
    target: Target, request: bytes, *, at_once: int, most: int, seconds: float, spread: float = 0.0
) -> list[Exchange]:
    """Send `request` again and again on `at_once` connections: at most `most` times, none after `seconds`.

    The connections start within `spread` seconds, evenly, so that streams do not run in step. Raises LoadError.
    """
    until = time.perf_counter() + seconds
    turns = iter(range(most))
    starts = [index * spread / at_once for index in range(at_once)]
    work = [asyncio.ensure_future(_client(target.port, request, turns, until, start)) for start in starts]
    try:
        async with asyncio.timeout(seconds + spread + PATIENCE):
            done = await asyncio.gather(*work)
    except TimeoutError:
        raise LoadError(f"some answers took longer than {PATIENCE:g} seconds") from None
    except OSError as error:
        raise LoadError(f"no connection: {error}") from None
    finally:
        for task in work:
            task.cancel()
    return [exchange for exchanges in done for exchange in exchanges]


async def _client(port: int, request: bytes, turns: Iterator[int], until: float, start: float) -> list[Exchange]:
    await asyncio.sleep(start)
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
    exchanges = []
    try:
        for _ in turns:
            exchange = await connection.ask(request)
            if exchange.status != 200 or (exchange.events and not exchange.tail.endswith(END)):
                raise LoadError(f"status {exchange.status}: {exchange.tail.decode(errors='replace')}")
            exchanges.append(exchange)
            if time.perf_counter() > until:
                break
    finally:
        connection.close()
    return exchanges
