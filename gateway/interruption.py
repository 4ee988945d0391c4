"""A message that ends running work: the client's leaving, a stop, a stall, a drain.

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
    """One for each call. The first reason counts."""

    __slots__ = ("_cancelled", "_task", "reason")

    def __init__(self) -> None:
        self.reason: Reason | None = None
        self._task: asyncio.Task[Any] | None = None  # while it is inside `run`
        self._cancelled = False  # and has not yet met it

    def request(self, reason: Reason) -> None:
        """Ask the work to end."""
        if self.reason is None:
            self.reason = reason
            self._cancel()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work`; raise `Interrupted` as soon as an interruption was requested (the work has ended by then).

        Work that ends with a result all the same gives it, so that nothing is lost that it took. Runs may be nested.
        """
        if self.reason is not None:
            work.close()
            raise Interrupted(self.reason)
        outer, self._task = self._task, asyncio.current_task()
        try:
            return await work
        except asyncio.CancelledError:
            if not self._arrived() or self.reason is None:
                raise
            raise Interrupted(self.reason) from None
        finally:
            if self._cancelled:
                self._arrived()
                if outer is not None:  # its turn, once it has taken this run's result
                    asyncio.get_running_loop().call_soon(self._cancel)
            self._task = outer

    def _cancel(self) -> None:
        if self._task is not None and not self._cancelled:
            self._cancelled = True
            self._task.cancel()

    def _arrived(self) -> bool:
        """Take the cancelling back; whether it was ours alone."""
        if not self._cancelled or self._task is None:
            return False
        self._cancelled = False
        return self._task.uncancel() == 0
