"""Spend: what was spent, when, by whom and on what, the budgets, and the newest requests. Refreshes itself.

Sums and requests are read from the ledger, budgets from the gateway; each is shown without the other when that is away.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import streamlit as st

from dashboard import gate, inert, wiring, wording
from dashboard.views import budgets, requests, spend_chart, spend_choice
from dashboard.views.spend_choice import Choice
from gateway import reports

EVERY = 2.0  # seconds
SHARE = 0.1  # of the time that may be spent on adding up
TOTALS = {"Today": 1, "Last 7 days": 7, "Last 30 days": 30}
SUMS = "sums"
ROWS = 12
WIDTHS = 4, 5  # of the chart and the table, as parts


@dataclass(frozen=True, slots=True)
class Sums:
    """What was added up for `of`, and until when (monotonic) it is not added up again."""

    of: Hashable
    until: float
    totals: list[reports.DaySum]
    days: list[reports.DaySum]
    shares: reports.SpendReport


def show() -> None:
    gate.signed_in()
    st.title("Spend", anchor=False)
    live()
    budgets.live()
    newest()


@st.fragment(run_every=EVERY)
def live() -> None:
    """Sums, drawn again every two seconds."""
    _, me = gate.signed_in()
    now, offset = wiring.now(), gate.utc_offset()
    totals = st.container()
    try:
        choice = spend_choice.draw(me.viewer, now, offset)
        with wiring.reports().reading() as ledger:
            sums = added_up(ledger, me.viewer, choice, reports.Days(now, offset, max(TOTALS.values())))
    except reports.ReportsUnavailable as problem:
        st.info(inert.plain(problem), icon=":material/hourglass_empty:")
        return
    with totals:
        headlines(sums.totals)
    left, right = st.columns(WIDTHS, gap="large")
    with left:
        spend_chart.by_day(sums.days)
    with right:
        spend_chart.by_thing(sums.shares, spend_choice.things(me.viewer))
    spend_chart.downloads(sums.shares, sums.days)


@st.fragment(run_every=EVERY)
def newest() -> None:
    """The newest requests, as they come in."""
    _, me = gate.signed_in()
    picked = requests.picked()
    try:
        with wiring.reports().reading() as ledger:
            filters = spend_choice.chosen()
            wanted = reports.Wanted(filters.team, filters.user, filters.brand)
            recent = reports.recent(ledger, me.viewer, ROWS, wanted=wanted, after=requests.after(wanted))
            detail = reports.one(ledger, me.viewer, picked) if picked else None
    except reports.ReportsUnavailable:
        return  # the sums say so
    st.subheader("Recent requests", anchor=False)
    if detail is not None:
        requests.detail(detail)
    requests.table(recent, me.viewer, wiring.now(), gate.utc_offset())


def added_up(ledger: reports.Snapshot, viewer: reports.Viewer, choice: Choice, month: reports.Days) -> Sums:
    """The sums of the chosen days. While a large ledger takes long to add up, those of a moment ago."""
    of = (viewer, choice, month.today, month.offset)
    kept: Sums | None = st.session_state.get(SUMS)
    began = wiring.monotonic()
    if kept is not None and kept.of == of and began < kept.until:
        return kept
    totals = reports.by_day(ledger, viewer, month)
    days = reports.by_day(ledger, viewer, choice.days, choice.filters)
    shares = reports.report(ledger, viewer, choice.days, choice.by, choice.filters)
    ended = wiring.monotonic()
    kept = st.session_state[SUMS] = Sums(of, ended + (ended - began) * (1 / SHARE - 1), totals, days, shares)
    return kept


def headlines(days: list[reports.DaySum]) -> None:
    """Three sums side by side."""
    for column, (name, count) in zip(st.columns(len(TOTALS)), TOTALS.items(), strict=True):
        value, note = headline(reports.summed(days[-count:]))
        column.metric(name, inert.plain(value), border=True, delta=note, delta_color="off", delta_arrow="off")


def headline(amount: reports.Sum) -> tuple[str, str]:
    """The figure to show, and what else is to be said. Simulated money is never added to real money."""
    made = wording.count(amount.requests, "request")
    if amount.simulated and not amount.paid:
        return wording.usd(amount.simulated), f"simulated · {made}"
    if amount.simulated:
        return wording.usd(amount.paid), f"and {wording.usd(amount.simulated)} simulated · {made}"
    return wording.usd(amount.paid), made
