"""The one way to Redis: a bounded pool, a bound on the time of each call, and a breaker.

Redis away (gone, hanging, loading, read-only): the call that meets it fails within the bound, all further ones at once,
as `errors.Unavailable`, and Redis is probed for ever until it takes a write again. Nothing is ever sent twice here: an
act whose answer was lost may or may not have happened. Commands take and answer bytes; nothing is decoded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, DataError, NoScriptError, RedisError, ResponseError

from gateway.ports import Clock
from gateway.state.failures import StateUnavailable
from gateway.state.redis_errors import is_bug, is_full, unavailable
from gateway.state.script import Script

T = TypeVar("T")
Command = Sequence[str | bytes | int | float]
Listener = Callable[[bool], None]

PROBE_EVERY = 0.25  # seconds
SIZE = 32  # connections: an exchange takes well under a millisecond
WAIT = 10  # timeouts that a call waits for its turn, a burst of our own being no sign of Redis's health; and `start`
SLICES = 4  # of a timeout, see `_in_time`
BLOCKING_READS = 30.0  # seconds: the timeout of `client`, beyond any BLOCK of its users
OLDEST = (6, 2)

log = structlog.get_logger(__name__)


class RedisConnection:
    """`timeout`: seconds for a whole call, connecting included. `prefix`: in braces, so that a cluster has one slot.

    `client` is for blocking reads: a pool of its own, without breaker, which raises redis-py's own exceptions.
    """

    def __init__(self, url: str, clock: Clock, *, timeout: float = 0.2, prefix: str = "{atelier}:") -> None:
        self.away = False
        self.where = address(url)
        self._clock = clock
        self._timeout = timeout
        self._prefix = prefix
        self._pool = self._connect(url, socket_timeout=None)  # `_in_time` has the bound
        self.client = Redis(connection_pool=self._connect(url, socket_timeout=BLOCKING_READS))
        self._room = asyncio.Semaphore(SIZE)
        self._listeners: list[Listener] = []
        self._probing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, and check that this Redis keeps what it is given. Raises `StateUnavailable`."""
        try:
            told, written = await self._in_time(self._exchange([("INFO",), self._probe]), WAIT * self._timeout)
            for reply in (told, written):
                if isinstance(reply, ResponseError):
                    raise reply
        except (RedisError, OSError) as error:
            await self.close()
            raise StateUnavailable(refused(self.where, error)) from None
        facts = dict(line.split(":", 1) for line in told.decode().splitlines() if ":" in line)
        if (reason := unfit(facts)) is not None:
            await self.close()
            raise StateUnavailable(f"Redis at {self.where} {reason}")
        if facts.get("aof_enabled") != "1":
            log.warning("redis_forgets", where=self.where, detail="a restart loses every hold: set appendonly yes")

    async def close(self) -> None:
        """Drop every connection. Never raises."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)
        for pool in (self._pool, self.client.connection_pool):
            await asyncio.gather(pool.aclose(), return_exceptions=True)

    def key(self, *parts: str) -> str:
        """The name of a key: prefix, then the parts with colons between."""
        return self._prefix + ":".join(parts)

    def watch(self, listener: Listener) -> None:
        """Have `listener(True)` called when Redis has gone away, and `listener(False)` when it is back."""
        self._listeners.append(listener)

    async def call(self, *command: str | bytes | float) -> Any:
        """One command. Raises `errors.Unavailable`; a reply that says the command is wrong is a `ResponseError`."""
        return self._checked((await self._ask([command]))[0])

    async def script(self, script: Script, keys: Sequence[str], args: Command = ()) -> Any:
        """One act in Lua, loaded where Redis does not know it (yet, or any more). Raises as `call` does."""
        operands = (len(keys), *keys, *args)
        reply = (await self._ask([("EVALSHA", script.sha1, *operands)]))[0]
        if isinstance(reply, NoScriptError):
            reply = (await self._ask([("EVAL", script.source, *operands)]))[0]
        return self._checked(reply)

    async def pipeline(self, commands: Sequence[Command], *, atomic: bool = False) -> list[Any]:
        """All commands in one round trip; `atomic`: as one transaction. Raises as `call` does, for the first refused."""
        if not commands:
            return []
        if not atomic:
            return [self._checked(reply) for reply in await self._ask(commands)]
        *queued, replies = await self._ask([("MULTI",), *commands, ("EXEC",)])
        for reply in queued:
            self._checked(reply)
        return [self._checked(reply) for reply in self._checked(replies)]

    def _connect(self, url: str, **options: Any) -> ConnectionPool:
        """Connections are opened when they are first needed, and none repeats anything of its own accord."""
        options |= {"socket_connect_timeout": WAIT * self._timeout, "protocol": 2, "retry": Retry(NoBackoff(), 0)}
        try:
            return ConnectionPool.from_url(url, **options)
        except ValueError:
            raise unreadable() from None

    @property
    def _probe(self) -> Command:
        """A small write: a Redis that answers and takes none is of no use."""
        return ("SET", self.key("probe"), "1", "PX", 1000)

    async def _ask(self, commands: Sequence[Command]) -> list[Any]:
        """Send and read within the bound. Error replies are among the answers; everything else raises."""
        if self.away:
            raise unavailable()
        await self._enter()
        try:
            if self.away:  # it went while this call was waiting
                raise unavailable()
            return await self._in_time(self._exchange(commands), self._timeout)
        except DataError:  # an argument that cannot be sent is a bug
            raise
        except (RedisError, OSError) as error:
            self._leave(error)
            raise unavailable() from error
        finally:
            self._room.release()

    async def _enter(self) -> None:
        if not self._room.locked():
            await self._room.acquire()
            return
        try:
            async with asyncio.timeout(WAIT * self._timeout):
                await self._room.acquire()
        except TimeoutError:
            raise unavailable() from None

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Written out, because redis-py's client would repeat commands and gather transactions in its own way."""
        connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.send_packed_command(connection.pack_commands(commands))
            replies = []
            for _ in commands:
                try:
                    replies.append(await connection.read_response())
                except ResponseError as refusal:
                    replies.append(refusal)
            return replies
        finally:
            await self._pool.release(connection)

    async def _in_time(self, act: Coroutine[Any, Any, T], seconds: float) -> T:
        """Await `act`, at most `seconds`. Raises `TimeoutError`; the connection is closed then.

        A slice of time in which this process itself was held up says nothing about Redis, whose answer may lie in the
        socket already: it does not count, up to four times the time.
        """
        task = asyncio.ensure_future(act)
        counted = 0
        try:
            for _ in range(4 * SLICES):
                began = self._clock.monotonic()
                await asyncio.wait({task}, timeout=seconds / SLICES)
                if task.done():
                    return task.result()
                counted += self._clock.monotonic() - began < 2 * seconds / SLICES
                if counted == SLICES:
                    break
            raise TimeoutError
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            elif not task.cancelled():
                task.exception()  # the caller may have been cancelled in the very moment in which it failed

    def _checked(self, reply: Any) -> Any:
        if isinstance(reply, ResponseError):
            if is_bug(reply):
                raise reply
            if not is_full(reply):
                self._leave(reply)
            raise unavailable() from reply
        return reply

    def _leave(self, error: Exception) -> None:
        if self.away:
            return
        log.warning("redis_away", where=self.where, reason=reason_of(error))
        self._probing = asyncio.create_task(self._return(), name="redis-probe")
        self._turn(away=True)

    async def _return(self) -> None:
        """Probe until Redis takes a write again; connections from before may be dead, so they are not kept."""
        while True:
            try:
                await self._in_time(self._pool.disconnect(inuse_connections=False), self._timeout)
                (reply,) = await self._in_time(self._exchange([self._probe]), self._timeout)
            except (RedisError, OSError) as error:
                reply = error
            if not isinstance(reply, Exception) or is_full(reply):
                break
            await asyncio.sleep(PROBE_EVERY)
        log.warning("redis_back", where=self.where)
        self._turn(away=False)

    def _turn(self, *, away: bool) -> None:
        self.away = away
        for listener in self._listeners:
            listener(away)


