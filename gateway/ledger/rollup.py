"""The one writer of the roll-up: adds the ledger's lines up by half-hours and days, in small steps, each line once.

A step takes the lines above the position "rollup", adds them and moves the position, in one transaction. Whoever wants
exact sums adds the lines above the position to the roll-up's rows (`sums.py`), so nothing is wrong while this is behind
or away. While the store is away `advance` raises `errors.Unavailable` and has done nothing; `run` tries again.

Why no line is missed or counted twice, whatever order they are committed in: a step holds the lock on the position's
row from its first statement to its end. With SQLite that is the one write lock, and a line's `seq` is the highest so
far plus one. With PostgreSQL a trigger on `ledger` takes a share of the same lock for every line that comes in, until
that line is committed, and moves a line whose `seq` is not above the position right above it. So no line is on its way
while a step runs, and whatever is committed later stands above the position.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import structlog
from sqlalchemy import Insert, Select, bindparam, case, delete, func, literal, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col, select

from gateway import errors
from gateway.ledger.steps import Steps
from gateway.ledger.sums import KEYS, MEASURES, POSITION, ROLLUP, lines, summed
from gateway.ports import Clock
from gateway.store.database import store_errors
from gateway.store.tables import LedgerLine, Position, SpendDay, SpendRollup

EVERY = 2.0  # seconds between two looks
MOST_LINES = 5_000  # a step
LONGEST_STEP = 0.03  # seconds
BREATH = 0.05  # seconds between two steps, so that whoever waits for the store gets it
_is_ours = col(Position.name) == ROLLUP
_seq = col(LedgerLine.seq)
log = structlog.get_logger(__name__)


class Rollups:
    """Keeps `spend_rollup` on any database that SQLAlchemy reaches. Several processes may do so at once."""

    def __init__(self, engine: AsyncEngine, clock: Clock, *, most: int = MOST_LINES) -> None:
        self._engine = engine
        self._clock = clock
        self._steps = Steps(most, LONGEST_STEP)

    async def run(self) -> None:
        """Keep up with the ledger, for ever."""
        while True:
            pause, size = EVERY, self._steps.size
            try:
                if await self.advance() >= size:  # there is more
                    pause = BREATH
            except errors.Unavailable as error:
                log.warning("rollup_waits", error=error.message)
            await asyncio.sleep(pause)

    async def advance(self) -> int:
        """Add up one step's lines; how many they were, 0 when there is nothing to do. Raises errors.Unavailable."""
        with store_errors():
            async with self._engine.connect() as connection:
                if not await connection.scalar(_BEHIND):
                    return 0
            async with self._engine.begin() as connection:
                position = await _lock(connection)
                began = self._clock.monotonic()
                size = self._steps.size
                reach = await connection.scalar(_REACH, {"position": position, "most": size})
                if reach is None:  # another process was faster
                    return 0
                step = {"position": position, "reach": reach}
                count = await connection.scalar(_COUNT, step)
                for table in (SpendRollup, SpendDay):
                    await connection.execute(_step(table, connection.dialect.name), step)
                await connection.execute(_MOVE, {"reach": reach})
        if int(count or 0) >= size:
            self._steps.took(self._clock.monotonic() - began)
        return int(count or 0)


async def forget(connection: AsyncConnection, user: str, alias: str) -> None:
    """Put `alias` in a person's place, in the transaction that does the same with the ledger's (last) lines.

    The person's own tenant ("user:ada") becomes the alias's. What was spent stays.
    """
    await _lock(connection)
    for table in (SpendRollup, SpendDay):
        own, tenant = col(table.user) == user, col(table.tenant)
        instead = {"user": literal(alias), "tenant": case((tenant == f"user:{user}", f"user:{alias}"), else_=tenant)}
        columns = {name: instead.get(name, col(getattr(table, name))) for name in (*KEYS, *MEASURES)}
        rows = select(*(column.label(name) for name, column in columns.items())).where(own).subquery()
        await connection.execute(_addition(connection.dialect.name, table, summed(rows)))
        await connection.execute(delete(table).where(own))


# Built once: to build and to compile them costs more than to run them over a few lines.
_BEHIND = select(select(func.max(_seq)).scalar_subquery() > POSITION.scalar_subquery())
_LOCK = update(Position).where(_is_ours).values(seq=col(Position.seq)).returning(col(Position.seq))
_AHEAD = select(_seq).where(_seq > bindparam("position")).order_by(_seq).limit(bindparam("most")).subquery()
_REACH = select(func.max(_AHEAD.c.seq))  # the `seq` that a step goes up to: lines with the same one belong together
_IN_STEP = (_seq > bindparam("position")) & (_seq <= bindparam("reach"))
_COUNT = select(func.count()).select_from(LedgerLine).where(_IN_STEP)
_MOVE = update(Position).where(_is_ours).values(seq=bindparam("reach"))


async def _lock(connection: AsyncConnection) -> int:
    """The position, which nobody else moves, and above which no line comes in, until the transaction ends."""
    return int((await connection.execute(_LOCK)).scalar_one())


@functools.cache
def _step(table: type[SpendRollup | SpendDay], dialect: str) -> Insert:
    """Add the lines of a step to what is there."""
    return _addition(dialect, table, summed(lines(_IN_STEP, by_days=table is SpendDay)))


def _addition(dialect: str, table: type[SpendRollup | SpendDay], rows: Select[Any]) -> Insert:
    """Add `rows` to those that are there."""
    make = sqlite_insert if dialect == "sqlite" else postgresql_insert
    statement = make(table).from_select([*KEYS, *MEASURES], rows)
    added = {name: getattr(table, name) + statement.excluded[name] for name in MEASURES}
    return statement.on_conflict_do_update(index_elements=KEYS, set_=added)
