"""A form made of a template's declared variables. What it gives is checked again by the gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import inert, wording

Variable = Mapping[str, Any]


def draw(prefix: str, variables: Sequence[Variable]) -> dict[str, Any]:
    """Draw every field, the required ones first and the others folded away. Their values by name; None where empty.

    `prefix` keeps the fields of two templates apart.
    """
    needed = [variable for variable in variables if variable.get("required")]
    others = [variable for variable in variables if not variable.get("required")]
    values = {variable["name"]: field(prefix, variable) for variable in needed}
    if others:
        with st.expander(f"More, if you like ({len(others)})", expanded=not needed, icon=":material/tune:"):
            values |= {variable["name"]: field(prefix, variable) for variable in others}
    return values


def missing(variables: Sequence[Variable], values: Mapping[str, Any]) -> list[str]:
    """Titles of required variables that have no value."""
    return [str(v.get("title")) for v in variables if v.get("required") and values.get(v["name"]) is None]


def field(prefix: str, variable: Variable) -> Any:
    """One variable's field; its value as the gateway expects it, or None."""
    label = inert.plain(variable.get("title") or variable["name"]) + (" *" if variable.get("required") else "")
    key = f"{prefix}.{variable['name']}"
    about = inert.plain(variable["description"]) if variable.get("description") else None
    match variable.get("type"):
        case "boolean":
            return st.checkbox(label, value=bool(variable.get("default")), key=key, help=about, persist_state="session")
        case "enum":
            return choice(label, key, about, variable)
        case "integer" | "number":
            return amount(label, key, about, variable)
        case "list":
            return lines(label, key, about, variable)
        case "text":
            return words(label, key, about, variable, tall=True)
        case _:
            return words(label, key, about, variable, tall=False)


def words(label: str, key: str, about: str | None, variable: Variable, *, tall: bool) -> str | None:
    example, default, most = variable.get("example"), variable.get("default") or "", variable.get("max_length")
    hint = f"For example: {' '.join(str(example).split())}" if example else None
    if tall:
        text = st.text_area(
            label, default, height=140, max_chars=most, key=key, help=about, placeholder=hint, persist_state="session"
        )
    else:
        text = st.text_input(
            label, default, max_chars=most, key=key, help=about, placeholder=hint, persist_state="session"
        )
    return (text or "").strip() or None


def lines(label: str, key: str, about: str | None, variable: Variable) -> list[str] | None:
    """A list: one line each."""
    note = f"One a line, at most {variable.get('max_items', 20)}."
    text = st.text_area(
        label,
        "\n".join(variable.get("default") or ()),
        height=110,
        key=key,
        help=f"{about} {note}" if about else note,
        placeholder="\n".join(variable.get("example") or ("One a line",)),
        persist_state="session",
    )
    return [line.strip() for line in (text or "").splitlines() if line.strip()] or None


def choice(label: str, key: str, about: str | None, variable: Variable) -> str | None:
    options: list[str] = list(variable.get("choices") or ())
    default = variable.get("default")
    return st.selectbox(
        label,
        options,
        index=options.index(default) if default in options else None,
        format_func=wording.label,
        key=key,
        help=about,
        placeholder="Choose one" if variable.get("required") else "No choice",
        persist_state="session",
    )


def amount(label: str, key: str, about: str | None, variable: Variable) -> float | None:
    low, high, default = variable["min"], variable["max"], variable.get("default")
    step: float = 1 if high - low <= 100 else 50
    if variable.get("type") == "number":
        low, high, step = float(low), float(high), (high - low) / 20 or 1.0
        default = None if default is None else float(default)
    return st.number_input(
        label, low, high, default, step, key=key, help=about, placeholder="No number", persist_state="session"
    )
