"""Spend by day as bars, by one thing as a table, both as files. Floats appear only here, where a length is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import altair as alt
import streamlit as st

from dashboard import wording
from dashboard.views.spend_choice import THING, THINGS, names
from gateway import reports

PAID, SIMULATED = "billed", "simulated"
HEIGHT = 260
NAME_WIDTH, AMOUNT_WIDTH, COUNT_WIDTH, TOKENS_WIDTH = 135, 85, 78, 68  # pixels: all columns stay in sight
MOST_WHOLE = 8  # rows that are shown without a scrollbar


def by_day(days: Sequence[reports.DaySum]) -> None:
    """One bar a day; simulated amounts in a colour of their own."""
    st.subheader("By day", anchor=False)
    if not any(each.sum.cost for each in days):
        st.caption("Nothing was spent in this period.")
        return
    rows = [
        {"Day": day_label(each), "Kind": kind, "USD": nano / wording.NANO_PER_USD, "Cost": wording.usd(nano)}
        for each in days
        for kind, nano in ((PAID, each.sum.paid), (SIMULATED, each.sum.simulated))
    ]
    kinds = {row["Kind"] for row in rows if row["USD"]}
    named = [day_label(each) for each in days[:: -max(1, len(days) // 7)]]
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar(cornerRadiusTopLeft=2, cornerRadiusTopRight=2)
        .encode(
            x=alt.X("Day:O", sort=None, title=None, axis=alt.Axis(values=named, labelAngle=0, ticks=False)),
            y=alt.Y("USD:Q", title=None, axis=alt.Axis(format="$,.3~r", tickCount=4)),
            color=alt.Color(
                "Kind:N",
                title=None,
                scale=alt.Scale(domain=[PAID, SIMULATED]),
                legend=alt.Legend(orient="bottom") if len(kinds) > 1 else None,
            ),
            tooltip=["Day:N", "Kind:N", "Cost:N"],
        )
        .properties(height=HEIGHT)
    )
    st.altair_chart(chart, key="by_day", alt="Spend by day")


def day_label(each: reports.DaySum) -> str:
    return f"{each.day.day} {each.day:%b}"


def by_thing(report: reports.SpendReport, things: Sequence[str]) -> None:
    """Models, people, teams, brands or keys with what was spent, the dearest first; simulated money apart."""
    st.segmented_control(
        "By",
        things,
        default="model",
        required=True,
        format_func=lambda each: THINGS[each],
        key=THING,
        label_visibility="collapsed",
    )
    if not report.rows:
        st.caption("Nothing was spent in this period.")
        return
    amounts = {
        title: [wording.usd(getattr(each.sum, part)) for each in report.rows]
        for title, part in (("Cost", "paid"), ("Simulated", "simulated"))
        if any(getattr(each.sum, part) for each in report.rows)
    }
    columns = {
        THINGS[report.by]: names(report.by, report.rows),
        **amounts,
        "Requests": [each.sum.requests for each in report.rows],
        "Tokens": [each.input_tokens + each.output_tokens for each in report.rows],
    }
    st.dataframe(
        columns,
        hide_index=True,
        height="content" if len(report.rows) <= MOST_WHOLE else HEIGHT,
        key=f"by_{report.by}",
        column_config={
            THINGS[report.by]: st.column_config.TextColumn(width=NAME_WIDTH),
            "Cost": st.column_config.TextColumn(alignment="right", width=AMOUNT_WIDTH),
            "Simulated": st.column_config.TextColumn(alignment="right", width=AMOUNT_WIDTH),
            "Requests": st.column_config.NumberColumn(format="localized", width=COUNT_WIDTH),
            "Tokens": st.column_config.NumberColumn(format="compact", width=TOKENS_WIDTH),
        },
    )


def downloads(shares: reports.SpendReport, days: Sequence[reports.DaySum]) -> None:
    """What is shown, as tables for a spreadsheet: exact amounts, and no text that one would take for a formula."""
    by_days = reports.SpendReport(
        "day",
        shares.days,
        tuple(
            reports.Share(each.day.isoformat(), None, each.sum, each.input_tokens, each.output_tokens) for each in days
        ),
    )
    with st.container(horizontal=True):
        for report, title in ((shares, THINGS[shares.by].lower()), (by_days, "day")):
            st.download_button(
                f"CSV by {title}",
                partial(spreadsheet, report),
                f"spend-by-{title}-{period(report)}.csv",
                "text/csv",
                key=f"csv_{title}",
                on_click="ignore",
                icon=":material/download:",
            )


def spreadsheet(report: reports.SpendReport) -> bytes:
    """CSV in UTF-8 with the mark by which Excel knows it."""
    return "".join(report.csv()).encode("utf-8-sig")


def period(report: reports.SpendReport) -> str:
    body = report.body()
    return f"{body['from']}-to-{body['to']}"
