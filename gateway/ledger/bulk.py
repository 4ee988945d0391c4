"""Many rows into a table at once; those that are there already stay as they are.

PostgreSQL takes all of them as one JSON text, which costs a fraction of as many parameters. What a JSON text cannot
carry there (a NUL, half a surrogate pair) is refused for all of them: `one_by_one` is the way for such rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import JSON, Text, bindparam, cast, column, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

Row = dict[str, Any]


def insert(sql: AsyncConnection, table: type[SQLModel]) -> Any:
    """An INSERT that can be told what to do when the row is there: the dialects spell it alike, and apart."""
    dialect = sqlite if sql.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)


async def add(sql: AsyncConnection, table: type[SQLModel], rows: Sequence[Row], key: str) -> set[Any]:
    """Insert the rows, each with every column; the `key`s of those that were not there. Values as JSON has them."""
    if sql.dialect.name == "sqlite":
        return await one_by_one(sql, table, rows, key)
    text = msgspec.json.encode(rows).decode()
    return set((await sql.execute(_together(table, key), {"rows": text})).scalars())


async def one_by_one(sql: AsyncConnection, table: type[SQLModel], rows: Sequence[Row], key: str) -> set[Any]:
    """As `add`, with a parameter for each value."""
    statement = insert(sql, table).on_conflict_do_nothing().returning(_columns(table)[key])
    return set((await sql.execute(statement, [msgspec.to_builtins(row) for row in rows])).scalars())


@cache
def _together(table: type[SQLModel], key: str) -> Any:
    columns = _columns(table)
    given = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON)).table_valued(
        *(column(each.name, each.type) for each in columns)
    )
    rows = given.render_derived(name="given", with_types=True)
    statement = postgresql.insert(table).from_select([each.name for each in columns], select(*rows.c))
    return statement.on_conflict_do_nothing().returning(columns[key])


def _columns(table: type[SQLModel]) -> Any:
    return table.__table__.columns  # type: ignore[attr-defined]
