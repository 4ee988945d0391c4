"""Invitations: a link that makes one account, once. It is shown when it is made, and never again."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard import gate, inert, wiring, wording
from dashboard.client import JsonObject
from dashboard.sessions import Me, Session
from dashboard.views.people import fields, links, saving, saying, table, teams, users
from dashboard.views.people.place import Place, attempt, here

EMPTY = "No invitation yet. Make one, send the link, and the person chooses a password."
DAYS = {1: "a day", 7: "a week", 30: "30 days"}


def show(session: Session, me: Me) -> None:
    place = here()
    if place.mode == "new":
        blank(session, place, me)
    elif place.mode == "one":
        one(session, place)
    else:
        st.button("Invite somebody", icon=":material/mail:", type="primary", on_click=place.go, args=("new",))
        names = session.accounts.names(session.accounts.teams)
        table.show(session.accounts.invitations(), partial(line, names), EMPTY)


def line(names: dict[str, str], invitation: JsonObject) -> dict[str, str]:
    team = invitation.get("team")
    return {
        "For": invitation.get("email") or ("new password" if invitation.get("user") else "whoever has the link"),
        "Role": wording.role(invitation.get("role")),
        "Team": names.get(str(team), str(team)) if team else "",
        "State": state(invitation),
        "Ends": gate.day(invitation.get("expires_at")),
    }


def state(invitation: JsonObject) -> str:
    if invitation.get("used_at"):
        return "used"
    if invitation.get("revoked_at"):
        return "withdrawn"
    return "too old" if (invitation.get("expires_at") or 0) <= wiring.now() else "open"


def blank(session: Session, place: Place, me: Me) -> None:
    fields.heading("Invite somebody")
    names = session.accounts.names(session.accounts.teams)
    team = me.team
    if me.is_admin:
        team = fields.choice(place, "team", "Into which team?", fields.or_none("No team yet", names))
    roles = teams.ROLES if team else users.ROLES
    with st.form(place.key("form"), border=False, enter_to_submit=False):
        values: JsonObject = {
            "email": fields.words(
                place, "email", "E-mail", hint="anna@example.com", help="With it, only this address can use the link."
            ),
            "role": fields.choice(place, f"role.{bool(team)}", "Role", roles),
            "team": team,
        }
        days = st.selectbox(
            "The link works for", list(DAYS), 1, format_func=lambda each: DAYS[each], key=place.key("days")
        )
        pressed = st.form_submit_button("Make the link", type="primary", icon=":material/link:")
    if pressed:
        answer = saving.create("/admin/invitations", {**values, "expires_in": days * 86_400}, None)
        if answer is not None:
            place.go("list")
            place.secret = links.invitation(answer)
        st.rerun()


def one(session: Session, place: Place) -> None:
    invitation = place.row
    names = session.accounts.names(session.accounts.teams)
    facts = line(names, invitation)
    fields.heading(f"Invitation for {facts['For']}")
    st.caption(inert.plain(" · ".join(f"{name}: {value}" for name, value in facts.items() if value and name != "For")))
    if facts["State"] == "open":
        st.caption("The link itself is not kept. If it was lost, withdraw this invitation and make another.")
        sentence = f"Withdraw the invitation for {facts['For']}? The link stops working."
        saying.confirm("withdraw", "Withdraw", sentence, withdraw, "link_off")


def withdraw() -> None:
    place = here()
    if attempt(lambda client: client.delete(place.address)) is not None:
        place.go("list")
        place.done = "The invitation is withdrawn."
