"""People: who is there, what their role is, what they may spend, and what can be done for somebody who has gone."""

from __future__ import annotations

import json
from functools import partial

import streamlit as st

from dashboard import inert, wording
from dashboard.accounts import called
from dashboard.client import JsonObject, path
from dashboard.sessions import Me, Session
from dashboard.views.people import fields, links, saving, saying, table
from dashboard.views.people.place import Place, attempt, here

ROLES = {
    "member": "Member: writes texts",
    "viewer": "Viewer: looks on, writes nothing",
    "admin": "Admin: may do everything",
}
EMPTY = "Nobody is here yet. Send somebody an invitation: the person chooses a password, and is in."
ERASED = "Forget {name} for good? The account, its sessions and its texts go; sums of money stay, without the person."


def show(session: Session, me: Me) -> None:
    place = here()
    if place.mode == "new":
        blank(place)
    elif place.mode == "one":
        one(session, place, me)
    else:
        every(session, me)


def every(session: Session, me: Me) -> None:
    if me.is_admin:
        with st.container(horizontal=True):
            st.button("Invite somebody", icon=":material/mail:", type="primary", on_click=invite)
            st.button("Add without invitation", icon=":material/person_add:", on_click=here().go, args=("new",))
    teams = session.accounts.names(session.accounts.teams)
    table.show(session.accounts.users(), partial(line, teams), EMPTY)


def invite() -> None:
    here().enter("invitations")
    here().go("new")


def line(teams: dict[str, str], user: JsonObject) -> dict[str, str]:
    return {
        "Name": called(user),
        "E-mail": user.get("email") or "",
        "Role": wording.role(user.get("role")),
        "Teams": ", ".join(teams.get(each["team"], each["team"]) for each in user.get("teams") or ()),
        "State": state(user),
        "Spent": wording.spent(user),
    }


def state(user: JsonObject) -> str:
    if user.get("blocked"):
        return "blocked"
    return "active" if user.get("can_sign_in") else "cannot sign in"


def blank(place: Place) -> None:
    fields.heading("Add a person")
    st.caption("For programs, or people who sign in with your identity provider. Others are invited.")
    with st.form(place.key("form"), border=False, enter_to_submit=False):
        values = {
            "name": fields.words(place, "name", "Name"),
            "email": fields.words(place, "email", "E-mail"),
            "role": fields.choice(place, "role", "Role", ROLES),
            **fields.budget(place),
        }
        pressed = st.form_submit_button("Add", type="primary", icon=":material/person_add:")
    if pressed:
        saving.create("/admin/users", values, "Added.", needed="Name")
        st.rerun()


def one(session: Session, place: Place, me: Me) -> None:
    user = place.row
    fields.heading(called(user))
    st.caption(inert.plain(teams_of(session, user)))
    if not me.is_admin:
        st.markdown(inert.plain(f"{user.get('email') or 'No e-mail'} · {state(user)} · {wording.spent(user)}"))
        return
    with st.form(place.key("form"), border=False, enter_to_submit=False):
        values: JsonObject = {
            "name": fields.words(place, "name", "Name"),
            "email": fields.words(place, "email", "E-mail"),
            "role": fields.choice(place, "role", "Role", ROLES, help="In a team, the team's own roles count."),
            **fields.budget(place),
        }
        pressed = st.form_submit_button("Save", type="primary", icon=":material/save:")
    if pressed:
        saving.save(values)
        st.rerun()
    if user.get("id") != me.person:
        acts(place, user)


def teams_of(session: Session, user: JsonObject) -> str:
    teams = session.accounts.names(session.accounts.teams)
    named = [
        f"{teams.get(each['team'], each['team'])} ({wording.role(each.get('role'))})"
        for each in user.get("teams") or ()
    ]
    return f"Teams: {', '.join(named)}" if named else "In no team."


def acts(place: Place, user: JsonObject) -> None:
    """What an admin may do for somebody else."""
    st.divider()
    name = called(user)
    blocked = bool(user.get("blocked"))
    with st.container(horizontal=True):
        st.button("Link for a new password", icon=":material/lock_reset:", on_click=new_password, args=(user,))
        st.button("Sign out everywhere", icon=":material/logout:", key=place.key("out"), on_click=end_all, args=(user,))
        if blocked:
            st.button("Unblock", icon=":material/lock_open:", on_click=saving.save, args=({"blocked": False},))
        st.button("Prepare the person's data", icon=":material/folder_zip:", on_click=export, args=(user,))
    data = st.session_state.get(place.key("data"))
    if data:
        st.download_button(
            "Download the data", data, f"{wording.file_name(name)}.json", "application/json", on_click="ignore"
        )
    if not blocked:
        sentence = f"Block {name}? Neither sign-in nor keys work until somebody unblocks the account."
        saying.confirm("block", "Block", sentence, partial(saving.save, {"blocked": True}), "lock")
    saying.confirm("erase", "Forget this person", ERASED.format(name=name), erase, "person_remove")


def new_password(user: JsonObject) -> None:
    answer = attempt(lambda client: client.post("/admin/invitations", {"user": user["id"]}))
    if answer is not None:
        here().secret = links.new_password(answer, called(user))


def end_all(user: JsonObject) -> None:
    address = path("admin", "users", user["id"], "sessions")
    attempt(lambda client: client.delete(address), f"{called(user)} is signed out everywhere.")


def export(user: JsonObject) -> None:
    found = attempt(lambda client: client.get(path("admin", "users", user["id"], "export")))
    if found is not None:
        st.session_state[here().key("data")] = json.dumps(found, ensure_ascii=False, indent=2)


def erase() -> None:
    place = here()
    if attempt(lambda client: client.delete(place.address)) is not None:
        place.go("list")
        place.done = "The person is forgotten."
