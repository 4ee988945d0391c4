"""The connections to the providers: each is kept for the next request to the same place, for a while.

A connection that is not made within its time, by name look-up, TCP, a proxy's tunnel and TLS together, is a ProviderError
with the fault CONNECT: nothing was sent. One that the provider closes while it is idle is forgotten. There is no limit.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any

import aiohappyeyeballs

from gateway.errors import Fault, ProviderError
from gateway.providers.http1 import Connection
from gateway.providers.origin import Origin, Tunnel

KEEP_ALIVE = 30.0  # seconds; the longer, the likelier is it that a provider hangs up just then
SWEEP = 10.0  # seconds between two looks for connections that have been idle for too long
DNS_CACHE = 300.0  # seconds
NEXT_ADDRESS = 0.25  # seconds until a host's next address is tried beside the one that does not answer
Found = list[tuple[Any, ...]]  # what getaddrinfo says


class Pool:
    """For one event loop. `trusted` makes the TLS context, when it is first needed."""

    def __init__(self, connect_timeout: float, trusted: Callable[[], ssl.SSLContext]) -> None:
        self._connect_timeout = connect_timeout
        self._trusted = trusted
        self._context: ssl.SSLContext | None = None
        self._loop: asyncio.AbstractEventLoop
        self._idle: dict[Origin, dict[Connection, float]] = {}  # with the loop's time until which each is kept
        self._sweeper: asyncio.TimerHandle | None = None
        self._names: dict[tuple[str, int], tuple[float, Found]] = {}
        self._asked: dict[tuple[str, int], asyncio.Task[Found]] = {}
        self.connections: set[Connection] = set()

    def idle(self, origin: Origin) -> Connection | None:
        """An idle connection, the one that was last used; None where there is none."""
        found = self._idle.get(origin)
        while found:
            connection, until = found.popitem()
            if until > self._loop.time():
                return connection
            connection.abort()
        return None

    async def connect(self, origin: Origin) -> Connection:
        """A new connection. Raises ProviderError."""
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_timeout):
                return await self._connected(origin)
        except (OSError, RuntimeError, ValueError, ProviderError) as error:  # of TLS, the clock, names, proxies
            raise ProviderError(Fault.CONNECT, f"no connection to the provider ({type(error).__name__})") from error

    def give_back(self, connection: Connection) -> None:
        """The caller is done: keep it if it can serve another request, close it if not."""
        if not connection.reusable:
            connection.abort()
            return
        self._idle.setdefault(connection.origin, {})[connection] = self._loop.time() + KEEP_ALIVE
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(SWEEP, self._sweep)

    def close(self) -> None:
        """Close all connections, those in use too."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for task in self._asked.values():
            task.cancel()
        for connection in list(self.connections):
            connection.abort()

    def _sweep(self) -> None:
        now = self._loop.time()
        for origin, found in list(self._idle.items()):
            for connection in [each for each, until in found.items() if until <= now]:
                connection.abort()
            if not found:
                del self._idle[origin]
        self._sweeper = self._loop.call_later(SWEEP, self._sweep) if self._idle else None

    def _lost(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if (found := self._idle.get(connection.origin)) is not None:
            found.pop(connection, None)

    async def _connected(self, origin: Origin) -> Connection:
        tunnel = origin.tunnel
        if tunnel is None:
            return await self._opened(origin, origin)
        outer = await self._opened(Origin(tunnel.tls, tunnel.host, tunnel.port), origin)
        try:
            await self._pass_through(outer, origin, tunnel)
            return await self._secured(outer, origin)
        except BaseException:
            outer.abort()
            raise

    async def _opened(self, at: Origin, origin: Origin) -> Connection:
        """A connection to a host itself, on the way to `origin`."""
        found = await self._addresses(at.host, at.port)
        try:
            sock = await aiohappyeyeballs.start_connection(
                found, happy_eyeballs_delay=NEXT_ADDRESS, interleave=1, loop=self._loop
            )
        except BaseException:
            self._names.pop((at.host, at.port), None)  # who moved is found at the next try
            raise
        try:
            _, connection = await self._loop.create_connection(
                lambda: Connection(self._loop, origin, self._lost),
                sock=sock,
                ssl=self._tls() if at.tls else None,
                server_hostname=at.host if at.tls else None,
            )
        except BaseException:
            sock.close()
            raise
        return self._held(connection)

    async def _pass_through(self, outer: Connection, origin: Origin, tunnel: Tunnel) -> None:
        """Ask the proxy for a way to the origin."""
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        lines = [f"CONNECT {host}:{origin.port} HTTP/1.1", f"host: {host}:{origin.port}"]
        if tunnel.authorization:
            lines.append(f"proxy-authorization: {tunnel.authorization}")
        outer.send("\r\n".join([*lines, "", ""]).encode(), b"")
        await outer.answered()
        if outer.status != 200:
            raise ProviderError(Fault.CONNECT, f"the proxy answered with status {outer.status}")

    async def _secured(self, outer: Connection, origin: Origin) -> Connection:
        """TLS through a tunnel."""
        connection = Connection(self._loop, origin, self._lost)
        transport = await self._loop.start_tls(outer.transport, connection, self._tls(), server_hostname=origin.host)
        if transport is None:
            raise ConnectionResetError
        connection.connection_made(transport)
        self.connections.discard(outer)
        return self._held(connection)

    def _held(self, connection: Connection) -> Connection:
        """`connection`, unless the other side has closed it already."""
        if connection.closed:
            raise ConnectionResetError
        self.connections.add(connection)
        return connection

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = self._trusted()
        return self._context

    async def _addresses(self, host: str, port: int) -> Found:
        """A host's addresses, each time beginning with another one. Those who ask at once are answered together."""
        key = (host, port)
        until, found = self._names.get(key, (0.0, []))
        if until <= self._loop.time():
            task = self._asked.get(key)
            if task is None:
                self._asked[key] = task = self._loop.create_task(self._looked_up(host, port))
                task.add_done_callback(lambda done: self._answered(key, done))
            found = await asyncio.shield(task)
            until = self._loop.time() + DNS_CACHE
        self._names[key] = (until, [*found[1:], *found[:1]])
        return found

    async def _looked_up(self, host: str, port: int) -> Found:
        return list(await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))

    def _answered(self, key: tuple[str, int], done: asyncio.Task[Found]) -> None:
        del self._asked[key]
        if not done.cancelled():
            done.exception()  # that nobody waits for it any more is no news
