"""Exact sums of the ledger: the roll-up's rows, and the lines beyond it, as one query.

Both must be read at one moment (`snapshot`), or a line could be missed or counted twice while the roll-up moves on. The
queries are values: whoever runs them turns a failing store into an error of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    case,
    cast,
    func,
    literal_column,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlmodel import col

from gateway.store.tables import LedgerLine, Position, SpendRollup

HALF_HOUR = 1_800
ROLLUP = "rollup"  # the position's name
KEYS = ("bucket", "tenant", "key_id", "user", "team", "brand", "provider", "model", "simulated")
MEASURES = ("cost_nano", "requests", "attempts", "estimated", "input_tokens", "output_tokens")
SIMULATED = "simulated_nano"

Columns: TypeAlias = ReadOnlyColumnCollection[str, Any]  # by the roll-up's names, whatever they are read from
Condition: TypeAlias = Callable[[Columns], ColumnElement[bool]]
POSITION = select(col(Position.seq)).where(col(Position.name) == ROLLUP)


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """A session that sees one moment of the store in all its queries, for reading only."""
    sqlite = engine.dialect.name == "sqlite"
    source = engine if sqlite else engine.execution_options(isolation_level="REPEATABLE READ")
    async with source.connect() as connection:
        if sqlite:  # whose driver begins a transaction only when something is written
            await connection.exec_driver_sql("BEGIN")
        async with AsyncSession(connection, expire_on_commit=False) as session:
            yield session


def lines(*where: ColumnElement[bool]) -> Subquery:
    """Lines of the ledger as rows of the roll-up, not yet summed. "" stands for no user, team or brand."""
    start = col(LedgerLine.booked_at) / HALF_HOUR
    nearest = cast(start, BigInteger)  # which rounds or cuts, as the database has it
    columns = {
        "bucket": nearest - case((nearest > start, literal_column("1")), else_=literal_column("0")),
        **{name: getattr(LedgerLine, name) for name in KEYS[1:]},
        **{name: func.coalesce(getattr(LedgerLine, name), literal_column("''")) for name in ("user", "team", "brand")},
        "cost_nano": col(LedgerLine.cost_nano),
        "requests": _one_if(col(LedgerLine.number) == literal_column("1")),
        "attempts": literal_column("1"),
        "estimated": _one_if(col(LedgerLine.estimated).is_(true())),
        "input_tokens": col(LedgerLine.input_tokens),
        "output_tokens": col(LedgerLine.output_tokens),
    }
    return select(*(column.label(name) for name, column in columns.items())).where(*where).subquery("line")


def summed(rows: Subquery) -> Select[Any]:
    """Rows as `lines` makes them, each half-hour's in one."""
    keys = [rows.c[name] for name in KEYS]
    return select(*keys, *(func.sum(rows.c[name]).label(name) for name in MEASURES)).group_by(*keys)


def total(by: Sequence[str], seen: Condition, first: int, end: int, position: int) -> Select[Any]:
    """What the half-hours from `first` up to, not including, `end` cost, told apart by the columns named in `by`.

    The columns: those, each of MEASURES and SIMULATED (the part of the cost that nobody pays). `position` is POSITION's
    value at the same moment.
    """
    rolled = SpendRollup.__table__  # type: ignore[attr-defined]
    tail = lines(col(LedgerLine.seq) > position)
    parts = union_all(*(_grouped(rows, by, seen, first, end) for rows in (rolled, tail))).subquery("part")
    keys = [parts.c[name] for name in by]
    sums = (func.coalesce(func.sum(parts.c[name]), 0).label(name) for name in (*MEASURES, SIMULATED))
    return select(*keys, *sums).group_by(*keys)


def _grouped(rows: FromClause, by: Sequence[str], seen: Condition, first: int, end: int) -> Select[Any]:
    keys = [rows.c[name] for name in by]
    cost = rows.c.cost_nano
    simulated = func.sum(case((rows.c.simulated, cost), else_=literal_column("0"))).label(SIMULATED)
    sums = (func.sum(rows.c[name]).label(name) for name in MEASURES)
    when = (rows.c.bucket >= first, rows.c.bucket < end)
    return select(*keys, *sums, simulated).where(*when, seen(rows.c)).group_by(*keys)


def _one_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, literal_column("1")), else_=literal_column("0"))
