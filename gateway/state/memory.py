"""Limits and cache of one process, in its memory. There is nothing that could be away; a restart begins anew.

Nothing here awaits, so that each act is atomic among the tasks of a loop. Memory is bounded: a key that is idle for a
minute is forgotten, and the cache has a bound of entries and of bytes.
"""

from __future__ import annotations

import json
from array import array
from collections import OrderedDict
from dataclasses import dataclass, field

from gateway.errors import RateLimited
from gateway.ports import Allowance, Clock
from gateway.types import Identity, JsonObject

WINDOW = 60.0  # seconds
SLOT_RETRY = 1.0  # seconds: when a running request will end is not known
SWEEP_EVERY = 1.0  # seconds between looks for keys that are idle
MOST_SWEPT = 5_000  # keys looked at then: more than can come in meanwhile
FEW = 1_000  # times that have passed are kept until there are more of them


@dataclass(slots=True)
class _Key:
    """When its requests came (monotonic), in eight bytes each, and the ids of those that run.

    Those before `first` have left the minute.
    """

    times: array[float] = field(default_factory=lambda: array("d"))
    first: int = 0
    running: set[str] = field(default_factory=set)


class MemoryLimiter:
    """`ports.Limiter`: at most `rpm` requests in any 60 seconds and `max_parallel` at a time, exactly."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._keys: OrderedDict[str, _Key] = OrderedDict()  # the longest idle first
        self._sweep_at = clock.monotonic() + SWEEP_EVERY

    async def acquire(self, identity: Identity, call_id: str) -> Allowance | None:
        """Count the request and take a slot, or raise `RateLimited` and take nothing. None: no limit of requests."""
        rpm, max_parallel, key_id, now = identity.rpm, identity.max_parallel, identity.key_id, self._clock.monotonic()
        if now >= self._sweep_at:
            self._forget_idle(now)
        if rpm is None and max_parallel is None:
            return None
        key = self._keys.get(key_id) or _Key()
        expire(key, now)
        times = key.times
        if rpm is not None and len(times) - key.first >= rpm:
            raise too_many_requests(rpm, reset_of(key, now))
        if max_parallel is not None and len(key.running) >= max_parallel:
            raise too_many_at_once(max_parallel)
        key.running.add(call_id)
        self._keys[key_id] = key
        self._keys.move_to_end(key_id)
        if rpm is None:
            return None
        times.append(now)
        return Allowance(rpm, rpm - len(times) + key.first, reset_of(key, now))

    async def release(self, identity: Identity, call_id: str) -> None:
        """Free the request's slot. A second time, or for a request that has none, it changes nothing."""
        key = self._keys.get(identity.key_id)
        if key is not None:
            key.running.discard(call_id)

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._keys)

    def _forget_idle(self, now: float) -> None:
        """From the longest idle one to the first that came within the minute; those that run yet wait behind it."""
        self._sweep_at = now + SWEEP_EVERY
        for _ in range(min(len(self._keys), MOST_SWEPT)):
            key_id, key = next(iter(self._keys.items()))
            expire(key, now)
            if key.first < len(key.times):
                break
            if key.running:
                self._keys.move_to_end(key_id)
            else:
                del self._keys[key_id]


def expire(key: _Key, now: float) -> None:
    """Leave out the requests that have left the window; many of them at once are dropped."""
    times, first, start = key.times, key.first, now - WINDOW
    while first < len(times) and times[first] <= start:
        first += 1
    if first > FEW and 4 * first > len(times):
        del times[:first]
        first = 0
    key.first = first


def reset_of(key: _Key, now: float) -> float:
    """Seconds until the oldest request leaves the window, which makes room for one more."""
    return key.times[key.first] + WINDOW - now if key.first < len(key.times) else WINDOW


def too_many_requests(rpm: int, retry_after: float) -> RateLimited:
    """The refusal; `rate_limit` in it is for the x-ratelimit headers."""
    message = f"This key may make {rpm} requests in any 60 seconds. Please try again in {retry_after:.1f} s."
    limits = {"limit": rpm, "remaining": 0, "reset": round(retry_after, 3)}
    return RateLimited(message, retry_after=retry_after, rate_limit=limits)


def too_many_at_once(max_parallel: int) -> RateLimited:
    """The refusal of a request beside too many running ones."""
    message = f"This key may have {max_parallel} requests running at once. Please try again when one has ended."
    return RateLimited(message, retry_after=SLOT_RETRY, max_parallel=max_parallel)


@dataclass(frozen=True, slots=True)
class _Entry:
    value: bytes
    expires_at: float  # monotonic


class MemoryCache:
    """`ports.Cache`: the least recently used goes first. Values are kept as JSON, so nobody can change a stored one."""

    def __init__(self, clock: Clock, *, max_entries: int = 10_000, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._clock = clock
        self.max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self.bytes = 0

    async def get(self, key: str) -> JsonObject | None:
        """A copy of the value, or None when it is not there or too old."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_at <= self._clock.monotonic():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        value: JsonObject = json.loads(entry.value)
        return value

    async def put(self, key: str, value: JsonObject, ttl: float) -> None:
        """Keep a copy for `ttl` seconds at most. One that is larger than the whole cache is not kept."""
        self._drop(key)
        encoded = json.dumps(value, separators=(",", ":")).encode()
        if ttl <= 0 or size_of(key, encoded) > self._max_bytes:
            return
        self._entries[key] = _Entry(encoded, self._clock.monotonic() + ttl)
        self.bytes += size_of(key, encoded)
        while len(self._entries) > self.max_entries or self.bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def __len__(self) -> int:
        """How many entries are kept, those included that are too old and not yet dropped."""
        return len(self._entries)

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= size_of(key, entry.value)


def size_of(key: str, value: bytes) -> int:
    """Bytes of an entry."""
    return len(key.encode()) + len(value)
