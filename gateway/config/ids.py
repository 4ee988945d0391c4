"""What the id of a team, a user or a brand looks like. Pure: whether anybody has it, the store knows."""

from __future__ import annotations

import re

GONE = "erased-"  # what stands for a person who was erased
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:|~+-]{0,127}")


def can_be_an_id(text: str) -> bool:
    """Whether an account may have it: 1 to 128 letters, digits and . _ : | ~ + -, and it begins with one of the former."""
    return _ID.fullmatch(text) is not None and not text.startswith(GONE)
