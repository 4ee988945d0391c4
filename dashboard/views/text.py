"""The text of the Studio: growing while it is written, then with its cost, its way and what to do with it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import gate, inert, wording
from dashboard.draft import Draft, Look, Phase

ESTIMATED = "The provider did not say how much was used, because the text was cut; the gateway counted it."
EVERY = 0.3  # seconds between looks at a text that grows


def show(draft: Draft | None) -> None:
    """The text, or the place where one will stand."""
    if draft is None:
        with st.container(border=True, key="blank"):
            st.markdown("#### Your text appears here")
            st.markdown(
                "Choose a template or write a prompt of your own, then press **Generate**. "
                "You can stop at any time; what was written by then stays."
            )
        return
    if draft.look().running:
        st.fragment(growing, run_every=EVERY)(draft)
    else:
        finished(draft)


def growing(draft: Draft) -> None:
    """One look at a text that is being written."""
    session, _ = gate.signed_in()
    look = draft.look()
    if not look.running:
        session.spent()
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", key="progress", wrap=False):
        st.markdown(progress(draft, look), width="stretch")
        st.button("Stop", icon=":material/stop_circle:", on_click=draft.stop, key="stop")
    if draft.order.words:
        st.progress(min(1.0, look.words / draft.order.words))
    with st.container(border=True, key="text"):
        st.markdown(inert.document(look.text) or ":gray[Waiting for the first word …]", anchors=False)


def progress(draft: Draft, look: Look) -> str:
    """One line: what is being written, by whom, how far."""
    if look.phase is Phase.WAITING:
        return f":material/hourglass_top: **Asking for a model** · {inert.plain(wording.duration(look.seconds))}"
    wanted = f" of about {wording.number(draft.order.words)}" if draft.order.words else ""
    parts = [
        ":material/ink_pen: **Writing**",
        inert.plain(f"{look.seconds:.0f} s"),
        inert.plain(f"{wording.count(look.words, 'word')}{wanted}"),
        inert.plain(look.model or ""),
    ]
    return " · ".join(part for part in parts if part)


def finished(draft: Draft) -> None:
    """A text that has ended, with everything that is known of it."""
    look = draft.look()
    verdict(look)
    if look.record is not None:
        facts(look, look.record)
    if not look.text:
        return
    read, source = st.tabs(["Preview", "Markdown"])
    with read, st.container(border=True, key="text"):
        st.markdown(inert.document(look.text), anchors=False)
    with source:
        st.code(look.text, language="markdown", wrap_lines=True)
    st.download_button(
        "Download as Markdown",
        look.text,
        f"{wording.file_name(draft.order.title)}.md",
        "text/markdown",
        on_click="ignore",
        icon=":material/download:",
    )


def verdict(look: Look) -> None:
    """How it ended, in a word or a sentence."""
    record = look.record or {}
    if look.problem:
        st.error(inert.plain(look.problem), icon=":material/error:")
    with st.container(horizontal=True, gap="small", key="verdict"):
        if look.phase is Phase.STOPPED:
            st.badge("Stopped", icon=":material/stop_circle:", color="orange")
        elif look.phase is Phase.DONE:
            st.badge("Completed", icon=":material/check_circle:", color="green")
        if look.simulated:
            st.badge("Simulated", icon=":material/science:", color="blue")
        if record.get("cost_estimated"):
            st.badge("Cost estimated", icon=":material/calculate:", color="gray", help=ESTIMATED)
    note = wording.FINISH.get(look.finish or "")
    if note:
        st.warning(note, icon=":material/content_cut:")


def facts(look: Look, record: dict[str, Any]) -> None:
    """Model, cost, tokens, time, and the reason for the way it went."""
    usage = record.get("usage") or {}
    parts = (
        ("Cost", wording.usd(int(record.get("cost_nano") or 0)), wording.count(look.words, "word")),
        ("Model", str(record.get("model") or look.model or "none"), str(record.get("provider") or "")),
        ("Tokens", wording.number(usage.get("completion_tokens", 0)), f"{usage.get('prompt_tokens', 0):,} read"),
        ("Time", wording.duration(look.seconds), first_word(record)),
    )
    with st.container(horizontal=True, gap="medium"):
        for name, value, note in parts:
            st.markdown(
                f":small[:gray[{name}]]  \n**{inert.plain(value)}**  \n:small[:gray[{inert.plain(note)}]]",
                width="content",
            )
    route = record.get("route") or look.reason
    if route:
        st.caption(f"Why this model: {inert.plain(route)}")


def first_word(record: dict[str, Any]) -> str:
    ttft = record.get("ttft_ms")
    return f"first word: {wording.duration(ttft / 1000)}" if ttft is not None else ""
