"""Studio: choose a model, a template and a voice, and watch the text being written.

What the gateway refuses is shown in its own words. The text belongs to the sign-in, not to the page: another page, or
a reload, comes back to it.
"""

from __future__ import annotations

import streamlit as st

from dashboard import gate, inert
from dashboard.client import JsonObject, Problem
from dashboard.draft import Draft, Order
from dashboard.sessions import Catalogue, Me, Session
from dashboard.views import form, ordering, text

LOOKS_ON = "You look on here: see Spend and Health. To write texts, ask an admin or your team's lead for another role."
TEXT = "text"  # in the address and in the page's state: which text is shown
FREE_PROMPT: JsonObject = {
    "variables": [
        {
            "name": "prompt",
            "title": "What should be written?",
            "type": "text",
            "required": True,
            "max_length": 100_000,
            "example": "Three headlines for an article about a bakery that plans its week on paper",
        }
    ]
}


def show() -> None:
    session, me = gate.signed_in()
    st.title("Studio", anchor=False)
    if not me.may_write:
        st.info(LOOKS_ON, icon=":material/visibility:")
        return
    try:
        catalogue = session.catalogue()
    except Problem as problem:
        st.error(inert.plain(problem.message), icon=":material/cloud_off:")
        return
    draft = shown(session)
    left, right = st.columns([2, 3], gap="large")
    with left:
        order = brief(catalogue, me, busy=draft is not None and draft.look().running)
    if order is not None:
        remember(session.write(order))
        st.rerun()
    with right:
        text.show(draft)


def shown(session: Session) -> Draft | None:
    """The text of this tab."""
    draft_id = st.query_params.get(TEXT) or st.session_state.get(TEXT)
    draft = session.draft(draft_id)
    if draft is not None:
        remember(str(draft_id))
    return draft


def remember(draft_id: str) -> None:
    st.session_state[TEXT] = st.query_params[TEXT] = draft_id


def brief(catalogue: Catalogue, me: Me, *, busy: bool) -> Order | None:
    """Everything that is chosen and filled in; an order when it was just given."""
    models = ordering.chat_models(catalogue.models)
    if not models:
        st.warning("This key may use no model that writes texts. Ask an admin.", icon=":material/block:")
        return None
    template = choose_template(catalogue)
    version = ordering.current_version(template) if template else FREE_PROMPT
    variables = list(version.get("variables") or ())
    with st.form("brief", border=False, enter_to_submit=False):
        values = form.draw(str(template["id"]) if template else "free", variables)
        brand = choose_brand(ordering.brands_for(catalogue.brands, me.facts, version), me.facts.get("default_brand"))
        model = choose_model(models)
        pressed = st.form_submit_button(
            "Generate", type="primary", icon=":material/ink_pen:", disabled=busy, width="stretch"
        )
    if not pressed or busy:
        return None
    lacking = form.missing(variables, values)
    if lacking:
        st.error(f"Please fill in: {inert.plain(', '.join(lacking))}", icon=":material/edit:")
        return None
    if template:
        return ordering.template_order(model, template, values, brand)
    return ordering.free_order(model, values["prompt"], brand)


def choose_template(catalogue: Catalogue) -> JsonObject | None:
    """A template with its description; None for a prompt in the person's own words."""
    templates = {str(template["id"]): template for template in catalogue.templates}
    chosen = st.selectbox(
        "Template",
        [ordering.FREE, *templates],
        format_func=lambda name: templates[name]["title"] if name in templates else name,
        key="template",
        persist_state="session",
    )
    template = templates.get(str(chosen))
    if template:
        st.caption(inert.plain(template.get("description", "")))
    return template


def choose_brand(brands: dict[str, str], own: str | None) -> str:
    ids = list(brands)
    chosen = st.selectbox(
        "Brand voice",
        ids,
        index=ids.index(own) if own in ids else 0,
        format_func=lambda name: brands.get(name, name),
        key="brand",
        persist_state="session",
    )
    return str(chosen)


def choose_model(models: dict[str, str]) -> str:
    chosen = st.selectbox(
        "Model",
        list(models),
        format_func=lambda name: models.get(name, name),
        key="model",
        persist_state="session",
    )
    return str(chosen)
