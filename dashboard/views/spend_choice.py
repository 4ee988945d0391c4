"""Which spend is to be shown: of which days, by what, and only of whom. Filters offer what the ledger has, no more.

What may be chosen is no right: every query of `gateway.reports` filters by its viewer again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

import streamlit as st

from dashboard import wiring, wording
from gateway import reports

PERIODS = {"7 days": 7, "30 days": 30, "90 days": 90, "Other days": 0}
PERIOD, USUAL, RANGE, THING, FILTER = "period", "30 days", "period_range", "spend_by", "spend_filter"
LONGEST = 366  # days
THINGS = {"model": "Model", "user": "Person", "team": "Team", "brand": "Brand", "key": "Key"}
NOTHING = {"user": "Nobody in particular", "team": "No team", "brand": "No brand", "key": "No key", "model": "No model"}
FIELDS = {"user": "user", "team": "team", "brand": "brand", "model": "model", "key": "key_id"}  # thing: of Filters
OPTIONS, SEEN = "spend_options", "spend_names"
NO_ID = "\n"  # in a list: what belongs to none, which has the empty id
NONE = {NO_ID: ""}
NO_FILTER = reports.Filters()
KEPT = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Choice:
    """`days` is made of whole days only, so that it is equal all day."""

    days: reports.Days
    by: str
    filters: reports.Filters


def draw(viewer: reports.Viewer, now: float, offset: int) -> Choice:
    """The row of choices; what is chosen. Raises ReportsUnavailable."""
    with st.container(horizontal=True, vertical_alignment="center", key="choice"):
        st.segmented_control(
            "Period", list(PERIODS), default=USUAL, required=True, key=PERIOD, label_visibility="collapsed"
        )
        period = PERIODS[st.session_state.get(PERIOD) or USUAL]
        days = last(now, offset, period) if period else other(now, offset)
        st.toggle("Filter", key=FILTER, persist_state="session")
    if st.session_state.get(FILTER):
        filters(viewer, days)
    by = st.session_state.get(THING) or "model"
    return Choice(days, by if by in things(viewer) else "model", chosen())


def things(viewer: reports.Viewer) -> list[str]:
    """By what this viewer may see spend; who sees one team, or one person, needs no list of them."""
    if viewer.is_admin:
        return list(THINGS)
    if viewer.role == "lead":
        return ["model", "user", "brand", "key"]
    return ["model", "brand"] if viewer.role == "viewer" else ["model", "brand", "key"]


def last(now: float, offset: int, count: int) -> reports.Days:
    today = date_of(now, offset)
    return reports.Days.between(today - timedelta(days=count - 1), today, offset)


def other(now: float, offset: int) -> reports.Days:
    """Days that are chosen in a calendar; while only the first is, up to today."""
    today = date_of(now, offset)
    value = st.date_input(
        "Days",
        (today.replace(day=1), today),
        max_value=today,
        key=RANGE,
        label_visibility="collapsed",
        width=240,
        persist_state="session",
    )
    first, end = (*value, today, today)[:2] if isinstance(value, tuple) else (value, value)
    first = max(first or today, (end or today) - timedelta(days=LONGEST - 1))
    return reports.Days.between(first, end or today, offset)


def date_of(now: float, offset: int) -> date:
    return datetime.fromtimestamp(now + offset, UTC).date()


def filters(viewer: reports.Viewer, days: reports.Days) -> None:
    """One list for each thing that can be told apart."""
    known = options(viewer, days)
    for column, thing in zip(st.columns(len(known)), known, strict=True):
        names = with_chosen(thing, known[thing])
        column.selectbox(
            THINGS[thing],
            ["", *names],
            format_func=partial(label, names),
            key=f"{FILTER}.{thing}",
            persist_state="session",
        )


def with_chosen(thing: str, names: Mapping[str, str]) -> Mapping[str, str]:
    """The options, and the one that is on though nothing was spent on it in these days."""
    seen: dict[tuple[str, str], str] = st.session_state.setdefault(SEEN, {})
    seen.update({(thing, each): name for each, name in names.items()})
    now = st.session_state.get(f"{FILTER}.{thing}")
    return {**names, now: seen.get((thing, now), now)} if now and now not in names else names


def chosen() -> reports.Filters:
    """The filters that are on."""
    if not st.session_state.get(FILTER):
        return NO_FILTER
    values = {field: st.session_state.get(f"{FILTER}.{thing}") for thing, field in FIELDS.items()}
    return reports.Filters(**{field: NONE.get(value, value) for field, value in values.items() if value})


def label(names: Mapping[str, str], option: str) -> str:
    return names.get(option, "All")


def options(viewer: reports.Viewer, days: reports.Days) -> dict[str, dict[str, str]]:
    """What was spent on in these days, with its name, for each thing; a minute old at most. Raises ReportsUnavailable."""
    kept = st.session_state.get(OPTIONS)
    of, moment = (viewer, days), wiring.monotonic()
    if kept is None or kept[0] != of or moment > kept[1]:
        with wiring.reports().reading() as ledger:
            found = {
                thing: wording.distinct(
                    {
                        option(thing, each): name(thing, each)
                        for each in reports.BY[thing](ledger, viewer, days, NO_FILTER)
                    }
                )
                for thing in things(viewer)
            }
        kept = st.session_state[OPTIONS] = of, moment + KEPT, found
    result: dict[str, dict[str, str]] = kept[2]
    return result


def option(thing: str, share: reports.Share) -> str:
    """What a filter on this share holds; of models, the model without its provider."""
    return share.id.partition("/")[2] if thing == "model" else share.id or NO_ID


def names(thing: str, shares: Sequence[reports.Share]) -> list[str]:
    """What a table calls them. Behind a name that stands there twice: the provider of a model, the id of all else."""
    called = [name(thing, each) for each in shares]
    often = Counter(called)
    apart = [each.id.partition("/")[0] if thing == "model" else each.id for each in shares]
    return [f"{one} ({other})" if often[one] > 1 else one for one, other in zip(called, apart, strict=True)]


def name(thing: str, share: reports.Share) -> str:
    """How a person would call it."""
    if thing == "model":
        return share.id.partition("/")[2]
    return share.name or share.id or NOTHING[thing]
