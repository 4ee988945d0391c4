"""Plain data as YAML text, the way a person writes a configuration: small collections in braces, lists of sections as lines.

A text is quoted wherever some reader of YAML might take it for something else (18:00, yes, 1e3). Pure.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

WIDEST = 100  # columns
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*(?: [A-Za-z0-9_.()/-]+)*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def scalar(value: Any, quote: str | None = None) -> str:
    """One value. `quote`: the quotes that a text had so far."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _number(value)
    text = str(value)
    if quote == "'" and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    if quote != '"' and _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable()).replace("\x7f", "\\x7f")


def _number(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    digits, e, power = repr(value).partition("e")
    return f"{digits}{'' if '.' in digits or not e else '.0'}{e}{power}"


def flow(value: Any) -> str:
    """Any value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def fits(value: Any, column: int) -> bool:
    """Whether a person would write the value on one line that has come to this column."""
    if not isinstance(value, dict | list) or not value:
        return True
    return _depth(value) <= 2 and not _has_sections(value) and column + len(flow(value)) <= WIDEST


def after_key(value: Any, column: int, step: int) -> str:
    """What follows `key:` (at this column): ` value`, or lines below it, `step` deeper."""
    if (column and fits(value, column + 20)) or not isinstance(value, dict | list) or not value:
        return f" {flow(value)}"
    inner = column + step
    return "\n" + " " * inner + (entries(value, inner, step) if isinstance(value, dict) else items(value, inner, step))


def after_dash(value: Any, column: int, step: int) -> str:
    """What follows `-` (at this column): ` value`, or the lines of a section."""
    if isinstance(value, dict) and value:
        return f" {entries(value, column + 2, step)}"
    return f" {flow(value)}"


def entries(value: dict[str, Any], column: int, step: int) -> str:
    """The lines of a section; the first without its indentation."""
    lines = (f"{scalar(key)}:{after_key(each, column, step)}" for key, each in value.items())
    return ("\n" + " " * column).join(lines)


def items(value: list[Any], column: int, step: int) -> str:
    """The lines of a list; the first without its indentation."""
    return ("\n" + " " * column).join(f"-{after_dash(each, column, step)}" for each in value)


def _depth(value: Any) -> int:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(_depth, inner), default=0)
    return 0


def _has_sections(value: Any) -> bool:
    if isinstance(value, list):
        return any(isinstance(each, dict | list) for each in value)
    return isinstance(value, dict) and any(_has_sections(each) for each in value.values())
