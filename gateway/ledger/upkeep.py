"""Work that goes on beside the requests. A step that fails is told and tried again; nothing here ends a process.

While a store is away the pauses grow to two seconds; a step that fails in itself is a bug, and told as one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gateway import errors

Step = Callable[[], Awaitable[float]]
SHORTEST, LONGEST = 0.1, 2.0  # seconds between tries
log = structlog.get_logger(__name__)


class Upkeep:
    """A set of endless tasks. A step returns after how many seconds it wants to run again."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, step: Step) -> None:
        self._tasks.append(asyncio.create_task(_repeat(name, step), name=f"ledger-{name}"))

    async def close(self) -> None:
        """Stop all of it, in the middle of a step where need be."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()


async def _repeat(name: str, step: Step) -> None:
    pause = SHORTEST
    while True:
        try:
            await asyncio.sleep(await step())
            pause = SHORTEST
            continue
        except errors.Unavailable as error:
            log.warning("ledger_waits", work=name, error=error.message, seconds=pause)
        except Exception:
            log.critical("ledger_work_failed", work=name, exc_info=True)
        await asyncio.sleep(pause)
        pause = min(LONGEST, pause * 2)
