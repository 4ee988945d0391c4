"""How the configuration is: a file with mistakes, workers behind, keys that wait, a file that cannot be written.

Looks again every few seconds by itself. With the gateway away it says so.
"""

from __future__ import annotations

import difflib

import streamlit as st

from dashboard import gate, inert, wiring, wording
from dashboard.client import JsonObject, Problem
from dashboard.views.config import asking, checked, edits, fields
from dashboard.views.config.place import Place, here

EVERY = 5.0  # seconds
KEPT = "Your entries are still below. Nothing is saved over the other change."


@st.fragment(run_every=EVERY)
def live() -> None:
    """The notices of the moment."""
    _, me = gate.signed_in()
    place = here()
    if not me.is_admin:
        return
    before = place.version, place.broken
    try:
        current = asking.look()
    except Problem as problem:
        st.error(inert.plain(problem.message), icon=":material/cloud_off:")
        return
    if (place.version, place.broken) != before:
        st.rerun()
    notices(current)
    if place.overtaken:
        overtaken(place)


def notices(current: JsonObject) -> None:
    rejected(current)
    workers(current)
    waiting = current.get("restart") or ()
    if waiting:
        names = ", ".join(f"**{inert.plain(key)}**" for key in waiting)
        st.info(f"Changed in the file, and in force from the next restart on: {names}", icon=":material/restart_alt:")
    if not current.get("writable", True):
        why = inert.plain(current.get("why_not") or "The gateway may not write its file.")
        st.info(f"{why} You can look, check, and copy what to write.", icon=":material/lock:")
    warnings = current.get("warnings") or ()
    if warnings:
        with st.expander(wording.count(len(warnings), "hint") + " on the file", icon=":material/lightbulb:"):
            st.markdown("\n".join(f"- {inert.worded(each)}" for each in warnings))


def rejected(current: JsonObject) -> None:
    """A file that somebody broke: what, where, and that the old one serves on."""
    found = current.get("rejected")
    if not found:
        return
    since = wording.moment(found.get("at") or 0, wiring.now(), gate.utc_offset())
    lines = [
        f"- **{inert.plain(checked.where(each))}**  \n  {inert.worded(fields.said(each))}"
        for each in found.get("problems") or ()
    ]
    st.error(
        f"**The file has mistakes and is not used** (since {since}). The version before, "
        f"{inert.plain(current.get('version'))}, goes on serving. To mend:\n\n" + "\n".join(lines),
        icon=":material/error:",
    )
    if st.button("Read the file again", icon=":material/refresh:", key="reread"):
        asking.read_again()
        st.rerun()


def workers(current: JsonObject) -> None:
    every = list(current.get("workers") or ())
    behind = [each for each in every if not each.get("current")]
    if behind:
        names = ", ".join(f"{each.get('name')} ({each.get('version')})" for each in behind)
        st.warning(
            f"{len(behind)} of {wording.count(len(every), 'worker')} still on another version: {inert.plain(names)}",
            icon=":material/sync_problem:",
        )


def overtaken(place: Place) -> None:
    """Somebody else was here: what they changed, and how to go on."""
    st.warning(f"**Somebody else changed the configuration meanwhile.** {KEPT}", icon=":material/group:")
    with st.container(horizontal=True):
        if not place.look and st.button("Look at the new version", icon=":material/difference:", key="look"):
            place.look = True
            st.rerun()
        if st.button("Go on from the new version", icon=":material/merge:", key="go_on"):
            place.go_on()
            st.rerun()
    if place.look:
        st.code(meanwhile(place.base, place.current) or "The sections of this page are as before.", language="diff")


def meanwhile(before: JsonObject, after: JsonObject) -> str:
    """What others changed in the sections of this page, as a difference of texts."""
    names = dict.fromkeys((*before.get("sections", {}), *after.get("sections", {})))
    lines: list[str] = []
    for name in names:
        old, new = (edits.text_of(each, name).splitlines() for each in (before, after))
        lines += difflib.unified_diff(old, new, f"{name}, as you opened it", f"{name}, as it is now", lineterm="")
    return "\n".join(lines)
