"""Many rows into a table at once; those that are there already stay as they are.

PostgreSQL takes all of them as one JSON text, which costs a fraction of as many parameters. What a JSON text cannot
carry there (a NUL, half a surrogate pair) is refused for all of them: `one_by_one` is the way for such rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import JSON, Text, bindparam, cast, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

Values = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Target:
    """A table, the columns that its rows fill, in order, and the one whose values tell which rows were new.

    JSON columns take texts of JSON.
    """

    table: type[SQLModel]
    names: tuple[str, ...]
    key: str

    @property
    def columns(self) -> Any:
        return self.table.__table__.columns  # type: ignore[attr-defined]


def insert(dialect: str, table: type[SQLModel]) -> Any:
    """An INSERT that can be told what to do when the row is there: the dialects spell it alike, and apart."""
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)


async def add(sql: AsyncConnection, target: Target, rows: Sequence[Values]) -> set[Any]:
    """Insert the rows; the keys of those that were not there."""
    if sql.dialect.name == "sqlite":
        return await one_by_one(sql, target, rows)
    text = msgspec.json.encode(rows).decode()
    return set(await sql.scalar(_together(target), {"rows": text}) or ())


async def one_by_one(sql: AsyncConnection, target: Target, rows: Sequence[Values]) -> set[Any]:
    """As `add`, with a parameter for each value."""
    statement = insert(sql.dialect.name, target.table).on_conflict_do_nothing().returning(target.columns[target.key])
    structured = [isinstance(target.columns[name].type, JSON) for name in target.names]
    parameters = [
        {
            name: json.loads(value) if parse else value
            for name, value, parse in zip(target.names, row, structured, strict=True)
        }
        for row in rows
    ]
    return set((await sql.execute(statement, parameters)).scalars())


@cache
def _together(target: Target) -> Any:
    """One statement for any number of rows, which answers with one row."""
    given = func.jsonb_array_elements(cast(bindparam("rows", type_=Text), postgresql.JSONB)).column_valued("given")
    values = [
        cast(given.op("->>")(literal(place, literal_execute=True)), target.columns[name].type)
        for place, name in enumerate(target.names)
    ]
    statement = postgresql.insert(target.table).from_select(target.names, select(*values))
    new = statement.on_conflict_do_nothing().returning(target.columns[target.key]).cte("new")
    return select(func.array_agg(new.c[target.key]))
