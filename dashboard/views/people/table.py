"""A list as a table in which a click opens a row. Cells are drawn as they are, never read as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal, TypeAlias

import streamlit as st

from dashboard import inert, wording
from dashboard.client import JsonObject, Listing
from dashboard.views.people.place import Place, here

TALLEST = 560  # pixels
SEARCH_FROM = 8  # rows
MOST_WHOLE = 14  # rows that are shown without a scrollbar
Height: TypeAlias = int | Literal["content"]
Line = Callable[[JsonObject], Mapping[str, str]]


def show(
    listing: Listing, line: Line, empty: str, *, opens: bool = True, picked: Callable[[JsonObject], None] | None = None
) -> None:
    """The rows that the search leaves; `empty` is said where there are none at all.

    `picked` gets the row that was clicked; without it the row is opened in the table's place.
    """
    place = here()
    if not listing.items:
        with st.container(border=True, key="empty"):
            st.markdown(inert.plain(empty))
        return
    rows = [(row, line(row)) for row in listing.items]
    if len(rows) >= SEARCH_FROM:
        wanted = st.text_input(
            "Search",
            key=place.key("search"),
            placeholder="Search by anything in the table",
            icon=":material/search:",
            label_visibility="collapsed",
        )
        rows = [(row, cells) for row, cells in rows if matches(wanted or "", cells)]
    if not rows:
        st.caption("Nothing fits the search.")
        return
    place.shown = [row for row, _ in rows]
    act = picked or partial(place.go, "one")
    draw([cells for _, cells in rows], place, act if opens else None)
    note(listing, opens=opens)


def matches(wanted: str, cells: Mapping[str, str]) -> bool:
    """Whether every word stands somewhere in the row."""
    text = " ".join(cells.values()).casefold()
    return all(word in text for word in wanted.casefold().split())


def draw(lines: Sequence[Mapping[str, str]], place: Place, picked: Callable[[JsonObject], None] | None) -> None:
    columns = {name: [line[name] for line in lines] for name in lines[0]}
    height: Height = "content" if len(lines) <= MOST_WHOLE else TALLEST
    key = place.key("table")
    if picked:
        st.dataframe(
            columns,
            hide_index=True,
            height=height,
            key=key,
            on_select=lambda: pick(key, picked),
            selection_mode="single-cell",
        )
    else:
        st.dataframe(columns, hide_index=True, height=height, key=key)


def note(listing: Listing, *, opens: bool) -> None:
    parts = [
        "Click a row to open it." if opens else "",
        f"Only the first {wording.number(len(listing.items))}." if listing.more else "",
    ]
    if any(parts):
        st.caption(" ".join(part for part in parts if part))


def pick(key: str, picked: Callable[[JsonObject], None]) -> None:
    """Hand over the row that was clicked."""
    place = here()
    cells = st.session_state[key]["selection"]["cells"]
    if cells and cells[0][0] < len(place.shown):
        picked(place.shown[cells[0][0]])
