"""Which of several workers is the first to say something: the one of whom Redis hears it as news."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import Unavailable

if TYPE_CHECKING:  # it brings redis-py
    from gateway.state.connection import RedisConnection


class RedisFirst:
    """Redis away: everybody is the first, so that what has to be said is said."""

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    async def __call__(self, name: str, what: str, seconds: float) -> bool:
        """Whether the last that was said of `name`, within so many seconds, was not the same."""
        key = self._connection.key("said", name)
        try:
            before = await self._connection.call("SET", key, what, "PX", round(seconds * 1000), "GET")
        except Unavailable:
            return True
        return bool(before != what.encode())
