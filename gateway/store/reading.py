"""The store for one look at it: nothing is made, migrated, locked or written.

A store that is away, or that takes longer than the patience, raises `StoreUnavailable` with one sentence.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.store.database import DATABASE_FILE
from gateway.store.failures import StoreUnavailable

PATIENCE = 3.0  # seconds
_READ_ONLY = {"server_settings": {"default_transaction_read_only": "on"}}


@asynccontextmanager
async def only_reading(
    data_dir: Path, url: str | None, patience: float = PATIENCE
) -> AsyncIterator[AsyncSession | None]:
    """The store at `url`, or the data folder's; None where that has none yet. `patience`: seconds for all of it.

    Raises StoreUnavailable, also for what fails while it is read.
    """
    engine = _server(url, patience) if url is not None else _file(data_dir)
    if engine is None:
        yield None
        return
    try:
        async with asyncio.timeout(patience):
            try:
                async with AsyncSession(engine) as session:
                    yield session
            finally:
                await engine.dispose()
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        raise StoreUnavailable(f"the store cannot be read ({_reason(error)})") from None


def _file(data_dir: Path) -> AsyncEngine | None:
    """Beside whoever serves. A file that nobody has open is read as it lies there: even a reader would make others."""
    path = data_dir.absolute() / DATABASE_FILE
    if not path.is_file():
        return None
    alone = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
    return _engine(f"sqlite+aiosqlite:///{path.as_uri()}?mode=ro&uri=true{alone}")


def _server(url: str, patience: float) -> AsyncEngine:
    scheme, _, rest = url.partition("://")
    if not scheme.startswith("postgres"):
        raise StoreUnavailable("the store cannot be read (its address is not one of PostgreSQL)")
    try:
        return _engine(f"postgresql+asyncpg://{rest}", timeout=patience, **_READ_ONLY)
    except ArgumentError:
        raise StoreUnavailable("the store cannot be read (its address cannot be read)") from None


def _engine(url: str, **connecting: Any) -> AsyncEngine:
    return create_async_engine(url, connect_args=connecting, poolclass=NullPool, hide_parameters=True)


def _reason(error: Exception) -> str:
    """Without statements, values and the address."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, TimeoutError):
        return "it does not answer"
    return next(iter(str(cause).splitlines()), "") or type(cause).__name__
