"""Who waits for money that other requests hold: a line for each account, in which only the first looks again.

A thousand that wait ask the ledger no more often than one. Captures of other processes are not announced here, so the
first also looks once a second. Nothing here depends on a store, and nothing can fail.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

LOOK_EVERY = 1.0  # seconds


class Place:
    """A place in the line of one account."""

    def __init__(self, line: deque[Place]) -> None:
        self._line = line
        self._look = asyncio.Event()

    def look(self) -> None:
        """There may be money now."""
        self._look.set()

    async def turn(self, seconds: float) -> None:
        """Return when it is worth asking for money again, at the latest after `seconds`."""
        first = self._line[0] is self
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, LOOK_EVERY) if first else seconds):
                await self._look.wait()
        self._look.clear()


class Lines:
    """The lines, by scope ("key:k_1")."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Place]] = {}

    @contextmanager
    def place(self, scope: str) -> Iterator[Place]:
        """Stand in line. Whoever leaves, with money or without, lets the next one look."""
        line = self._lines.setdefault(scope, deque())
        place = Place(line)
        line.append(place)
        try:
            yield place
        finally:
            was_first = line[0] is place
            line.remove(place)
            if not line:
                del self._lines[scope]
            elif was_first:
                line[0].look()

    def captured(self, scope: str) -> None:
        """A request that this account paid for has ended."""
        if scope in self._lines:
            self._lines[scope][0].look()
