"""Work that goes on beside the requests. A step that fails is told and tried again; nothing here ends a process.

While a store is away the pauses grow to two seconds; a step that fails in itself is a bug, and told as one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from gateway import errors

Step = Callable[[], Awaitable[float]]
SHORTEST, LONGEST = 0.1, 2.0  # seconds between tries
log = structlog.get_logger(__name__)


class Upkeep:
    """A set of endless tasks. A step returns after how many seconds it wants to run again."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._wakes: list[asyncio.Event] = []

    def start(self, name: str, step: Step) -> None:
        self._wakes.append(asyncio.Event())
        self._tasks.append(asyncio.create_task(_repeat(name, step, self._wakes[-1]), name=f"ledger-{name}"))

    def wake(self) -> None:
        """Run every step now."""
        for event in self._wakes:
            event.set()

    async def close(self) -> None:
        """Stop all of it, in the middle of a step where need be."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()


async def _repeat(name: str, step: Step, wake: asyncio.Event) -> None:
    pause = SHORTEST
    while True:
        try:
            await _sleep(await step(), wake)
            pause = SHORTEST
            continue
        except errors.Unavailable as error:
            log.warning("ledger_waits", work=name, error=error.message, seconds=pause)
        except Exception:
            log.critical("ledger_work_failed", work=name, exc_info=True)
        await _sleep(pause, wake)
        pause = min(LONGEST, pause * 2)


async def _sleep(seconds: float, wake: asyncio.Event) -> None:
    """Until the time is over or somebody wakes it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wake.wait()
    wake.clear()
    await asyncio.sleep(0)
