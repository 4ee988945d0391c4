"""Waiting for company: what a store is asked within a few turns of the event loop is asked at once.

A turn costs some microseconds when nothing else is ready, and lets whoever is ready come along when something is.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable

TURNS = 5


def after_turns(loop: AbstractEventLoop, act: Callable[[], None], turns: int = TURNS) -> None:
    """Call `act` when the loop has gone round so often."""
    if turns > 0:
        loop.call_soon(after_turns, loop, act, turns - 1)
    else:
        act()
