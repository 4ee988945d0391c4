"""Tasks that belong to the app, not to a request: they end when they are done, whoever has left.

A failing task is logged and does not touch its neighbours. `drain` waits for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

log = structlog.get_logger(__name__)

AGAIN = 1.0  # seconds until work that broke begins anew


class Tasks:
    """A supervised set: it keeps a reference to each task until it ends."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.adopt(task)
        return task

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Wait for a task that the server made, too."""
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def drain(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for every task; True when none is left."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=timeout)
        return not self._tasks

    def cancel(self) -> None:
        """The last resort at shutdown."""
        for task in self._tasks:
            task.cancel()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task_failed", task=task.get_name(), exc_info=error)


async def supervise(
    name: str, work: Callable[[], Awaitable[None]], wait: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Run work that is meant never to end, for ever: a bug in it is told, and it begins anew after a moment."""
    while True:
        try:
            await work()
            log.error("work_ended", work=name)
        except Exception:
            log.critical("work_failed", work=name, exc_info=True)
        await wait(AGAIN)
