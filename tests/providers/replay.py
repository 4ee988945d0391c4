"""A loopback server that gives recorded answers back, cut at random points, and remembers what it was asked.

A body is sent in pieces of a few bytes, so that lines, characters and JSON are torn apart wherever a read may end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

LONGEST_PIECE = 96  # bytes, for short bodies
FEWEST_PIECES = 40  # of a long one


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer. `cut` ends the connection after that many bytes of the body; `hang` keeps it open without a byte."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    cut: int | None = None
    hang: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came in."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ReplayServer:
    """Answers every request with `answer`. `connections` counts those that were ever opened."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._longest: int | None = None
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.answer = Recorded(b"{}")
        self.seen: list[Seen] = []
        self.connections = 0
        self.url = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in self._open.values():
                writer.close()
            await asyncio.gather(*self._open)
            await self._server.wait_closed()

    def seed(self, seed: int, longest: int | None = None) -> None:
        """Cut the answers to come at other points, into pieces of at most `longest` bytes."""
        self._random.seed(seed)
        self._longest = longest

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task: Any = asyncio.current_task()
        self._open[task] = writer
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._exchange(reader, writer):
                pass
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        del self._open[task]

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = first.split(" ", 2)
        self.seen.append(Seen(method, target, headers, body))
        answer = self.answer
        if answer.hang:
            await reader.read()
            return False
        writer.write(f"HTTP/1.1 {answer.status} Recorded\r\n".encode())
        for name, value in answer.headers.items():
            writer.write(f"{name}: {value}\r\n".encode())
        writer.write(b"transfer-encoding: chunked\r\n\r\n")
        for piece in self._pieces(answer.body[: answer.cut]):
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0)
        if answer.cut is not None:
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    def _pieces(self, body: bytes) -> Iterator[bytes]:
        longest = self._longest or max(LONGEST_PIECE, 2 * len(body) // FEWEST_PIECES)
        start = 0
        while start < len(body):
            end = start + self._random.randint(1, longest)
            yield body[start:end]
            start = end


@contextlib.asynccontextmanager
async def replaying(seed: int = 0) -> AsyncIterator[ReplayServer]:
    server = ReplayServer(seed)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


class Canary:
    """An address that nobody may open; `came` counts those who did."""

    def __init__(self) -> None:
        self.came = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came += 1
        writer.close()


@contextlib.asynccontextmanager
async def watching() -> AsyncIterator[Canary]:
    """A canary on every address of this machine's loopback, IPv6 too where there is one."""
    canary = Canary()
    servers = [await asyncio.start_server(canary.open, "0.0.0.0", 0)]
    canary.port = servers[0].sockets[0].getsockname()[1]
    with contextlib.suppress(OSError):
        servers.append(await asyncio.start_server(canary.open, "::1", canary.port))
    yield canary
    for server in servers:
        server.close()
        await server.wait_closed()
