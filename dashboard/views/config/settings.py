"""Sections that are a handful of numbers and switches: limits, attempts, health, waiting, times, kept answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.views.config import checked, edits
from dashboard.views.config.edits import Edit
from dashboard.views.config.fields import Fields
from dashboard.views.config.place import here

NO_LIMIT = "No limit"
MAPS = "What single kinds of errors have of their own is edited as text."


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of a section. `kind`: count, seconds or switch, or else the words of its values."""

    label: str
    kind: str | Mapping[str, str] = "count"
    about: str | None = None
    least: int = 1
    empty: str = "The usual"


Settings = Mapping[str, Mapping[str, Setting]]  # by section and key

LIMITS: Settings = {
    "limits": {
        "rpm": Setting("Requests a minute of each key without a limit of its own", empty=NO_LIMIT),
        "max_parallel": Setting("Requests at once of each key without a limit of its own", empty=NO_LIMIT),
        "max_parallel_total": Setting("Requests at once, of everybody together", empty=NO_LIMIT),
        "max_n": Setting("Most choices in one request", about="What clients ask for with n."),
        "default_max_tokens": Setting("Answer length where a request names none, in tokens"),
        "default_max_tokens_reasoning": Setting("The same for reasoning models, in tokens"),
        "require_user": Setting("Refuse requests that do not name their user", "switch"),
    }
}
TITLES = {
    "retry": "Attempts",
    "health": "Deployments that fail",
    "queue": "Waiting for a free place",
    "timeouts": "Longest times",
    "cache": "Kept answers",
}
RELIABILITY: Settings = {
    "retry": {
        "attempts": Setting("Attempts a request", about="Over all deployments; at most 10."),
        "per_group": Setting("Of these in one group, before its fallbacks", empty="All of them"),
    },
    "health": {
        "enabled": Setting("Leave failing deployments out", "switch"),
        "failures": Setting("Failures in a row until then"),
        "open_for": Setting("Left out the first time", "seconds", about="Each further time is twice as long."),
        "max_open": Setting("Left out at most", "seconds"),
    },
    "queue": {
        "max_wait": Setting("Wait at most", "seconds", about="0 refuses at once.", least=0),
        "max_length": Setting("Requests that wait at once", least=0),
    },
    "timeouts": {
        "connect": Setting("For a connection to a provider", "seconds"),
        "total": Setting("For a whole request, all attempts together", "seconds"),
    },
    "cache": {
        "enabled": Setting("Answer repeated requests from memory", "switch"),
        "scope": Setting("Who shares answers", {"tenant": "all keys of a team or person", "key": "nobody"}),
        "ttl": Setting("Kept for", "seconds"),
        "max_entries": Setting("Most answers that are kept"),
    },
}


def limits() -> None:
    st.caption(
        "What holds where nothing else is said. Budgets and limits of a single key, person or team are on the page People."
    )
    show(LIMITS)


def reliability() -> None:
    show(RELIABILITY)
    st.caption(MAPS)


def show(sections: Settings) -> None:
    """The fields of some sections, and one check for all of them."""
    place = here()
    form = Fields(place)
    with st.container(key="settings"):
        for section, settings in sections.items():
            if section in TITLES:
                st.markdown(f"##### {TITLES[section]}")
            draw(form, section, settings)
        made = changes(form, sections)
        checked.buttons(place, place.change(made), leave="Undo my entries" if made else None, found=form.others())


def draw(form: Fields, section: str, settings: Mapping[str, Setting]) -> None:
    """Switches below each other, everything else two by two."""
    now = edits.values_of(form.place.base, section)
    others = [name for name, setting in settings.items() if setting.kind != "switch"]
    for name in settings:
        if name not in others:
            field(form, section, name, settings[name], now.get(name))
    for start in range(0, len(others), 2):
        for column, name in zip(st.columns(2), others[start : start + 2], strict=False):
            with column:
                field(form, section, name, settings[name], now.get(name))


def field(form: Fields, section: str, name: str, setting: Setting, now: Any) -> None:
    key, at = f"{section}.{name}", (section, name)
    if isinstance(setting.kind, Mapping):
        form.choice(key, setting.label, now, setting.kind, at=at)
    elif setting.kind == "switch":
        form.toggle(key, setting.label, now=bool(now), at=at)
    else:
        seconds = setting.kind == "seconds"
        label = f"{setting.label} (seconds)" if seconds else setting.label
        least: float = setting.least if not seconds else 0.0
        value = None if now is None else float(now) if seconds else int(now)
        step: float = 1.0 if seconds else 1
        about: dict[str, Any] = {"help": setting.about} if setting.about else {}
        if seconds:
            about["format"] = "%g"
        form.number(key, label, value, at=at, min_value=least, step=step, placeholder=setting.empty, **about)


def changes(form: Fields, sections: Settings) -> list[Edit]:
    """An edit for each value that is another than in the configuration."""
    return [
        edits.put(form.place.said, (section, name), plain(form.changed[key]))
        for section, settings in sections.items()
        for name in settings
        if (key := f"{section}.{name}") in form.changed
    ]


def plain(value: Any) -> Any:
    """Whole numbers without a point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
