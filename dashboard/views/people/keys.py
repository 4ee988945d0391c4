"""Keys with which programs reach the gateway: whose they are, what they may do, until when. A key is shown once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import streamlit as st

from dashboard import gate, inert, wording
from dashboard.accounts import called
from dashboard.client import JsonObject, path
from dashboard.sessions import Me, Session
from dashboard.views.people import fields, saving, saying, table
from dashboard.views.people.place import Place, Secret, attempt, here
from dashboard.views.people.teams import models

ROLES = {"member": "Member: writes texts", "viewer": "Viewer: looks on", "lead": "Lead of its team", "admin": "Admin"}
OVERLAPS = {0: "at once", 3600: "after an hour", 86_400: "after a day", 7 * 86_400: "after a week"}
EMPTY = "There is no key yet. A program needs one to reach the gateway; give each program its own."
ONCE = "Copy it now and keep it like a password: it is not shown again."


@dataclass(frozen=True, slots=True)
class Names:
    """What people and teams are called, by id."""

    users: dict[str, str]
    teams: dict[str, str]

    @classmethod
    def of(cls, session: Session) -> Names:
        accounts = session.accounts
        return cls(accounts.names(accounts.users), accounts.names(accounts.teams))


def show(session: Session, me: Me) -> None:
    place = here()
    if place.mode == "new":
        blank(session, place, me)
    elif place.mode == "one":
        one(session, place, me)
    else:
        if me.may_write:
            st.button("New key", icon=":material/key:", type="primary", on_click=place.go, args=("new",))
        table.show(session.accounts.keys(), partial(line, Names.of(session)), EMPTY)


def line(names: Names, key: JsonObject) -> dict[str, str]:
    return {
        "Name": called(key),
        "Key": f"{key.get('prefix') or ''}…",
        "Whose": owner(names, key),
        "Models": wording.some(key.get("models"), "all"),
        "Ends": fields.last_day(key.get("expires_at"), "never"),
        "State": state(key),
        "Spent": wording.spent(key),
    }


def owner(names: Names, key: JsonObject) -> str:
    user, team = key.get("user"), key.get("team")
    return " · ".join(
        found.get(str(each), str(each)) for each, found in ((user, names.users), (team, names.teams)) if each
    )


def state(key: JsonObject) -> str:
    if key.get("revoked_at"):
        return "revoked"
    return "blocked" if key.get("blocked") else "active"


def limits(session: Session, place: Place, me: Me) -> JsonObject:
    """What a key may use, spend and do, and until when."""
    brands = session.accounts.names(session.accounts.brands)
    values: JsonObject = {
        "models": fields.several(place, "models", "Models", models(session), "All models"),
        **fields.budget(place),
        "ends": fields.ends(place),
    }
    with st.expander("More limits", icon=":material/tune:"):
        if me.is_admin or me.is_lead:
            ranks = list(ROLES)[: 4 if me.is_admin else 3]
            values["role"] = fields.choice(place, "role", "What it may do", {each: ROLES[each] for each in ranks})
        values |= {
            "brands": fields.several(place, "brands", "Brands", brands, "All brands"),
            "default_brand": fields.choice(place, "default_brand", "Usual brand", fields.or_none("None", brands)),
            "rpm": fields.number(place, "rpm", "Requests a minute", 1_000_000),
            "max_parallel": fields.number(place, "max_parallel", "Requests at the same time", 100_000),
            "tags": fields.tags(place),
        }
    return values


def blank(session: Session, place: Place, me: Me) -> None:
    fields.heading("New key")
    with st.form(place.key("form"), border=False, enter_to_submit=False):
        values: JsonObject = {
            "name": fields.words(place, "name", "What is it for?", hint="Newsletter tool"),
            **whose(session, place, me),
            **limits(session, place, me),
        }
        pressed = st.form_submit_button("Make the key", type="primary", icon=":material/key:")
    if pressed:
        answer = saving.create("/admin/keys", values, None, needed="What is it for?")
        if answer is not None:
            place.secret = Secret(f"The key “{called(answer)}”", str(answer.get("key")), ONCE)
        st.rerun()


def whose(session: Session, place: Place, me: Me) -> JsonObject:
    """Admins choose a person and a team, leads a person of their team; anybody else makes keys for itself."""
    people = session.accounts.names(session.accounts.users)
    if me.is_admin:
        teams = session.accounts.names(session.accounts.teams)
        left, right = st.columns(2)
        with left:
            user = fields.choice(place, "user", "Person", fields.or_none("Nobody in particular", people))
        with right:
            team = fields.choice(place, "team", "Team", fields.or_none("No team", teams))
        return {"user": user, "team": team}
    if me.is_lead:
        return {
            "user": fields.choice(place, "user", "Person", fields.or_none("The whole team", people)),
            "team": me.team,
        }
    return {"user": me.person, "team": me.team}


def one(session: Session, place: Place, me: Me) -> None:
    key = place.row
    fields.heading(called(key))
    st.caption(inert.plain(" · ".join(each for each in about(Names.of(session), key) if each)))
    if not me.may_write or key.get("revoked_at"):
        return
    with st.form(place.key("form"), border=False, enter_to_submit=False):
        values = {"name": fields.words(place, "name", "What is it for?"), **limits(session, place, me)}
        pressed = st.form_submit_button("Save", type="primary", icon=":material/save:")
    if pressed:
        saving.save(values, "What is it for?")
        st.rerun()
    acts(place, key)


def about(names: Names, key: JsonObject) -> tuple[str, ...]:
    until = key.get("previous_until")
    return (
        f"{key['prefix']}…" if key.get("prefix") else "",
        owner(names, key),
        state(key),
        f"made on {gate.day(key.get('created_at'))}",
        f"the key before it works until {gate.day(until)}" if until else "",
    )


def acts(place: Place, key: JsonObject) -> None:
    """Rotate, block, revoke."""
    st.divider()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "The old key stops working",
            list(OVERLAPS),
            index=2,
            format_func=lambda each: OVERLAPS[each],
            key=place.key("overlap"),
            width=200,
        )
        st.button("Replace by a new key", icon=":material/autorenew:", on_click=rotate, args=(key,))
    if key.get("blocked"):
        st.button("Unblock", icon=":material/lock_open:", on_click=saving.save, args=({"blocked": False},))
    else:
        st.button("Block for now", icon=":material/lock:", on_click=saving.save, args=({"blocked": True},))
    sentence = f"Revoke “{called(key)}” for good? Programs that use it stop working at once."
    saying.confirm("revoke", "Revoke", sentence, revoke, "key_off")


def rotate(key: JsonObject) -> None:
    overlap = st.session_state[here().key("overlap")]
    address = path("admin", "keys", str(key["id"]), "rotate")
    answer = attempt(lambda client: client.post(address, {"overlap_seconds": overlap}))
    if answer is not None:
        saving.opened({name: value for name, value in answer.items() if name != "key"})
        here().secret = Secret(f"The new key “{called(key)}”", str(answer.get("key")), ONCE)


def revoke() -> None:
    place = here()
    if attempt(lambda client: client.delete(place.address)) is not None:
        place.go("list")
        place.done = "The key is revoked."
