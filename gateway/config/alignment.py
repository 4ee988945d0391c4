"""Which entry of a changed list was which before, so that what stands around an entry goes where it goes. Pure."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from typing import Any


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same kinds: 1 is neither true nor 1.0."""
    return canonical(one) == canonical(other)


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def origins(old: Sequence[Any], new: Sequence[Any]) -> list[int | None]:
    """For each new entry the old one that it was, or None: the same, of the same `name`, or in the same place."""
    before, after = [canonical(each) for each in old], [canonical(each) for each in new]
    found: list[int | None] = [
        place if place < len(old) and before[place] == text else None for place, text in enumerate(after)
    ]
    free = dict.fromkeys(index for index in range(len(old)) if index >= len(found) or found[index] is None)

    def match(names_before: Sequence[Hashable], names_after: Sequence[Hashable]) -> None:
        places: dict[Hashable, list[int]] = {}
        for index in reversed(free):
            places.setdefault(names_before[index], []).append(index)
        for place, name in enumerate(names_after):
            if found[place] is None and name is not None and places.get(name):
                found[place] = places[name].pop()
                del free[found[place]]  # type: ignore[arg-type]

    match(before, after)
    match([_name(each) for each in old], [_name(each) for each in new])
    match(
        [(place, type(each)) for place, each in enumerate(old)], [(place, type(each)) for place, each in enumerate(new)]
    )
    return found


def _name(value: Any) -> Hashable:
    name = value.get("name") if isinstance(value, dict) else None
    return name if isinstance(name, str) else None
