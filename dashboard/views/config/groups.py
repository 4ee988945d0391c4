"""Groups: who picks among a group's deployments, and which groups a request goes on with when it fails."""

from __future__ import annotations

import streamlit as st

from dashboard import inert
from dashboard.client import JsonObject
from dashboard.views.config import checked, edits, sentences
from dashboard.views.config.fields import Fields, Several
from dashboard.views.config.place import Place, here

EMPTY = "The file has no model yet. Models stand in `model_list`, which is edited in the file itself."
SEARCH_FROM = 12  # groups
FALLBACKS = {
    "fallbacks": ("When it fails, go on with", "Nothing else", "In the order in which you choose them."),
    "context_window_fallbacks": ("For prompts that are too long for it", "As when it fails", None),
    "content_policy_fallbacks": ("For requests that its provider refuses for their content", "Nothing else", None),
}


def show() -> None:
    place = here()
    if place.form:
        one(place, str(place.opened))
        return
    known = names(place)
    if not known:
        with st.container(border=True, key="empty"):
            st.markdown(EMPTY)
        return
    st.caption("A group is what clients ask for; behind it stand one or more deployments.")
    every(place, known)


def names(place: Place) -> list[str]:
    """Groups of the file, and others that have settings."""
    settings = edits.values_of(place.base, "groups")
    return list(dict.fromkeys((*settings, *place.base.get("names", {}).get("groups", ()))))


def every(place: Place, known: list[str]) -> None:
    usual = str(edits.values_of(place.base, "routing").get("policy") or "weighted")
    settings = edits.values_of(place.base, "groups")
    if len(known) >= SEARCH_FROM:
        wanted = st.text_input(
            "Search",
            key="config_search_groups",
            placeholder="Search the groups",
            icon=":material/search:",
            label_visibility="collapsed",
        )
        known = [each for each in known if wanted.casefold() in each.casefold()]
    with st.container(key="groups", gap="xsmall"):
        for name in known:
            row = f"row_{name}"
            with st.container(border=True, horizontal=True, vertical_alignment="center", wrap=False, key=row):
                sentence = sentences.group(settings.get(name) or {}, usual)
                st.markdown(f"**{inert.plain(name)}**  \n:gray[{inert.plain(sentence)}]", width="stretch")
                st.button(
                    "Edit",
                    icon=":material/edit:",
                    key=place.key(f"edit.{name}"),
                    type="tertiary",
                    on_click=place.open,
                    args=(name,),
                    disabled=place.broken,
                )


def one(place: Place, name: str) -> None:
    """A group's settings."""
    found: JsonObject = edits.values_of(place.base, "groups").get(name) or {}
    written = edits.there(place.said, ("groups", name))
    known = place.base.get("names", {})
    form = Fields(place, ("groups", name))
    st.subheader(inert.plain(name), anchor=False)
    with st.container(key="group"):
        usual = edits.values_of(place.base, "routing").get("policy") or "weighted"
        policies = sentences.policies(known.get("policies", ()))
        empty = f"As everywhere: {usual}"
        policy = form.choice(
            "policy", "Policy that ranks its deployments", found.get("policy"), policies, at=("policy",), empty=empty
        )
        others = {each: said for each, said in sentences.groups(known).items() if each != name}
        for each, (label, hint, about) in FALLBACKS.items():
            form.several(each, label, found.get(each), Several(others, hint, about=about), at=(each,))
        said = sentences.group({**form.values, "policy": policy}, str(usual))
        with st.container(border=True, key="meaning"):
            st.markdown(f"**{inert.plain(said)}**")
        checked.buttons(
            place, place.change(changes(name, form, written=written)), leave="Back to the groups", found=form.others()
        )


def changes(name: str, form: Fields, *, written: bool) -> list[edits.Edit]:
    """Only what changed; all of it together where the group had no settings."""
    if form.changed and not written:
        return [edits.add(("groups", name), form.changed)]
    return [edits.put(form.place.said, ("groups", name, key), value) for key, value in form.changed.items()]
