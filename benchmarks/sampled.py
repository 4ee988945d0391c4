"""Runs a program's module and tells what its event loop's thread spends its CPU on, between two SIGUSR1.

By default stacks are sampled by CPU time, which costs next to nothing; `--calls` counts calls with cProfile instead,
which makes small functions look dearer than they are. Time in C belongs to the Python function that called it, and
time of other threads to what the loop was at meanwhile.
"""

from __future__ import annotations

import cProfile
import pstats
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

EVERY = 0.001  # seconds of CPU between two samples; the kernel's tick may make it more
LOOP = "asyncio/runners.py"  # what lies above it is the same in all stacks
LONGEST = 45  # lines of each list
Stack = tuple[tuple[str, str], ...]


class Samples:
    """Stacks of the main thread."""

    def __init__(self) -> None:
        self._stacks: Counter[Stack] = Counter()

    def enable(self) -> None:
        signal.signal(signal.SIGPROF, self._take)
        signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)

    def disable(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def report(self, path: Path) -> None:
        """Two lists: each function's own share of the samples, and that of all it calls."""
        total = max(1, sum(self._stacks.values()))
        own: Counter[tuple[str, str]] = Counter()
        within: Counter[tuple[str, str]] = Counter()
        for stack, count in self._stacks.items():
            own[stack[0]] += count
            for function in set(stack):
                within[function] += count
        lines = [f"{total} samples"]
        for title, counts in (("own", own), ("with all that it calls", within)):
            lines += ["", f"{title}:"]
            lines += [f"{count / total:6.1%}  {name:32} {file}" for (file, name), count in counts.most_common(LONGEST)]
        path.write_text("\n".join(lines) + "\n")

    def _take(self, _: int, frame: FrameType | None) -> None:
        stack: list[tuple[str, str]] = []
        while frame is not None and not (stack and frame.f_code.co_filename.endswith(LOOP)):
            code = frame.f_code
            stack.append((f"{short(code.co_filename)}:{code.co_firstlineno}", code.co_name))
            frame = frame.f_back
        self._stacks[tuple(stack)] += 1


class Calls:
    """Every call of the main thread, by cProfile."""

    def __init__(self) -> None:
        self._profile = cProfile.Profile()

    def enable(self) -> None:
        self._profile.enable()

    def disable(self) -> None:
        self._profile.disable()

    def report(self, path: Path) -> None:
        with path.open("w") as output:
            found = pstats.Stats(self._profile, stream=output)
            found.sort_stats("tottime").print_stats(LONGEST).sort_stats("cumulative").print_stats(LONGEST)


def short(file: str) -> str:
    """The end of a file's path that tells whose it is."""
    return "/".join(Path(file).parts[-3:])


def main() -> None:
    """Arguments: the report's file, "samples" or "calls", then the module and its own arguments."""
    path, kind, module, *rest = sys.argv[1:]
    profiler = Calls() if kind == "calls" else Samples()
    state = {"on": False}

    def turn(*_: Any) -> None:
        state["on"] = not state["on"]
        if state["on"]:
            profiler.enable()
        else:
            profiler.disable()
            profiler.report(Path(path))

    signal.signal(signal.SIGUSR1, turn)
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
