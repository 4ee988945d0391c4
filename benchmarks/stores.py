"""Redis and PostgreSQL for the gateways that need them: real servers, from PATH or out of the wheels of the tests.

They run on the cores of the load, and what they use is not the gateway's. A server that does not start fails with its
log. PostgreSQL starts once a run, and each gateway has a database and a Redis of its own.
"""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path
from typing import Self

from benchmarks.machine import pinned
from tests.servers import PostgresServer, RedisServer

SECRET = "for-benchmarks-only-0123456789abcdef"  # noqa: S105 - opens nothing


class Stores(contextlib.ExitStack):
    """PostgreSQL starts when it is first asked for, and has ended when this is left."""

    def __init__(self, folder: Path, cores: frozenset[int]) -> None:
        super().__init__()
        self._folder = folder
        self._cores = cores
        self._postgres: PostgresServer | None = None
        self._numbers = itertools.count()

    def __enter__(self) -> Self:
        return self

    def fresh(self, stack: contextlib.ExitStack) -> dict[str, str]:
        """The gateway's variables for stores that are empty. Its Redis has ended when `stack` is left."""
        with pinned(self._cores):
            if self._postgres is None:
                self._postgres = self.enter_context(PostgresServer(self._folder / "postgres"))
            redis = stack.enter_context(RedisServer(self._folder / f"redis-{next(self._numbers)}"))
            database = self._postgres.fresh()
        return {"ATELIER_DATABASE_URL": database, "ATELIER_REDIS_URL": redis.url, "ATELIER_SECRET": SECRET}
