"""Tells every worker at once what has changed (a revoked key, a lowered limit), by Redis's publish and subscribe.

It is a hint and no record: with Redis away nothing is told, and after each reconnection the listener hears an empty
message, because it may have missed some. Whoever listens looks the change up in the store.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import structlog
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from gateway.errors import Unavailable
from gateway.state.connection import PROBE_EVERY, RedisConnection

QUIET = 1.0  # seconds without a message until the connection is tried; without an answer it is given up after as many

log = structlog.get_logger(__name__)


class RedisChanges:
    """Messages are flat JSON objects of strings. Anything else on the channel is ignored."""

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._channel = connection.key("changes")

    async def announce(self, message: dict[str, str]) -> None:
        """Tell all that listen. Never raises for Redis."""
        try:
            await self._connection.call("PUBLISH", self._channel, json.dumps(message))
        except Unavailable:
            log.warning("change_not_announced", detail="other workers learn of it when they look")

    async def listen(self, on_message: Callable[[dict[str, str]], None]) -> None:
        """Run until cancelled. `on_message` must not raise; it gets `{}` after each connection."""
        while True:
            connection = self._connection.client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
            try:
                await self._follow(connection, on_message)
            except (RedisError, OSError) as error:
                log.info("changes_disconnected", reason=type(error).__name__)
            finally:
                await connection.disconnect(nowait=True)
            await asyncio.sleep(PROBE_EVERY)

    async def _follow(self, connection: AbstractConnection, on_message: Callable[[dict[str, str]], None]) -> None:
        """Until the connection ends, with an exception of redis-py's, or answers no more: `TimeoutError`.

        Written out, because redis-py's subscription connects again in silence, and what came in between is lost.
        """
        async with asyncio.timeout(QUIET):
            await connection.connect()  # type: ignore[no-untyped-call]
            await connection.send_command("SUBSCRIBE", self._channel)
        asked = True
        while True:
            event = await connection.read_response(timeout=QUIET)
            if event is None:
                if asked:
                    raise TimeoutError
                await connection.send_command("PING")
            elif event[0] == b"subscribe":
                on_message({})
            elif event[0] == b"message" and (message := message_of(event[2])) is not None:
                on_message(message)
            asked = event is None


def message_of(data: bytes) -> dict[str, str] | None:
    """A message as it was announced; None for anything else."""
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        message = None
    if isinstance(message, dict) and all(isinstance(value, str) for value in message.values()):
        return message
    log.warning("change_refused", bytes=len(data))
    return None
