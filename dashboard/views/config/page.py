"""The page Config, for admins: the sections of `config.yaml` that they edit, checked by the gateway before it takes them.

What may not be seen, or cannot be had, is a sentence. Nobody but admins sees more than that.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard import gate, inert, wiring, wording
from dashboard.client import Problem
from dashboard.sessions import Session
from dashboard.views.config import asking, budgets, groups, rules, settings, state, text, versions
from dashboard.views.config.place import here

CHOSEN = "config_section"
ADMINS = "Only admins see and change the configuration."
TITLES = {
    "rules": "Rules",
    "groups": "Groups",
    "limits": "Limits",
    "budgets": "Budgets",
    "reliability": "Reliability",
    "text": "As text",
    "versions": "Versions",
}
SHOWN: dict[str, Callable[[Session], None]] = {
    "rules": rules.show,
    "groups": lambda _: groups.show(),
    "limits": lambda _: settings.limits(),
    "budgets": budgets.show,
    "reliability": lambda _: settings.reliability(),
    "text": lambda _: text.show(),
    "versions": versions.show,
}


def show() -> None:
    session, me = gate.signed_in()
    st.title("Config", anchor=False)
    if not me.is_admin:
        st.info(ADMINS, icon=":material/lock:")
        return
    try:
        current = asking.look()
    except Problem as problem:
        st.error(inert.plain(problem.message), icon=":material/cloud_off:")
        return
    place = here()
    choose()
    since = wording.moment(current.get("loaded_at") or 0, wiring.now(), gate.utc_offset())
    st.caption(inert.plain(f"{current.get('file')} · version {current.get('version')}, since {since}"))
    state.live()
    say()
    with st.container(key="config"):
        try:
            SHOWN[place.section](session)
        except Problem as problem:
            st.error(inert.plain(problem.message), icon=":material/cloud_off:")


def choose() -> None:
    """The row of sections."""
    place = here()
    st.session_state[CHOSEN] = place.section
    st.segmented_control(
        "Section",
        list(TITLES),
        required=True,
        format_func=lambda each: TITLES[each],
        key=CHOSEN,
        label_visibility="collapsed",
        on_change=lambda: place.enter(st.session_state[CHOSEN]),
    )


def say() -> None:
    """What came of the last act."""
    place = here()
    if place.problem:
        st.error(inert.plain(place.problem), icon=":material/error:")
    elif place.done:
        st.success(inert.plain(place.done), icon=":material/check_circle:")
