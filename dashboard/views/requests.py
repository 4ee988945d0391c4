"""The newest requests, page by page, and one of them with its attempts."""

from __future__ import annotations

from collections.abc import Hashable

import streamlit as st

from dashboard import inert, wording
from gateway import reports

CHOSEN, PAGE, SHOWN, TURN = "request", "request_pages", "request_ids", "request_table"
WANTED = "request_filters"
MARKS = {
    "in_progress": "⏳",
    "completed": "✓",
    "incomplete": "◐",
    "failed": "✕",
    "cancelled": "■",
    "expired": "✕",
}


def picked() -> str | None:
    """The id of the request that is to be shown in full."""
    request_id: str | None = st.session_state.get(CHOSEN)
    return request_id


def after(wanted: Hashable) -> str | None:
    """The cursor of the page that is shown; other filters begin at the newest again."""
    if st.session_state.get(WANTED) != wanted:
        st.session_state[WANTED], st.session_state[PAGE] = wanted, []
    pages: list[str] = st.session_state[PAGE]
    return pages[-1] if pages else None


def table(page: reports.Page, viewer: reports.Viewer, now: float, zone: int) -> None:
    """One line a request; picking one shows it in full."""
    if not page.rows:
        st.caption("No request yet. Texts from the Studio and from programs of yours or your team's appear here.")
        return
    st.session_state[SHOWN] = [row.id for row in page.rows]
    lines = [line(row, now, zone, everybody=viewer.is_admin or viewer.role == "lead") for row in page.rows]
    st.dataframe(
        lines,
        hide_index=True,
        height="content",
        key=f"{TURN}_{st.session_state.get(TURN, 0)}",
        on_select=pick,
        selection_mode="single-row",
        column_config={
            "Tokens": st.column_config.NumberColumn(format="localized"),
            "Cost": st.column_config.TextColumn(alignment="right"),
        },
    )
    with st.container(horizontal=True):
        pages: list[str] = st.session_state[PAGE]
        st.button("Newer", icon=":material/chevron_left:", disabled=not pages, on_click=newer)
        st.button("Older", icon=":material/chevron_right:", disabled=not page.more, on_click=older, args=(page.next,))


def line(row: reports.RequestRow, now: float, zone: int, *, everybody: bool) -> dict[str, str | int]:
    """One request as the table shows it; the cells are drawn as they are, never read as Markdown."""
    notes = [name for name, true in (("estimated", row.estimated), ("simulated", row.simulated)) if true]
    who = {"Who": row.user_name or row.user or row.team or row.key_id} if everybody else {}
    return {
        "Time": wording.moment(row.created_at, now, zone),
        **who,
        "Text": wording.label(row.template) if row.template else "free prompt",
        "Cost": wording.usd(row.cost),
        "Status": f"{MARKS.get(row.status, '?')} {wording.STATUS.get(row.status, row.status)}",
        "Model": row.model or row.model_requested,
        "Tokens": row.input_tokens + row.output_tokens,
        "Note": ", ".join(notes),
    }


def pick() -> None:
    """Remember the request whose line was clicked. The table may have moved on since: its ids were kept."""
    state = st.session_state[f"{TURN}_{st.session_state.get(TURN, 0)}"]
    rows, ids = state["selection"]["rows"], st.session_state.get(SHOWN, [])
    st.session_state[CHOSEN] = ids[rows[0]] if rows and rows[0] < len(ids) else None
    st.session_state[TURN] = st.session_state.get(TURN, 0) + 1


def newer() -> None:
    if st.session_state[PAGE]:
        st.session_state[PAGE].pop()


def older(cursor: str | None) -> None:
    if cursor is not None:
        st.session_state[PAGE].append(cursor)


def close() -> None:
    st.session_state[CHOSEN] = None


def detail(found: reports.RequestDetail) -> None:
    """A request in full: its way, its attempts, what each cost."""
    request = found.request
    with st.container(border=True, key="detail"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{inert.plain(request.id)}**", width="stretch")
            st.button("Close", icon=":material/close:", on_click=close, type="tertiary")
        facts = [
            f"asked for {request.model_requested}",
            f"voice {request.brand}" if request.brand else "",
            wording.duration((request.duration_ms or 0) / 1000),
            f"error {request.error_code}" if request.error_code else "",
        ]
        st.caption(inert.plain(" · ".join(fact for fact in facts if fact)))
        if request.route:
            st.caption(f"Why this model: {inert.plain(request.route)}")
        attempts = [attempt(each) for each in found.attempts]
        if attempts:
            st.dataframe(attempts, hide_index=True, height="content", key="attempts")
        else:
            st.caption("No attempt has ended yet.")


def attempt(each: reports.Attempt) -> dict[str, str | int]:
    return {
        "Attempt": each.number,
        "Model": f"{each.provider}/{each.model}",
        "Status": wording.STATUS.get(each.status, each.status),
        "What happened": each.error or (each.fault or ""),
        "First word": wording.duration(each.ttft_ms / 1000) if each.ttft_ms is not None else "-",
        "Tokens in": each.input_tokens,
        "Tokens out": each.output_tokens,
        "Cost": wording.usd(each.cost) + (" (estimated)" if each.estimated else ""),
    }
