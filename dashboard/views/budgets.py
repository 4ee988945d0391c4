"""Budgets as far as the viewer may see them: spent, held and left, the tightest first. Asked of the gateway.

With the gateway away this part of the page says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import streamlit as st

from dashboard import gate, inert, wording
from dashboard.accounts import Accounts, called
from dashboard.client import Client, JsonObject, Problem

EVERY = 15.0  # seconds
HEIGHT = 420
MOST_WHOLE = 10  # rows that are shown without a scrollbar
HELD = "Held: set aside for requests that are running."


@dataclass(frozen=True, slots=True)
class Budget:
    """Nano-dollars."""

    kind: str
    name: str
    limit: int
    spent: int
    held: int
    resets_at: float | None

    @property
    def used(self) -> float:
        """The part of the limit that is gone or held."""
        return min(1.0, (self.spent + self.held) / self.limit) if self.limit else 1.0

    @property
    def left(self) -> int:
        return max(0, self.limit - self.spent - self.held)


@st.fragment(run_every=EVERY)
def live() -> None:
    """The table, drawn again every few seconds."""
    session, me = gate.signed_in()
    st.subheader("Budgets", anchor=False)
    try:
        found = [*every(session.accounts), *(common(session.client) if me.is_admin else ())]
    except Problem as problem:
        st.caption(inert.plain(problem.message))
        return
    found.sort(key=lambda each: (-each.used, each.kind, each.name))
    if not found:
        st.caption("No budget is set for what you may see, so nothing here can run out.")
        return
    st.dataframe(
        {
            "Budget of": [f"{each.kind} {each.name}".rstrip() for each in found],
            "Used": [each.used for each in found],
            "Spent": [wording.usd(each.spent) for each in found],
            "Held": [wording.usd(each.held) for each in found],
            "Left": [wording.usd(each.left) for each in found],
            "Limit": [wording.usd(each.limit) for each in found],
            "Renewed": [gate.day(each.resets_at, "never") for each in found],
        },
        hide_index=True,
        height="content" if len(found) <= MOST_WHOLE else HEIGHT,
        key="budgets",
        column_config={
            "Used": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
            **{name: st.column_config.TextColumn(alignment="right") for name in ("Spent", "Held", "Left", "Limit")},
        },
    )
    st.caption(HELD)


def every(accounts: Accounts) -> Iterator[Budget]:
    """All budgets that the gateway shows the viewer, with their accounts. Raises Problem."""
    for kind, listing in (
        ("Team", accounts.teams),
        ("Brand", accounts.brands),
        ("Person", accounts.users),
        ("Key", accounts.keys),
    ):
        for row in listing().items:
            found = budget(kind, called(row), row)
            if found is not None:
                yield found


def common(client: Client) -> Iterator[Budget]:
    """The whole gateway's budget and its providers', which admins alone may see. Raises Problem."""
    for row in client.status().get("budgets") or ():
        kind, _, name = str(row.get("scope")).partition(":")
        found = budget(*(("Provider", name) if kind == "provider" else ("Whole gateway", "")), row)
        if found is not None:
            yield found


def budget(kind: str, name: str, row: JsonObject) -> Budget | None:
    """None where there is no limit, or its account may not be seen."""
    limit, spend = wording.nano(row, "budget"), row.get("spend")
    if limit is None or not spend:
        return None
    spent, held = wording.nano(spend, "spent") or 0, wording.nano(spend, "held") or 0
    return Budget(kind, name, limit, spent, held, spend.get("resets_at"))
