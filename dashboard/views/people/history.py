"""What was done to people, teams, brands and keys, by whom and when: newest first, and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from dashboard import gate, wiring, wording
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
}
ACTORS = {"cli": "the command line", "master": "the master key", "system": "the gateway"}
NEWEST = 200


def show(session: Session) -> None:
    place = here()
    kind = st.selectbox("Show", list(KINDS), format_func=lambda each: KINDS[each], key=place.key("kind"), width=220)
    answer = session.client.get("/admin/audit", object_type=kind, limit=NEWEST)
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
    listing = Listing(tuple(answer.get("data", ())), bool(answer.get("has_more")))
    table.show(listing, partial(line, names), EMPTY, opens=False)


def line(names: Mapping[str, str], entry: JsonObject) -> dict[str, str]:
    actor, what = str(entry.get("actor")), f"{entry.get('object_type')}:{entry.get('object_id')}"
    return {
        "When": wording.moment(entry.get("at") or entry.get("created_at") or 0, wiring.now(), gate.utc_offset()),
        "Who": ACTORS.get(actor) or names.get(actor) or actor,
        "What": wording.act(str(entry.get("action"))),
        "To": names.get(what) or str(entry.get("object_id")),
        "Changes": difference(entry.get("before") or {}, entry.get("after") or {}),
    }


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """budget: 5 → 10, name changed."""
    parts = []
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        words = wording.label(name)
        if "changed" in (old, new):
            parts.append(f"{words} changed")
        elif name in before and name in after:
            parts.append(f"{words}: {value(old)} → {value(new)}")
        else:
            parts.append(f"{words}: {value(new if name in after else old)}")
    return ", ".join(parts)


def value(each: Any) -> str:
    if each is None:
        return "none"
    if isinstance(each, bool):
        return "yes" if each else "no"
    return ", ".join(map(str, each)) if isinstance(each, list) else str(each)
