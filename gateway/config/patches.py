"""Edits of plain data, in the manner of JSON Patch (RFC 6902): add, replace, remove and move at a path.

Gentler than the standard in two ways: sections and lists on the way to an added value are made, and `replace` sets what
was not there. What cannot be done raises `ConfigError` with the number of the edit; the data stays as it was.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from gateway.config.problems import ConfigError, Mark, Path, Problem

LAST = "-"
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit. Paths are JSON pointers ("/routing/rules/0"; `-` is the place after a list's last entry)."""

    op: Literal["add", "replace", "remove", "move"]
    path: str
    value: Any = None
    source: str | None = None  # of a move


def pointer(text: str, number: int = 0) -> tuple[str, ...]:
    """The parts of a JSON pointer. Raises ConfigError."""
    if not text.startswith("/") or text == "/":
        refuse(number, (), "is no path", 'write it like "/routing/rules/0"')
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/"))


def applied(data: dict[str, Any], edits: Sequence[Edit]) -> dict[str, Any]:
    """A copy of the data after all edits, one after the other. Raises ConfigError for the first that is impossible."""
    out = copy.deepcopy(data)
    for number, edit in enumerate(edits):
        path = pointer(edit.path, number)
        value = copy.deepcopy(edit.value)
        match edit.op:
            case "remove":
                _take(out, path, number)
            case "replace":
                _put(out, path, value, number, insert=False)
            case "add":
                _put(out, path, value, number, insert=True)
            case "move":
                source = pointer(edit.source or "", number)
                if path[: len(source)] == source and path != source:
                    refuse(number, source, "cannot be moved into itself", "move it elsewhere")
                _put(out, path, _take(out, source, number), number, insert=True)
    return out


def refuse(number: int, path: Path, what: str, mend: str) -> NoReturn:
    """Raise ConfigError about the edit of this number, counted from 0."""
    raise ConfigError([Problem(Mark(f"edits[{number}]"), path, what, mend)])


def _take(data: Any, path: tuple[str, ...], number: int) -> Any:
    """Remove and return what stands at the path."""
    *way, last = path
    here = data
    for depth, part in enumerate(way):
        here = _child(here, part, path[: depth + 1], number)
    value = _child(here, last, path, number)
    del here[int(last) if isinstance(here, list) else last]
    return value


def _child(here: Any, part: str, path: tuple[str, ...], number: int) -> Any:
    if isinstance(here, dict) and part in here:
        return here[part]
    if isinstance(here, list) and _INDEX.fullmatch(part) and int(part) < len(here):
        return here[int(part)]
    refuse(number, path, "is not there", "read the configuration again")


def _put(data: dict[str, Any], path: tuple[str, ...], value: Any, number: int, *, insert: bool) -> None:
    *way, last = path
    here: Any = data
    for depth, part in enumerate(way):
        if isinstance(here, dict) and here.get(part) is None:
            here[part] = [] if path[depth + 1] in {LAST, "0"} else {}
        here = _child(here, part, path[: depth + 1], number)
    if isinstance(here, dict):
        here[last] = value
    elif isinstance(here, list):
        index = len(here) if last == LAST else int(last) if _INDEX.fullmatch(last) else len(here) + 1
        if index > len(here) or (not insert and index == len(here)):
            refuse(number, path, "is no place in this list", f"it has {len(here)} entries, counted from 0")
        here[index : index if insert else index + 1] = [value]
    else:
        refuse(number, path, "is below a single value", "replace that value as a whole")
