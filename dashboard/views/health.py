"""Health: every deployment, with its state in plain words. Refreshes itself; says so when the gateway is away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard import gate, inert, wiring, wording
from dashboard.client import Problem

EVERY = 5.0  # seconds
TOTAL = "gateway:total"  # the budget of the whole gateway


@dataclass(frozen=True, slots=True)
class State:
    """How a state of the gateway's is shown: never by colour alone."""

    word: str
    meaning: str
    icon: str
    color: str
    rank: int  # what needs attention stands first


STATES: Mapping[str, State] = {
    "out": State("Out", "failed several times in a row; tried again shortly", "error", "red", 0),
    "cooling down": State("Cooling down", "asked us to slow down; in use again in a moment", "hourglass", "orange", 1),
    "ready": State("Ready", "takes requests", "check_circle", "green", 2),
    "simulated": State("Simulated", "answers, but is not a real model", "science", "blue", 3),
    "no key": State("No key", "set the provider's key to use it", "key_off", "gray", 4),
}


def show() -> None:
    gate.signed_in()
    st.title("Health", anchor=False)
    live()


@st.fragment(run_every=EVERY)
def live() -> None:
    """The table, drawn again every few seconds."""
    session, _ = gate.signed_in()
    try:
        status = session.client.status()
    except Problem as problem:
        st.error(inert.plain(problem.message), icon=":material/cloud_off:")
        return
    deployments = status.get("deployments", [])
    summary(deployments, refused=used_up(status.get("budgets") or ()))
    at_work()
    deployments.sort(key=lambda each: state_of(each).rank)
    st.table([row(each) for each in deployments], border="horizontal", hide_index=True)
    seen = sorted({state_of(each) for each in deployments}, key=lambda state: state.rank)
    legend = " ".join(f"**{inert.plain(state.word)}**: {inert.plain(state.meaning)}." for state in seen)
    st.caption(f"{legend} Asked of the gateway every {EVERY:g} seconds.")


def state_of(deployment: Mapping[str, Any]) -> State:
    name = str(deployment.get("state"))
    return STATES.get(name) or State(name, "unknown to this dashboard", "help", "gray", 0)


def used_up(budgets: Iterable[Mapping[str, Any]]) -> bool:
    """Whether there was a warning, which there is when the gateway has no money left; admins alone are told of budgets at all."""
    for each in budgets:
        if each.get("scope") == TOTAL and each.get("used_up"):
            at = (each.get("spend") or {}).get("resets_at")
            until = "" if at is None else f" until {wording.moment(at, wiring.now(), gate.utc_offset())}"
            sentence = f"The gateway's budget is used up{until}: requests are refused."
            st.warning(inert.plain(sentence), icon=":material/money_off:")
            return True
    return False


def summary(deployments: list[dict[str, Any]], *, refused: bool) -> None:
    """How many are in which state, and one sentence; nothing is well while requests are `refused` for want of money."""
    counts = Counter(state_of(each) for each in deployments)
    out = sum(n for state, n in counts.items() if state.rank == 0)
    usable = sum(n for state, n in counts.items() if state.rank in {2, 3})
    of_all = f"{out} of {wording.count(len(deployments), 'deployment')} {'is' if out == 1 else 'are'}"
    take = f"{wording.count(usable, 'deployment')} {'takes' if usable == 1 else 'take'} requests"
    if not usable:
        st.error("No model can be used at the moment.", icon=":material/error:")
    elif out:
        st.warning(f"{of_all} out; others take {'its' if out == 1 else 'their'} work.", icon=":material/error:")
    elif not refused:
        st.markdown(f":green[:material/check_circle:] All is well: {take}.")


def at_work() -> None:
    """What all workers together do at this moment, where that can be read."""
    figures = wiring.figures()
    now = figures.read() if figures is not None else None
    if now is None:
        return
    for column, name, value in zip(
        st.columns(3), ("Running", "Waiting", "Workers"), (now.running, now.waiting, now.workers), strict=True
    ):
        column.metric(name, value, border=True)


def row(deployment: Mapping[str, Any]) -> dict[str, str]:
    """One line of the table."""
    state = state_of(deployment)
    ttft = deployment.get("ttft_seconds")
    return {
        "State": f":{state.color}-badge[:material/{state.icon}: {inert.plain(state.word)}]",
        "Group": inert.plain(deployment.get("group", "")),
        "Model": inert.plain(deployment.get("model", "")),
        "Provider": inert.plain(deployment.get("provider", "")),
        "First word after": inert.plain(wording.duration(ttft)) if ttft is not None else "",
    }
