"""LiteLLM's own tables in PostgreSQL, read and never written: keys, users, teams, budgets, names of models.

Columns are taken as they are there, since versions of LiteLLM differ; passwords and credentials are not read. All of it is read in one
read-only transaction, so that it belongs together. A database that cannot be reached, or is not LiteLLM's, raises
`StoreUnavailable` with one sentence, without the password of its address.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import URL, Connection, MetaData, Table, make_url, select
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.store.failures import StoreUnavailable

LONGEST = 120.0  # seconds
KEYS, USERS = "LiteLLM_VerificationToken", "LiteLLM_UserTable"
TEAMS, MEMBERSHIPS = "LiteLLM_TeamTable", "LiteLLM_TeamMembership"
BUDGETS, MODELS = "LiteLLM_BudgetTable", "LiteLLM_ProxyModelTable"
_NEVER_READ = frozenset({"password", "litellm_params"})
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LitellmTables:
    """Rows by LiteLLM's column names. Times are Unix seconds, JSON is decoded; a column that is missing is no member."""

    keys: tuple[Row, ...]
    users: tuple[Row, ...] = ()
    teams: tuple[Row, ...] = ()
    memberships: tuple[Row, ...] = ()
    budgets: tuple[Row, ...] = ()
    models: tuple[Row, ...] = ()  # those that were made on LiteLLM's page


async def read_litellm(url: str) -> LitellmTables:
    """What LiteLLM's database at `url` holds; its DATABASE_URL may be given as it is. Raises StoreUnavailable."""
    target, schema, options = _target(url)
    engine = create_async_engine(target, hide_parameters=True, connect_args=options)
    engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    try:
        async with asyncio.timeout(LONGEST), engine.connect() as connection:
            found = await connection.run_sync(_read, schema)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        reason = next(iter(str(getattr(error, "orig", None) or error).splitlines()), "") or type(error).__name__
        shown = target.set(drivername="postgresql", query={}).render_as_string(hide_password=True)
        raise StoreUnavailable(f"LiteLLM's database {shown} cannot be read ({reason}); check its address.") from None
    finally:
        await engine.dispose()
    if found is None:
        raise StoreUnavailable(
            f'The database {target.database} has no table "{KEYS}"; name the one that LiteLLM\'s DATABASE_URL names.'
        )
    return found


def _target(url: str) -> tuple[URL, str | None, dict[str, Any]]:
    """Address, schema and the driver's options: Prisma's own parameters mean nothing to the driver."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreUnavailable(
            "The address of LiteLLM's database cannot be read; write it as postgresql://user:password@host/name."
        ) from None
    if parsed.drivername.partition("+")[0] not in {"postgresql", "postgres"}:
        raise StoreUnavailable("LiteLLM's database is PostgreSQL: its address begins with postgresql://.")
    query = parsed.query
    options: dict[str, Any] = {"timeout": 10.0}
    if isinstance(mode := query.get("sslmode"), str):
        options["ssl"] = mode
    schema = query.get("schema")
    kept = {"host": query["host"]} if "host" in query else {}
    return parsed.set(drivername="postgresql+asyncpg", query=kept), schema if isinstance(schema, str) else None, options


def _read(connection: Connection, schema: str | None) -> LitellmTables | None:
    names = (KEYS, USERS, TEAMS, MEMBERSHIPS, BUDGETS, MODELS)
    metadata = MetaData(schema=schema)
    metadata.reflect(connection, only=lambda name, _: name in names, resolve_fks=False)
    there = {table.name: table for table in metadata.tables.values()}
    if KEYS not in there:
        return None
    return LitellmTables(*(_rows(connection, there[name]) if name in there else () for name in names))


def _rows(connection: Connection, table: Table) -> tuple[Row, ...]:
    columns = [column for column in table.columns if column.name not in _NEVER_READ]
    json_columns = {column.name for column in columns if isinstance(column.type, JSON | JSONB)}
    rows = connection.execute(select(*columns).order_by(*table.primary_key.columns)).mappings()
    return tuple({name: _plain(value, is_json=name in json_columns) for name, value in row.items()} for row in rows)


def _plain(value: Any, *, is_json: bool) -> Any:
    if isinstance(value, datetime):  # Prisma writes UTC without saying so
        return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).timestamp()
    if is_json and isinstance(value, str):  # JSON in JSON, as old versions wrote it
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
