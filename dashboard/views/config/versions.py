"""Versions: who changed what when, and the way back to one of them, after a look at what that undoes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard import gate, inert, wiring, wording
from dashboard.client import JsonObject
from dashboard.sessions import Session
from dashboard.views.config import asking, sentences
from dashboard.views.config.place import Place, here
from dashboard.views.people import history

FIRST = ":gray[The first one that was kept]"
EMPTY = "No version is kept yet. From the first change on, each one is kept with who made it and when."
ACTORS = {**history.ACTORS, "file": "in the file itself"}
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
    if place.wanted is None and len(found) > 1 and found[0].get("current"):
        st.button(
            "Go back to the version before",
            icon=":material/undo:",
            on_click=setattr,
            args=(place, "wanted", str(found[1].get("version"))),
        )
    shown = found if st.session_state.get(place.key("all")) else found[:FEW]
    with st.container(key="versions", gap="xsmall"):
        for number, version in enumerate(shown):
            line(place, version, names, first=number == len(found) - 1)
            if place.wanted == version.get("version") and not version.get("current"):
                ask(place, version, found[:number], names)
    if len(found) > FEW:
        st.toggle(f"Show all {len(found)}", key=place.key("all"))


def line(place: Place, version: JsonObject, names: Mapping[str, str], *, first: bool) -> None:
    """One version: when, by whom, what."""
    row = f"row_wide_{version.get('version')}"
    with st.container(border=True, horizontal=True, vertical_alignment="center", wrap=False, key=row):
        badge = " :green-badge[:material/check_circle: serves now]" if version.get("current") else ""
        what = FIRST if first and not version.get("what") else said(place, version)
        st.markdown(f"{head(version, names)}{badge}  \n{what}", width="stretch")
        if not version.get("current") and place.wanted != version.get("version"):
            st.button(
                "Go back to this",
                icon=":material/undo:",
                key=place.key(f"back.{version.get('version')}"),
                type="tertiary",
                on_click=setattr,
                args=(place, "wanted", str(version.get("version"))),
            )


def head(version: JsonObject, names: Mapping[str, str]) -> str:
    when = wording.moment(version.get("at") or 0, wiring.now(), gate.utc_offset())
    by = str(version.get("by") or "")
    who = ACTORS.get(by) or names.get(by) or by
    return f"**{inert.plain(when)}** · {inert.plain(who)} · :gray[{inert.plain(version.get('version'))}]"


def said(place: Place, version: JsonObject) -> str:
    """What it changed."""
    what = [inert.worded(sentences.told(each, place.teams)) for each in version.get("what") or ()]
    return "  \n".join(what) or ":gray[What changed was not noted]"


def ask(place: Place, version: JsonObject, since: Sequence[JsonObject], names: Mapping[str, str]) -> None:
    """What going back undoes, and the button that does it."""
    undone = [each for each in since if each.get("what")]
    with st.container(border=True, key="back"):
        st.markdown("##### Going back undoes this")
        if not undone:
            st.markdown("It was not noted what has changed since then.")
        for each in undone:
            st.markdown(f"{head(each, names)}  \n{said(place, each)}")
        st.caption("The whole file becomes as it was then. Nothing is lost: this version stays in the list.")
        with st.container(horizontal=True):
            if st.button("Go back", type="primary", icon=":material/undo:", key=place.key("restore")):
                asking.restore(str(version.get("version")))
                st.rerun()
            st.button("No, stay", key=place.key("stay"), on_click=setattr, args=(place, "wanted", None))
