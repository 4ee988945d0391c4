"""What was done to people, teams, brands and keys, by whom and when: newest first, and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from dashboard import gate, inert, wiring, wording
from dashboard.client import JsonObject, Listing
from dashboard.sessions import Session
from dashboard.views.people import table
from dashboard.views.people.place import here

EMPTY = "Nothing was done yet."
KINDS = {
    None: "Everything",
    "user": "People",
    "team": "Teams",
    "membership": "Team members",
    "brand": "Brands",
    "key": "Keys",
    "invitation": "Invitations",
    "session": "Sign-ins",
    "config": "Configuration",
}
ACTORS = {
    "cli": "the command line",
    "master": "the master key",
    "system": "the gateway",
    "file": "the file on the disk",
}
ROWS = 100
ENTRY = "entry"
MOMENTS = ("_at", "_until")  # how names of times end


def show(session: Session) -> None:
    place = here()
    kind = st.selectbox("Show", list(KINDS), format_func=lambda each: KINDS[each], key=place.key("kind"), width=220)
    pages: list[str] = st.session_state.setdefault(place.key(f"pages.{kind}"), [])
    answer = session.client.get("/admin/audit", object_type=kind, limit=ROWS, after=pages[-1] if pages else None)
    accounts = session.accounts
    names = {
        f"{each}:{name}": called
        for each, listing in (
            ("user", accounts.users),
            ("team", accounts.teams),
            ("key", accounts.keys),
            ("brand", accounts.brands),
        )
        for name, called in accounts.names(listing).items()
    }
    whole(names)
    table.show(Listing(tuple(answer.get("data", ()))), partial(line, names), EMPTY, picked=pick)
    older = answer.get("next") if answer.get("has_more") else None
    if pages or older:
        with st.container(horizontal=True):
            st.button("Newer", icon=":material/chevron_left:", disabled=not pages, on_click=turn, args=(pages,))
            st.button(
                "Older", icon=":material/chevron_right:", disabled=not older, on_click=pages.append, args=(older,)
            )


def pick(entry: JsonObject) -> None:
    """Show an entry as a whole."""
    st.session_state[here().key(ENTRY)] = entry


def whole(names: Mapping[str, str]) -> None:
    """The entry that was clicked, each of its changes on a line of its own."""
    key = here().key(ENTRY)
    entry: JsonObject | None = st.session_state.get(key)
    if not entry:
        return
    cells = line(names, entry)
    with st.container(border=True, key="entry"):
        head = f"**{inert.plain(cells['Who'])}** {inert.plain(cells['What'])}: {inert.plain(cells['To'])}"
        st.markdown(f"{head} · :gray[{inert.plain(cells['When'])}]")
        told = changes(entry.get("before") or {}, entry.get("after") or {}, names)
        teams = {each.removeprefix("team:"): name for each, name in names.items() if each.startswith("team:")}
        told = [inert.worded(wording.told(each, teams)) for each in told]
        st.markdown("\n".join(f"- {each}" for each in told) or ":gray[No further words were kept.]")
        st.button("Close", key=here().key("close"), on_click=st.session_state.pop, args=(key, None))


def turn(pages: list[str], older: str | None = None) -> None:
    """Go to the page after the cursor `older`, or back."""
    if older is not None:
        pages.append(older)
    elif pages:
        pages.pop()


def line(names: Mapping[str, str], entry: JsonObject) -> dict[str, str]:
    actor = str(entry.get("actor"))
    return {
        "When": wording.moment(entry.get("at") or 0, wiring.now(), gate.utc_offset()),
        "Who": ACTORS.get(actor) or names.get(actor) or actor,
        "What": wording.act(str(entry.get("action"))),
        "To": whom(str(entry.get("object_type")), str(entry.get("object_id")), names),
        "Changes": difference(entry.get("before") or {}, entry.get("after") or {}, names),
    }


def whom(kind: str, object_id: str, names: Mapping[str, str]) -> str:
    """What was acted on, by name; of a membership, both."""
    if kind == "membership":
        team, _, user = object_id.partition("/")
        return f"{names.get(f'user:{user}', user)} in {names.get(f'team:{team}', team)}"
    return names.get(f"{kind}:{object_id}", object_id)


def difference(before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """budget: $5.00 → $10.00, name changed."""
    return ", ".join(changes(before, after, names))


def changes(before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """Each as words; of a list that is new, each entry."""
    parts: list[str] = []
    for name in dict.fromkeys((*before, *after)):
        old, new = (value(name, side.get(name), names) for side in (before, after))
        words = wording.label(name)
        if "changed" in (old, new):
            parts.append(f"{words} changed")
        elif name == "changes" and isinstance(after.get(name), list):
            parts += map(str, after[name])
        elif name in before and name in after:
            parts.append(f"{words}: {old} → {new}")
        else:
            parts.append(f"{words}: {new if name in after else old}")
    return parts


def value(name: str, each: Any, names: Mapping[str, str]) -> str:
    if each is None:
        return "none"
    if isinstance(each, bool):
        return "yes" if each else "no"
    if isinstance(each, int | float) and name.endswith(MOMENTS):
        return gate.day(each)
    if isinstance(each, int) and name == "budget":
        return wording.usd(each)
    return ", ".join(map(str, each)) if isinstance(each, list) else names.get(f"{name}:{each}", str(each))
