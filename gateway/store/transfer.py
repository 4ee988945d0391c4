"""From the embedded set-up to the scaled one: every row of every table, from SQLite to an empty PostgreSQL.

All of it is one transaction of the target's. What does not come out equal, row by row and cent by cent, is rolled back, and
so is whatever an interruption leaves half done: the target is empty again, and the next run begins anew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from asyncpg import InterfaceError, PostgresError
from sqlalchemy import (
    JSON,
    ColumnElement,
    Table,
    Text,
    cast,
    delete,
    func,
    inspect,
    select,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.store.directory import AuditEntry
from gateway.store.failures import MoveRefused
from gateway.store.tables import Account, LedgerLine, Position

BATCH = 2000  # rows
_LOCK_ID = 0x41_54_4D_49  # any number that no other user of the database takes an advisory lock on
_POSITIONS: Table = Position.__table__  # type: ignore[attr-defined]
# Those that are referred to come first. The positions come last: until they are there, no trigger moves a ledger line.
_TABLES = [*(table for table in AuditEntry.metadata.sorted_tables if table is not _POSITIONS), _POSITIONS]
_BY = ("key_id", "user", "team", "brand", "tenant")

Progress: TypeAlias = Callable[[str, int, int], None]  # table, rows copied, rows there are
Sums: TypeAlias = dict[str | None, int]
About = TypeVar("About")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Transferred:
    """What lies in the target now, and was found equal: rows by table, the ledger's sum, how many sums were compared."""

    rows: Mapping[str, int]
    cost_nano: int
    by: Mapping[str, int]  # "key_id": how many keys' sums; also "user", "team", "brand", "tenant"
    accounts: int


async def transfer(source: AsyncEngine, target: AsyncEngine, progress: Progress) -> Transferred:
    """Copy everything, compare, commit. Both have this version's schema. Raises MoveRefused; the target is empty then."""
    async with _explained(), source.connect() as old, target.begin() as new:
        await old.exec_driver_sql("BEGIN")  # one moment of the source, whatever a command beside us writes
        if not await new.scalar(select(func.pg_try_advisory_xact_lock(_LOCK_ID))):
            raise MoveRefused("Another migration into that database is running; wait for its end.")
        await _refuse_unknown(old)
        await _refuse_full(new)
        for table in _TABLES:
            await _copy(old, new, table, progress)
            await _count_on(new, table)
        return await _compared(old, new)


async def _refuse_unknown(old: AsyncConnection) -> None:
    there = await old.run_sync(lambda connection: set(inspect(connection).get_table_names()))
    if strange := there - {table.name for table in _TABLES} - {"alembic_version"}:
        raise MoveRefused(f"The store has a table that is not Atelier's ({min(strange)}); take it out first.")


async def _refuse_full(new: AsyncConnection) -> None:
    """A fresh schema has positions at 0, which make room for those of the source."""
    await new.execute(delete(_POSITIONS).where(_POSITIONS.c.seq == 0))
    for table in _TABLES:
        if count := await _count(new, table):
            raise MoveRefused(
                f"The target is not empty (table {table.name} has {count} rows); name an empty database, "
                "so that nothing there is mixed with what comes."
            )


def raw(table: Table) -> list[ColumnElement[Any]]:
    """The columns, JSON as the text that it is, so that its null and no value stay two things."""
    return [cast(column, Text) if isinstance(column.type, JSON) else column for column in table.columns]


async def _copy(old: AsyncConnection, new: AsyncConnection, table: Table, progress: Progress) -> None:
    """By COPY, within the transaction: several times as fast as INSERT."""
    driver: Any = (await new.get_raw_connection()).driver_connection
    names = [column.name for column in table.columns]
    total, done = await _count(old, table), 0
    rows = await old.stream(select(*raw(table)).execution_options(yield_per=BATCH))
    async for batch in rows.partitions():
        await driver.copy_records_to_table(table.name, columns=names, records=map(_storable, batch))
        done += len(batch)
        progress(table.name, done, total)


def _storable(row: Iterable[Any]) -> tuple[Any, ...]:
    """PostgreSQL holds no NUL in a text; SQLite does."""
    return tuple(value.replace("\0", "\ufffd") if isinstance(value, str) and "\0" in value else value for value in row)


async def _count_on(new: AsyncConnection, table: Table) -> None:
    """The next row that the target numbers itself follows the last one copied."""
    column = table.autoincrement_column
    if column is None or column.name != "id":
        return
    last = await new.scalar(select(func.max(column)))
    if last is not None:
        await new.execute(select(func.setval(func.pg_get_serial_sequence(table.name, column.name), last)))


async def _compared(old: AsyncConnection, new: AsyncConnection) -> Transferred:
    rows = {table.name: await _equal(_count, old, new, table, f"the rows of {table.name}") for table in _TABLES}
    costs = {
        table.name: await _equal(_sum, old, new, table, f"the cost in {table.name}")
        for table in _TABLES
        if "cost_nano" in table.columns
    }
    by = {name: len(await _equal(_costs, old, new, name, f"the ledger's cost by {name}")) for name in _BY}
    accounts = await _equal(_accounts, old, new, None, "the budget accounts")
    return Transferred(rows, costs["ledger"], by, len(accounts))


async def _equal(
    question: Callable[[AsyncConnection, About], Awaitable[T]],
    old: AsyncConnection,
    new: AsyncConnection,
    about: About,
    name: str,
) -> T:
    before, after = await question(old, about), await question(new, about)
    if before != after:
        raise MoveRefused(f"After the copy, {name} is not equal on both sides; nothing was kept.")
    return after


async def _count(connection: AsyncConnection, table: Table) -> int:
    return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def _sum(connection: AsyncConnection, table: Table) -> int:
    cost = func.coalesce(func.sum(table.columns["cost_nano"]), 0)
    return int((await connection.execute(select(cost))).scalar_one())


async def _costs(connection: AsyncConnection, name: str) -> Sums:
    column = getattr(LedgerLine, name)
    query = select(column, func.sum(LedgerLine.cost_nano)).group_by(column)
    return {row[0]: int(row[1]) for row in await connection.execute(query)}


async def _accounts(connection: AsyncConnection, _: None) -> Sequence[tuple[Any, ...]]:
    query = select(Account.__table__).order_by(Account.__table__.c.scope)  # type: ignore[attr-defined]
    return sorted(tuple(row) for row in await connection.execute(query))


@asynccontextmanager
async def _explained() -> AsyncIterator[None]:
    try:
        yield
    except (SQLAlchemyError, PostgresError, InterfaceError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        reason = next(iter(str(cause).splitlines()), "") or type(cause).__name__
        raise MoveRefused(f"The copy broke off ({reason}); nothing was kept, so it can be run again.") from None
