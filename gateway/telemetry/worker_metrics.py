"""One set of metrics over several workers: each counts in files of its own, and whoever is asked adds all of them up.

The supervisor makes the folder and removes it; a worker that is started again goes on in the files of its number, so that
counters never fall and files never pile up. Counting writes to mapped memory and cannot fail a request.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own name
PARENT = "worker-metrics"  # below the data folder
INTERVAL = 1.0  # seconds between two looks at what is not counted but read


class MetricsFolder:
    """The supervisor's side: a new folder for this run. Folders that killed supervisors left behind are taken away."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock  # held as long as this process lives

    @classmethod
    def make(cls, data_dir: Path) -> Self:
        """Raises OSError."""
        parent = data_dir / PARENT
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        making = _locked(parent)
        try:
            for left in parent.iterdir():
                _remove_if_left(left)
            path = Path(tempfile.mkdtemp(dir=parent))
            return cls(path, _locked(path))
        finally:
            os.close(making)

    def forget(self, worker: int) -> None:
        """Take away the gauges of a worker that is no more; what it counted stays."""
        mark_process_dead(worker, str(self.path))  # type: ignore[no-untyped-call]

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def count_as(worker: int) -> None:
    """In a worker, before the first metric is made: count in the files of this number."""
    values.ValueClass = values.MultiProcessValue(lambda: worker)  # type: ignore[no-untyped-call]


def count_together() -> bool:
    """Whether this process counts as one of several."""
    return values.ValueClass is not values.MutexValue


def add_up(registry: CollectorRegistry) -> CollectorRegistry:
    """Let an empty registry show the figures of all workers."""
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


async def keep_current(read: Callable[[], None], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Set the gauges that are read when somebody asks: here it may be another worker that is asked. Goes on for ever."""
    while True:
        read()
        await sleep(INTERVAL)


def _locked(folder: Path, how: int = fcntl.LOCK_EX) -> int:
    """A descriptor that holds the folder's lock until it is closed. Raises OSError."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, how)
    except OSError:
        os.close(lock)
        raise
    return lock


def _remove_if_left(folder: Path) -> None:
    with suppress(OSError):  # somebody holds it
        os.close(_locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB))
        shutil.rmtree(folder)
