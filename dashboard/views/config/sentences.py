"""Rules, groups and budgets in sentences for people. Pure; the caller makes them inert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

DAYS = {"mon": "Mon", "tue": "Tue", "wed": "Wed", "thu": "Thu", "fri": "Fri", "sat": "Sat", "sun": "Sun"}
ONCE = "once, never again"
WINDOWS = {1: "each day", 7: "each week", 30: "every 30 days"}
POLICIES = {
    "priority": "the first of the file",
    "weighted": "shares by weight",
    "complexity": "how hard the request is",
    "least_busy": "the least busy",
    "latency": "the quickest",
    "cost": "the cheapest",
    "usage": "the least used",
}
Names = Mapping[str, Mapping[str, str]]  # "team" and "user": id to name
EVERY = "All requests"


def rule(found: Mapping[str, Any], names: Names) -> str:
    """Requests of team Social with at most 500 tokens, from 18:00 → fast."""
    return f"{whose(found.get('when') or {}, names)} → {target(found.get('use') or {})}"


def whose(when: Mapping[str, Any], names: Names) -> str:
    """Which requests, in words."""
    parts = [
        listed("for", when.get("model")),
        listed("of team", when.get("team"), names.get("team")).replace("of team Team ", "of Team "),
        listed("of", when.get("user"), names.get("user")),
        listed("with key", when.get("key")),
        listed("for brand", when.get("brand")),
        listed("from template", when.get("template")),
        listed("tagged", when.get("tags")),
        tokens(when.get("input_tokens") or {}),
    ]
    said = " ".join(part for part in parts if part)
    times = moments(when)
    if not said and not times:
        return EVERY
    return "Requests" + (f" {said}" if said else "") + ((", " if said else " ") + times if times else "")


def listed(word: str, values: Any, names: Mapping[str, str] | None = None) -> str:
    """Of team Social or Blog."""
    several = many(values)
    if not several:
        return ""
    return f"{word} {alternatives([(names or {}).get(each, each) for each in several])}"


def many(values: Any) -> list[str]:
    """One value stands for a list with one entry."""
    if values is None or values == "":
        return []
    return [values] if isinstance(values, str) else [str(each) for each in values]


def alternatives(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"


def tokens(size: Mapping[str, Any]) -> str:
    least, most = size.get("min") or 0, size.get("max")
    if most is None:
        return f"with at least {least:,} tokens" if least else ""
    return f"with {least:,} to {most:,} tokens" if least else f"with at most {most:,} tokens"


def moments(when: Mapping[str, Any]) -> str:
    """From 18:00 to 06:00 on Mon to Fri."""
    after, before = when.get("after"), when.get("before")
    clock = f"from {after}" if after else ""
    if before:
        clock = f"{clock} to {before}" if after else f"before {before}"
    return " ".join(part for part in (clock, days(many(when.get("days")))) if part)


def days(given: Sequence[str]) -> str:
    """On Mon to Fri, on Sat and Sun."""
    order = list(DAYS)
    places = sorted({order.index(each) for each in given if each in DAYS})
    if not places:
        return ""
    names = [DAYS[order[place]] for place in places]
    if len(places) > 2 and places[-1] - places[0] == len(places) - 1:
        return f"on {names[0]} to {names[-1]}"
    return f"on {names[0]}" if len(names) == 1 else f"on {', '.join(names[:-1])} and {names[-1]}"


def target(use: Mapping[str, Any]) -> str:
    """Fast, ranked by cost."""
    where = use.get("group") or (f"tier {use['tier']}" if use.get("tier") else "")
    policy = f"ranked by {use['policy']}" if use.get("policy") else ""
    return ", ".join(part for part in (where, policy) if part) or "nothing yet"


def group(found: Mapping[str, Any], usual: str) -> str:
    """What a group does when it fails, and who picks in it."""
    parts = [f"Ranked by {found.get('policy') or usual}"]
    for name, words in (
        ("fallbacks", "when it fails"),
        ("context_window_fallbacks", "when a prompt is too long"),
        ("content_policy_fallbacks", "when the content is refused"),
    ):
        others = many(found.get(name))
        if others:
            parts.append(f"{words}: {', then '.join(others)}")
    return "; ".join(parts)


def policies(names: Sequence[str]) -> dict[str, str]:
    """Policies by name, with what they look at."""
    return {each: f"{each}: {POLICIES[each]}" if each in POLICIES else each for each in names}


def groups(names: Mapping[str, Any]) -> dict[str, str]:
    """Groups and aliases to choose from; those that answer no chat say so."""
    embeddings = set(names.get("embeddings", ()))
    every = [str(each) for each in (*names.get("groups", ()), *names.get("aliases", ()))]
    return {each: f"{each} (embeddings only)" if each in embeddings else each for each in every}


def window(every: int) -> str:
    return WINDOWS.get(every) or f"every {every} days"
