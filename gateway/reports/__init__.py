"""Read models over SQL: what the dashboard and the spend report show. Read-only, and every query takes the viewer."""

from gateway.reports.days import Days
from gateway.reports.live import Live, Now
from gateway.reports.report import BY, SpendReport, csv_rows, report, spend_report
from gateway.reports.requests import Attempt, Page, RequestDetail, RequestRow, Wanted, one, recent
from gateway.reports.snapshot import Snapshot
from gateway.reports.source import ReportsUnavailable, Source
from gateway.reports.spend import (
    DaySum,
    Filters,
    ModelSum,
    Share,
    Sum,
    by_brand,
    by_day,
    by_key,
    by_model,
    by_person,
    by_team,
    summed,
)
from gateway.reports.viewer import Viewer

__all__ = [
    "BY",
    "Attempt",
    "DaySum",
    "Days",
    "Filters",
    "Live",
    "ModelSum",
    "Now",
    "Page",
    "ReportsUnavailable",
    "RequestDetail",
    "RequestRow",
    "Share",
    "Snapshot",
    "Source",
    "SpendReport",
    "Sum",
    "Viewer",
    "Wanted",
    "by_brand",
    "by_day",
    "by_key",
    "by_model",
    "by_person",
    "by_team",
    "csv_rows",
    "one",
    "recent",
    "report",
    "spend_report",
    "summed",
]
