"""One rule: which requests it is for, what they get, and its place among the others. In words while it is made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import inert
from dashboard.client import JsonObject
from dashboard.sessions import Session
from dashboard.views.config import checked, edits, routing, sentences, unknown
from dashboard.views.config.fields import Fields, Several
from dashboard.views.config.place import RULES, Place

GROUP, TIER, SAME = "group", "tier", "same"
GOALS = {GROUP: "A group of models", TIER: "A tier of a virtual model", SAME: "The model that they name"}
LISTS = ("model", "team", "user", "key", "brand", "template", "tags", "days")
Names = Mapping[str, Mapping[str, str]]
_QUOTES = "\"'“”„ "
_SHORT = re.compile(r"(\d{1,2})(?:[:.](\d\d))?", re.ASCII)
_HALF_DAY = re.compile(r"(\d{1,2})(?:[:.]([0-5]\d))? ?([ap])\.?m\.?", re.ASCII | re.IGNORECASE)
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00", re.ASCII)


def show(session: Session, place: Place, names: Names) -> None:
    """The form, for the rule that is open or for a new one."""
    found = place.rules[place.opened] if isinstance(place.opened, int) else {}
    number = place.opened if isinstance(place.opened, int) else len(place.rules)
    form = Fields(place, (*RULES, st.session_state.get(place.key("place"), number)))
    st.subheader(f"Rule {number + 1}" if found else "New rule", anchor=False)
    with st.container(key="rule"):
        when = conditions(session, place, form, found.get("when") or {}, names)
        form.tell(("when",))
        use = goal(place, form, found.get("use") or {})
        form.tell(("use",))
        to, name = standing(place, form, number, found)
        rule = {**({"name": name} if name else {}), "when": compact(when), "use": compact(use)}
        with st.container(border=True, key="meaning"):
            lost = unknown.named(compact(when), unknown.there(session, place))
            st.markdown(f"**{inert.plain(sentences.rule(rule, names))}**{unknown.marks(lost)}")
        body = changes(place, form, rule, number, to)
        checked.buttons(place, body, leave="Back to the rules", wrong=form.wrong, found=form.others())


def conditions(session: Session, place: Place, form: Fields, now: JsonObject, names: Names) -> JsonObject:
    """Which requests. All that is filled in must hold."""
    st.markdown("**Which requests?**")
    st.caption("All that you fill in must hold; of several entries in one field, one is enough.")
    size = now.get("input_tokens") or {}
    left, right = st.columns(2)
    with left:
        team = form.several("team", "Of team", now.get("team"), Several(names["team"], "Any team"), at=("when", "team"))
    with right:
        most = form.number(
            "max_tokens",
            "Prompt at most … tokens",
            size.get("max"),
            at=("when", "input_tokens", "max"),
            min_value=1,
            placeholder="Any length",
            help="Of the whole prompt, estimated; about four letters each.",
        )
    left, right = st.columns(2)
    zone = f"(time of day, {routing.zone(place)})"
    with left:
        after = hour(form, "after", f"From {zone}", now.get("after"), "18:00")
    with right:
        before = hour(form, "before", f"Until {zone}", now.get("before"), "06:00")
    further = sum(bool(now.get(name)) for name in LISTS if name != "team") + bool(size.get("min"))
    with st.expander("More conditions", expanded=further > 0 or bool(place.kept), icon=":material/tune:"):
        more = rest(session, place, form, now, names)
    least = more.pop("min_tokens")
    tokens = {**({"min": int(least)} if least else {}), **({"max": int(most)} if most else {})}
    return {"team": team, **more, "input_tokens": tokens, "after": after, "before": before}


def rest(session: Session, place: Place, form: Fields, now: JsonObject, names: Names) -> JsonObject:
    """The conditions that are needed less often."""
    known = place.base.get("names", {})
    models = alike([*known.get("models", ()), *known.get("groups", ()), *known.get("aliases", ())])
    keys = alike(session.accounts.names(session.accounts.keys).values())
    left, right = st.columns(2)

    def several(name: str, label: str, options: Mapping[str, str], hint: str, *, new: bool = False) -> list[str]:
        return form.several(name, label, now.get(name), Several(options, hint, new), at=("when", name))

    with left:
        days = several("days", "On days", sentences.DAYS, "Any day")
        model = several("model", "That ask for the model", models, "Any model")
        brand = several("brand", "For brand", alike(known.get("brands", ())), "Any brand", new=True)
        tags = several("tags", "With a tag", {}, "Any: type a tag", new=True)
    with right:
        least = form.number(
            "min_tokens",
            "Prompt at least … tokens",
            (now.get("input_tokens") or {}).get("min") or None,
            at=("when", "input_tokens", "min"),
            min_value=1,
            placeholder="Any length",
        )
        template = several("template", "From template", alike(known.get("templates", ())), "Any template", new=True)
        user = several("user", "Of a person", names["user"], "Anybody", new=True)
        key = several("key", "With a key of the name", keys, "Any key", new=True)
    given = {"model": model, "user": user, "key": key, "brand": brand, "template": template, "tags": tags}
    return {**given, "days": [day for day in sentences.DAYS if day in days], "min_tokens": least}


def goal(place: Place, form: Fields, now: JsonObject) -> JsonObject:
    """What the requests get."""
    st.markdown("**What do they get?**")
    known = place.base.get("names", {})
    goals = GOALS if known.get("tiers") else {each: GOALS[each] for each in (GROUP, SAME)}
    had = TIER if now.get("tier") else SAME if now and not now.get("group") else GROUP
    use: JsonObject = {"group": None, "tier": None}
    left, middle, right = st.columns(3)
    with left:
        kind = form.choice("kind", "Serve from", had, goals)
    with middle:
        if kind == GROUP:
            options = sentences.groups(known)
            use["group"] = form.choice("group", "Group", now.get("group"), options, at=("use", "group"), empty="Choose")
        elif kind == TIER:
            options = alike(known.get("tiers", ()))
            use["tier"] = form.choice("tier", "Tier", now.get("tier"), options, at=("use", "tier"), empty="Choose")
    with right:
        policies = sentences.policies(known.get("policies", ()))
        at, empty = ("use", "policy"), "As the group says"
        use["policy"] = form.choice("policy", "Ranked by", now.get("policy"), policies, at=at, empty=empty)
    if kind != SAME and not use[kind] and form.changed:
        form.wrong.append(f"choose a {kind}")
    return use


def hour(form: Fields, name: str, label: str, now: str | None, hint: str) -> str | None:
    """A time of day; what is none counts as wrong, and is told how to write it."""
    typed = form.words(name, label, now, at=("when", name), placeholder=hint)
    meant = clock(typed)
    if meant and not _TIME.fullmatch(meant):
        form.refuse(label, f"“{typed}” is no time of day; write it as {guess(meant, hint)}")
    return meant


def standing(place: Place, form: Fields, number: int, found: JsonObject) -> tuple[int, str | None]:
    """Its place among the rules, and its name."""
    others = len(place.rules) - bool(found)
    left, right = st.columns(2)
    with left:
        name = form.words(
            "name", "Name", found.get("name"), at=("name",), placeholder="Shown as the reason of a route", max_chars=200
        )
    with right:
        places = {each: f"{each + 1}. of {others + 1}" for each in range(others + 1)}
        places |= {others: "last"} | {0: "first: before all others" if others else "the only rule"}
        to = form.choice("place", "Place in the order", number, places)
    return int(to), name


def changes(place: Place, form: Fields, rule: JsonObject, number: int, to: int) -> JsonObject | None:
    """What is sent: of a rule that is there only what changed, so that its comments stay. None: nothing."""
    if place.opened is None:
        return place.change([edits.add((*RULES, to), rule)] if form.changed else [])
    before = place.rules[number]
    root = (*RULES, number)
    said = place.said
    made = [edits.put(said, (*root, "name"), rule.get("name"))] if rule.get("name") != before.get("name") else []
    for part in ("when", "use"):
        old, new = compact(before.get(part) or {}), rule[part]
        made += [
            edits.put(said, (*root, part, name), new.get(name))
            for name in dict.fromkeys((*old, *new))
            if old.get(name) != new.get(name)
        ]
    if to != number:
        made.append(edits.move(root, (*RULES, to)))
    return place.change(made)


def compact(part: Mapping[str, Any]) -> JsonObject:
    """As one would write it: nothing that is empty, and one entry without a list."""
    found: JsonObject = {}
    for name, value in part.items():
        if name == "input_tokens":
            kept: Any = {end: amount for end, amount in (value or {}).items() if amount}
        else:
            kept = value[0] if isinstance(value, list) and len(value) == 1 else value
        if kept:
            found[name] = kept
    return found


def alike(names: Any) -> dict[Any, str]:
    """Options that are shown as they are."""
    return {str(each): str(each) for each in names}


def clock(typed: str | None) -> str | None:
    """A time of day as the file has it: 18, 9.30, 18:00 and "18:00" are taken; what is none stays as it is."""
    if not typed:
        return None
    bare = typed.strip(_QUOTES)
    found = _SHORT.fullmatch(bare)
    return f"{int(found[1]):02d}:{found[2] or '00'}" if found else bare or typed


def guess(typed: str, hint: str) -> str:
    """What was meant by 6pm; `hint` where that is not to be seen."""
    found = _HALF_DAY.fullmatch(typed)
    if not found or not 1 <= int(found[1]) <= 12:
        return hint
    return f"{int(found[1]) % 12 + 12 * (found[3].lower() == 'p'):02d}:{found[2] or '00'}"
