"""A request's variables held against what a template declares. Pure; refuses with the name and what was expected.

Values come as OpenAI's SDK sends them, a string or an `input_text` object, or as plain JSON of the declared type.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

from gateway.errors import InvalidRequest
from gateway.prompts.neutralise import neutralise
from gateway.prompts.schema import (
    BooleanVariable,
    EnumVariable,
    IntegerVariable,
    ListVariable,
    NumberVariable,
    StringVariable,
    TextVariable,
    Value,
    Variable,
)
from gateway.prompts.template import Version

_NUMERAL = 32  # characters; longer ones are no sensible number, and slow to read
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def validate_variables(version: Version, given: Mapping[str, Any]) -> dict[str, Value]:
    """Every declared variable with its value: checked, its text neutralised, defaults filled in.

    What was not given and has no default is empty: "" for text and enum, [], False, None for numbers. Raises
    `InvalidRequest` (`invalid_prompt_variables`) for an unknown, missing or ill-fitting one.
    """
    if not isinstance(given, Mapping):
        _refuse(None, "`prompt.variables` must be an object that maps names to values.")
    for name in given:
        if name not in version.variables:
            _refuse(str(name)[:80], _unknown(str(name)[:80], version))
    return {name: _read(name, variable, given.get(name)) for name, variable in version.variables.items()}


def check_value(variable: Variable, given: object) -> Value:
    """One value as its variable declares it. Raises `ValueError` that says what it must be."""
    match variable:
        case StringVariable() | TextVariable():
            return _text(given, variable.max_length)
        case EnumVariable():
            return _choice(given, variable.choices)
        case BooleanVariable():
            return _flag(given)
        case IntegerVariable():
            return _integer(given, variable.min, variable.max)
        case NumberVariable():
            return _number(given, variable.min, variable.max)
        case ListVariable():
            return _items(given, variable)


def _read(name: str, variable: Variable, given: object) -> Value:
    try:
        value = _plain(given)
        if not is_blank(value):
            checked = check_value(variable, value)
            if not is_blank(checked):
                return checked
        if variable.required:
            raise ValueError("is required, and was not given or is empty")  # noqa: TRY301 - one way out for all
        return check_value(variable, variable.default) if variable.default is not None else _empty(variable)
    except ValueError as error:
        _refuse(name, f"The variable `{name}` {error}.")


def _refuse(name: str | None, message: str) -> NoReturn:
    param = "prompt.variables" if name is None else f"prompt.variables.{name}"
    raise InvalidRequest(message, code="invalid_prompt_variables", param=param) from None


def _unknown(name: str, version: Version) -> str:
    known = list(version.variables)
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"it knows: {', '.join(known) or 'none'}."
    return f"The template `{version.template}` (version {version.version}) has no variable `{name}`; {hint}"


def _plain(given: object) -> object:
    """OpenAI's `input_text` object is its text; its images and files have no place in a text template."""
    if not isinstance(given, Mapping):
        return given
    kind = given.get("type")
    if kind == "input_text" and isinstance(given.get("text"), str):
        return given["text"]
    if kind in ("input_image", "input_file"):
        raise ValueError(f"is an {kind}, which templates do not take: give a string or an input_text object")
    raise ValueError('must be a string or an object {"type": "input_text", "text": "…"}')


def is_blank(value: object) -> bool:
    """True for what counts as not given."""
    return value is None or value in ("", [], ()) or (isinstance(value, str) and not value.strip())


def _empty(variable: Variable) -> Value:
    match variable:
        case IntegerVariable() | NumberVariable():
            return None
        case BooleanVariable():
            return False
        case ListVariable():
            return []
        case _:
            return ""


def _text(given: object, max_length: int) -> str:
    if not isinstance(given, str):
        raise ValueError("must be text")  # noqa: TRY004 - a ValueError is what callers turn into an answer
    if len(given) > max_length:
        raise ValueError(f"is too long: {len(given):,} characters, and at most {max_length:,} are allowed")
    return neutralise(given)


def _choice(given: object, choices: tuple[str, ...]) -> str:
    if isinstance(given, str) and given.strip() in choices:
        return given.strip()
    raise ValueError(f"must be one of: {', '.join(choices)}")


def _flag(given: object) -> bool:
    if isinstance(given, bool):
        return given
    if isinstance(given, str) and len(given) <= _NUMERAL and given.strip().lower() in _FLAGS:
        return _FLAGS[given.strip().lower()]
    raise ValueError("must be true or false")


def _integer(given: object, low: int, high: int) -> int:
    value = _parse(int, given) if isinstance(given, str) else given
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise ValueError(f"must be a whole number from {low} to {high}")


def _number(given: object, low: float, high: float) -> float:
    value = _parse(float, given) if isinstance(given, str) else given
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and low <= value <= high:
        return value
    raise ValueError(f"must be a number from {low:g} to {high:g}")


def _parse(kind: type[int | float], text: str) -> float | None:
    """Python's own reading, without its extras (`1_000`, digits of other scripts)."""
    if len(text) > _NUMERAL or not text.isascii() or "_" in text:
        return None
    try:
        return kind(text)
    except ValueError:
        return None


def _items(given: object, variable: ListVariable) -> list[str]:
    """A JSON array; or, as OpenAI's variables are strings, one string: an item a line, or separated by commas."""
    if isinstance(given, str):
        longest = variable.max_items * (variable.max_length + 2)
        given = _text(given, longest)
        given = given.split("\n" if "\n" in given.strip() else ",")
    if not isinstance(given, list | tuple) or not all(isinstance(item, str) for item in given):
        raise ValueError("must be a list of strings")
    items = [item for item in given if item.strip()]
    if len(items) > variable.max_items:
        raise ValueError(f"has {len(items):,} items, and at most {variable.max_items} are allowed")
    cleaned = [_text(item.strip(), variable.max_length) for item in items]
    return [item for item in cleaned if item.strip()]
