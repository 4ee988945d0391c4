"""Opens the ledger for reading, and for nothing else: SQLite itself refuses every write through these connections.

A store that is away, empty or not there yet becomes one `ReportsUnavailable`, whose sentence is for the person who
looks at the page.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

DATABASE_FILE = "atelier.db"
LOCK_WAIT = 2.0  # seconds

Snapshot: TypeAlias = Session  # one moment of the ledger, for queries


class ReportsUnavailable(Exception):
    """Nothing can be read at the moment. The message says why, and what to do."""


class Source:
    """The ledger in a data folder. Costs nothing until it is read; any thread may read."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir.absolute() / DATABASE_FILE
        self._engine: Engine = create_engine("sqlite://", creator=self._connect, poolclass=NullPool)
        event.listen(self._engine, "begin", _begin)

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """One snapshot of the store: all queries of a `with` block see the same rows. Raises ReportsUnavailable."""
        if not self._path.is_file():
            raise ReportsUnavailable("Nothing has been recorded yet. Start the gateway, then this page fills itself.")
        try:
            with Session(self._engine) as session:
                yield session
        except DBAPIError as error:
            raise ReportsUnavailable(_sentence(error)) from error

    def _connect(self) -> sqlite3.Connection:
        address = f"{self._path.as_uri()}?mode=ro"
        connection = sqlite3.connect(
            address, uri=True, timeout=LOCK_WAIT, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only = ON").close()
        return connection


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _sentence(error: DBAPIError) -> str:
    if "no such table" in str(error.orig):
        return "The store is being set up; this page fills itself in a moment."
    if isinstance(error.orig, sqlite3.OperationalError):
        return "The ledger cannot be read at the moment; this page tries again by itself."
    return "The ledger's file is damaged or not a database. Ask an admin to look at the data folder."
