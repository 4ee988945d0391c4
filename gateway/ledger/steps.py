"""How large a step of background work on the store may be, learned from how long the last one took.

The store's writer waits while a step runs (SQLite has one writer at a time), so a step that took too long is followed
by a smaller one. Pure: the caller measures and pauses.
"""

from __future__ import annotations


class Steps:
    """A number of rows between `least` and `most`, aimed at steps of `target` seconds at the longest."""

    def __init__(self, most: int, target: float, least: int = 10) -> None:
        self._least = least
        self._most = most
        self._target = target
        self.size = max(least, most // 20)

    def took(self, seconds: float) -> None:
        """Learn from a full step: half as many rows after a long one, a quarter more after a short one."""
        if seconds > self._target:
            self.size = max(self._least, self.size // 2)
        elif seconds < self._target / 2:
            self.size = min(self._most, self.size + self.size // 4 + 1)
