"""Budgets of the file: of everything together, of each provider, and those that new accounts get."""

from __future__ import annotations

import streamlit as st

from dashboard.client import JsonObject, Problem
from dashboard.sessions import Session
from dashboard.views.config import checked, edits, sentences
from dashboard.views.config.edits import Edit, Parts
from dashboard.views.config.fields import Fields
from dashboard.views.config.place import here

TOTAL = {"total": "Everything that this gateway spends"}
NEW = {"new_keys": "Each new key", "new_users": "Each new person", "new_teams": "Each new team"}
ABOUT = "Empty: no limit. What single people, teams, brands and keys may spend is on the page People."


def show(session: Session) -> None:
    place = here()
    now = edits.values_of(place.base, "budgets")
    form = Fields(place)
    made: list[Edit] = []
    st.caption(ABOUT)
    with st.container(key="budgets"):
        made += several(form, TOTAL, now, ("budgets",))
        st.markdown("##### Providers")
        st.caption("When a provider's budget is spent, others take its work.")
        spent = now.get("providers") or {}
        made += several(form, {each: each for each in sorted({*spent, *providers(session)})}, spent, PROVIDERS)
        st.markdown("##### Accounts that are made without a budget")
        made += several(form, NEW, now, ("budgets",))
        leave = "Undo my entries" if form.changed else None
        checked.buttons(place, place.change(made), leave=leave, wrong=form.wrong, found=form.others())


PROVIDERS: Parts = ("budgets", "providers")


def providers(session: Session) -> set[str]:
    """Those that have deployments."""
    try:
        return {
            str(each["provider"]) for each in session.client.status().get("deployments", []) if each.get("provider")
        }
    except Problem:
        return set()


def several(form: Fields, titles: dict[str, str], now: JsonObject, root: Parts) -> list[Edit]:
    """A line for each budget; what changed of them."""
    made: list[Edit] = []
    for name, title in titles.items():
        before: JsonObject = now.get(name) or {}
        after = line(form, (*root, name), title, before)
        made += changes(form.place.said, (*root, name), before, after)
    return made


def line(form: Fields, parts: Parts, title: str, now: JsonObject) -> JsonObject:
    """An amount and how often it is renewed."""
    name = ".".join(map(str, parts))
    left, right = st.columns(2)
    with left:
        amount = form.money(name, f"{title}, in USD", now.get("limit"), at=(*parts, "limit"))
    with right:
        days = now.get("days")
        windows = {**sentences.WINDOWS, **({days: sentences.window(days)} if days else {})}
        every = form.choice(f"{name}.days", "Renewed", days, windows, at=(*parts, "days"), empty=sentences.ONCE)
    form.tell(parts)
    return {} if amount is None else {"limit": amount, "days": every}


def changes(said: JsonObject, parts: Parts, before: JsonObject, after: JsonObject) -> list[Edit]:
    """A new budget as a whole, of an old one what differs."""
    if not before or not after:
        whole = {name: value for name, value in after.items() if value is not None}
        return [edits.put(said, parts, whole)] if bool(before) != bool(after) else []
    return [
        edits.put(said, (*parts, name), after[name]) for name in ("limit", "days") if after[name] != before.get(name)
    ]
