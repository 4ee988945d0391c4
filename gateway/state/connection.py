"""The one way to Redis: a connection that all calls share, a bound on the time of each call, and a breaker.

Redis away (gone, hanging, loading, read-only): the call that meets it fails within the bound, all further ones at once,
as `errors.Unavailable`, and Redis is probed for ever until it takes a write again. Nothing is ever sent twice here: an
act whose answer was lost may or may not have happened. Commands take and answer bytes; nothing is decoded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import structlog
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoScriptError, ResponseError

from gateway.errors import Unavailable
from gateway.ports import Clock
from gateway.state.failures import StateUnavailable
from gateway.state.line import WAIT, Command, Crowded, Line, packed
from gateway.state.redis_errors import is_bug, is_full, unavailable
from gateway.state.script import Script

Listener = Callable[[bool], None]

PROBE_EVERY = 0.25  # seconds
BLOCKING_READS = 30.0  # seconds: the timeout of `client`, beyond any BLOCK of its users
OLDEST = (6, 2)

log = structlog.get_logger(__name__)


class RedisConnection:
    """`timeout`: seconds for an answer. `prefix`: in braces, so that a cluster has one slot.

    No command may block: all the others would wait behind it. `client` is for blocking reads: a pool of its own, without
    breaker, which raises redis-py's own exceptions.
    """

    def __init__(self, url: str, clock: Clock, *, timeout: float = 0.2, prefix: str = "{atelier}:") -> None:
        self.away = False
        self.where = address(url)
        self._clock = clock
        self._timeout = timeout
        self._prefix = prefix
        self._line, self._broad = self._lines(self._connect(url, socket_timeout=None))  # they have the bound
        self.client = Redis(connection_pool=self._connect(url, socket_timeout=BLOCKING_READS))
        self._listeners: list[Listener] = []
        self._probing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, and check that this Redis keeps what it is given. Raises `StateUnavailable`."""
        self._line.patience = WAIT
        replies = await self._line.ask(packed(("INFO",)) + packed(self._probe), 2)
        self._line.patience = 1
        for reply in replies if isinstance(replies, list) else [replies]:
            if isinstance(reply, Exception):
                await self.close()
                raise StateUnavailable(refused(self.where, reply))
        told = replies[0]
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
        for each in (self._line.close(), self._broad.close(), self.client.connection_pool.aclose()):
            await asyncio.gather(each, return_exceptions=True)

    @property
    def crowded(self) -> bool:
        """Whether a call has to wait for others of this process before it is sent."""
        return self._line.crowded

    def key(self, *parts: str) -> str:
        """The name of a key: prefix, then the parts with colons between."""
        return self._prefix + ":".join(parts)

    def watch(self, listener: Listener) -> None:
        """Have `listener(True)` called when Redis has gone away, and `listener(False)` when it is back."""
        self._listeners.append(listener)

    async def call(self, *command: str | bytes | float) -> Any:
        """One command. Raises `errors.Unavailable`; a reply that says the command is wrong is a `ResponseError`."""
        return self._checked(await self._ask(packed(command)))

    async def call_for_much(self, *command: str | bytes | float) -> Any:
        """As `call`, for an answer that may be large: on a connection of its own, so that nobody waits behind it."""
        if self.away:
            raise unavailable()
        return self._checked(await self._broad.ask(packed(command)))

    async def script(self, script: Script, keys: Sequence[str], args: Command = ()) -> Any:
        """One act in Lua, loaded where Redis does not know it (yet, or any more). Raises as `call` does."""
        reply = await self._ask(packed(("EVALSHA", script.sha1, len(keys), *keys, *args)))
        if not isinstance(reply, Exception):
            return reply
        if isinstance(reply, NoScriptError):
            reply = await self._ask(packed(("EVAL", script.source, len(keys), *keys, *args)))
        return self._checked(reply)

    async def pipeline(self, commands: Sequence[Command], *, atomic: bool = False) -> list[Any]:
        """All commands in one round trip; `atomic`: as one transaction. Raises as `call` does, for the first refused."""
        if not commands:
            return []
        if atomic:
            commands = [("MULTI",), *commands, ("EXEC",)]
        checked = self._each(await self._ask(b"".join(map(packed, commands)), len(commands)), len(commands))
        return self._each(checked[-1]) if atomic else checked

    def post(self, commands: Sequence[Command], told: Callable[[bool], None]) -> None:
        """Have the commands done before whatever is asked after them; `told` learns later whether they surely were."""
        if self.away:
            told(False)
            return

        def answered(answer: asyncio.Future[Any]) -> None:
            done = False
            try:
                self._each(answer.result(), len(commands))
                done = True
            except Unavailable:
                pass
            finally:
                told(done)

        self._line.ask(b"".join(map(packed, commands)), len(commands)).add_done_callback(answered)

    def _connect(self, url: str, **options: Any) -> ConnectionPool:
        """Connections are opened when they are first needed, and none repeats anything of its own accord."""
        options |= {"socket_connect_timeout": WAIT * self._timeout, "protocol": 2, "retry": Retry(NoBackoff(), 0)}
        try:
            return ConnectionPool.from_url(url, **options)
        except ValueError:
            raise unreadable() from None

    def _lines(self, pool: ConnectionPool) -> tuple[Line, Line]:
        """One for all, and one for answers that are large."""
        line, broad = (Line(pool.make_connection, self._clock, self._timeout, self._leave) for _ in range(2))
        return line, broad

    @property
    def _probe(self) -> Command:
        """A small write: a Redis that answers and takes none is of no use."""
        return ("SET", self.key("probe"), "1", "PX", 1000)

    def _ask(self, data: bytes, count: int = 1) -> asyncio.Future[Any]:
        """The answer to come. Errors are among the answers, for `_checked`."""
        if self.away:
            raise unavailable()
        return self._line.ask(data, count)

    def _checked(self, reply: Any) -> Any:
        if not isinstance(reply, Exception):
            return reply
        if is_bug(reply):
            raise reply
        if not (is_full(reply) or isinstance(reply, Crowded)):
            self._leave(reply)
        raise unavailable() from reply

    def _each(self, answer: Any, count: int = 0) -> list[Any]:
        """The replies of one answer, each of them checked."""
        return [self._checked(reply) for reply in ([answer] if count == 1 else self._checked(answer))]

    def _leave(self, error: Exception) -> None:
        if self.away:
            return
        log.warning("redis_away", where=self.where, reason=reason_of(error))
        self._probing = asyncio.create_task(self._return(), name="redis-probe")
        self._turn(away=True)

    async def _return(self) -> None:
        """Probe until Redis takes a write again; connections from before may be dead, so they are not kept."""
        while True:
            self._line.drop()
            self._broad.drop()
            reply = await self._line.ask(packed(self._probe))
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
