"""Teams: what they are called, what they may use and spend, and who is in them with which role."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard import inert, wording
from dashboard.accounts import called
from dashboard.client import JsonObject, Problem, path
from dashboard.sessions import Me, Session
from dashboard.views.people import fields, saving, saying, table
from dashboard.views.people.place import Place, attempt, here

ROLES = {
    "member": "Member: writes texts",
    "lead": "Lead: sees to people, keys and brands of the team",
    "viewer": "Viewer: looks on, writes nothing",
}
CONTENT = {
    "metadata": "Figures only, no texts",
    "full": "Texts too",
    "off": "As little as possible",
}
EMPTY = "There is no team yet. A team shares keys, budgets and brands, and sees what it spends."


def show(session: Session, me: Me) -> None:
    place = here()
    if place.mode == "new":
        blank(session, place)
    elif place.mode == "one":
        one(session, place, me)
    else:
        if me.is_admin:
            st.button("New team", icon=":material/group_add:", type="primary", on_click=place.go, args=("new",))
        table.show(session.accounts.teams(), line, EMPTY)


def line(team: JsonObject) -> dict[str, str]:
    return {
        "Name": called(team),
        "Id": str(team.get("id", "")),
        "People": str(team.get("members", "")),
        "Models": wording.some(team.get("models"), "all"),
        "Keeps": CONTENT.get(str(team.get("content")), str(team.get("content") or "")),
        "State": "blocked" if team.get("blocked") else "active",
        "Spent": wording.spent(team),
    }


def form(session: Session, place: Place) -> JsonObject:
    """The fields that only admins set."""
    return {
        "models": fields.several(place, "models", "Models", models(session), "All models"),
        **fields.budget(place),
        "content": fields.choice(place, "content", "What is kept of its requests", CONTENT),
        "retention_days": fields.number(place, "retention_days", "Days until texts are erased", 36_500),
    }


def models(session: Session) -> dict[str, str]:
    try:
        return {str(model["id"]): str(model["id"]) for model in session.catalogue().models}
    except Problem:
        return {}


def blank(session: Session, place: Place) -> None:
    fields.heading("New team")
    with st.form(place.key("form"), border=False, enter_to_submit=False):
        values = {"name": fields.words(place, "name", "Name"), **form(session, place)}
        pressed = st.form_submit_button("Make the team", type="primary", icon=":material/group_add:")
    if pressed:
        saving.create("/admin/teams", values, "The team is made. Now add its people.", needed="Name")
        st.rerun()


def one(session: Session, place: Place, me: Me) -> None:
    team = place.row
    fields.heading(called(team))
    st.caption(f"Rules and programs call it “{inert.plain(team.get('id'))}”.")
    if me.is_admin or me.leads(team.get("id")):
        with st.form(place.key("form"), border=False, enter_to_submit=False):
            values: JsonObject = {"name": fields.words(place, "name", "Name")}
            if me.is_admin:
                values |= form(session, place)
            pressed = st.form_submit_button("Save", type="primary", icon=":material/save:")
        if pressed:
            saving.save(values, "Name")
            st.rerun()
    people(session, place, me)
    if me.is_admin and team.get("blocked"):
        st.button("Unblock the team", icon=":material/lock_open:", on_click=saving.save, args=({"blocked": False},))
    elif me.is_admin:
        sentence = f"Block {called(team)}? No key of the team works until it is unblocked."
        saying.confirm("block", "Block the team", sentence, partial(saving.save, {"blocked": True}), "lock")


def people(session: Session, place: Place, me: Me) -> None:
    """Who is in the team; for admins and its leads, with what changes it."""
    team = str(place.row["id"])
    st.markdown("##### People in the team")
    try:
        members = session.accounts.members(team).items
    except Problem as problem:
        st.caption(inert.plain(problem.message))
        return
    names = session.accounts.names(session.accounts.users)
    may = me.is_admin or me.leads(team)
    if not members:
        st.caption("Nobody yet.")
    with st.container(key="members"):
        for each in members:
            member(place, each, names, may=may)
    if may:
        inside = {who(each) for each in members}
        add(place, {user: name for user, name in names.items() if user not in inside})


def who(membership: JsonObject) -> str:
    user = membership.get("user")
    return str(user["id"] if isinstance(user, dict) else user)


def member(place: Place, membership: JsonObject, names: dict[str, str], *, may: bool) -> None:
    """One person with its role."""
    user, role = who(membership), str(membership.get("role"))
    given = membership.get("user")
    name = names.get(user) or (called(given) if isinstance(given, dict) else user)
    if not may:
        st.markdown(f"{inert.plain(name)} · :gray[{wording.role(role)}]")
        return
    key = place.key(f"role.{user}")
    with st.container(horizontal=True, vertical_alignment="center", border=False):
        st.markdown(inert.plain(name), width="stretch")
        st.selectbox(
            f"Role of {inert.plain(name)}",
            list(ROLES),
            index=list(ROLES).index(role) if role in ROLES else 0,
            format_func=wording.role,
            key=key,
            label_visibility="collapsed",
            width=140,
            on_change=lambda: set_role(user, st.session_state[key]),
        )
        st.button(
            "Remove", icon=":material/person_remove:", key=place.key(f"out.{user}"), on_click=remove, args=(user, name)
        )


def add(place: Place, others: dict[str, str]) -> None:
    if not others:
        st.caption("Somebody else joins by an invitation to this team.")
        return
    with st.form(place.key("add"), border=True):
        left, right = st.columns(2)
        user = left.selectbox(
            "Add somebody",
            list(others),
            index=None,
            format_func=lambda each: others.get(each, each),
            placeholder="Choose",
        )
        role = right.selectbox("Role", list(ROLES), format_func=lambda each: ROLES[each])
        pressed = st.form_submit_button("Add to the team", icon=":material/person_add:")
    if pressed and user:
        set_role(user, role)
        st.rerun()


def set_role(user: str, role: str) -> None:
    address = path("admin", "teams", str(here().row["id"]), "members", user)
    attempt(lambda client: client.put(address, {"role": role}), "Saved.")


def remove(user: str, name: str) -> None:
    address = path("admin", "teams", str(here().row["id"]), "members", user)
    attempt(lambda client: client.delete(address), f"{name} is not in the team any more.")
