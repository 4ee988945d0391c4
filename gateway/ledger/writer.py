"""One thread, one SQLite connection: everything that waits is committed together, and handed over once a turn of the loop.

While the store is away (locked for too long, disk full) an act fails with `errors.Unavailable` and has done nothing;
an act that must be `kept` stays first in line, is tried again with growing pauses, and its waiter waits. A waiter that
is cancelled takes nothing back: its act runs in its turn. Acts run in the order in which they were given.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import structlog

from gateway import errors
from gateway.killpoints import reached
from gateway.store.database import prepare, unavailable
from gateway.turns import after_turns

T = TypeVar("T")
MAX_BATCH = 256
WAL_PAGES = 4_000  # 16 MB; by then others, who hold nobody up, have moved most of the log into the file
PAUSES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
log = structlog.get_logger(__name__)


class Unit(Protocol):
    """What the acts of one transaction work on."""

    def end(self) -> None: ...  # write what is left to write: the transaction is about to be committed
    def undone(self) -> None: ...  # it was rolled back


U = TypeVar("U", bound=Unit)


@dataclass(slots=True, eq=False)
class _Job:
    act: Callable[[Any], Any]
    keep: bool
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = field(default=None, repr=False)


class Writer(Generic[U]):
    """Runs acts on the database file at `path`. Start, use and close it on one event loop."""

    def __init__(
        self,
        path: Path,
        unit: Callable[[sqlite3.Connection], U],
        *,
        lock_wait: float = 2.0,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        """`unit` makes what a transaction's acts are given, on a connection on which that has begun.

        `lock_wait`: seconds to wait for another writer; `pauses`: seconds between tries of what is kept.
        """
        self._path = path
        self._unit = unit
        self._lock_wait = lock_wait
        self._pauses = pauses
        self._turn: list[_Job] = []  # what these turns of the loop have brought
        self._jobs: queue.SimpleQueue[list[_Job]] = queue.SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = threading.Event()

    async def start(self) -> None:
        """Open the store. Raises errors.Unavailable when that is not possible."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name="ledger-writer", daemon=True)
        self._thread.start()
        try:
            await self.run(lambda _: None)
        except errors.Unavailable:
            await self.close()
            raise

    def run(self, act: Callable[[U], T], *, keep: bool = False) -> asyncio.Future[T]:
        """Run `act` in a transaction; the result is there once that is durable.

        Fails with what the act raises (its changes are undone), or with errors.Unavailable; raises that when closed.
        """
        if self._loop is None or self._closing.is_set():
            raise unavailable()
        future: asyncio.Future[T] = self._loop.create_future()
        if not self._turn:
            after_turns(self._loop, self._hand_over)
        self._turn.append(_Job(act, keep, future))
        return future

    async def close(self) -> None:
        """Commit everything that waits, then stop. What still cannot be written is logged and fails."""
        if self._thread is None or self._closing.is_set():
            return
        self._closing.set()
        self._hand_over()
        await asyncio.to_thread(self._thread.join)

    def _hand_over(self) -> None:
        """Give the writer what the turns have brought: one wake-up of its thread, however many waited."""
        jobs, self._turn = self._turn, []
        self._jobs.put(jobs)

    def _work(self) -> None:
        kept: list[_Job] = []
        tries, last_tries = 0, len(self._pauses)
        while not (self._closing.is_set() and self._jobs.empty() and (not kept or last_tries <= 0)):
            jobs = self._take(self._pauses[min(tries, len(self._pauses)) - 1] if kept else None)
            kept = self._commit([*kept, *jobs])
            tries = tries + 1 if kept else 0
            last_tries -= self._closing.is_set()
        if kept:
            log.critical(
                "settlements_not_written",
                count=len(kept),
                consequence="their attempts are charged at their bounds at the next start",
            )
        for job in kept:
            job.error = unavailable()
        self._answer(kept)
        self._disconnect()

    def _take(self, pause: float | None) -> list[_Job]:
        """All that waits; with nothing there, wait for it, at most `pause` seconds."""
        jobs: list[_Job] = []
        try:
            jobs += self._jobs.get(timeout=pause)
            while len(jobs) < MAX_BATCH:
                jobs += self._jobs.get_nowait()
        except queue.Empty:
            pass
        return jobs

    def _commit(self, jobs: list[_Job]) -> list[_Job]:
        """Run the jobs and answer them; return those that have to be tried again."""
        if not jobs:
            return []
        self._run(jobs)
        failed = [job for job in jobs if job.error is not None]
        if not failed:
            self._answer(jobs)
            return []
        away = [job for job in failed if _store_is_away(job.error)]
        kept = {job for job in away if job.keep}
        if away:
            log.warning("store_away", waiting=len(kept), refused=len(away) - len(kept), error=str(away[0].error))
        for job in away:
            job.error = None if job.keep else unavailable()
        answered = [job for job in jobs if job not in kept]
        for job in answered:
            if job.keep and job.error is not None:
                log.critical("settlement_failed", exc_info=job.error)
        self._answer(answered)
        return [job for job in jobs if job in kept]

    def _run(self, jobs: list[_Job]) -> bool:
        """Commit all in one transaction. When one spoils it, each gets its own, so that no other suffers.

        False when no transaction could be begun, so that there is no use in trying the next job.
        """
        try:
            connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
            unit = self._unit(connection)
        except sqlite3.Error as error:
            self._disconnect()
            for job in jobs:
                job.error = error
            return False
        try:
            for job in jobs:
                job.result = job.act(unit)
            unit.end()
            reached("before_commit")
            connection.execute("COMMIT")
            reached("after_commit")
        except Exception as error:  # noqa: BLE001 - it belongs to the act's waiter, and must not end the thread
            self._roll_back(connection)
            unit.undone()
            if len(jobs) == 1:
                jobs[0].error = error
            else:
                self._run_alone(jobs)
        return True

    def _run_alone(self, jobs: list[_Job]) -> None:
        for index, job in enumerate(jobs):
            if not self._run([job]):
                for other in jobs[index:]:
                    other.error = job.error
                break

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
            try:
                prepare(connection, self._lock_wait)
                connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}").close()
            except sqlite3.Error:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _answer(self, jobs: list[_Job]) -> None:
        if not jobs or self._loop is None:
            return
        try:
            reached("before_ack")
            self._loop.call_soon_threadsafe(_resolve, jobs)
            reached("after_ack")
        except RuntimeError:
            log.warning("nobody_waits", acts=len(jobs))


def _resolve(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)


def _store_is_away(error: Exception | None) -> bool:
    """A failure of the store itself; IntegrityError, ProgrammingError and the like are the act's own fault."""
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
