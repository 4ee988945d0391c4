"""What each worker does at the moment, put into Redis each second for whoever may only read.

A worker that stops takes its figures away; one that was killed is told from the others by the age of its figures, and
any worker takes them away after a minute. Redis away: nothing is shown, nothing is tried again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gateway.errors import Unavailable
from gateway.ports import Clock

if TYPE_CHECKING:  # it brings redis-py
    from gateway.state.connection import RedisConnection

EVERY, STALE, FORGOTTEN = 1.0, 5.0, 60.0  # seconds


class RedisLive:
    """The figures of one worker, under its name."""

    def __init__(self, connection: RedisConnection, clock: Clock, worker: str) -> None:
        self._connection = connection
        self._clock = clock
        self.worker = worker
        self._key = connection.key("live", "workers")

    async def show(self, read: Callable[[], Mapping[str, int | str]]) -> None:
        """For ever: show what `read` says each second."""
        while True:
            await self.publish(read())
            await asyncio.sleep(EVERY)

    async def publish(self, figures: Mapping[str, int | str]) -> None:
        """Show these figures, and drop what is too old. Never raises for Redis."""
        now = self._clock.now()
        try:
            flat = await self._connection.call("HGETALL", self._key)
            gone = [name for name, text in zip(flat[::2], flat[1::2], strict=True) if _at(text) < now - FORGOTTEN]
            shown = json.dumps({**figures, "at": now})
            drop = [("HDEL", self._key, *gone)] if gone else []
            await self._connection.pipeline([("HSET", self._key, self.worker, shown), *drop])
        except Unavailable:
            return

    async def workers(self) -> dict[str, str]:
        """The version of the configuration that each worker serves, by its name. Empty while Redis is away."""
        try:
            flat = await self._connection.call("HGETALL", self._key)
        except Unavailable:
            return {}
        since = self._clock.now() - STALE
        pairs = zip(flat[::2], flat[1::2], strict=True)
        return {name.decode(): _config(text) for name, text in pairs if _at(text) >= since}

    async def withdraw(self) -> None:
        """Show nothing any more."""
        try:
            await self._connection.call("HDEL", self._key, self.worker)
        except Unavailable:
            return


def _at(text: bytes) -> float:
    try:
        return float(json.loads(text)["at"])
    except (ValueError, TypeError, KeyError):
        return 0.0


def _config(text: bytes) -> str:
    return str(json.loads(text).get("config", ""))
