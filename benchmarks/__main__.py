"""`python -m benchmarks`: interleaved rounds of all servers, the table of bounds, and on request all figures as JSON.

A round in which a request fails is void and done again; a server that does not start, or too many void rounds, end the
run with one sentence and exit code 1. SIGINT and SIGTERM end it, and all that it started, with 130.
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.effort import QUICK, Effort
from benchmarks.kinds import SERVERS
from benchmarks.load import LoadError
from benchmarks.machine import Cores, divide_cores, pinned
from benchmarks.parts import PARTS
from benchmarks.report import bounds_table, document, doubts, figures_table
from benchmarks.rounds import Results, Run
from benchmarks.servers import Server, StartError, running, upstream
from benchmarks.stores import Stores

ROUNDS, QUICK_ROUNDS = 7, 2
QUICK_PARTS = tuple(part for part in PARTS if part not in ("crowd", "growth"))
FILES = 16_384  # open at once: a thousand streams have two connections each


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be measured."""

    servers: Sequence[Server]
    rounds: int
    parts: frozenset[str]
    effort: Effort
    cores: Cores


def run(task: Task, results: Results) -> None:
    """Fill in the results. Raises StartError or LoadError; they have what was measured until then."""
    load, effort = task.cores.load, task.effort
    with tempfile.TemporaryDirectory(prefix="bench-") as name, pinned(load):
        folder = Path(name)
        with (
            running("upstream", upstream(effort.pause), load, folder / "upstream.log") as provider,
            Stores(folder, load) as stores,
        ):
            provider.answers("GET", "/seen")
            Run(task.servers, task.parts, effort, task.cores, folder, provider, stores, results).all(task.rounds)


def options_of(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, help=f"default: {ROUNDS}, with --quick {QUICK_ROUNDS}")
    parser.add_argument("--quick", action="store_true", help="few rounds with little in each: a look, no result")
    parser.add_argument("--only", type=Names(PARTS), metavar="PART,…", help=f"of {', '.join(PARTS)}")
    every = [server.name for server in SERVERS]
    parser.add_argument("--servers", type=Names(every), metavar="NAME,…", help=f"of {', '.join(every)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    return parser.parse_args(arguments)


class Names:
    """A comma-separated choice of `known`."""

    def __init__(self, known: Sequence[str]) -> None:
        self._known = known

    def __call__(self, text: str) -> frozenset[str]:
        chosen = frozenset(text.split(","))
        if unknown := chosen - set(self._known):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: there is {', '.join(self._known)}")
        return chosen


def chosen_servers(wanted: frozenset[str] | None) -> list[Server]:
    """Those that were asked for, or all; what cannot run here is told, and left out."""
    found = []
    for server in SERVERS:
        if wanted is None or server.name in wanted:
            if (missing := server.missing()) is None:
                found.append(server)
            else:
                print(f"Note: {server.name} is not measured: {missing}.")
    return found


def main() -> int:
    options = options_of()
    if not sys.platform.startswith("linux"):
        sys.stderr.write("The benchmarks read /proc and pin cores, so they run on Linux only.\n")
        return 1
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell has it ignored
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, most_files), most_files))
    task, results = task_of(options), Results()
    try:
        run(task, results)
        code = 0
    except (StartError, LoadError) as error:
        sys.stderr.write(f"The benchmark was broken off: {error}\n")
        code = 1
    except KeyboardInterrupt:
        code = 130
    tell(results, task, options.json)
    return code


def task_of(options: argparse.Namespace) -> Task:
    quick = options.quick
    return Task(
        chosen_servers(options.servers),
        options.rounds or (QUICK_ROUNDS if quick else ROUNDS),
        options.only or frozenset(QUICK_PARTS if quick else PARTS),
        QUICK if quick else Effort(),
        divide_cores(),
    )


def tell(results: Results, task: Task, file: Path | None) -> None:
    """What was measured, also when the run was broken off."""
    if not results.rounds:
        return
    print(figures_table(results.rounds), bounds_table(results.rounds), sep="\n\n")
    for doubt in doubts(results.rounds, results.void, task.cores):
        print(f"Note: {doubt}")
    if file is not None:
        written = document(results.rounds, results.void, task.effort, task.cores)
        file.write_text(json.dumps(written, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
