"""Stores with something in every table, whatever tables and columns there are."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Double, Integer, LargeBinary, insert, null, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store import transfer
from gateway.store.database import open_database
from gateway.store.secrets import load_or_create_secret
from gateway.store.tables import LedgerLine

TABLES = LedgerLine.metadata.sorted_tables
ROWS = 5
COST = 10**15 + 7  # nano-dollars of the dearest line: more than a float of dollars could tell


def value(column: Column[Any], row: int) -> Any:
    """Row 0 has nothing where it may; row 1 has JSON's null; references lead to the row of the same number."""
    if column.foreign_keys:
        return value(next(iter(column.foreign_keys)).column, row)
    if column.nullable and row == 0:
        return null()
    match column.type:
        case JSON():
            return None if column.nullable and row == 1 else [{"ä": row, "list": [None, 1.5, "x"]}]
        case Boolean():
            return row % 2 == 1
        case Double():
            return 1_900_000_000.25 + row
        case BigInteger() | Integer():
            return COST * row if column.name == "cost_nano" else row + 1
        case LargeBinary():
            return bytes([row, 0, 255])
        case _:
            return f"{column.name} {row} ü\n'\""


def full_store(folder: Path, rows: int = ROWS) -> Path:
    """A data folder with a secret, a demo key and `rows` rows in each table."""
    folder.mkdir(parents=True, exist_ok=True)
    load_or_create_secret(folder)
    (folder / "demo.key").write_text("sk-atl-demo\n")
    (folder / "demo.key").chmod(0o600)
    asyncio.run(_fill(folder, rows))
    return folder


async def _fill(folder: Path, rows: int) -> None:
    database = await open_database(folder, exclusive=False)
    async with database.engine.begin() as connection:
        for table in TABLES:
            for row in range(rows):
                await connection.execute(insert(table).values({c.name: value(c, row) for c in table.columns}))
    await database.close()


def rows_of(folder: Path, url: str | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in a store, JSON as the text that it is."""

    async def read(connection: AsyncConnection) -> dict[str, list[tuple[Any, ...]]]:
        found = {}
        for table in TABLES:
            rows = await connection.execute(select(*transfer.raw(table)))
            found[table.name] = sorted((tuple(row) for row in rows), key=repr)
        return found

    async def run() -> dict[str, list[tuple[Any, ...]]]:
        database = await open_database(folder, url, exclusive=False)
        async with database.engine.connect() as connection:
            found = await read(connection)
        await database.close()
        return found

    return asyncio.run(run())


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
