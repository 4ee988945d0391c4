"""What was spent: in all, by day, by model. Sums of the ledger's lines, so retries and fallbacks are in them.

Money is nano-dollars. Simulated answers are priced like real ones but nobody pays for them, so every sum says how
much of it was simulated. Raises what `Source.reading` turns into `ReportsUnavailable`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, case, cast, distinct, func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import SQLColumnExpression
from sqlmodel import col

from gateway.reports.viewer import Viewer
from gateway.store.tables import LedgerLine, Request

DAY = 86_400
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Days:
    """The last `count` calendar days, today included, as they are `offset` seconds east of UTC. `now` is Unix time."""

    now: float
    offset: int = 0
    count: int = 30

    @property
    def today(self) -> int:
        """Today's number, counted from 1 January 1970."""
        return int(self.now + self.offset) // DAY

    @property
    def since(self) -> float:
        """When the first of the days began, Unix time."""
        return float(self.first * DAY - self.offset)

    @property
    def first(self) -> int:
        """The number of the oldest day."""
        return self.today - self.count + 1


@dataclass(frozen=True, slots=True)
class Sum:
    """Nano-dollars, the part of them that was simulated, and how many requests they are for."""

    cost: int = 0
    simulated: int = 0
    requests: int = 0
    estimated: bool = False  # some of it was counted by the gateway, because a provider did not say

    @property
    def paid(self) -> int:
        """What providers really bill."""
        return self.cost - self.simulated


@dataclass(frozen=True, slots=True)
class DaySum:
    day: date
    sum: Sum


@dataclass(frozen=True, slots=True)
class ModelSum:
    provider: str
    model: str
    sum: Sum
    input_tokens: int
    output_tokens: int


def summed(days: Sequence[DaySum]) -> Sum:
    """The sum of several days."""
    sums = [each.sum for each in days]
    return Sum(
        sum(each.cost for each in sums),
        sum(each.simulated for each in sums),
        sum(each.requests for each in sums),
        any(each.estimated for each in sums),
    )


def by_day(session: Session, viewer: Viewer, days: Days) -> list[DaySum]:
    """One sum a day, oldest first; days without spend are there too."""
    day = (cast(col(LedgerLine.booked_at) + days.offset, Integer) // DAY).label("day")
    rows = session.execute(_spent(viewer, days).add_columns(day).group_by(day))
    found = {int(row.day): _sum(row) for row in rows}
    return [DaySum(EPOCH + timedelta(number), found.get(number, Sum())) for number in range(days.first, days.today + 1)]


def by_model(session: Session, viewer: Viewer, days: Days) -> list[ModelSum]:
    """One sum for each model that was used, the dearest first. A request that fell back counts for each of its models."""
    names = (col(LedgerLine.provider), col(LedgerLine.model))
    query = _spent(viewer, days).add_columns(
        *names,
        func.sum(col(LedgerLine.input_tokens)).label("input_tokens"),
        func.sum(col(LedgerLine.output_tokens)).label("output_tokens"),
    )
    rows = session.execute(query.group_by(*names).order_by(func.sum(col(LedgerLine.cost_nano)).desc(), *names))
    return [ModelSum(row.provider, row.model, _sum(row), row.input_tokens, row.output_tokens) for row in rows]


def _spent(viewer: Viewer, days: Days) -> Select[*tuple[Any, ...]]:
    cost = col(LedgerLine.cost_nano)
    return (
        select(
            _total(cost).label("cost"),
            _total(case((col(Request.simulated), cost), else_=0)).label("simulated"),
            func.count(distinct(col(LedgerLine.request_id))).label("requests"),
            func.max(col(LedgerLine.estimated)).label("estimated"),
        )
        .select_from(LedgerLine)
        .join(Request, col(Request.id) == col(LedgerLine.request_id))
        .where(viewer.may_see(col(LedgerLine.tenant)), col(LedgerLine.booked_at) >= days.since)
    )


def _total(amount: SQLColumnExpression[int]) -> ColumnElement[int]:
    return func.coalesce(func.sum(amount), 0)


def _sum(row: Any) -> Sum:
    return Sum(int(row.cost), int(row.simulated), row.requests, bool(row.estimated))
