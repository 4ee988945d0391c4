"""Spend: what was spent, when, on which model, and the newest requests. Read from the ledger; refreshes itself."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import streamlit as st

from dashboard import gate, inert, wiring, wording
from dashboard.views import requests, spend_chart
from gateway import reports

EVERY = 2.0  # seconds
SHARE = 0.1  # of the time that may be spent on adding up
PERIODS = {"7 days": 7, "30 days": 30, "90 days": 90}
TOTALS = {"Today": 1, "Last 7 days": 7, "Last 30 days": 30}
PERIOD, USUAL = "period", "30 days"
SUMS = "sums"
ROWS = 12


@dataclass(frozen=True, slots=True)
class Sums:
    """What was added up for `of`, and until when (monotonic) it is not added up again."""

    of: Hashable
    until: float
    days: list[reports.DaySum]
    models: list[reports.ModelSum]


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
    picked = requests.picked()
    try:
        with wiring.reports().reading() as ledger:
            sums = added_up(ledger, me.viewer, now, offset, period)
            recent = reports.recent(ledger, me.viewer, ROWS, requests.offset(ROWS))
            detail = reports.one(ledger, me.viewer, picked) if picked else None
    except reports.ReportsUnavailable as problem:
        st.info(inert.plain(problem), icon=":material/hourglass_empty:")
        return
    totals(sums)
    st.segmented_control(
        "Period", list(PERIODS), default=USUAL, required=True, key=PERIOD, label_visibility="collapsed"
    )
    chart, models = st.columns([5, 4], gap="large")
    with chart:
        spend_chart.by_day(sums.days[-period:])
    with models:
        spend_chart.by_model(sums.models)
    st.subheader("Recent requests", anchor=False)
    if detail is not None:
        requests.detail(detail)
    requests.table(recent, me.viewer, now, offset)


def added_up(ledger: reports.Snapshot, viewer: reports.Viewer, now: float, offset: int, period: int) -> Sums:
    """The sums of the last days. While a large ledger takes long to add up, those of a moment ago."""
    days = reports.Days(now, offset, max(period, *TOTALS.values()))
    of = (viewer, period, offset, days.today)
    kept: Sums | None = st.session_state.get(SUMS)
    began = wiring.monotonic()
    if kept is not None and kept.of == of and began < kept.until:
        return kept
    found = reports.by_day(ledger, viewer, days), reports.by_model(ledger, viewer, reports.Days(now, offset, period))
    ended = wiring.monotonic()
    kept = st.session_state[SUMS] = Sums(of, ended + (ended - began) * (1 / SHARE - 1), *found)
    return kept


def totals(sums: Sums) -> None:
    """Three sums side by side."""
    for column, (name, count) in zip(st.columns(len(TOTALS)), TOTALS.items(), strict=True):
        value, note = headline(reports.summed(sums.days[-count:]))
        column.metric(name, inert.plain(value), border=True, delta=note, delta_color="off", delta_arrow="off")


def headline(amount: reports.Sum) -> tuple[str, str]:
    """The figure to show, and what else is to be said. Simulated money is never added to real money."""
    made = wording.count(amount.requests, "request")
    if amount.simulated and not amount.paid:
        return wording.usd(amount.simulated), f"simulated · {made}"
    if amount.simulated:
        return wording.usd(amount.paid), f"and {wording.usd(amount.simulated)} simulated · {made}"
    return wording.usd(amount.paid), made
