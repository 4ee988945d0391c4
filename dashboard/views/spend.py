"""Spend: what was spent, when, on which model, and the newest requests. Read from the ledger; refreshes itself."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard import gate, inert, wiring, wording
from dashboard.views import requests, spend_chart
from gateway import reports

EVERY = 2.0  # seconds
PERIODS = {"7 days": 7, "30 days": 30, "90 days": 90}
PERIOD, USUAL = "period", "30 days"
ROWS = 12


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at the ledger: every figure of it is of the same moment."""

    today: reports.Sum
    week: reports.Sum
    month: reports.Sum
    days: list[reports.DaySum]
    models: list[reports.ModelSum]
    recent: reports.Page
    chosen: reports.RequestDetail | None


def show() -> None:
    gate.signed_in()
    st.title("Spend", anchor=False)
    live()


@st.fragment(run_every=EVERY)
def live() -> None:
    """The whole page, drawn again every two seconds."""
    _, me = gate.signed_in()
    now, offset = wiring.now(), gate.utc_offset()
    period = PERIODS[st.session_state.get(PERIOD) or USUAL]
    try:
        seen = read(me.viewer, reports.Days(now, offset, period))
    except reports.ReportsUnavailable as problem:
        st.info(inert.plain(problem), icon=":material/hourglass_empty:")
        return
    totals(seen)
    st.segmented_control(
        "Period", list(PERIODS), default=USUAL, required=True, key=PERIOD, label_visibility="collapsed"
    )
    chart, models = st.columns([3, 2], gap="large")
    with chart:
        spend_chart.by_day(seen.days)
    with models:
        spend_chart.by_model(seen.models)
    st.subheader("Recent requests", anchor=False)
    if seen.chosen is not None:
        requests.detail(seen.chosen)
    requests.table(seen.recent, me.viewer, now, offset)


def read(viewer: reports.Viewer, days: reports.Days) -> Seen:
    """Everything that the page shows, as far as the viewer may see it."""
    with wiring.reports().reading() as ledger:
        chosen = requests.chosen()
        return Seen(
            today=reports.total(ledger, viewer, days.last(1)),
            week=reports.total(ledger, viewer, days.last(7)),
            month=reports.total(ledger, viewer, days.last(30)),
            days=reports.by_day(ledger, viewer, days),
            models=reports.by_model(ledger, viewer, days),
            recent=reports.recent(ledger, viewer, ROWS, requests.offset(ROWS)),
            chosen=reports.one(ledger, viewer, chosen) if chosen else None,
        )


def totals(seen: Seen) -> None:
    """Three sums side by side."""
    sums = (("Today", seen.today), ("Last 7 days", seen.week), ("Last 30 days", seen.month))
    for column, (name, amount) in zip(st.columns(len(sums)), sums, strict=True):
        value, note = headline(amount)
        column.metric(name, inert.plain(value), border=True, delta=note, delta_color="off", delta_arrow="off")


def headline(amount: reports.Sum) -> tuple[str, str]:
    """The figure to show, and what else is to be said. Simulated money is never added to real money."""
    requests_made = wording.count(amount.requests, "request")
    if amount.simulated and not amount.paid:
        return wording.usd(amount.simulated), f"simulated · {requests_made}"
    if amount.simulated:
        return wording.usd(amount.paid), f"and {wording.usd(amount.simulated)} simulated · {requests_made}"
    return wording.usd(amount.paid), requests_made
