"""Budget windows: "1d", "7d", "30d": a whole number of days, counted from the account's start. Pure."""

from __future__ import annotations

import re

DAY = 86_400.0
_WINDOW = re.compile(r"([1-9][0-9]{0,3})d")


def seconds(window: str | None) -> float | None:
    """Length of a window; None for a budget that never resets. Raises ValueError for anything else."""
    if window is None:
        return None
    match = _WINDOW.fullmatch(window)
    if match is None:
        raise ValueError(f"a budget window is a number of days such as '1d', '7d' or '30d', not {window!r}")
    return int(match[1]) * DAY


def current(started_at: float, length: float, now: float) -> tuple[float, float]:
    """Start and end of the window that `now` lies in, stepping on from `started_at` in whole windows."""
    start = started_at + max(0.0, (now - started_at) // length) * length
    return start, start + length
