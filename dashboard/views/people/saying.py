"""What the page about people says at its head, what it shows once, and what it asks before it acts."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard import inert
from dashboard.views.people.place import Secret, here
from dashboard.views.people.saving import again


def say() -> None:
    """What came of the last act, at the head of the page."""
    place = here()
    if place.problem:
        st.error(inert.plain(place.problem), icon=":material/error:")
    elif place.done:
        st.success(inert.plain(place.done), icon=":material/check_circle:")
    if place.conflict:
        st.button("Show how it is now", icon=":material/refresh:", on_click=again)
    if place.secret is not None:
        tell(place.secret)


def tell(secret: Secret) -> None:
    """A key or a link in a box to copy it from, until it is put away."""
    place = here()
    with st.container(border=True, key="secret"):
        st.markdown(f"**{inert.plain(secret.title)}**")
        st.code(secret.text, language=None, wrap_lines=True)
        st.caption(inert.plain(secret.note))
        st.button("I have copied it", icon=":material/done:", on_click=setattr, args=(place, "secret", None))


def confirm(name: str, label: str, sentence: str, act: Callable[[], None], icon: str = "delete") -> None:
    """A button that asks once more before it acts."""
    place = here()
    if place.asked != name:
        st.button(label, icon=f":material/{icon}:", key=place.key(name), on_click=setattr, args=(place, "asked", name))
        return
    with st.container(border=True, key=f"really_{name}"):
        st.markdown(f"**{inert.plain(sentence)}**")
        with st.container(horizontal=True):
            st.button(f"Yes, {label[0].lower()}{label[1:]}", type="primary", key=place.key(f"{name}.yes"), on_click=act)
            st.button("No, keep it", key=place.key(f"{name}.no"), on_click=setattr, args=(place, "asked", None))
