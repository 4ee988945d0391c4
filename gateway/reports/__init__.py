"""Read models over SQL: what the dashboard shows. Read-only, and every query takes the viewer."""

from gateway.reports.requests import Attempt, Page, RequestDetail, RequestRow, one, recent
from gateway.reports.source import ReportsUnavailable, Snapshot, Source
from gateway.reports.spend import Days, DaySum, ModelSum, Sum, by_day, by_model, summed
from gateway.reports.viewer import Viewer

__all__ = [
    "Attempt",
    "DaySum",
    "Days",
    "ModelSum",
    "Page",
    "ReportsUnavailable",
    "RequestDetail",
    "RequestRow",
    "Snapshot",
    "Source",
    "Sum",
    "Viewer",
    "by_day",
    "by_model",
    "one",
    "recent",
    "summed",
]
