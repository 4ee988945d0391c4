"""What every page has: the door, the navigation, the account, the notes. The pages themselves are in `views/`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import gate, inert, wording
from dashboard.accounts import called
from dashboard.client import Problem
from dashboard.sessions import Me, Session
from dashboard.views import health, spend, studio
from dashboard.views.config import page as config
from dashboard.views.people import page as people

SIMULATED = "**Simulated answers:** no provider key is set, so texts are made up and nobody is billed."
ICON = Path(__file__).with_name("icon.svg")
LOGO = Path(__file__).with_name("logo.svg")
TEAM = "working_for"
WATCH = 5.0  # seconds
STYLE = Path(__file__).with_name("style.css")


def run() -> None:
    """Draw the page that the address asks for."""
    st.set_page_config(page_title="Atelier", page_icon=str(ICON), layout="wide")
    session, me = gate.signed_in()
    st.html(STYLE)
    st.logo(LOGO, size="large")
    pages = [
        st.Page(studio.show, title="Studio", icon=":material/edit_note:", url_path="studio", default=True),
        st.Page(spend.show, title="Spend", icon=":material/payments:", url_path="spend"),
        st.Page(people.show, title="People", icon=":material/group:", url_path="people"),
        st.Page(health.show, title="Health", icon=":material/monitor_heart:", url_path="health"),
    ]
    if me.is_admin:
        pages.append(st.Page(config.show, title="Config", icon=":material/tune:", url_path="config"))
    page = st.navigation(pages)
    with st.sidebar:
        account(session, me)
    if not me.answers:
        st.warning("The gateway does not answer at the moment.", icon=":material/cloud_off:")
    if me.simulated:
        st.info(SIMULATED, icon=":material/science:")
    page.run()
    watch()


def account(session: Session, me: Me) -> None:
    """Who it is, what is left to spend, and the way out."""
    with st.container(key="account", border=True, gap="small"):
        person = me.facts.get("account") or {}
        name = called(person) if me.facts.get("session_id") else me.facts.get("name") or "Key"
        teams = session.accounts.names(session.accounts.teams) if me.team else {}
        whose = teams.get(str(me.team), me.team) or person.get("email") or me.person
        about = wording.role(me.role) + (f" · {inert.plain(whose)}" if whose and whose != name else "")
        st.markdown(f"**{inert.plain(name)}**  \n:small[:gray[{about}]]")
        work_for(session, me)
        limit, left = me.spend.get("limit_nano"), me.spend.get("left_nano")
        if limit and left is not None:
            text = f"{wording.usd(left)} of {wording.usd(limit)} left"
            st.progress(min(1.0, max(0.0, left / limit)), inert.plain(text))
        st.button("Sign out", icon=":material/logout:", on_click=gate.sign_out, width="stretch")


def work_for(session: Session, me: Me) -> None:
    """Whoever is in several teams says for which one the work is."""
    teams = [str(each["team"]) for each in me.facts.get("teams") or ()]
    if not me.facts.get("session_id") or len(teams) < 2:
        return
    names = session.accounts.names(session.accounts.teams)

    def turn() -> None:
        try:
            session.accounts.change(lambda client: client.patch("/auth/session", {"team": st.session_state[TEAM]}))
        except Problem as problem:
            st.toast(inert.plain(problem.message), icon=":material/error:")
        session.spent()

    st.session_state[TEAM] = me.team if me.team in teams else None
    st.selectbox("Working for", teams, format_func=lambda team: names.get(team, team), key=TEAM, on_change=turn)


@st.fragment(run_every=WATCH)
def watch() -> None:
    """Notices within seconds, on every page, that the sign-in was ended elsewhere."""
    gate.signed_in()
