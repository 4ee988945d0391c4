"""HTTP to the providers for the lanes that send by themselves: one shared pool of connections, one hit per attempt.

An answer is read up to 32 MB, unpacked step by step; redirects are not followed, nothing is sent twice, not even on a kept
connection that turns out to be dead. Failures leave as ProviderError, with the same faults as in the sdk lane. Deadlines
are the caller's: cancelled, a call closes its connection. The client is our own, as it would else be most of a request.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gateway.errors import Fault, ProviderError
from gateway.providers.addresses import Address, address_of, trusted_authorities
from gateway.providers.http1 import Connection
from gateway.providers.pool import Pool
from gateway.providers.unpacking import TooLargeError, Unpacking

MOST_ADDRESSES = 1024  # kept parsed; clients name models of wildcards, and some providers have them in the path
LAST_BYTES = 0.25  # seconds that a provider has to end its answer after its last word, so that the connection is kept


@dataclass(frozen=True, slots=True)
class Sending:
    """A request that is ready to go: POST `data` to `url` with these headers, which stand over those of `ALWAYS`."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    data: bytes = field(repr=False)


class Body:
    """An answer of which status and headers are there. Whoever opened it closes it."""

    __slots__ = ("_connection", "_open", "_pieces", "_pool", "_unpacking", "headers", "status")

    def __init__(self, connection: Connection, pool: Pool) -> None:
        self.status = connection.status
        self.headers: Mapping[str, str] = connection.headers
        self._unpacking = Unpacking(self.headers.get("content-encoding", ""))
        self._connection = connection
        self._pool = pool
        self._pieces: Iterator[bytes] = iter(())
        self._open = True

    async def read(self) -> bytes:
        """Whatever bytes have come in, at least one; b"" at the end, and once it is closed. Raises ProviderError."""
        if not self._open:
            return b""
        try:
            if self._unpacking.packed:
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
        if not self._unpacking.packed and self._connection.drained:
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
        body = await self.open(sending)
        try:
            return Reply(body.status, body.headers, await body.whole())
        finally:
            await body.close()

    async def open(self, sending: Sending) -> Body:
        """The answer's head, with any status; its body is to be read, and to be closed. Raises ProviderError."""
        try:
            address = self._addresses.get(sending.url) or self._address(sending.url)
            head = address.head(sending.headers, len(sending.data))
        except ValueError as error:  # an address or a header that cannot be: nothing was sent
            raise ProviderError(Fault.CONNECT, f"the request cannot be sent ({type(error).__name__})") from error
        connection = self._pool.idle(address.origin) or await self._pool.connect(address.origin)
        try:
            connection.send(head, sending.data)
            await connection.answered()
        except BaseException:
            connection.abort()
            raise
        return Body(connection, self._pool)

    async def close(self) -> None:
        """Close all connections; the next request opens new ones."""
        self._pool.close()

    def _address(self, text: str) -> Address:
        if len(self._addresses) >= MOST_ADDRESSES:
            self._addresses.clear()
        self._addresses[text] = found = address_of(text)
        return found


def is_success(status: int) -> bool:
    return 200 <= status < 300
