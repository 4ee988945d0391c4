"""Opens the ledger for reading, and for nothing else: the database itself refuses every write on these connections.

A store that is away, empty or not there yet becomes one `ReportsUnavailable`, whose sentence is for the person who
looks at the page.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from gateway.reports.server import Server
from gateway.reports.snapshot import Snapshot

DATABASE_FILE = "atelier.db"
LOCK_WAIT = 2.0  # seconds
UNDEFINED_TABLE = "42P01"


class ReportsUnavailable(Exception):
    """Nothing can be read at the moment. The message says why, and what to do."""


class Store(Protocol):
    """A database that can be read. Raises SQLAlchemy's DBAPIError and TimeoutError, OSError, and ReportsUnavailable."""

    def reading(self) -> AbstractContextManager[Snapshot]: ...
    def close(self) -> None: ...


class Source:
    """The ledger: SQLite in a data folder, or what `url` names. Costs nothing until it is read; any thread may read."""

    def __init__(self, data_dir: Path, url: str | None = None) -> None:
        """Raises ReportsUnavailable for a URL that names no database."""
        self._store = _store(data_dir, url)

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """One snapshot of the store: all queries of a `with` block see the same rows. Raises ReportsUnavailable."""
        try:
            with self._store.reading() as snapshot:
                yield snapshot
        except (DBAPIError, PoolTimeout, OSError) as error:
            raise ReportsUnavailable(_sentence(error)) from error

    def close(self) -> None:
        """Give up connections."""
        self._store.close()


class File:
    """A SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine: Engine = create_engine("sqlite://", creator=self._connect, poolclass=NullPool)
        event.listen(self._engine, "begin", _begin)

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        if not self._path.is_file():
            raise ReportsUnavailable("Nothing has been recorded yet. Start the gateway, then this page fills itself.")
        with Session(self._engine) as session:
            yield session

    def close(self) -> None:
        self._engine.dispose()

    def _connect(self) -> sqlite3.Connection:
        address = f"{self._path.as_uri()}?mode=ro"
        connection = sqlite3.connect(
            address, uri=True, timeout=LOCK_WAIT, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only = ON").close()
        return connection


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _store(data_dir: Path, url: str | None) -> Store:
    if not url:
        return File(data_dir.absolute() / DATABASE_FILE)
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ReportsUnavailable("The database URL cannot be read. Ask an admin to look at it.") from None
    if parsed.drivername.startswith("sqlite"):
        return File(Path(parsed.database or DATABASE_FILE).absolute())
    return Server(parsed)


def _sentence(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else None
    if "no such table" in str(cause) or getattr(cause, "sqlstate", None) == UNDEFINED_TABLE:
        return "The store is being set up; this page fills itself in a moment."
    if isinstance(cause, sqlite3.DatabaseError) and not isinstance(cause, sqlite3.OperationalError):
        return "The ledger's file is damaged or not a database. Ask an admin to look at the data folder."
    return "The ledger cannot be read at the moment; this page tries again by itself."
