"""What holds for all rules and groups: the time zone of times, the usual policy, and two switches of routing."""

from __future__ import annotations

import zoneinfo
from functools import cache

import streamlit as st

from dashboard.views.config import checked, edits, sentences
from dashboard.views.config.fields import Fields
from dashboard.views.config.place import Place

NAME = "routing"
TEXT = "Virtual models, such as auto, and their tiers are edited as text."


def show(place: Place) -> None:
    now = edits.values_of(place.base, NAME)
    form = Fields(place, (NAME,))
    st.subheader("Time zone and ranking", anchor=False)
    with st.container(key="routing"):
        left, right = st.columns(2)
        with left:
            form.choice("timezone", "Times in rules are those of", zone(place), zones(), at=("timezone",))
        with right:
            policies = sentences.policies(place.base.get("names", {}).get("policies", ()))
            form.choice("policy", "Groups are ranked by", now.get("policy"), policies, at=("policy",))
        for name, label in (
            ("tag_filter", "Deployments with tags serve only requests that have one of them"),
            ("check_context", "Leave deployments out whose context window is smaller than the prompt"),
        ):
            form.toggle(name, label, now=bool(now.get(name)), at=(name,))
        made = [edits.put(place.said, (NAME, name), value) for name, value in form.changed.items()]
        checked.buttons(place, place.change(made), leave="Back to the rules", found=form.others())
        st.caption(TEXT)


def zone(place: Place) -> str:
    """In which times of rules are meant."""
    return str(edits.values_of(place.base, NAME).get("timezone") or "UTC")


@cache
def zones() -> dict[str, str]:
    """UTC, then the places of the tz database."""
    places = sorted(each for each in zoneinfo.available_timezones() if "/" in each and not each.startswith("Etc/"))
    return {each: each.replace("_", " ") for each in ("UTC", *places)}
