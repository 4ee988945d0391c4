"""HTTP to the providers for the lanes that send by themselves: one shared pool of connections, one hit per attempt.

An answer is read up to 32 MB, unpacked step by step; redirects are not followed, nothing is sent twice. Failures leave as
ProviderError, with the same faults as in the sdk lane. Deadlines are the caller's: cancelled, a call closes its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import certifi
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.payload import BytesPayload, Payload
from yarl import URL

from gateway.errors import Fault, ProviderError
from gateway.providers.errors import causes, transport_fault
from gateway.providers.unpacking import TooLargeError, Unpacking

KEEP_ALIVE = 30.0  # seconds; the longer, the likelier is it that a provider hangs up just then
DNS_CACHE = 300  # seconds
READ_STEP = 2**16  # bytes that wait in a connection before it is read no further
MOST_ADDRESSES = 1024  # kept parsed; clients name models of wildcards, and some providers have them in the path
ALWAYS = {"accept": "*/*", "accept-encoding": "gzip", "content-type": "application/json", "user-agent": "atelier"}
BREAKS = (aiohttp.ClientError, HttpProcessingError, OSError, RuntimeError, TooLargeError)
LAST_BYTES = 0.25  # seconds that a provider has to end its answer after its last word, so that the connection is kept


@dataclass(frozen=True, slots=True)
class Sending:
    """A request that is ready to go: POST `data` to `url` with these headers, which stand over those of `ALWAYS`."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. Names of headers are found in any case."""

    status: int
    headers: Mapping[str, str]
    data: bytes = field(repr=False)


class Packet(BytesPayload):
    """Bytes to be sent in one piece, however many: aiohttp would warn of more than a megabyte."""

    def __init__(self, data: bytes) -> None:
        Payload.__init__(self, data, content_type="application/json")
        self._size = len(data)


class Body:
    """An answer of which status and headers are there. Whoever opened it closes it."""

    __slots__ = ("_content", "_pieces", "_response", "_unpacking", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._content = response.content
        self._unpacking = Unpacking(self.headers.get("content-encoding", ""))
        self._pieces: Iterator[bytes] = iter(())

    async def read(self) -> bytes:
        """Whatever bytes have come in, at least one; b"" at the end. Raises ProviderError."""
        try:
            if self._unpacking.packed:
                return await self._unpacked()
            return self._unpacking.counted(await self._content.readany())
        except BREAKS as error:
            raise broken(error) from error

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
        if not first or self._content.at_eof():
            return first
        parts = [first]
        while part := await self.read():
            parts.append(part)
        return b"".join(parts)

    async def finish(self) -> None:
        """Read what is left, which ought to be nothing: only then the connection can serve another request."""
        if self._content.is_eof():
            return
        with contextlib.suppress(TimeoutError, ProviderError):
            async with asyncio.timeout(LAST_BYTES):
                while await self.read():
                    pass

    async def close(self) -> None:
        """Give the connection back where the answer was read to its end; close it where it was not."""
        self._response.close()

    async def _unpacked(self) -> bytes:
        while True:
            for piece in self._pieces:
                if piece:
                    return piece
            part = await self._content.readany()
            if not part:
                return b""
            self._pieces = self._unpacking.feed(part)


class Http:
    """One a process. Connections are made in the event loop that first asks."""

    def __init__(self, connect_timeout: float = 5.0) -> None:
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout)
        self._session: aiohttp.ClientSession | None = None
        self._addresses: dict[str, tuple[URL, URL | None]] = {}

    async def whole(self, sending: Sending) -> Reply:
        """The answer, read to its end, with any status. Raises ProviderError."""
        body = await self.open(sending)
        try:
            return Reply(body.status, body.headers, await body.whole())
        finally:
            await body.close()

    async def open(self, sending: Sending) -> Body:
        """The answer's head, with any status; its body is to be read, and to be closed. Raises ProviderError."""
        url, proxy = self._addresses.get(sending.url) or self._address(sending.url)
        session = self._session or self._opened()
        try:
            response = await session.post(
                url, data=Packet(sending.data), headers=sending.headers, allow_redirects=False, proxy=proxy
            )
        except ValueError as error:  # an address or a header that cannot be: nothing was sent
            raise ProviderError(Fault.CONNECT, f"the request cannot be sent ({type(error).__name__})") from error
        except BREAKS as error:
            raise broken(error) from error
        return Body(response)

    async def close(self) -> None:
        """Close all connections; the next request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0, keepalive_timeout=KEEP_ALIVE, ttl_dns_cache=DNS_CACHE, ssl=trusted_authorities()
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=ALWAYS,
            timeout=self._timeout,
            auto_decompress=False,
            read_bufsize=READ_STEP,
        )
        return self._session

    def _address(self, text: str) -> tuple[URL, URL | None]:
        """`text` parsed, and the proxy that the environment names for it, as LiteLLM does."""
        url = URL(text, encoded=True)
        if len(self._addresses) >= MOST_ADDRESSES:
            self._addresses.clear()
        self._addresses[text] = found = (url, proxy_for(url))
        return found


def broken(error: Exception) -> ProviderError:
    """A connection that was not made or did not last, or an answer that cannot be read; nobody's text is repeated."""
    if isinstance(error, TooLargeError):
        return ProviderError(Fault.MALFORMED, str(error))
    if isinstance(error, aiohttp.ClientResponseError):
        return ProviderError(Fault.MALFORMED, f"the answer cannot be read ({type(error).__name__})")
    fault = transport_fault(list(causes(error))) or Fault.RESET
    return ProviderError(fault, f"the connection to the provider failed ({type(error).__name__})")


def proxy_for(url: URL) -> URL | None:
    """The proxy that HTTPS_PROXY and its kin name; None where there is none, or NO_PROXY names the host."""
    proxies = urllib.request.getproxies()
    if not proxies or urllib.request.proxy_bypass(url.host or ""):
        return None
    found = proxies.get(url.scheme) or proxies.get("all")
    return URL(found if "://" in found else f"http://{found}") if found else None


def trusted_authorities() -> ssl.SSLContext | bool:
    """Whose certificates are believed, by the variables that LiteLLM reads: SSL_VERIFY, SSL_CERT_FILE."""
    told = os.environ.get("SSL_VERIFY", "")
    if told.lower() == "false":
        return False
    files = (told, os.environ.get("SSL_CERT_FILE", ""))
    return ssl.create_default_context(cafile=next((each for each in files if Path(each).is_file()), certifi.where()))


def is_success(status: int) -> bool:
    return 200 <= status < 300
