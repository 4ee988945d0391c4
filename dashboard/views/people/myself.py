"""The viewer's own account: name, password, the places where it is signed in, and its data to take away."""

from __future__ import annotations

import streamlit as st

from dashboard import gate, inert, wiring, wording
from dashboard.client import JsonObject, Problem, path
from dashboard.sessions import Me, Session
from dashboard.views.people import fields, saving, saying
from dashboard.views.people.place import Place, attempt, here
from dashboard.views.people.users import export, teams_of

WITH_A_KEY = (
    "You are signed in with a key, which belongs to no person here. Sign in with your e-mail to see an account."
)


def show(session: Session, me: Me) -> None:
    place = here()
    user = itself(session, place, me)
    if user is None:
        st.info(WITH_A_KEY, icon=":material/key:")
        return
    left, right = st.columns(2, gap="large")
    with left:
        profile(session, place, user)
        password(place, me)
    with right:
        signed_in(session, place, user)
        own_data(place, user)


def itself(session: Session, place: Place, me: Me) -> JsonObject | None:
    """The viewer as a person; kept while it is being edited."""
    if me.person is None:
        return None
    if place.row.get("id") != me.person:
        try:
            place.row = session.client.get(path("admin", "users", me.person))
        except Problem as problem:
            if problem.status == 404:
                return None
            raise
    return place.row


def profile(session: Session, place: Place, user: JsonObject) -> None:
    fields.heading("Profile")
    with st.form(place.key("profile"), border=False, enter_to_submit=False):
        values: JsonObject = {"name": fields.words(place, "name", "Name")}
        st.caption(inert.plain(f"{user.get('email') or 'No e-mail'} · {wording.role(user.get('role'))}"))
        pressed = st.form_submit_button("Save", icon=":material/save:")
    st.caption(inert.plain(teams_of(session, user)))
    if pressed:
        saving.save(values)
        st.rerun()


def password(place: Place, me: Me) -> None:
    if not me.facts.get("session_id"):
        return
    fields.heading("Password")
    with st.form(place.key("password"), border=False, enter_to_submit=False):
        old = st.text_input(
            "Password until now", type="password", key=place.key("old"), autocomplete="current-password"
        )
        new = st.text_input("New password", type="password", key=place.key("new"), autocomplete="new-password")
        st.caption("At least 10 characters. Everywhere else you are signed out.")
        pressed = st.form_submit_button("Change the password", icon=":material/lock_reset:")
    if pressed:
        body = {"old": old or "", "new": new or ""}
        if attempt(lambda client: client.post("/auth/password", body), "Your password is changed.") is None:
            place.done = None
        place.turn += 1  # blank fields: no password stays in a page's state
        st.rerun()


def signed_in(session: Session, place: Place, user: JsonObject) -> None:
    fields.heading("Where you are signed in")
    try:
        sessions = session.accounts.sessions().items
    except Problem as problem:
        st.caption(inert.plain(problem.message))
        return
    if not sessions:
        st.caption("Nowhere with a password.")
    for each in sessions:
        this = bool(each.get("current"))
        with st.container(horizontal=True, vertical_alignment="center"):
            since = wording.moment(each.get("created_at") or 0, wiring.now(), gate.utc_offset())
            st.markdown(f"Since {inert.plain(since)}{' · **this browser**' if this else ''}", width="stretch")
            if not this:
                st.button("End", key=place.key(f"end.{each['id']}"), on_click=end, args=(str(each["id"]),))
    if sessions:
        sentence = "Sign out everywhere, here too?"
        saying.confirm(
            "everywhere", "Sign out everywhere", sentence, lambda: end_all(session, str(user["id"])), "logout"
        )


def end(session_id: str) -> None:
    attempt(lambda client: client.delete(path("auth", "sessions", session_id)), "That sign-in is ended.")


def end_all(session: Session, user: str) -> None:
    attempt(lambda client: client.delete(path("admin", "users", user, "sessions")))
    session.spent()


def own_data(place: Place, user: JsonObject) -> None:
    fields.heading("Your data")
    st.button("Prepare my data", icon=":material/folder_zip:", on_click=export, args=(user,))
    data = st.session_state.get(here().key("data"))
    if data:
        st.download_button(
            "Download", data, "my-data.json", "application/json", on_click="ignore", key=place.key("take")
        )
