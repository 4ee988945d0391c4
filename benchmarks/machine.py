"""The machine under the measurement: which core is whose, how fast it is just now, what a process tree uses.

Linux only: cores are pinned with sched_setaffinity and processes are read in /proc. A process that ends while it is
read counts as using nothing.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")  # ticks a second
PAGE = os.sysconf("SC_PAGE_SIZE")  # bytes
CALIBRATION = 200_000  # additions


@dataclass(frozen=True, slots=True)
class Cores:
    """One core for the server that is measured, the others for load and upstream; the same one where there is one."""

    server: frozenset[int]
    load: frozenset[int]

    @property
    def shared(self) -> bool:
        return self.server == self.load


def divide_cores() -> Cores:
    usable = sorted(os.sched_getaffinity(0))
    server = frozenset(usable[-1:])
    return Cores(server, frozenset(usable[:-1]) or server)


@contextlib.contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """Run on `cores` only; so does every process that is started within."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def calibrate(cores: frozenset[int]) -> tuple[float, float]:
    """A fixed piece of work: the milliseconds of CPU it took, and the time divided by that: 1 on a core of its own."""
    with pinned(cores):
        time.sleep(0)  # the scheduler moves us now, not in the middle
        cpu, wall = time.process_time(), time.perf_counter()
        total = 0
        for number in range(CALIBRATION):
            total += number
        used = time.process_time() - cpu
        return used * 1000, (time.perf_counter() - wall) / used


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and (fields := stat_of(int(folder.name))):
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found, left = [], [pid]
    while left:
        found.append(left.pop())
        left += children.get(found[-1], ())
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time of a process tree so far, with that of children which have ended."""
    return sum(_own_cpu(each) + _ended_childrens_cpu(each) for each in tree(pid))


def rss_bytes(pid: int) -> int:
    """Resident memory of a process tree."""
    total = 0
    for each in tree(pid):
        with contextlib.suppress(OSError):
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1]) * PAGE
    return total


def stat_of(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, parent … Empty when the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _own_cpu(pid: int) -> float:
    """The kernel's CPU clock of another process, in nanoseconds where /proc/PID/stat counts ticks of 10 ms.

    The clock's number is made as glibc's clock_getcpuclockid makes it.
    """
    try:
        return time.clock_gettime_ns(~pid << 3 | 2) / 1e9
    except OSError:
        return 0.0


def _ended_childrens_cpu(pid: int) -> float:
    fields = stat_of(pid)
    return (int(fields[13]) + int(fields[14])) / TICK if fields else 0.0
