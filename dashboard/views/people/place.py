"""Where on the page about people somebody is, and what the page has to say next. One a tab, kept by Streamlit.

`row` is the object as it was when it was opened: edits are compared with it and sent with its version, so nobody's
change is lost unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import streamlit as st

from dashboard import gate
from dashboard.client import Client, JsonObject, Problem, path

STATE = "people"
MINE = "me"  # the section of the viewer's own account; the others are named as the gateway's addresses are
CONFLICT = "Somebody changed this while you had it open, so nothing was saved. Your entries are still below."
GONE = "This does not exist any more, or you may not see it any more."

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Secret:
    """Something that is shown this once."""

    title: str
    text: str = field(repr=False)
    note: str


@dataclass(slots=True)
class Place:
    """`mode` is "list", "new" or "one"; `turn` counts what was opened, so that fields begin anew with each."""

    section: str = ""
    mode: str = "list"
    row: JsonObject = field(default_factory=dict)
    turn: int = 0
    asked: str | None = None  # which question "really?" is open
    done: str | None = None
    problem: str | None = None
    conflict: bool = False
    secret: Secret | None = None
    shown: list[JsonObject] = field(default_factory=list)  # rows of the table, in its order

    def key(self, name: str) -> str:
        """The key of a field."""
        return f"{STATE}.{self.section}.{self.turn}.{name}"

    @property
    def address(self) -> str:
        """Of the object that is open."""
        return path("admin", "users" if self.section == MINE else self.section, str(self.row.get("id")))

    def go(self, mode: str, row: JsonObject | None = None) -> None:
        """Open a list, a blank form or an object."""
        self.mode, self.row = mode, row or {}
        self.turn += 1
        self.asked = self.done = self.problem = self.secret = None
        self.conflict = False

    def enter(self, section: str) -> None:
        """Another section, from its beginning."""
        if section != self.section:
            self.section = section
            self.go("list")


def here() -> Place:
    """The place of this tab."""
    found = st.session_state.get(STATE)
    if not isinstance(found, Place):
        found = st.session_state[STATE] = Place()
    return found


def attempt(act: Callable[[Client], T], done: str | None = None) -> T | None:
    """Do something at the gateway. What goes wrong is a sentence on the page, and the answer None."""
    place = here()
    session, _ = gate.signed_in()
    place.asked = place.done = place.problem = None
    place.conflict = False
    try:
        answer = session.accounts.change(act)
    except Problem as problem:
        place.conflict = problem.code == "version_conflict"
        place.problem = CONFLICT if place.conflict else GONE if problem.status == 404 else problem.message
        if problem.signed_out:
            session.spent()
        return None
    place.done = done
    return answer
