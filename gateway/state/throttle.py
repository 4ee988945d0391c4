"""How often something may be tried under one name: so many times in any window, as against guessed passwords.

Redis away: each worker counts by itself. Names are stored as digests, for they are e-mail addresses and hosts of people.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING

from gateway.errors import Unavailable
from gateway.ports import Clock
from gateway.state.redis import MICRO, micros_of
from gateway.state.script import Script

if TYPE_CHECKING:  # it brings redis-py
    from gateway.state.connection import RedisConnection

SWEEP = 2  # names looked at for each try: more than can come in


class MemoryThrottle:
    """`Throttle` of one process. Names are forgotten when their window is over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tries: OrderedDict[str, tuple[float, deque[float]]] = (
            OrderedDict()
        )  # window and times; longest idle first

    async def hit(self, name: str, limit: int, window: float) -> float | None:
        now = self._clock.monotonic()
        self._forget_idle(now)
        _, times = self._tries.get(name, (window, deque()))
        while times and times[0] <= now - window:
            times.popleft()
        if len(times) >= limit:
            return times[0] + window - now if times else window
        times.append(now)
        self._tries[name] = (window, times)
        self._tries.move_to_end(name)
        return None

    async def forget(self, name: str) -> None:
        self._tries.pop(name, None)

    def __len__(self) -> int:
        """How many names are remembered."""
        return len(self._tries)

    def _forget_idle(self, now: float) -> None:
        for name in list(islice(self._tries, SWEEP)):
            window, times = self._tries[name]
            if not times or times[-1] <= now - window:
                del self._tries[name]
            else:
                self._tries.move_to_end(name)


class RedisThrottle:
    """`Throttle` of all workers together. `now`: seconds, in place of the server's clock."""

    def __init__(self, connection: RedisConnection, clock: Clock, *, now: Callable[[], float] | None = None) -> None:
        self._connection = connection
        self._now = now
        self._admit = Script.load("admit")
        self._alone = MemoryThrottle(clock)

    async def hit(self, name: str, limit: int, window: float) -> float | None:
        args: list[str | int] = [micros_of(self._now), round(window * MICRO), limit, ""]
        try:
            verdict, _, left = await self._connection.script(self._admit, [self._key(name)], args)
        except Unavailable:
            return await self._alone.hit(name, limit, window)
        return None if verdict == b"ok" else float(left / MICRO)

    async def forget(self, name: str) -> None:
        await self._alone.forget(name)
        try:
            await self._connection.call("DEL", self._key(name))
        except Unavailable:
            return

    def _key(self, name: str) -> str:
        return self._connection.key("throttle", blake2b(name.encode(), digest_size=16).hexdigest())
