"""A loopback server that sends the very bytes it is given, whenever a whole request has come in."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@dataclass(frozen=True, slots=True)
class Script:
    """What is sent, piece by piece, and what becomes of the connection. `early`: before the request's body was read."""

    pieces: tuple[bytes, ...] = (OK,)
    then: str = "keep"
    early: bool = False


class RawServer:
    """`connections` counts those that were ever opened; `left` is set whenever one has ended."""

    def __init__(self) -> None:
        self.script = Script()
        self.connections = 0
        self.open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.requests: list[bytes] = []
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self.port = 0
        self._server: asyncio.Server

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        await self.hang_up()
        await self._server.wait_closed()

    async def hang_up(self) -> None:
        """End all connections."""
        for writer in self.open.values():
            writer.transport.abort()
        await asyncio.gather(*self.open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task: Any = asyncio.current_task()
        self.open[task] = writer
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._exchange(reader, writer):
                pass
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
        del self.open[task]
        self.left.set()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request = await reader.readuntil(b"\r\n\r\n")
        length = next((line for line in request.split(b"\r\n") if line.startswith(b"content-length:")), b":0")
        script = self.script
        if not script.early:
            request += await reader.readexactly(int(length.partition(b":")[2]))
        self.requests.append(request)
        self.asked.set()
        for piece in script.pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if script.then == "hang":
            await reader.read()
        return script.then == "keep"


@contextlib.asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    server = RawServer()
    await server.start(tls)
    try:
        yield server
    finally:
        await server.stop()


class Proxy:
    """Passes connections through to where they ask to go, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.answer = b"HTTP/1.1 200 Connection established\r\n\r\n"
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head)
        writer.write(self.answer)
        host, _, port = head.split(b" ")[1].decode().rpartition(":")
        if b" 200 " in self.answer:
            there, back = await asyncio.open_connection(host, int(port))
            await asyncio.gather(passed(reader, back), passed(there, writer))
        writer.close()


async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(2**16):
            writer.write(data)
    except ConnectionError:
        pass
    writer.close()
