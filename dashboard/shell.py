"""What every page has: the door, the navigation, the account, the notes. The pages themselves are in `views/`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import gate, inert, wording
from dashboard.sessions import Me
from dashboard.views import health, spend, studio

SIMULATED = "**Simulated answers:** no provider key is set, so texts are made up and nobody is billed."
ICON = Path(__file__).with_name("icon.svg")
LOGO = Path(__file__).with_name("logo.svg")
STYLE = Path(__file__).with_name("style.css")


def run() -> None:
    """Draw the page that the address asks for."""
    st.set_page_config(page_title="Atelier", page_icon=str(ICON), layout="wide")
    _, me = gate.signed_in()
    st.html(STYLE)
    st.logo(LOGO, size="large")
    page = st.navigation(
        [
            st.Page(studio.show, title="Studio", icon=":material/edit_note:", url_path="studio", default=True),
            st.Page(spend.show, title="Spend", icon=":material/payments:", url_path="spend"),
            st.Page(health.show, title="Health", icon=":material/monitor_heart:", url_path="health"),
        ]
    )
    with st.sidebar:
        account(me)
    if not me.answers:
        st.warning("The gateway does not answer at the moment.", icon=":material/cloud_off:")
    if me.simulated:
        st.info(SIMULATED, icon=":material/science:")
    page.run()


def account(me: Me) -> None:
    """Whose key it is, what is left of its budget, and the way out."""
    facts, spend_now = me.facts, me.spend
    with st.container(key="account", border=True, gap="small"):
        owner = facts.get("team") or facts.get("user")
        role = "Admin" if me.viewer.is_admin else "Member"
        st.markdown(
            f"**{inert.plain(facts.get('name') or 'Key')}**  \n"
            f":small[:gray[{role}{f' · {inert.plain(owner)}' if owner else ''}]]"
        )
        limit, left = spend_now.get("limit_nano"), spend_now.get("left_nano")
        if limit and left is not None:
            text = f"{wording.usd(left)} of {wording.usd(limit)} left"
            st.progress(min(1.0, max(0.0, left / limit)), inert.plain(text))
        st.button("Sign out", icon=":material/logout:", on_click=gate.sign_out, width="stretch")