def address(url: str) -> str:
    """Host and port (or the socket's path) of a URL, and nothing else of it. Raises `StateUnavailable`."""
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
    except ValueError:
        raise unreadable() from None
    if parts.scheme == "unix":
        return parts.path
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":  # a character of the password ended the address too early
        raise unreadable()
    return f"{parts.hostname or 'localhost'}:{port}"


def unreadable() -> StateUnavailable:
    return StateUnavailable(
        "The Redis URL cannot be read; write it as redis://user:password@host:6379/0, "
        "with special characters of the password as %XX."
    )


def refused(where: str, error: Exception) -> str:
    """Why it cannot be used, for the admin."""
    if isinstance(error, AuthenticationError):
        return f"Redis at {where} refuses the user or the password; check them in its URL."
    if isinstance(error, ResponseError):
        return f"Redis at {where} refuses a command ({reason_of(error)}); it must be a primary that this user may write to."
    return f"Redis at {where} cannot be reached ({reason_of(error)}); check that it runs, and the address."


def reason_of(error: Exception) -> str:
    """One line, of redis-py's or the server's own words: they name the address, and never the password."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def unfit(facts: dict[str, str]) -> str | None:
    """What makes a server unfit to hold money, from its INFO."""
    version = facts.get("redis_version", "0")
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < OLDEST:
        return f"is version {version}; version 6.2 or newer is needed."
    policy = facts.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        return f"may evict keys, and with them money that is held; set maxmemory-policy to noeviction (it is {policy})."
    return None
