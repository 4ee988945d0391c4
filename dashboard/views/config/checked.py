"""Check, then save: what a change means in words and in the file, and the way to make it or to leave it.

What is saved is exactly what was checked. With a file that cannot be written the page gives the text to copy instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import streamlit as st

from dashboard import inert, wording
from dashboard.client import JsonObject
from dashboard.views.config import asking, edits, fields
from dashboard.views.config.place import Place, Trial

NOTHING = "There is nothing to change yet."
AGAIN = "You changed something after the check. Please check again before you save."
BY_HAND = "The gateway may not write its file, so copy this into it. It is read as soon as it is there."
ORDER = "The rules are put into another order, or some are taken out. Nothing is saved yet."


def buttons(
    place: Place,
    body: JsonObject | None,
    *,
    leave: str | None = None,
    wrong: Sequence[str] = (),
    found: Sequence[JsonObject] = (),
) -> None:
    """Check, and the way out; below, in sight wherever the page stands, what the check found.

    `body` is what the fields say, None where nothing new; `wrong`: fields that cannot be sent; `found`: problems that
    belong to no field.
    """
    trial = place.trial
    checked = trial is not None and trial.ok and trial.body == body
    with st.container(key="deciding"):
        with st.container(horizontal=True):
            if st.button(
                "Check",
                icon=":material/fact_check:",
                type="secondary" if checked else "primary",
                key=place.key("check"),
                disabled=place.broken,
            ):
                press(place, body, wrong)
                st.rerun()
            if leave:
                st.button(leave, key=place.key("leave"), on_click=place.close)
        if trial is None:
            return
        if checked:
            with st.container(border=True, key="trial"):
                outcome(place, trial)
        elif trial.ok:
            st.warning(AGAIN, icon=":material/edit:")
        elif trial.wrong and wrong:
            st.error(inert.plain(f"Please correct: {'; '.join(wrong)}"), icon=":material/error:")
        else:
            problems(found)


def press(place: Place, body: JsonObject | None, wrong: Sequence[str]) -> None:
    if wrong:
        place.problem, place.done, place.trial = None, None, Trial({}, wrong=tuple(wrong))
    elif body is None:
        place.problem, place.done, place.trial = None, NOTHING, None
    else:
        asking.check(body)


def pending(place: Place) -> None:
    """What was done to the list of rules and is not saved."""
    body = {"edits": place.edits}
    trial = place.trial
    with st.container(border=True, key="pending"):
        st.markdown(f"**{ORDER}**")
        if trial is None or trial.body != body:
            st.button(
                "Check",
                icon=":material/fact_check:",
                type="primary",
                on_click=asking.check,
                args=(body,),
                disabled=place.broken,
            )
        elif trial.ok:
            outcome(place, trial)
        else:
            problems(trial.problems)
        st.button("Leave everything as it is", icon=":material/undo:", on_click=place.discard)


def outcome(place: Place, trial: Trial) -> None:
    """What a change that holds would do; and its button."""
    writable = place.current.get("writable", True)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("##### What will change", width="stretch")
        if writable and st.button(
            "Save", type="primary", icon=":material/save:", key=place.key("save"), disabled=place.broken
        ):
            asking.save(trial.body)
            st.rerun()
    meaning(place, trial)
    if writable:
        return
    st.caption(BY_HAND)
    for name, text in trial.sections.items():
        if text != edits.text_of(place.base, name):
            st.code(text or f"# the section {name} is not in the file any more", language="yaml", wrap_lines=True)


def meaning(place: Place, trial: Trial) -> None:
    """In words, and in the file."""
    differences(place, trial.differences)
    if trial.diff:
        st.caption("In the file")
        st.code(trial.diff, language="diff", wrap_lines=True)


def differences(place: Place, found: Sequence[JsonObject]) -> None:
    if not found:
        st.markdown("See how the file changes; there is nothing else to tell of it.")
    for each in found:
        later = " :orange-badge[:material/restart_alt: after a restart]" if each.get("restart") else ""
        st.markdown(f"- {inert.worded(wording.told(each.get('what'), place.teams))}{later}")


def problems(found: Sequence[JsonObject]) -> None:
    """What has to be mended first, each with its place."""
    if not found:
        return
    lines = [
        f"- {inert.plain(where(each))}  \n  {inert.worded(fields.said(each))}"
        if where(each)
        else f"- {inert.worded(fields.said(each))}"
        for each in found
    ]
    st.error("**Not yet.** Please mend this first:\n\n" + "\n".join(lines), icon=":material/error:")


def where(problem: JsonObject) -> str:
    """config.yaml:12:20 · groups.fast.fallbacks[0]."""
    numbers = [str(problem[name]) for name in ("line", "column") if problem.get(name)]
    file = PurePath(str(problem.get("file") or "")).name
    if file.startswith("edits["):
        file = ""  # a change that cannot be made stands in no file
    return " · ".join(
        part for part in (":".join([file, *numbers]) if file else "", str(problem.get("key") or "")) if part
    )
