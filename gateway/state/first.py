"""Which of several workers is the first to say something: the one whose name for it Redis did not know yet."""

from __future__ import annotations

from gateway.errors import Unavailable
from gateway.state.connection import RedisConnection


class RedisFirst:
    """Redis away: everybody is the first, so that what has to be said is said."""

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    async def __call__(self, name: str, seconds: float) -> bool:
        """Whether nobody said `name` within so many seconds."""
        key = self._connection.key("said", name)
        try:
            reply = await self._connection.call("SET", key, "1", "NX", "PX", round(seconds * 1000))
        except Unavailable:
            return True
        return reply is not None
