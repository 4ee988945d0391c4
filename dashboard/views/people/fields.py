"""The fields that several forms share. Each gives the value that the gateway expects; empty is None: no limit.

Money stays text until the gateway reads it, so no amount is ever rounded on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

import streamlit as st

from dashboard import gate, inert
from dashboard.client import JsonObject
from dashboard.views.people.place import Place

WINDOWS: Mapping[str | None, str] = {
    None: "once, never again",
    "1d": "each day",
    "7d": "each week",
    "30d": "every 30 days",
}
NANO = Decimal("1e-9")


class Invalid(Exception):
    """What was typed cannot be sent. The message says why."""


def words(place: Place, name: str, label: str, *, help: str | None = None, hint: str | None = None) -> str | None:  # noqa: A002
    """A line of text, as it was when the object was opened."""
    text = st.text_input(
        label, str(place.row.get(name) or ""), key=place.key(name), help=help, placeholder=hint, max_chars=200
    )
    return (text or "").strip() or None


def choice(place: Place, name: str, label: str, options: Mapping[Any, str], *, help: str | None = None) -> Any:  # noqa: A002
    """One of some values, shown by their words."""
    now = place.row.get(name)
    known = dict(options) if now in options or not place.row else {**options, now: str(now)}
    ids = list(known)
    return st.selectbox(
        label,
        ids,
        index=ids.index(now) if now in ids else 0,
        format_func=lambda each: known.get(each, str(each)),
        key=place.key(name),
        help=help,
    )


def or_none(nothing: str, options: Mapping[str, str]) -> Mapping[str | None, str]:
    """The options, after a first one that stands for none of them."""
    none: dict[str | None, str] = {None: nothing}
    none.update(options)
    return none


def several(place: Place, name: str, label: str, options: Mapping[str, str], everything: str) -> list[str] | None:
    """Any of some values; none chosen means no limit."""
    now: Sequence[str] = place.row.get(name) or ()
    known = {**{each: each for each in now}, **options}
    chosen = st.multiselect(
        label,
        list(known),
        default=list(now),
        format_func=lambda each: known.get(each, each),
        key=place.key(name),
        placeholder=everything,
    )
    return list(chosen) or None


def number(place: Place, name: str, label: str, most: int) -> int | None:
    value = st.number_input(label, 1, most, place.row.get(name), 1, key=place.key(name), placeholder="No limit")
    return None if value is None else int(value)


def tags(place: Place) -> list[str]:
    """Words with commas between them."""
    text = st.text_input(
        "Tags", ", ".join(place.row.get("tags") or ()), key=place.key("tags"), placeholder="Separated by commas"
    )
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def budget(place: Place) -> JsonObject:
    """Both halves of a budget, side by side."""
    left, right = st.columns(2)
    with left:
        amount = st.text_input(
            "Budget in USD", shown(place.row.get("budget")), key=place.key("budget"), placeholder="No limit"
        )
    with right:
        window = choice(place, "budget_window", "The budget is renewed", windows(place.row.get("budget_window")))
    return {"budget": amount, "budget_window": window}


def windows(now: str | None) -> Mapping[str | None, str]:
    return WINDOWS if now in WINDOWS else {**WINDOWS, now: f"every {str(now).removesuffix('d')} days"}


def shown(amount: object) -> str:
    """An amount as the gateway gives it, without zeros that say nothing."""
    if amount is None:
        return ""
    whole, dot, fraction = str(amount).partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}{dot}{fraction.ljust(2, '0')}" if fraction else whole


def money(text: str | None) -> str | None:
    """What was typed as a decimal number of dollars; None: no limit. Raises Invalid."""
    plain = (text or "").strip().removeprefix("$").strip()
    if not plain:
        return None
    try:
        amount = Decimal(plain)
        fits = amount.is_finite() and amount >= 0 and amount == amount.quantize(NANO)
    except InvalidOperation:
        fits = False
    if not fits:
        raise Invalid(f"“{plain}” is no amount. Write it like 25 or 12.50.")
    return format(amount, "f")


def ends(place: Place, label: str = "Ends after") -> date | None:
    """A day, or none; see `end_of`."""
    value = st.date_input(
        label, day_of(place.row.get("expires_at")), key=place.key("ends"), help="Empty: it never ends."
    )
    return value if isinstance(value, date) else None


def day_of(at: float | None) -> date | None:
    return None if at is None else datetime.fromtimestamp(at - 1, _zone()).date()


def last_day(at: float | None, never: str) -> str:
    """The last whole day before something ends, in words."""
    return gate.day(None if at is None else at - 1, never)


def end_of(day: date | None) -> float | None:
    """When a day of the viewer's ends, Unix time."""
    if day is None:
        return None
    return (datetime(day.year, day.month, day.day, tzinfo=_zone()) + timedelta(days=1)).timestamp()


def changes(row: JsonObject, values: JsonObject, needed: str | None = None) -> JsonObject:
    """What differs from the object as it was opened. `needed`: what its name is asked for. Raises Invalid."""
    if needed and not values.get("name"):
        raise Invalid(f"Please fill in: {needed}")
    found: JsonObject = {}
    for name, value in values.items():
        if name == "budget":
            amount, before = money(value), row.get("budget")
            if (amount is None) != (before is None) or (amount is not None and Decimal(amount) != Decimal(str(before))):
                found[name] = amount
        elif name == "ends":
            if value != day_of(row.get("expires_at")):
                found["expires_at"] = end_of(value)
        elif value != row.get(name) and not (not value and not row.get(name)):
            found[name] = value
    return found


def heading(text: object) -> None:
    st.subheader(inert.plain(text), anchor=False)


def _zone() -> timezone:
    offset = gate.utc_offset()
    return timezone(timedelta(seconds=offset)) if offset else UTC
