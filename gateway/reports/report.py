"""The spend report of `GET /admin/reports/spend`: one table, by one thing, as JSON or as CSV.

Money is US dollars as a decimal string, and exact in nano-dollars beside it. While the store is away `spend_report` raises
`errors.Unavailable`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.ledger.prices import usd
from gateway.ledger.sums import snapshot
from gateway.reports import spend as queries
from gateway.reports.days import Days, named
from gateway.reports.snapshot import Snapshot
from gateway.reports.spend import ALL, Filters, Share, Sum
from gateway.reports.viewer import Viewer
from gateway.store.database import store_errors
from gateway.types import JsonObject

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet may take for the beginning of a formula
HEADS = (
    "name",
    "cost_usd",
    "cost_nano",
    "simulated_usd",
    "simulated_nano",
    "requests",
    "estimated",
    "input_tokens",
    "output_tokens",
)
Query = Callable[[Snapshot, Viewer, Days, Filters], list[Share]]


@dataclass(frozen=True, slots=True)
class SpendReport:
    """What was spent `by` something on `days`, the dearest first (days: the oldest first)."""

    by: str
    days: Days
    rows: tuple[Share, ...]

    def body(self) -> JsonObject:
        """The answer's JSON."""
        return {
            "object": "spend_report",
            "by": self.by,
            "from": named(self.days.first).isoformat(),
            "to": named(self.days.today).isoformat(),
            "data": [{"id": row.id, "name": row.name, **_figures(row.sum), **_tokens(row)} for row in self.rows],
        }

    def csv(self) -> Iterator[str]:
        """The same as lines of CSV, the first one the columns' names."""
        yield from csv_rows((self.by, *HEADS), (_cells(row) for row in self.rows))


def report(session: Snapshot, viewer: Viewer, days: Days, by: str, filters: Filters = ALL) -> SpendReport:
    """The report as it is at this moment. Raises KeyError for a `by` that is none of BY."""
    return SpendReport(by, days, tuple(BY[by](session, viewer, days, filters)))


async def spend_report(engine: AsyncEngine, viewer: Viewer, days: Days, by: str, filters: Filters = ALL) -> SpendReport:
    """The report from the gateway's own store. Raises KeyError for a `by` that is none of BY, errors.Unavailable."""
    with store_errors():
        async with snapshot(engine) as session:
            return await session.run_sync(report, viewer, days, by, filters)


def csv_rows(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Lines of CSV. No cell is taken for a formula: a text that looks like one gets an apostrophe before it."""
    for row in (heads, *rows):
        line = io.StringIO()
        csv.writer(line).writerow([_inert(cell) for cell in row])
        yield line.getvalue()


def _inert(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _by_day(session: Snapshot, viewer: Viewer, days: Days, filters: Filters) -> list[Share]:
    found = queries.by_day(session, viewer, days, filters)
    return [Share(each.day.isoformat(), None, each.sum, each.input_tokens, each.output_tokens) for each in found]


def _by_model(session: Snapshot, viewer: Viewer, days: Days, filters: Filters) -> list[Share]:
    found = queries.by_model(session, viewer, days, filters)
    return [
        Share(f"{each.provider}/{each.model}", None, each.sum, each.input_tokens, each.output_tokens) for each in found
    ]


BY: Mapping[str, Query] = MappingProxyType(
    {
        "user": queries.by_person,
        "team": queries.by_team,
        "brand": queries.by_brand,
        "model": _by_model,
        "key": queries.by_key,
        "day": _by_day,
    }
)


def _figures(amount: Sum) -> JsonObject:
    return {
        "cost": usd(amount.cost),
        "cost_nano": amount.cost,
        "simulated": usd(amount.simulated),
        "simulated_nano": amount.simulated,
        "requests": amount.requests,
        "estimated": amount.estimated,
    }


def _tokens(row: Share) -> JsonObject:
    return {"input_tokens": row.input_tokens, "output_tokens": row.output_tokens}


def _cells(row: Share) -> Sequence[object]:
    return (row.id, row.name or "", *_figures(row.sum).values(), row.input_tokens, row.output_tokens)
