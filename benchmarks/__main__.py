"""`python -m benchmarks`: interleaved rounds of every server, a table of medians, and on request all of it as JSON.

Every server of a round is started afresh and ended before the next; the order turns from round to round. A round that
breaks ends the run with one sentence and exit code 1; SIGINT and SIGTERM end it, and all that it started, with 130.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.load import LoadError
from benchmarks.machine import Cores, divide_cores, pinned
from benchmarks.measure import Bench, Effort, Figures, measure
from benchmarks.report import document, doubts, table
from benchmarks.servers import SERVERS, Server, StartError, running, upstream

QUICK = 2


def run(servers: Sequence[Server], rounds: int, effort: Effort, cores: Cores) -> dict[str, list[Figures]]:
    """The figures of every server, one dictionary a round. Raises StartError or LoadError."""
    found: dict[str, list[Figures]] = {server.name: [] for server in servers}
    launch = upstream(effort.pause)
    with tempfile.TemporaryDirectory(prefix="bench-") as name, pinned(cores.load):
        folder = Path(name)
        with running(launch, cores.load, folder / "upstream.log") as provider:
            provider.answers("GET", "/seen")
            bench = Bench(launch.port, cores, effort, folder)
            for number in range(rounds):
                turn = number % len(servers)
                for server in (*servers[turn:], *servers[:turn]):
                    print(f"round {number + 1} of {rounds}: {server.name}", file=sys.stderr)
                    found[server.name].append(measure(server, bench, number))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} rounds: a look, no result")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    options = parser.parse_args()
    if not sys.platform.startswith("linux"):
        sys.stderr.write("The benchmarks read /proc and pin cores, so they run on Linux only.\n")
        return 1
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell has it ignored
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    effort, cores = Effort(), divide_cores()
    try:
        rounds = run(SERVERS, QUICK if options.quick else max(1, options.rounds), effort, cores)
    except (StartError, LoadError) as error:
        sys.stderr.write(f"The benchmark was broken off: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    print(table(rounds))
    for doubt in doubts(rounds, cores):
        print(f"Note: {doubt}")
    if options.json is not None:
        options.json.write_text(json.dumps(document(rounds, effort, cores), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
