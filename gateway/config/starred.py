"""Names of models in which `*` stands for anything, and lists of them, as a key's `models` or a rule's `model`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

EVERY_MODEL = "all-proxy-models"  # LiteLLM's word for `*`


def starred(names: Iterable[str]) -> re.Pattern[str]:
    """Matches what one of `names` means, in which `*` stands for anything. Of none: matches nothing."""
    parts = ["(?s:.*)".join(map(re.escape, name.split("*"))) for name in names]
    return re.compile("|".join(parts) if parts else r"(?!)")


def covers(names: frozenset[str], name: str) -> bool:
    """Whether a list has this name, or a pattern of it; of a pattern, whether it is as wide or wider."""
    return name in names or _patterns(names).fullmatch("*" if name == EVERY_MODEL else name) is not None


def common(lists: Iterable[Iterable[str] | None]) -> frozenset[str] | None:
    """What all lists allow; None where none of them says anything.

    Of two patterns of which neither is within the other nothing is left, though some names may fit both.
    """
    left: frozenset[str] | None = None
    for names in (frozenset(each) for each in lists if each is not None):
        if left is None:
            left = names
        else:
            left = frozenset(name for name in left if covers(names, name)) | {
                name for name in names if covers(left, name)
            }
    return left


@lru_cache(maxsize=1024)
def _patterns(names: frozenset[str]) -> re.Pattern[str]:
    return starred("*" if name == EVERY_MODEL else name for name in names if "*" in name or name == EVERY_MODEL)
