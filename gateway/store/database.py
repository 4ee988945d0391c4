"""Opens the store: the data folder, its lock, the engine, the schema.

Whatever is wrong with the store at start becomes a `StoreUnavailable` whose one sentence says what to do; a data
folder that another gateway serves from becomes `StoreInUse`. Later failures are turned into `errors.Unavailable` by
`store_errors`.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import errors
from gateway.store import schema
from gateway.store.failures import StoreInUse, StoreUnavailable

DATABASE_FILE = "atelier.db"
LOCK_FILE = "atelier.lock"
RETRY_AFTER = 1.0
KEPT = 512  # KiB of the file for each of the pool's connections; the system keeps the file's pages as well
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


@dataclass(frozen=True, slots=True)
class Database:
    """An open store. `path` is the SQLite file, None on a server. Close it to give the folder free."""

    engine: AsyncEngine
    path: Path | None
    _lock: int | None = None

    def session(self) -> AsyncSession:
        return AsyncSession(self.engine, expire_on_commit=False)

    async def close(self) -> None:
        await self.engine.dispose()
        if self._lock is not None:
            os.close(self._lock)


async def open_database(data_dir: Path, url: str | None = None, *, exclusive: bool) -> Database:
    """Open, and create or migrate where needed. Raises StoreUnavailable, StoreInUse.

    `url` None means SQLite in `data_dir`. `exclusive` is for the one process that serves; a command that only writes
    a key opens beside it.
    """
    target = _target(data_dir, url)
    make_folder(data_dir)
    path = _file(target)
    lock = lock_folder(path.parent) if exclusive and path is not None else None
    # of SQLite's connections the last one used first: each that works has a thread, pages of the file, an arena of malloc
    engine = create_async_engine(target, hide_parameters=True, pool_use_lifo=path is not None)
    try:
        if path is not None:
            _try_file(path)
            event.listen(engine.sync_engine, "connect", _on_connect)
        await schema.upgrade(engine)
    except (SQLAlchemyError, sqlite3.Error, OSError, schema.NewerSchema) as error:
        await engine.dispose()
        if lock is not None:
            os.close(lock)
        raise _explained(error, target) from None
    return Database(engine, path, lock)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn a driver's failure into `errors.Unavailable`. A broken constraint passes: it is the caller's to explain."""
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, PoolTimeout, OSError) as error:
        raise unavailable() from error


def unavailable() -> errors.Unavailable:
    return errors.Unavailable(
        "The gateway's store does not answer at the moment; try again shortly.",
        code="store_unavailable",
        retry_after=RETRY_AFTER,
    )


def prepare(connection: Any, lock_wait: float = 5.0) -> None:
    """Set up a fresh SQLite connection; `lock_wait` seconds is how long it waits for another writer."""
    for pragma in (
        f"busy_timeout = {int(lock_wait * 1000)}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _on_connect(connection: Any, _record: object) -> None:
    prepare(connection)
    connection.execute(f"PRAGMA cache_size = -{KEPT}").close()


def _target(data_dir: Path, url: str | None) -> URL:
    if url is None:
        return URL.create(_DRIVERS["sqlite"], database=str(data_dir / DATABASE_FILE))
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreUnavailable("The database URL cannot be read; write it as postgresql://user@host/name.") from None
    driver = _DRIVERS.get(parsed.drivername.partition("+")[0])
    if driver is None:
        raise StoreUnavailable(
            f"The database URL begins with {parsed.drivername!r}; it must begin with sqlite: or postgresql:."
        )
    if driver == _DRIVERS["sqlite"] and parsed.database in {None, "", ":memory:"}:
        raise StoreUnavailable("The database URL names no file; write it as sqlite:////folder/name.db.")
    return parsed.set(drivername=driver)


def _file(target: URL) -> Path | None:
    return Path(target.database).absolute() if target.get_backend_name() == "sqlite" and target.database else None


def _try_file(path: Path) -> None:
    """Open the file once the plain way: a failure inside the engine leaves a thread behind that prints a traceback."""
    with closing(sqlite3.connect(path)) as connection:
        prepare(connection)


def make_folder(data_dir: Path) -> None:
    """Make the data folder where there is none. Raises StoreUnavailable."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreUnavailable(
            f"The data folder {data_dir} cannot be made ({error.strerror}); "
            "set ATELIER_DATA_DIR to a folder that this user may write to."
        ) from None


def lock_folder(data_dir: Path) -> int:
    """A descriptor that keeps every gateway out of the folder until it is closed. Raises StoreInUse, StoreUnavailable."""
    path = data_dir / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreUnavailable(
            f"The data folder {data_dir} cannot be written to ({error.strerror}); "
            "set ATELIER_DATA_DIR to a folder that this user may write to."
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreInUse(
            f"Another gateway (process {owner}) serves from {data_dir}; "
            "stop it first, or set ATELIER_DATA_DIR to another folder."
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _explained(error: Exception, target: URL) -> StoreUnavailable:
    where = target.database if target.get_backend_name() == "sqlite" else target.render_as_string(hide_password=True)
    if isinstance(error, schema.NewerSchema):
        return StoreUnavailable(
            f"The store {where} was written by a newer version of Atelier (schema {error}); "
            "install that version, or use another data folder."
        )
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.DatabaseError) and not isinstance(cause, sqlite3.OperationalError):
        return StoreUnavailable(
            f"The store {where} is not a readable SQLite database; restore it from a backup, or move it away."
        )
    reason = next(iter(str(cause).splitlines()), "") or type(cause).__name__
    return StoreUnavailable(f"The store {where} cannot be opened ({reason}); check that it exists and is reachable.")
