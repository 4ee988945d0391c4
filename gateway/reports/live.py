"""What the gateway does at the moment, all workers together, read from Redis with credentials that may only read.

Redis away, or nobody there who shows anything: None. Nothing here is personal: how many requests run, not whose.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

WORKERS = "{atelier}:live:workers"  # what `state.live` writes
TIMEOUT = 0.5  # seconds
FRESH = 10.0  # seconds behind the newest: a worker that shows nothing for so long is gone


@dataclass(frozen=True, slots=True)
class Now:
    """Sums over the workers that live. `at`: Unix seconds of the newest figures."""

    workers: int
    running: int
    waiting: int
    at: float


class Live:
    """Costs nothing until it is read; any thread may read. Raises ValueError for a URL that names no Redis."""

    def __init__(self, url: str) -> None:
        import redis  # noqa: PLC0415 - 9 MB that only those need who have a Redis

        self._away = redis.RedisError, OSError
        self._redis = redis.Redis.from_url(
            url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, decode_responses=True, protocol=2
        )

    def read(self) -> Now | None:
        """The figures of this second."""
        try:
            texts: Any = self._redis.hvals(WORKERS)
        except self._away:
            return None
        found = [figures for text in texts if (figures := _figures(text)) is not None]
        if not found:
            return None
        newest = max(at for at, _, _ in found)
        fresh = [each for each in found if newest - each[0] <= FRESH]
        return Now(len(fresh), sum(each[1] for each in fresh), sum(each[2] for each in fresh), newest)

    def close(self) -> None:
        """Give up connections."""
        self._redis.close()


def _figures(text: str) -> tuple[float, int, int] | None:
    try:
        said = json.loads(text)
        return float(said["at"]), int(said["running"]), int(said["waiting"])
    except (ValueError, TypeError, KeyError):
        return None
