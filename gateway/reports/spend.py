"""What was spent: in all, by day, model, person, team, brand and key; exact to the last line, retries and fallbacks in.

Money is nano-dollars. Simulated answers are priced like real ones but nobody pays for them, so every sum says how
much of it was simulated. Raises what `Source.reading` turns into `ReportsUnavailable`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, select, true
from sqlmodel import SQLModel

from gateway.ledger.sums import POSITION, SIMULATED, Columns, total
from gateway.reports.days import DAY, Days, named
from gateway.reports.snapshot import Snapshot
from gateway.reports.viewer import Viewer
from gateway.store.directory import Brand, Team, User
from gateway.store.tables import VirtualKey


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
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ModelSum:
    """What a model cost; `sum.requests` counts the calls of it, so one that fell back counts for each of its models."""

    provider: str
    model: str
    sum: Sum
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one person, team, brand or key cost. `id` is "" for what belongs to none; `name` None where none is known."""

    id: str
    name: str | None
    sum: Sum
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Filters:
    """Only what belongs to these; None: all, "": what belongs to none."""

    team: str | None = None
    user: str | None = None
    brand: str | None = None
    model: str | None = None
    key_id: str | None = None

    def on(self, rows: Columns) -> ColumnElement[bool]:
        """The condition on a table's columns."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return and_(true(), *(rows[name] == value for name, value in values.items() if value is not None))

    @property
    def tell_apart(self) -> bool:
        """Whether they pick a person out."""
        return self.user is not None or self.key_id is not None


ALL = Filters()


def summed(days: Sequence[DaySum]) -> Sum:
    """The sum of several days."""
    return _add([each.sum for each in days])


def by_day(session: Snapshot, viewer: Viewer, days: Days, filters: Filters = ALL) -> list[DaySum]:
    """One sum a day, oldest first; days without spend are there too."""
    found: dict[int, list[Any]] = {}
    for row in session.execute(_spent(session, viewer, days, filters, ["bucket"])):
        day = row.bucket + days.offset // DAY if days.in_utc else days.day_of(row.bucket)
        found.setdefault(day, []).append(row)
    return [_day(number, found.get(number, [])) for number in range(days.first, days.today + 1)]


def by_model(session: Snapshot, viewer: Viewer, days: Days, filters: Filters = ALL) -> list[ModelSum]:
    """One sum for each model that was used, the dearest first."""
    query = _spent(session, viewer, days, filters, ["provider", "model"])
    found = [
        ModelSum(row.provider, row.model, _sum(row, row.attempts), int(row.input_tokens), int(row.output_tokens))
        for row in session.execute(query)
    ]
    return sorted(found, key=lambda each: (-each.sum.cost, each.provider, each.model))


def by_person(session: Snapshot, viewer: Viewer, days: Days, filters: Filters = ALL) -> list[Share]:
    """One sum for each person whose spend the viewer may see, the dearest first; a viewer may see nobody's."""
    return _shares(session, _spent(session, viewer, days, filters, ["user"], persons=True), User)


def by_key(session: Snapshot, viewer: Viewer, days: Days, filters: Filters = ALL) -> list[Share]:
    """One sum for each key of a person whose spend the viewer may see, the dearest first."""
    return _shares(session, _spent(session, viewer, days, filters, ["key_id"], persons=True), VirtualKey)


def by_team(session: Snapshot, viewer: Viewer, days: Days, filters: Filters = ALL) -> list[Share]:
    """One sum for each team, the dearest first; whoever is no admin sees its own."""
    return _shares(session, _spent(session, viewer, days, filters, ["team"]), Team)


def by_brand(session: Snapshot, viewer: Viewer, days: Days, filters: Filters = ALL) -> list[Share]:
    """One sum for each brand that texts were written for, the dearest first."""
    return _shares(session, _spent(session, viewer, days, filters, ["brand"]), Brand)


def _spent(
    session: Snapshot, viewer: Viewer, days: Days, filters: Filters, by: Sequence[str], *, persons: bool = False
) -> Any:
    def seen(rows: Columns) -> ColumnElement[bool]:
        may_see = viewer.persons if persons or filters.tell_apart else viewer.sums
        return and_(may_see(rows), filters.on(rows))

    position = session.execute(POSITION).scalar_one_or_none() or 0
    return total(by, seen, days.first_bucket, days.end_bucket, position, by_days="bucket" in by and days.in_utc)


def _shares(session: Snapshot, query: Any, named_in: type[SQLModel]) -> list[Share]:
    spent = query.subquery("spent")
    whose = next(iter(spent.c))
    names = named_in.__table__  # type: ignore[attr-defined]
    rows = session.execute(
        select(whose.label("whose"), names.c.name.label("title"), spent).outerjoin(names, names.c.id == whose)
    )
    found = [Share(row.whose, row.title, _sum(row), int(row.input_tokens), int(row.output_tokens)) for row in rows]
    return sorted(found, key=lambda share: (-share.sum.cost, share.id))


def _sum(row: Any, requests: int | None = None) -> Sum:
    count = row.requests if requests is None else requests
    return Sum(int(row.cost_nano), int(getattr(row, SIMULATED)), int(count), bool(row.estimated))


def _day(number: int, rows: Sequence[Any]) -> DaySum:
    tokens = (int(sum(getattr(row, name) for row in rows)) for name in ("input_tokens", "output_tokens"))
    return DaySum(named(number), _add([_sum(row) for row in rows]), *tokens)


def _add(sums: Sequence[Sum]) -> Sum:
    return Sum(
        sum(each.cost for each in sums),
        sum(each.simulated for each in sums),
        sum(each.requests for each in sums),
        any(each.estimated for each in sums),
    )
