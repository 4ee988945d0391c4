"""Who looks at this page. Whoever is not signed in gets the way to the sign-in page, and the script ends there.

Every page and every part of a page that refreshes itself begins with `signed_in`, before anything is read.
"""

from __future__ import annotations

from typing import NoReturn

import streamlit as st

from dashboard import inert, wiring, wording
from dashboard.client import Problem
from dashboard.sessions import Me, Session, SignedOut

TO_SIGN_IN = "<script>window.location.replace('/sign-in')</script>"


def signed_in() -> tuple[Session, Me]:
    """The session and its viewer. Ends the script's run when there is none."""
    session_id = cookie()
    session = wiring.sessions().get(session_id)
    if session is None:
        turn_away()
    try:
        return session, session.me()
    except SignedOut:
        wiring.sessions().end(session_id)
        turn_away()
    except Problem as problem:
        st.error(inert.plain(problem.message), icon=":material/cloud_off:")
        st.stop()


def turn_away() -> NoReturn:
    """Send the browser to the sign-in page, and end the script's run."""
    st.info("You are signed out.", icon=":material/lock:")
    st.html(TO_SIGN_IN, unsafe_allow_javascript=True)
    st.stop()


def sign_out() -> None:
    """End the session of this browser, in all its tabs."""
    wiring.sessions().end(cookie())


def cookie() -> str | None:
    """The id of a session, as the browser sent it when this page was opened."""
    value: str | None = st.context.cookies.get(wiring.cookie_name())
    return value


def day(at: float | None, never: str = "") -> str:
    """A day of the viewer's calendar, such as 3 Mar 2027."""
    return wording.day(at, utc_offset(), never)


def utc_offset() -> int:
    """Seconds that the viewer's clock is ahead of UTC."""
    minutes_behind = st.context.timezone_offset
    return 0 if minutes_behind is None else -60 * int(minutes_behind)
