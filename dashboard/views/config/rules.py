"""Rules: the first that fits counts. In sentences, in their order, each with what can be done to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard import inert, wording
from dashboard.client import JsonObject
from dashboard.sessions import Session
from dashboard.views.config import asking, checked, edits, routing, rule, sentences, unknown
from dashboard.views.config.place import RULES, Place, here

EMPTY = (
    "There is no rule yet: every request goes to the model that it names. "
    "A rule sends some of them elsewhere, for example a team's short requests to a cheaper model."
)
ORDER = "A request is compared with the rules from the top; the first that fits counts. Times are those of {zone}."
SEARCH_FROM = 12  # rules


def show(session: Session) -> None:
    place = here()
    names = names_of(session, place)
    if place.form and place.opened == routing.NAME:
        routing.show(place)
        return
    if place.form:
        rule.show(session, place, names)
        return
    with st.container(horizontal=True):
        st.button("Add a rule", icon=":material/add:", type="primary", on_click=place.open, disabled=place.broken)
        st.button(
            "Time zone and ranking",
            icon=":material/schedule:",
            on_click=place.open,
            args=(routing.NAME,),
            disabled=place.broken,
        )
    if place.edits:
        checked.pending(place)
    found = place.rules
    if not found:
        with st.container(border=True, key="empty"):
            st.markdown(EMPTY)
        return
    st.caption(inert.plain(ORDER.format(zone=routing.zone(place))))
    wanted = search() if len(found) >= SEARCH_FROM else ""
    there = unknown.there(session, place)
    with st.container(key="rules", gap="xsmall"):
        for number, each in enumerate(found):
            sentence = sentences.rule(each, names)
            if all(word in f"{each.get('name')} {sentence}".casefold() for word in wanted.casefold().split()):
                line(place, number, each, sentence, unknown.named(each.get("when") or {}, there))
    st.caption("Every other request goes to the model that it names.")


def search() -> str:
    return st.text_input(
        "Search",
        key="config_search_rules",
        placeholder="Search the rules",
        icon=":material/search:",
        label_visibility="collapsed",
    )


def names_of(session: Session, place: Place) -> dict[str, dict[str, str]]:
    """What teams and people are called, by id."""
    accounts = session.accounts
    return {"team": wording.distinct(place.teams), "user": accounts.names(accounts.users)}


def line(place: Place, number: int, found: JsonObject, sentence: str, lost: Sequence[str]) -> None:
    """One rule with its buttons; `lost`: what it names and is not there."""
    last = len(place.rules) - 1
    row = f"row_{number}"
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small", wrap=False, key=row):
        name = f"**{inert.plain(found['name'])}**  \n" if found.get("name") else ""
        st.markdown(f"{name}:gray[{number + 1}.] {inert.plain(sentence)}{unknown.marks(lost)}", width="stretch")
        with st.container(horizontal=True, gap="xsmall", width="content", wrap=False, key=f"acts_{number}"):
            act("arrow_upward", "Move up", number, shift, (number, number - 1), off=number == 0)
            act("arrow_downward", "Move down", number, shift, (number, number + 1), off=number == last)
            act("edit", "Edit", number, place.open, (number,))
            act("delete", "Delete", number, drop, (number,))


def act(
    icon: str, label: str, number: int, then: Callable[..., None], args: tuple[int, ...], *, off: bool = False
) -> None:
    """A button that shows its icon; its label is for those who hear the page."""
    st.button(
        f"{label} rule {number + 1}",
        icon=f":material/{icon}:",
        key=here().key(f"{icon}.{number}"),
        type="tertiary",
        disabled=off or here().broken,
        on_click=then,
        args=args,
    )


def shift(number: int, to: int) -> None:
    changed(edits.move((*RULES, number), (*RULES, to)))


def drop(number: int) -> None:
    changed(edits.remove((*RULES, number)))


def changed(edit: edits.Edit) -> None:
    """Remember what was done to the list, and ask what it means."""
    place = here()
    place.edits.append(edit)
    if place.rules == edits.rules_of(place.base):
        place.discard()
    else:
        asking.check({"edits": list(place.edits)})
