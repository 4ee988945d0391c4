"""What the dashboard is made of, once a process: the address of the gateway, its data folder, the sign-ins.

`make run` sets ATELIER_URL and ATELIER_DATA_DIR; without them the gateway's own defaults are taken. Beside them are
read ATELIER_DASHBOARD_URL (where browsers find this dashboard), ATELIER_DASHBOARD_DATABASE_URL (for the scaled set-up,
with an account that may only read; never the gateway's own), and ATELIER_OIDC_* for an identity provider.
"""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path

import streamlit as st

from dashboard.client import Client
from dashboard.issuer import Issuer, Settings
from dashboard.session_files import SessionFiles
from dashboard.sessions import LIFE, Sessions
from gateway.reports import Live, Source

DEFAULT_URL = "http://127.0.0.1:4000"
DEFAULT_DATA_DIR = "data"
SESSIONS = "dashboard-sessions"  # the folder of sign-ins in the data folder


@cache
def sessions() -> Sessions:
    """The sign-ins; in the data folder, they outlive this process."""
    url = os.environ.get("ATELIER_URL") or DEFAULT_URL
    return Sessions(lambda key: Client(url, key), files=SessionFiles(data_dir() / SESSIONS, LIFE))


def data_dir() -> Path:
    return Path(os.environ.get("ATELIER_DATA_DIR") or DEFAULT_DATA_DIR)


@cache
def reports() -> Source:
    """The ledger, for reading. Raises ReportsUnavailable for a URL that names no database."""
    return Source(data_dir(), os.environ.get("ATELIER_DASHBOARD_DATABASE_URL"))


@cache
def figures() -> Live | None:
    """What the gateway does at the moment; None without a Redis to read."""
    url = os.environ.get("ATELIER_DASHBOARD_REDIS_URL")
    return Live(url) if url else None


@cache
def issuer() -> Issuer | None:
    """The identity provider, if one is configured."""
    settings = Settings.of(os.environ)
    return Issuer(settings) if settings else None


def public_url() -> str:
    """Where browsers find this dashboard; empty when nobody said."""
    return (os.environ.get("ATELIER_DASHBOARD_URL") or "").rstrip("/")


def now() -> float:
    """Unix time."""
    return time.time()


def monotonic() -> float:
    return time.monotonic()


def cookie_name() -> str:
    """With the port in it: browsers share cookies between the ports of a host."""
    return f"atelier_session_{st.get_option('server.port')}"
