"""Reads a PostgreSQL server from any thread: one loop in a thread of its own runs the asynchronous driver.

Every connection is read-only and gives a query five seconds. A server that is away raises what the driver raises;
`source.py` makes a sentence of it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, Executable, Result, ScalarResult
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from gateway.reports.snapshot import Snapshot

T = TypeVar("T")
DRIVER = "postgresql+asyncpg"
PATIENCE = 5.0  # seconds for a connection, and for a query
CONNECTIONS = 4
SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": str(int(PATIENCE * 1000)),
    "idle_in_transaction_session_timeout": "60000",
    "application_name": "atelier-reports",
    "jit": "off",  # its compiling takes longer than these queries
}


class Server:
    """The database at `url`. Nothing is connected, and no thread runs, until it is read."""

    def __init__(self, url: URL) -> None:
        self._url = url.set(drivername=DRIVER)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine: AsyncEngine | None = None

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        loop, engine = self._started()
        session = AsyncSession(engine, expire_on_commit=False)
        try:
            yield Remote(loop, session)
        finally:
            run(loop, session.close())

    def close(self) -> None:
        """Give up the connections and end the thread."""
        with self._lock:
            if self._loop is not None and self._engine is not None:
                run(self._loop, self._engine.dispose())
                self._loop.call_soon_threadsafe(self._loop.stop)
            self._loop = self._engine = None

    def _started(self) -> tuple[asyncio.AbstractEventLoop, AsyncEngine]:
        with self._lock:
            if self._loop is None or self._engine is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_forever, args=[self._loop], name="reports", daemon=True).start()
                self._engine = create_async_engine(
                    self._url,
                    isolation_level="REPEATABLE READ",
                    connect_args={"server_settings": SETTINGS, "timeout": PATIENCE},
                    hide_parameters=True,
                    pool_pre_ping=True,
                    pool_size=CONNECTIONS,
                    pool_timeout=PATIENCE,
                )
            return self._loop, self._engine


class Remote:
    """A `Snapshot` whose queries run on the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, session: AsyncSession) -> None:
        self._loop = loop
        self._session = session

    def execute(self, statement: Executable, /) -> Result[Any]:
        return run(self._loop, self._session.execute(statement))

    def scalars(self, statement: Executable, /) -> ScalarResult[Any]:
        return run(self._loop, self._session.scalars(statement))


def run(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """The result of what runs on the loop."""
    return asyncio.run_coroutine_threadsafe(work, loop).result()


def _forever(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()
