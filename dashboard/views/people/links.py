"""Links that are shown once: to join, and to choose a new password. Their secret part stands after "#"."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

from dashboard import gate, wiring
from dashboard.client import JsonObject
from dashboard.join import JOIN, NEW_PASSWORD
from dashboard.views.people.place import Secret

SEND = "Send it to this person only. It works once, until {until}, and is not shown again."


def invitation(answer: JsonObject) -> Secret:
    whom = answer.get("email") or "somebody"
    return Secret(f"The invitation for {whom}", link(JOIN, answer), note(answer))


def new_password(answer: JsonObject, name: str) -> Secret:
    return Secret(f"A link with which {name} chooses a new password", link(NEW_PASSWORD, answer), note(answer))


def link(page: str, answer: JsonObject) -> str:
    return f"{base()}{page}#{answer['token']}"


def note(answer: JsonObject) -> str:
    return SEND.format(until=gate.day(answer.get("expires_at")))


def base() -> str:
    """Where browsers find this dashboard: as configured, or as this one has found it."""
    if wiring.public_url():
        return wiring.public_url()
    parts = urlsplit(st.context.url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
