"""Versions: who changed what when, and the way back to one of them, after a look at what that undoes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard import gate, inert, wiring, wording
from dashboard.client import JsonObject
from dashboard.sessions import Session
from dashboard.views.config import asking, checked
from dashboard.views.config.place import Place, Return, here
from dashboard.views.people import history

FIRST = ":gray[The first one that was kept]"
EMPTY = "No version is kept yet. From the first change on, each one is kept with who made it and when."
WHAT = (
    "Rules, groups, limits, budgets and reliability become as they were then; models and everything else stay. "
    "This version stays in the list."
)
ACTORS = {**history.ACTORS, "file": "in the file itself", "secret": "a secret's file"}
FEW = 20


def show(session: Session) -> None:
    place = here()
    found = list(session.client.get(f"{asking.ADDRESS}/versions").get("data") or ())
    if not found:
        with st.container(border=True, key="empty"):
            st.markdown(EMPTY)
        return
    accounts = session.accounts
    names = {
        f"{kind}:{each}": name
        for kind, listing in (("user", accounts.users), ("key", accounts.keys))
        for each, name in accounts.names(listing).items()
    }
    before = next((each for each in found[1:] if each.get("differs")), None)
    if before is not None and found[0].get("current"):
        st.button(
            "Go back to the version before",
            icon=":material/undo:",
            on_click=asking.look_back,
            args=(str(before.get("version")),),
        )
    if place.wanted is not None and place.wanted.row is None:
        ask(place, place.wanted, found, names)
    shown = found if st.session_state.get(place.key("all")) else found[:FEW]
    with st.container(key="versions", gap="xsmall"):
        for number, version in enumerate(shown):
            row = len(found) - number  # counted from the oldest, which stays what it is
            line(place, version, names, row)
            if place.wanted is not None and place.wanted.row == row:
                ask(place, place.wanted, found, names)
    if len(found) > FEW:
        st.toggle(f"Show all {len(found)}", key=place.key("all"))


def line(place: Place, version: JsonObject, names: Mapping[str, str], row: int) -> None:
    """One change: when, by whom, what."""
    key = f"row_wide_{row}"
    with st.container(border=True, horizontal=True, vertical_alignment="center", wrap=False, key=key):
        badge = " :green-badge[:material/check_circle: serves now]" if version.get("current") else ""
        what = FIRST if row == 1 and not version.get("what") else said(place, version)
        st.markdown(f"{head(version, names)}{badge}  \n{what}", width="stretch")
        if version.get("differs"):
            st.button(
                "Go back to this",
                icon=":material/undo:",
                key=place.key(f"back.{row}"),
                type="tertiary",
                on_click=asking.look_back,
                args=(str(version.get("version")), row),
            )


def head(version: JsonObject, names: Mapping[str, str]) -> str:
    when = wording.moment(version.get("at") or 0, wiring.now(), gate.utc_offset())
    by = str(version.get("by") or "")
    who = ACTORS.get(by) or names.get(by) or by
    return f"**{inert.plain(when)}** · {inert.plain(who)} · :gray[{inert.plain(version.get('version'))}]"


def said(place: Place, version: JsonObject) -> str:
    """What it changed."""
    what = [inert.worded(wording.told(each, place.teams)) for each in version.get("what") or ()]
    return "  \n".join(what) or ":gray[What changed was not noted]"


def ask(place: Place, wanted: Return, found: Sequence[JsonObject], names: Mapping[str, str]) -> None:
    """What going back changes, and the button that does it."""
    target = next((each for each in found if each.get("version") == wanted.version), {"version": wanted.version})
    with st.container(border=True, key="back"):
        st.markdown("##### Going back changes this")
        st.markdown(head(target, names))
        if wanted.trial.ok:
            checked.meaning(place, wanted.trial)
            st.caption(WHAT)
        else:
            checked.problems(wanted.trial.problems)
        with st.container(horizontal=True):
            if wanted.trial.ok and st.button(
                "Go back", type="primary", icon=":material/undo:", key=place.key("restore")
            ):
                asking.restore(wanted.version)
                st.rerun()
            st.button("No, stay", key=place.key("stay"), on_click=setattr, args=(place, "wanted", None))
