"""Spend by day as bars, by model as a table. Floats appear only here, where a length is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import streamlit as st

from dashboard import wording
from gateway import reports

PAID, SIMULATED = "billed", "simulated"
HEIGHT = 260


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
            y=alt.Y("USD:Q", title=None, axis=alt.Axis(format="$~g", tickCount=4)),
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


def by_model(models: Sequence[reports.ModelSum]) -> None:
    """Models with what was spent on them, the dearest first; simulated money in a column of its own."""
    st.subheader("By model", anchor=False)
    if not models:
        st.caption("No model was used in this period.")
        return
    amounts = {
        name: [wording.usd(getattr(each.sum, part)) for each in models]
        for name, part in (("Cost", "paid"), ("Simulated", "simulated"))
        if any(getattr(each.sum, part) for each in models)
    }
    columns = {
        "Model": [each.model for each in models],
        **amounts,
        "Requests": [each.sum.requests for each in models],
        "Tokens": [each.input_tokens + each.output_tokens for each in models],
    }
    st.dataframe(
        columns,
        hide_index=True,
        height="content",
        key="by_model",
        column_config={
            "Cost": st.column_config.TextColumn(alignment="right"),
            "Simulated": st.column_config.TextColumn(alignment="right"),
            "Tokens": st.column_config.NumberColumn(format="localized"),
        },
    )
