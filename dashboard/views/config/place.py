"""Where on the Config page somebody is: what is open, what was typed, what the gateway said of it. One a tab.

`base` is the configuration that is being edited, `current` the newest one that was seen. They part when somebody else
changes the file while something is open here; what was typed then stays, and nothing is saved over the other change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from dashboard.accounts import called
from dashboard.client import JsonObject
from dashboard.views.config.edits import Edit, found_again, moved, rules_of, said_of

STATE = "configuration"
RULES = ("routing", "rules")
GONE = "The rule that you had open was changed or removed by somebody else. Saved, your entries become a new rule."
DROPPED = "Somebody else changed the rules, so your new order of them was dropped. Please do it again."


@dataclass(frozen=True, slots=True)
class Trial:
    """What the gateway said of a change. `body` is what it was asked, so that nothing else is saved on its word."""

    body: JsonObject
    ok: bool = False
    problems: tuple[JsonObject, ...] = ()
    differences: tuple[JsonObject, ...] = ()
    diff: str = ""
    sections: Mapping[str, str] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()  # fields that could not be sent, so that nothing was asked


@dataclass(frozen=True, slots=True)
class Return:
    """A version that somebody looks at to go back to it. `row`: from which line of the list; None: from its top."""

    version: str
    row: int | None
    trial: Trial


@dataclass(slots=True)
class Place:
    """`form`: whether something of a list is open, `opened` which: a rule's number, a group's name; None: a new one."""

    section: str = "rules"
    form: bool = False
    opened: int | str | None = None
    turn: int = 0  # so that fields begin anew with each form
    base: JsonObject = field(default_factory=dict)
    current: JsonObject = field(default_factory=dict)
    asked_at: float = float("-inf")
    edits: list[Edit] = field(default_factory=list)  # rules that were moved or removed, not saved yet
    first: dict[str, Any] = field(default_factory=dict)  # what the fields held when the form was opened
    kept: dict[str, Any] = field(default_factory=dict)  # what was typed into an earlier drawing of the form
    trial: Trial | None = None
    problem: str | None = None
    done: str | None = None
    look: bool = False  # at what somebody else changed
    wanted: Return | None = None

    def key(self, name: str) -> str:
        """The key of a field."""
        return f"{STATE}.{self.section}.{self.turn}.{name}"

    @property
    def said(self) -> JsonObject:
        """The sections as they are written, with what was moved and removed."""
        found = said_of(self.base)
        routing = found.get("routing")
        if self.edits and isinstance(routing, dict) and routing.get("rules"):
            found["routing"] = {**routing, "rules": moved(routing["rules"], self.edits)}
        return found

    @property
    def rules(self) -> list[JsonObject]:
        """As they will be with what was moved and removed."""
        return moved(rules_of(self.base), self.edits)

    def change(self, made: Sequence[Edit]) -> JsonObject | None:
        """What is sent: what was moved and removed, then `made`; None where nothing was made."""
        return {"edits": [*self.edits, *made]} if made else None

    @property
    def teams(self) -> dict[str, str]:
        """What teams are called, by id."""
        return {str(each["id"]): called(each) for each in self.base.get("names", {}).get("teams") or ()}

    @property
    def version(self) -> str:
        return str(self.base.get("version"))

    @property
    def broken(self) -> bool:
        """Whether the file has mistakes, so that nothing can be written into it."""
        return bool(self.current.get("rejected"))

    @property
    def overtaken(self) -> bool:
        """Whether somebody else changed the configuration since it was opened here."""
        return self.current.get("version") != self.base.get("version")

    @property
    def busy(self) -> bool:
        """Whether there is something that would be lost."""
        return self.form or bool(self.edits) or self.trial is not None or bool(self.typed())

    def typed(self) -> dict[str, Any]:
        """What the viewer has changed in the fields, by name."""
        now = {name: st.session_state.get(self.key(name), value) for name, value in self.first.items()}
        undrawn = {name: value for name, value in self.kept.items() if name not in self.first}
        return undrawn | {name: value for name, value in now.items() if value != self.first[name]}

    def saw(self, configuration: JsonObject, now: float) -> None:
        """Take in the newest configuration. It becomes what is edited, unless something is being edited."""
        changed = configuration.get("version") != self.current.get("version")
        self.current, self.asked_at = configuration, now
        if self.busy and self.base:
            return
        self.base = configuration
        if changed:
            self.anew()

    def anew(self) -> None:
        """Draw the fields afresh, with what the configuration says."""
        self.turn += 1
        self.first, self.kept = {}, {}

    def open(self, opened: int | str | None = None) -> None:
        """Open something of the list, or a form for something new."""
        self.form, self.opened = True, opened
        self.trial = self.problem = self.done = None
        self.look = False
        self.anew()

    def close(self) -> None:
        """Back to the list; what was typed is given up."""
        self.form, self.opened = False, None
        self.trial = self.problem = self.done = self.wanted = None
        self.look = False
        self.anew()

    def enter(self, section: str) -> None:
        if section != self.section:
            self.close()
            self.section = section

    def discard(self) -> None:
        """Give up everything that is not saved."""
        self.edits = []
        self.close()

    def go_on(self) -> None:
        """Edit the newest configuration, with what was typed on top of it."""
        typed, before, rules = self.typed(), self.rules, rules_of(self.current)
        others = rules_of(self.base) != rules
        self.base, self.look, self.trial, self.problem, self.done = self.current, False, None, None, None
        if others and self.edits:
            self.edits, self.problem = [], DROPPED
        if isinstance(self.opened, int) and others:
            self.opened = found_again(before[self.opened], self.opened, rules)
            if self.opened is None:
                self.problem, typed = GONE, {**self.first, **typed}
        if others:
            typed.pop("place", None)  # among rules that are others now
        self.anew()
        self.kept = typed

    def saved(self, configuration: JsonObject, now: float, done: str) -> None:
        """What was edited is the configuration now."""
        self.edits = []
        self.close()
        self.base = self.current = configuration
        self.asked_at, self.done = now, done


def here() -> Place:
    """The place of this tab."""
    found = st.session_state.get(STATE)
    if not isinstance(found, Place):
        found = st.session_state[STATE] = Place()
    return found
