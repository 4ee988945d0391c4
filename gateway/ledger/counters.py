"""The accounts in Redis, each act on them one Lua script. No value of the ledger's own is kept here.

An act that cannot be done raises `errors.Unavailable`: then it may have happened or not. What Redis does not know any
more is brought back by the two hooks, `plant` (accounts out of SQL) and `mend` (an emptied or restored Redis), after
which the act is tried again; it has changed nothing until then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Any, Protocol

import msgspec

from gateway import errors
from gateway.ledger import wire
from gateway.ports import Clock
from gateway.types import Balance

MAX_TRIES = 50
AGAIN = frozenset({"epoch", "seed", "full", "again"})  # answers of an act that was not done
WITHOUT_SEQ = frozenset({"bury", "sweep"})
RETRY_AFTER = 1.0  # seconds
Operand = str | bytes | int | float


class Redis(Protocol):
    """What the ledger needs of `state.connection.RedisConnection`. All of it raises `errors.Unavailable`."""

    away: bool

    @property
    def crowded(self) -> bool: ...
    def key(self, *parts: str) -> str: ...
    def watch(self, listener: Callable[[bool], None]) -> None: ...
    async def call(self, *command: str | bytes | float) -> Any: ...
    async def call_for_much(self, *command: str | bytes | float) -> Any: ...
    async def script(self, script: Any, keys: Sequence[str], args: Sequence[Operand] = ()) -> Any: ...
    async def pipeline(self, commands: Sequence[Sequence[Operand]], *, atomic: bool = False) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the name that Redis knows it by."""

    name: str
    source: str = field(repr=False)
    sha1: str


@cache
def script(name: str) -> Script:
    """`lua/<name>.lua` behind what all of them begin with. A name that is not there is a FileNotFoundError."""
    folder = files(__package__) / "lua"
    source = "\n".join((folder / f"{part}.lua").read_text(encoding="utf-8") for part in ("common", name))
    return Script(name, source, sha1(source.encode(), usedforsecurity=False).hexdigest())


class Closed(errors.Unavailable):
    """Redis is there, and nothing may be begun at the moment."""

    def __init__(self, why: str) -> None:
        super().__init__(why, code="state_unavailable", retry_after=RETRY_AFTER)


class Reply(msgspec.Struct, frozen=True):
    """A script's answer: its word, and what comes after it."""

    word: str
    parts: Sequence[bytes]

    @property
    def rest(self) -> tuple[str, ...]:
        """What comes after the word, as texts."""
        return tuple(part.decode() for part in self.parts)

    @property
    def seq(self) -> int:
        return int(self.parts[0])

    @property
    def acked(self) -> int:
        return int(self.parts[1])

    def balances(self) -> tuple[Balance, ...]:
        """Those at the end of an "ok", or of a refusal."""
        values = iter(self.parts if self.word != "ok" else self.parts[2:])
        return tuple(
            [
                Balance(
                    scope.decode(),
                    int(limit) if limit else None,
                    int(spent),
                    int(held),
                    float(resets_at) if resets_at else None,
                )
                for scope, limit, spent, held, resets_at in zip(values, values, values, values, values, strict=True)
            ]
        )


async def _no_hook(*_: object) -> None:
    raise unavailable()


class Counters:
    """Runs scripts. `server_time` False: the injected clock decides what has expired, for tests."""

    def __init__(self, redis: Redis, clock: Clock, *, server_time: bool = True) -> None:
        self.redis = redis
        self.base = redis.key("money")
        self.epoch = ""
        self.seen = 0  # the highest seq
        self.acked = 0  # SQL has everything up to it
        self.plant: Callable[[Counters, Sequence[str]], Awaitable[None]] = _no_hook
        self.mend: Callable[[], Awaitable[None]] = _no_hook
        self._clock = clock
        self._server_time = server_time
        self._keys = (self.base,)

    def key(self, *parts: str) -> str:
        return ":".join((self.base, *parts))

    def at(self, epoch: str) -> Counters:
        """The same accounts in another epoch: for who mends them, while all others have to wait."""
        other = Counters(self.redis, self._clock, server_time=self._server_time)
        other.epoch, other.plant = epoch, self.plant
        return other

    async def act(self, name: str, *args: Operand, anew: bool = True, patience: float | None = None) -> Reply:
        """The act, done; what it needs is brought to Redis first. Raises Unavailable, also where that cannot be had.

        Not `anew`: it may have been done before Redis lost it, so after a mending the caller has to look again.
        `patience`: seconds for bringing what it needs, which may be more than Redis; raises TimeoutError.
        """
        reply = await self._once(name, args)
        if reply.word in AGAIN:
            async with asyncio.timeout(patience):
                return await self._further(reply, name, args, anew=anew)
        return reply

    async def _once(self, name: str, args: Sequence[Operand]) -> Reply:
        """One try. Raises Unavailable."""
        now = "" if self._server_time else wire.instant(self._clock.now())
        word, *parts = await self.redis.script(script(name), self._keys, (self.epoch, self.seen, now, *args))
        reply = Reply(word.decode(), parts)
        if word == b"ok" and name not in WITHOUT_SEQ:
            self.seen, self.acked = max(self.seen, reply.seq), reply.acked
        return reply

    async def _further(self, reply: Reply, name: str, args: Sequence[Operand], *, anew: bool) -> Reply:
        """Bring what the answers ask for, until one asks for nothing more."""
        for _ in range(MAX_TRIES):
            match reply.word:
                case "epoch":
                    await self.mend()
                    if not anew:
                        raise unavailable()
                case "seed":
                    await self.plant(self, reply.rest)
                case "full":
                    raise Closed("More settlements wait for the gateway's store than it may leave unwritten.")
            reply = await self._once(name, args)
            if reply.word not in AGAIN:
                return reply
        raise unavailable()

    async def oldest(self, count: int) -> list[tuple[str, dict[str, str]]]:
        """The first events of the outbox."""
        return entries(await self.redis.call_for_much("XRANGE", self.key("outbox"), "-", "+", "COUNT", count))


def entries(answer: Sequence[Any]) -> list[tuple[str, dict[str, str]]]:
    """Entries of a stream as Redis answers them, as text."""
    return [(entry.decode(), pairs([part.decode() for part in fields])) for entry, fields in answer]


def pairs(flat: Sequence[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def listed(*values: Operand) -> tuple[Operand, ...]:
    """A list among the arguments of a script."""
    return (len(values), *values)


def unavailable() -> errors.Unavailable:
    return errors.Unavailable(
        "The gateway's shared state does not answer at the moment; try again shortly.",
        code="state_unavailable",
        retry_after=RETRY_AFTER,
    )
