"""The fields of a form. Each remembers what it held at first, and shows what the gateway has against its value.

Not `st.form`: every field counts as soon as it is left, so that a form can say in words what it means so far.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import streamlit as st

from dashboard import inert, wording
from dashboard.client import JsonObject
from dashboard.views.config import sentences
from dashboard.views.config.edits import Parts
from dashboard.views.config.place import Place

KEPT: Final = "session"  # a look at another page loses nothing
NANO = Decimal("1e-9")
NO_AMOUNT = "is no amount; write it like 25 or 12.50"


@dataclass(frozen=True, slots=True)
class Several:
    """What there is to choose from, value to words. `new`: others can be typed, too; `about`: more, when asked for."""

    options: Mapping[str, str]
    hint: str = "Any"
    new: bool = False
    about: str | None = None


class Fields:
    """Draws the fields of one form and collects their values. `root`: where in the configuration the form stands."""

    def __init__(self, place: Place, root: Parts = ()) -> None:
        self.place = place
        self.root = root
        self.values: dict[str, Any] = {}
        self.wrong: list[str] = []  # what cannot be sent at all
        self._told: set[int] = set()

    @property
    def changed(self) -> dict[str, Any]:
        """The values that differ from those of the configuration."""
        return {name: value for name, value in self.values.items() if value != self.place.first[name]}

    def words(self, name: str, label: str, now: str | None, *, at: Parts = (), **more: Any) -> str | None:
        """A line of text; None where it is empty."""
        text = st.text_input(
            inert.plain(label), self._start(name, now or ""), key=self.place.key(name), persist_state=KEPT, **more
        )
        self._end(name, (text or "").strip(), at)
        return self.values[name] or None

    def number(self, name: str, label: str, now: float | None, *, at: Parts = (), **more: Any) -> Any:
        """A number, or None."""
        self._begin(name, now)
        value = st.number_input(inert.plain(label), value=None, key=self.place.key(name), persist_state=KEPT, **more)
        return self._end(name, value, at)

    def choice(
        self, name: str, label: str, now: Any, options: Mapping[Any, str], *, at: Parts = (), empty: str | None = None
    ) -> Any:
        """One of some values, shown by their words. `empty`: what it means that none is chosen, where that may be."""
        start = self._begin(name, now) if empty else self._start(name, now)
        known = dict(options) if start in options or (empty and start is None) else {**options, start: str(start)}
        value = st.selectbox(
            inert.plain(label),
            list(known),
            index=None if empty else list(known).index(start),
            format_func=lambda each: known.get(each, str(each)),
            key=self.place.key(name),
            persist_state=KEPT,
            placeholder=empty or "Choose",
        )
        return self._end(name, value, at)

    def several(self, name: str, label: str, now: Any, some: Several, *, at: Parts = ()) -> list[str]:
        """Any of some values, in the order in which they are chosen."""
        start = self._start(name, sentences.many(now))
        known = {**{each: each for each in start}, **some.options}
        value = st.multiselect(
            inert.plain(label),
            list(known),
            default=start,
            format_func=lambda each: known.get(each, each),
            key=self.place.key(name),
            persist_state=KEPT,
            placeholder=some.hint,
            accept_new_options=some.new,
            help=some.about,
        )
        return list(self._end(name, list(value), at))

    def toggle(self, name: str, label: str, *, now: bool, at: Parts = ()) -> bool:
        value = st.toggle(inert.plain(label), self._start(name, now), key=self.place.key(name), persist_state=KEPT)
        return bool(self._end(name, value, at))

    def money(self, name: str, label: str, now: Any, *, at: Parts = (), **more: Any) -> float | int | None:
        """Dollars; None where it is empty, or is no amount, which counts as wrong."""
        typed = self.words(name, label, shown(now), at=at, placeholder="No limit", **more)
        amount = dollars(typed)
        if typed and amount is None:
            self.refuse(label, f"“{typed}” {NO_AMOUNT}")
        return amount

    def refuse(self, label: str, why: str) -> None:
        """Say below a field that its value cannot be sent."""
        self.wrong.append(label)
        tell(why)

    def others(self) -> list[JsonObject]:
        """The problems that belong to no field that was drawn."""
        return [each for number, each in enumerate(self._problems()) if number not in self._told]

    def tell(self, at: Parts) -> None:
        """Say what the gateway has against the value at a place of the configuration."""
        if not at:
            return
        key = key_of((*self.root, *at))
        for number, each in enumerate(self._problems()):
            found = str(each.get("key") or "")
            if number not in self._told and (found == key or found.startswith((f"{key}.", f"{key}["))):
                self._told.add(number)
                tell(wording.told(said(each), {}))

    def _problems(self) -> Sequence[JsonObject]:
        return self.place.trial.problems if self.place.trial is not None else ()

    def _start(self, name: str, now: Any) -> Any:
        first = self.place.first.setdefault(name, now)
        return self.place.kept.get(name, first)

    def _begin(self, name: str, now: Any) -> Any:
        """What the field holds at first, put there as if it was typed: a field with a value of its own is never empty."""
        start, key = self._start(name, now), self.place.key(name)
        if key not in st.session_state:
            st.session_state[key] = start
        return start

    def _end(self, name: str, value: Any, at: Parts) -> Any:
        self.values[name] = value
        self.tell(at)
        return value


def tell(sentence: str) -> None:
    """A problem, right below its field."""
    st.markdown(f":red[:material/error: {inert.worded(sentence)}]")


def said(problem: JsonObject) -> str:
    """What is wrong, and how to mend it."""
    return "; ".join(str(problem[name]) for name in ("what", "mend") if problem.get(name))


def key_of(parts: Parts) -> str:
    """`("routing", "rules", 0, "when")` as the gateway names it: routing.rules[0].when."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")


def dollars(typed: str | None) -> float | int | None:
    """An amount above zero as YAML says it, not finer than a nano-dollar; None where it is none."""
    try:
        amount = Decimal((typed or "").strip().removeprefix("$").strip())
        fits = amount.is_finite() and amount > 0 and amount == amount.quantize(NANO)
    except InvalidOperation:
        return None
    return (int(amount) if amount == amount.to_integral_value() else float(amount)) if fits else None


def shown(amount: Any) -> str:
    """An amount of the configuration for its field."""
    return "" if amount is None else f"{amount:g}" if isinstance(amount, float) and amount < 1e6 else f"{amount}"
