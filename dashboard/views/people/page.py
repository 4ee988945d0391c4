"""The page about people: its sections, as far as the viewer's role has them. What may not be seen is a sentence."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard import gate, inert
from dashboard.client import Problem
from dashboard.sessions import Me, Session
from dashboard.views.people import brands, history, invitations, keys, myself, saying, teams, users
from dashboard.views.people.place import MINE, here

Section = Callable[[Session, Me], None]
CHOSEN = "people_section"
TITLES = {
    MINE: "My account",
    "users": "People",
    "teams": "Teams",
    "keys": "Keys",
    "brands": "Brands",
    "invitations": "Invitations",
    "audit": "History",
}
SHOWN: dict[str, Section] = {
    MINE: myself.show,
    "users": users.show,
    "teams": teams.show,
    "keys": keys.show,
    "brands": brands.show,
    "invitations": invitations.show,
    "audit": lambda session, _: history.show(session),
}
FOR_ALL = (MINE, "teams", "keys", "brands")
FOR_SOME = ("users", "teams", "keys", "brands", "invitations", "audit", MINE)


def show() -> None:
    session, me = gate.signed_in()
    st.title("People", anchor=False)
    place = here()
    sections = FOR_SOME if me.is_admin or me.is_lead else FOR_ALL
    if place.section not in sections:
        place.enter(sections[0])
    choose(sections)
    if place.mode != "list" and place.section != MINE:
        st.button(
            f"All {TITLES[place.section].lower()}",
            icon=":material/arrow_back:",
            type="tertiary",
            on_click=place.go,
            args=("list",),
        )
    saying.say()
    with st.container(key="section"):
        try:
            SHOWN[place.section](session, me)
        except Problem as problem:
            st.error(inert.plain(problem.message), icon=":material/cloud_off:")


def choose(sections: tuple[str, ...]) -> None:
    """The row of sections. It follows the page where that moves on by itself."""
    place = here()
    st.session_state[CHOSEN] = place.section
    st.segmented_control(
        "Section",
        sections,
        required=True,
        format_func=lambda each: TITLES[each],
        key=CHOSEN,
        label_visibility="collapsed",
        on_change=lambda: place.enter(st.session_state[CHOSEN]),
    )
