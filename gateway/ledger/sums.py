"""Exact sums of the ledger: the roll-up's days and half-hours, and the lines beyond it, as one query.

Both must be read at one moment (`snapshot`), or a line could be missed or counted twice while the roll-up moves on. The
queries are values: whoever runs them turns a failing store into an error of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
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

from gateway.store.tables import LedgerLine, Position, SpendDay, SpendRollup

HALF_HOUR = 1_800
BUCKETS_A_DAY = 48
ROLLUP = "rollup"  # the position's name
KEYS = ("bucket", "tenant", "key_id", "user", "team", "brand", "provider", "model", "simulated")
MEASURES = ("cost_nano", "requests", "attempts", "estimated", "input_tokens", "output_tokens")
SIMULATED = "simulated_nano"

Columns: TypeAlias = ReadOnlyColumnCollection[str, Any]  # by the roll-up's names, whatever they are read from
Condition: TypeAlias = Callable[[Columns], ColumnElement[bool]]
_ONE = literal_column("1", BigInteger)
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


def lines(*where: ColumnElement[bool], by_days: bool = False) -> Subquery:
    """Lines of the ledger as rows of the roll-up (or of its days), not yet summed. "": no user, team or brand.

    No text is a bare column, so that no condition on one leads the database away from the index that `where` is for.
    """
    start = col(LedgerLine.booked_at) / HALF_HOUR
    nearest = cast(start, BigInteger)  # which rounds or cuts, as the database has it
    half_hour = nearest - _one_if(nearest > start)
    columns = {
        "bucket": half_hour // literal_column(str(BUCKETS_A_DAY), BigInteger) if by_days else half_hour,
        **{name: func.coalesce(getattr(LedgerLine, name), literal_column("''")) for name in KEYS[1:-1]},
        "simulated": col(LedgerLine.simulated),
        "cost_nano": col(LedgerLine.cost_nano),
        "requests": _one_if(col(LedgerLine.number) == _ONE),
        "attempts": _ONE,
        "estimated": _one_if(col(LedgerLine.estimated).is_(true())),
        "input_tokens": col(LedgerLine.input_tokens),
        "output_tokens": col(LedgerLine.output_tokens),
    }
    return select(*(column.label(name) for name, column in columns.items())).where(*where).subquery("line")


def summed(rows: Subquery) -> Select[Any]:
    """Rows as `lines` makes them, those with the same keys in one."""
    keys = [rows.c[name] for name in KEYS]
    return select(*keys, *(func.sum(rows.c[name]).label(name) for name in MEASURES)).group_by(*keys)


def total(
    by: Sequence[str], seen: Condition, first: int, end: int, position: int, *, by_days: bool = False
) -> Select[Any]:
    """What the half-hours from `first` up to, not including, `end` cost, told apart by the columns named in `by`.

    The columns: those, each of MEASURES and SIMULATED (the part of the cost that nobody pays). `position` is POSITION's
    value at the same moment. `by_days`: "bucket" is a day, and the time begins and ends with one, in UTC.
    """
    whole_days = by_days or "bucket" not in by
    parts = [_rolled(*part, by, seen) for part in _parts(first, end, whole_days=whole_days)]
    tail = lines(col(LedgerLine.seq) > position, by_days=by_days)
    unit = BUCKETS_A_DAY if by_days else 1
    parts.append(select(*_columns(tail, by)).where(*_between(tail, first // unit, end // unit), seen(tail.c)))
    rows = union_all(*parts).subquery("part")
    keys = [rows.c[name] for name in by]
    sums = (func.coalesce(func.sum(rows.c[name]), 0).label(name) for name in (*MEASURES, SIMULATED))
    return select(*keys, *sums).group_by(*keys)


def _parts(first: int, end: int, *, whole_days: bool) -> Iterator[tuple[FromClause, int, int]]:
    """Which table is read from which bucket to which: whole days by days, what is left by half-hours."""
    half_hours = SpendRollup.__table__  # type: ignore[attr-defined]
    days = SpendDay.__table__  # type: ignore[attr-defined]
    morning, evening = -(-first // BUCKETS_A_DAY), end // BUCKETS_A_DAY
    if not whole_days or morning >= evening:
        yield half_hours, first, end
        return
    yield days, morning, evening
    for begin, until in ((first, morning * BUCKETS_A_DAY), (evening * BUCKETS_A_DAY, end)):
        if begin < until:
            yield half_hours, begin, until


def _rolled(table: FromClause, first: int, end: int, by: Sequence[str], seen: Condition) -> Select[Any]:
    keys, measures = _columns(table, by)[: len(by)], _columns(table, by)[len(by) :]
    sums = (func.sum(column).label(column.name) for column in measures)
    return select(*keys, *sums).where(*_between(table, first, end), seen(table.c)).group_by(*keys)


def _columns(rows: FromClause, by: Sequence[str]) -> list[Any]:
    simulated = case((rows.c.simulated, rows.c.cost_nano), else_=literal_column("0")).label(SIMULATED)
    return [*(rows.c[name] for name in (*by, *MEASURES)), simulated]


def _between(rows: FromClause, first: int, end: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return rows.c.bucket >= first, rows.c.bucket < end


def _one_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, _ONE), else_=literal_column("0", BigInteger))
