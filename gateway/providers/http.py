"""HTTP to the providers for the lanes that send by themselves: one shared pool of connections, one hit per attempt.

An answer is read up to 32 MB, unpacked step by step; redirects are not followed, nothing is sent twice, not even on a kept
connection that turns out to be dead. Failures leave as ProviderError, with the same faults as in the sdk lane. Deadlines
are the caller's: cancelled, a call closes its connection. The client is our own, as it would else be most of a request.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping

import msgspec

from gateway.errors import Fault, ProviderError
from gateway.providers.addresses import Address, Opening, address_of, trusted_authorities
from gateway.providers.fields import Fields
from gateway.providers.http1 import Connection
from gateway.providers.pool import Pool
from gateway.providers.unpacking import TooLargeError, Unpacking

MOST_ADDRESSES = 1024  # kept parsed; clients name models of wildcards, and some providers have them in the path
LAST_BYTES = 0.25  # seconds that a provider has to end its answer after its last word, so that the connection is kept


class Sending(msgspec.Struct, frozen=True):
    """A request that is ready to go: POST `data` to `url` with these headers, which stand over those of `ALWAYS`.

    With an `opening`, that says where, and has most headers; `headers` are the others.
    """

    url: str
    headers: Mapping[str, str]
    data: bytes
    opening: Opening | None = None

    def __repr__(self) -> str:
        return "Sending(…)"  # headers hold keys, and the data is somebody's


class Reply(msgspec.Struct, frozen=True):
    """A whole answer. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    def __repr__(self) -> str:
        return f"Reply({self.status}, …)"


class Body:
    """An answer of which status and headers are there. Whoever opened it closes it."""

    __slots__ = ("_connection", "_open", "_packed", "_pieces", "_pool", "_unpacking", "headers", "status")

    def __init__(self, connection: Connection, pool: Pool) -> None:
        self.status = connection.status
        self.headers: Mapping[str, str] = connection.headers
        self._unpacking = Unpacking(packing(connection.headers))
        self._packed = self._unpacking.packed
        self._connection = connection
        self._pool = pool
        self._pieces: Iterator[bytes] = iter(())
        self._open = True

    async def read(self) -> bytes:
        """Whatever bytes have come in, at least one; b"" at the end, and once it is closed. Raises ProviderError."""
        if not self._open:
            return b""
        try:
            if self._packed:
                return await self._unpacked()
            return self._unpacking.counted(await self._connection.read())
        except TooLargeError as error:
            raise ProviderError(Fault.MALFORMED, str(error)) from error

    async def whole(self) -> bytes:
        """The rest of the answer. Raises ProviderError; a refusal that breaks off has said enough by its status."""
        try:
            return await self._rest()
        except ProviderError:
            if is_success(self.status):
                raise
            return b""

    async def _rest(self) -> bytes:
        first = await self.read()
        if not self._packed and self._connection.drained:
            return first
        parts = [first]
        while part := await self.read():
            parts.append(part)
        return b"".join(parts)

    async def finish(self) -> None:
        """Read what is left, which ought to be nothing: only then the connection can serve another request."""
        if self._connection.drained:
            return
        with contextlib.suppress(TimeoutError, ProviderError):
            async with asyncio.timeout(LAST_BYTES):
                while await self.read():
                    pass

    async def close(self) -> None:
        """Give the connection back where the answer was read to its end; close it where it was not."""
        if self._open:
            self._open = False
            self._pool.give_back(self._connection)

    async def _unpacked(self) -> bytes:
        while True:
            for piece in self._pieces:
                if piece:
                    return piece
            part = await self._connection.read()
            if not part:
                return b""
            self._pieces = self._unpacking.feed(part)


class Http:
    """One a process. Connections are made in the event loop that asks."""

    def __init__(self, connect_timeout: float = 5.0) -> None:
        self._pool = Pool(connect_timeout, trusted_authorities)
        self._addresses: dict[str, Address] = {}

    async def whole(self, sending: Sending) -> Reply:
        """The answer, read to its end, with any status. Raises ProviderError."""
        connection = await self._asked(sending)
        try:
            if connection.complete and not packing(connection.headers):
                data = connection.take()
            else:
                data = await Body(connection, self._pool).whole()
            return Reply(connection.status, connection.headers, data)
        finally:
            self._pool.give_back(connection)

    async def open(self, sending: Sending) -> Body:
        """The answer's head, with any status; its body is to be read, and to be closed. Raises ProviderError."""
        return Body(await self._asked(sending), self._pool)

    async def _asked(self, sending: Sending) -> Connection:
        """The connection on which the answer has begun. Raises ProviderError."""
        try:
            to = sending.opening or self._addresses.get(sending.url) or self._address(sending.url)
            head = to.head(sending.headers, len(sending.data))
        except ValueError as error:
            raise unsendable(error) from error
        connection = self._pool.idle(to.origin) or await self._pool.connect(to.origin)
        try:
            connection.send(head, sending.data)
            await connection.answered()
        except BaseException:
            connection.abort()
            raise
        return connection

    async def close(self) -> None:
        """Close all connections; the next request opens new ones."""
        self._pool.close()

    def _address(self, text: str) -> Address:
        if len(self._addresses) >= MOST_ADDRESSES:
            self._addresses.clear()
        self._addresses[text] = found = address_of(text)
        return found


def packing(headers: Fields) -> str:
    """An answer's Content-Encoding; empty where it has none."""
    return headers.get("content-encoding", "") if headers.may_have(b"content-encoding") else ""


def unsendable(error: ValueError) -> ProviderError:
    """There can be no such address, or no such header: nothing was sent."""
    return ProviderError(Fault.CONNECT, f"the request cannot be sent ({type(error).__name__})")


def is_success(status: int) -> bool:
    return 200 <= status < 300
