"""A message that ends running work: the client's leaving, a stop, a stall, a drain; and the time that work may take.

Only the piece of work inside `run` is cancelled, never the walk around it, which goes out through its exits. Cancelling
works as `asyncio.timeout` does it: in the walk's own task, and taken back once it has arrived.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from gateway.errors import Interrupted, Reason

T = TypeVar("T")


class Interruption:
    """One for each call. The first reason counts. `walk`: the call's task, where it is known: to ask for it takes time."""

    __slots__ = ("_cancelled", "_late", "_task", "reason", "walk")

    def __init__(self) -> None:
        self.reason: Reason | None = None
        self.walk: asyncio.Task[Any] | None = None
        self._task: asyncio.Task[Any] | None = None  # while it is inside `run`
        self._cancelled = False  # and has not yet met it
        self._late = False  # because its time was over

    def request(self, reason: Reason) -> None:
        """Ask the work to end."""
        if self.reason is None:
            self.reason = reason
            self._cancel()

    async def run(self, work: Coroutine[Any, Any, T], within: float | None = None) -> T:
        """Await `work`; raise `Interrupted` as soon as an interruption was requested (the work has ended by then).

        Raises TimeoutError after `within` seconds. Work that ends with a result all the same gives it, so that nothing
        is lost that it took. Runs may be nested.
        """
        before = self.reason
        if before is not None:
            work.close()
            raise Interrupted(before)
        task = self.walk or asyncio.current_task()
        if task is None:
            raise RuntimeError("there is no task to interrupt")
        outer, self._task = self._task, task
        timer = None if within is None else task.get_loop().call_later(within, self._expire)
        try:
            return await work
        except asyncio.CancelledError:
            late = self._late
            if not self._arrived():
                raise
            raise self._ended(late=late) from None
        finally:
            if timer is not None:
                timer.cancel()
            if self._cancelled:
                self._arrived()
                if outer is not None and self.reason is not None:  # its turn, once it has taken this run's result
                    task.get_loop().call_soon(self._cancel)
            self._task = outer

    def _ended(self, *, late: bool) -> Exception:
        """Why the work was cancelled."""
        if self.reason is not None:
            return Interrupted(self.reason)
        return TimeoutError() if late else RuntimeError("work was cancelled without a reason")

    def _expire(self) -> None:
        self._late = not self._cancelled
        self._cancel()

    def _cancel(self) -> None:
        if self._task is not None and not self._cancelled:
            self._cancelled = True
            self._task.cancel()

    def _arrived(self) -> bool:
        """Take the cancelling back; whether it was ours alone."""
        self._late = False
        if not self._cancelled or self._task is None:
            return False
        self._cancelled = False
        return self._task.uncancel() == 0
