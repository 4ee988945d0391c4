"""The team's dashboard as a web application: `streamlit run dashboard/app.py`, or `make run`.

Sign-in and guard stand before Streamlit; its script is `main.py`.
"""

from __future__ import annotations

from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

from dashboard import auth, with_parent

with_parent.watch()
app = App(
    Path(__file__).with_name("main.py"),
    routes=auth.ROUTES,
    middleware=[Middleware(auth.Guard)],
)
