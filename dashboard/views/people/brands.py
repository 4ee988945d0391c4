"""Brands that texts are written for: a client's or the team's own, with what may be spent on them."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard import inert, wording
from dashboard.accounts import called
from dashboard.client import JsonObject
from dashboard.sessions import Me, Session
from dashboard.views.people import fields, saving, saying, table
from dashboard.views.people.place import Place, here

EMPTY = "There is no brand yet. With brands you see what is spent for whom, and give each its own budget."


def show(session: Session, me: Me) -> None:
    place = here()
    if place.mode == "new":
        blank(session, place, me)
    elif place.mode == "one":
        one(session, place, me)
    else:
        if me.is_admin or me.is_lead:
            st.button("New brand", icon=":material/add:", type="primary", on_click=place.go, args=("new",))
        teams = session.accounts.names(session.accounts.teams)
        table.show(session.accounts.brands(), partial(line, teams), EMPTY)


def line(teams: dict[str, str], brand: JsonObject) -> dict[str, str]:
    team = brand.get("team")
    return {
        "Name": called(brand),
        "Client": brand.get("client") or "",
        "For": teams.get(str(team), str(team)) if team else "everybody",
        "State": "put away" if brand.get("archived") else "in use",
        "Spent": wording.spent(brand),
    }


def form(session: Session, place: Place, me: Me) -> JsonObject:
    values: JsonObject = {
        "name": fields.words(place, "name", "Name"),
        "client": fields.words(place, "client", "Client", hint="Empty for a brand of your own"),
    }
    if me.is_admin:
        teams = fields.or_none("Everybody", session.accounts.names(session.accounts.teams))
        values |= {"team": fields.choice(place, "team", "Who may write for it", teams), **fields.budget(place)}
    return values


def blank(session: Session, place: Place, me: Me) -> None:
    fields.heading("New brand")
    with st.form(place.key("form"), border=False, enter_to_submit=False):
        identifier = fields.words(
            place, "id", "Short name", help="What programs call it, for example “acme”. It never changes.", hint="acme"
        )
        values = {"id": identifier, **form(session, place, me)}
        pressed = st.form_submit_button("Make the brand", type="primary", icon=":material/add:")
    if pressed:
        if not me.is_admin:
            values["team"] = me.team
        saving.create("/admin/brands", values, "The brand is made.", needed="Name")
        st.rerun()


def one(session: Session, place: Place, me: Me) -> None:
    brand = place.row
    fields.heading(called(brand))
    st.caption(f"Programs call it “{inert.plain(brand.get('id'))}”.")
    if not me.is_admin and not me.leads(brand.get("team")):
        return
    with st.form(place.key("form"), border=False, enter_to_submit=False):
        values = form(session, place, me)
        pressed = st.form_submit_button("Save", type="primary", icon=":material/save:")
    if pressed:
        saving.save(values, "Name")
        st.rerun()
    if brand.get("archived"):
        st.button("Take it out again", icon=":material/unarchive:", on_click=saving.save, args=({"archived": False},))
    else:
        sentence = f"Put {called(brand)} away? Nobody can write for it until it is taken out again."
        saying.confirm("archive", "Put away", sentence, partial(saving.save, {"archived": True}), "archive")
