"""A section as text, for those who prefer it: the whole of it, with its comments, as it stands in the file."""

from __future__ import annotations

import streamlit as st

from dashboard import inert
from dashboard.client import JsonObject
from dashboard.views.config import checked, edits
from dashboard.views.config.place import Place, here

FIRST = "Save what you did to the rules first, or leave it: then sections can be edited as text."
TALLEST = 640  # pixels


def show() -> None:
    place = here()
    if place.edits:
        checked.pending(place)
        st.caption(FIRST)
        return
    names = list(place.base.get("sections") or ())
    section = st.selectbox("Section", names, key="config_text", on_change=place.close)
    if section is None:
        return
    found = place.base["sections"][section]
    st.caption(inert.plain(where(section, found)))
    now = edits.text_of(place.base, section)
    text = area(place, section, now)
    changed = text.rstrip() != now.rstrip()
    body = {"sections": {section: f"{text.rstrip()}\n" if text.strip() else ""}} if changed else None
    leave = "Undo my entries" if changed else None
    checked.buttons(place, body, leave=leave, found=place.trial.problems if place.trial else ())


def area(place: Place, section: str, now: str) -> str:
    first = place.first.setdefault("text", now)
    start = place.kept.get("text", first)
    lines = max(now.count("\n"), str(start).count("\n")) + 2
    typed = st.text_area(
        f"Text of {section}",
        start,
        key=place.key("text"),
        persist_state="session",
        height=min(TALLEST, 21 * max(lines, 8) + 20),
        placeholder=f"{section}:\n  …",
        label_visibility="collapsed",
    )
    return typed or ""


def where(section: str, found: JsonObject) -> str:
    """Where it stands."""
    if found.get("line"):
        return f"{found.get('file')}, line {found['line']}. Comments stay as they are."
    return f"The file has no section “{section}” yet, so the usual values hold. Begin with “{section}:”."
