"""Limits and cache of all workers together, in Redis; in each respect as those of `gateway.state.memory`.

Redis away: a worker limits by itself, at its share of each limit, and the cache is a miss. Slots that could not be
freed are freed when Redis is back; those of a worker that was killed, by `release_worker` or when they have run out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from gateway.errors import Unavailable
from gateway.ports import Allowance, Clock
from gateway.state.memory import WINDOW, MemoryLimiter, size_of, too_many_at_once, too_many_requests
from gateway.state.script import Script
from gateway.types import Identity, JsonObject

if TYPE_CHECKING:  # it brings redis-py
    from gateway.state.connection import RedisConnection
    from gateway.state.line import Command

MICRO = 1_000_000
WINDOW_MICROS = int(WINDOW * MICRO)
SLOT_TTL = 360.0  # seconds: longer than any request lives
MAX_VALUE = 1024 * 1024  # bytes; a larger answer would keep every other call waiting

log = structlog.get_logger(__name__)


class RedisLimiter:
    """`ports.Limiter`: at most `rpm` requests in any 60 seconds and `max_parallel` at a time, over all workers.

    `worker`: the name under which this process is known to live, at the moment. `replicas`: how many share the limits while Redis is away; each
    lets at least one request through. `now`: seconds, in place of the server's clock.
    """

    def __init__(
        self,
        connection: RedisConnection,
        clock: Clock,
        worker: Callable[[], str],
        replicas: Callable[[], int],
        slot_ttl: float = SLOT_TTL,
        now: Callable[[], float] | None = None,
    ) -> None:
        self._connection = connection
        self._worker = worker
        self._replicas = replicas
        self.slot_ttl = slot_ttl
        self._now = now
        self._limits, self._workers = connection.key("limit", ""), connection.key("worker", "")
        self._admit = Script.load("admit")
        self._free_worker = Script.load("free_worker")
        self._alone = MemoryLimiter(clock)
        self._admitted_alone: set[str] = set()
        self._owed: dict[str, str] = {}  # calls whose slot has to be freed, with their keys
        connection.watch(self._turned)

    async def acquire(self, identity: Identity, call_id: str) -> Allowance | None:
        """Count the request and take a slot, or raise `RateLimited` and take nothing. None: no limit of requests."""
        if identity.rpm is None and identity.max_parallel is None:
            return None
        if not self._connection.away:
            try:
                return await self._together(identity, call_id)
            except Unavailable:
                pass
        allowance = await self._alone.acquire(self._share(identity), call_id)
        self._admitted_alone.add(call_id)
        return allowance

    async def release(self, identity: Identity, call_id: str) -> None:
        """Free the request's slot. A second time, or for a request that has none, it changes nothing.

        Redis's answer is not waited for: whoever asks it next over this connection finds the slot free.
        """
        if call_id in self._admitted_alone:
            self._admitted_alone.discard(call_id)
            await self._alone.release(identity, call_id)
        elif identity.max_parallel is not None:
            self._owed[call_id] = identity.key_id
            self._free()

    async def release_worker(self, worker_id: str) -> int:
        """Free the slots of a worker that is dead; how many. Raises `errors.Unavailable`."""
        freed: int = await self._connection.script(self._free_worker, [self._worker_key(worker_id)])
        return freed

    async def _together(self, identity: Identity, call_id: str) -> Allowance | None:
        key_id, rpm, parallel = identity.key_id, identity.rpm, identity.max_parallel
        keys = (self._window_key(key_id), self._slots_key(key_id), self._worker_key(self._worker()))
        bounds = (limit_of(rpm), limit_of(parallel))
        args = (micros_of(self._now), WINDOW_MICROS, *bounds, call_id, round(self.slot_ttl * MICRO))
        answered = False
        try:
            verdict, count, left = await self._connection.script(self._admit, keys, args)
            answered = True
        finally:
            if not answered and parallel is not None:  # failed or cancelled: it may have a slot
                self._owed[call_id] = key_id
                self._free()
        if verdict != b"ok":
            raise too_many_requests(rpm or 0, left / MICRO) if verdict == b"rate" else too_many_at_once(parallel or 0)
        return None if rpm is None else Allowance(rpm, rpm - count, left / MICRO)

    def _share(self, identity: Identity) -> Identity:
        count = max(1, self._replicas())
        rpm, parallel = (
            limit if not limit else max(1, limit // count) for limit in (identity.rpm, identity.max_parallel)
        )
        return replace(identity, rpm=rpm, max_parallel=parallel)

    def _free(self) -> None:
        """Free what is owed. What cannot be freed now stays owed."""
        if self._connection.away or not self._owed:
            return
        owed, self._owed = self._owed, {}
        worker = self._worker_key(self._worker())
        commands: list[Command] = []
        for call_id, key_id in owed.items():
            slots = self._slots_key(key_id)
            commands += (("ZREM", slots, call_id), ("SREM", worker, f"{call_id} {slots}"))

        def told(done: bool) -> None:  # noqa: FBT001 - a listener of the connection
            if not done:
                self._owed = {**owed, **self._owed}

        self._connection.post(commands, told)

    def _turned(self, away: bool) -> None:  # noqa: FBT001 - a listener of the connection
        if not away:
            self._free()

    def _window_key(self, key_id: str) -> str:
        return f"{self._limits}{key_id}:window"

    def _slots_key(self, key_id: str) -> str:
        return f"{self._limits}{key_id}:slots"

    def _worker_key(self, worker_id: str) -> str:
        return f"{self._workers}{worker_id}:slots"


class RedisCache:
    """`ports.Cache`: the least recently used goes first. Values are JSON; whatever else lies there is a miss."""

    def __init__(
        self,
        connection: RedisConnection,
        *,
        max_entries: int = 10_000,
        max_bytes: int = 64 * 1024 * 1024,
        now: Callable[[], float] | None = None,
    ) -> None:
        self._connection = connection
        self.max_entries = max_entries
        self._max_bytes = max_bytes
        self._now = now
        self._get = Script.load("cache_get")
        self._put = Script.load("cache_put")
        self._values = connection.key("cache", "value", "")
        self._books = [connection.key("cache", name) for name in ("about", "used", "books")]

    async def get(self, key: str) -> JsonObject | None:
        """The value, or None when it is not there or too old, or Redis is away."""
        try:
            keys = [self._values + key, *self._books]
            found = await self._connection.script(self._get, keys, [micros_of(self._now), key])
        except Unavailable:
            return None
        return None if found is None else value_of(found)

    async def put(self, key: str, value: JsonObject, ttl: float) -> None:
        """Keep it for `ttl` seconds at most. One that is too large is not kept, nor anything while Redis is away."""
        encoded = json.dumps(value, separators=(",", ":")).encode()
        size = size_of(key, encoded)
        if size > min(MAX_VALUE, self._max_bytes):
            encoded, ttl = b"", 0
        lives = round(max(0.0, ttl) * MICRO)
        bounds = (self.max_entries, self._max_bytes)
        args: list[str | bytes | int] = [micros_of(self._now), key, encoded, size, lives, *bounds]
        try:
            await self._connection.script(self._put, [self._values, *self._books], args)
        except Unavailable:
            return


def value_of(stored: bytes) -> JsonObject | None:
    """What was stored by `put`; None for anything else."""
    try:
        value: Any = json.loads(stored)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    log.warning("cache_value_refused", bytes=len(stored))
    return None


def micros_of(now: Callable[[], float] | None) -> str:
    """The time for a script, in microseconds; empty for the server's own."""
    return "" if now is None else str(round(now() * MICRO))


def limit_of(limit: int | None) -> int | str:
    return "" if limit is None else limit
