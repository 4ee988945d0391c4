"""Changes of the configuration as the gateway takes them: operations on JSON pointers. Pure.

`add` sets a key of a section whether it was there or not, and puts an entry of a list in front of the one at its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

Edit = dict[str, Any]
Parts = tuple[str | int, ...]


def add(parts: Parts, value: Any) -> Edit:
    return {"op": "add", "path": pointer(parts), "value": value}


def remove(parts: Parts) -> Edit:
    return {"op": "remove", "path": pointer(parts)}


def move(parts: Parts, to: Parts) -> Edit:
    return {"op": "move", "from": pointer(parts), "path": pointer(to)}


def put(said: Any, parts: Parts, value: Any) -> Edit:
    """Set a key; what is None, or empty, is taken out if it is there in `said`, the configuration as it is written."""
    if value is None or value in ([], {}):
        return remove(parts) if there(said, parts) else add(parts, [] if value == [] else None)
    return add(parts, value)


def there(said: Any, parts: Parts) -> bool:
    """Whether something stands at a place."""
    for part in parts:
        known = isinstance(said, Mapping) or (isinstance(said, list) and isinstance(part, int) and part < len(said))
        if not known or (isinstance(said, Mapping) and part not in said):
            return False
        said = said[part]
    return True


def pointer(parts: Parts) -> str:
    """`("groups", "a/b", 0)` as `/groups/a~1b/0` (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def parts_of(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def moved(rules: Sequence[Any], edits: Sequence[Edit]) -> list[Any]:
    """The rules after edits that move or remove whole ones."""
    found = list(deepcopy(rules))
    for edit in edits:
        if edit["op"] == "remove":
            del found[place_of(edit["path"])]
        elif edit["op"] == "move":
            found.insert(place_of(edit["path"]), found.pop(place_of(edit["from"])))
    return found


def place_of(path: str) -> int:
    return int(parts_of(path)[-1])


def values_of(configuration: Mapping[str, Any], section: str) -> dict[str, Any]:
    """What a section means: what it says, and the usual values of what it leaves out."""
    found = configuration.get("sections", {}).get(section, {}).get("effective")
    return dict(found) if isinstance(found, Mapping) else {}


def said_of(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The sections as they are written."""
    sections = configuration.get("sections", {})
    return {name: found.get("value") for name, found in sections.items() if found.get("line") is not None}


def text_of(configuration: Mapping[str, Any], section: str) -> str:
    """A section as it stands in the file; nothing where it is not there."""
    return str(configuration.get("sections", {}).get(section, {}).get("yaml") or "")


def rules_of(configuration: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(values_of(configuration, "routing").get("rules") or ())


def found_again(rule: Any, before: int, rules: Sequence[Any]) -> int | None:
    """Where a rule stands among others: at its old place, else where it is alone of its kind; None: nowhere."""
    if before < len(rules) and rules[before] == rule:
        return before
    same = [place for place, each in enumerate(rules) if each == rule]
    return same[0] if len(same) == 1 else None
