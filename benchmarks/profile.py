"""`python -m benchmarks.profile`: what the gateway spends its CPU on under one kind of load, as lists of functions.

The gateway runs as in the benchmark, on a core of its own, with `sampled.py` around it. What is said of the costs is
said of that run; how much faster a change makes the gateway is for the benchmark to tell.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.effort import Effort, Shape
from benchmarks.kinds import SERVERS
from benchmarks.load import Exchange, Target, connected, drive
from benchmarks.machine import cpu_seconds, divide_cores, pinned
from benchmarks.servers import MODEL, Launch, Running, Surroundings, running, upstream
from benchmarks.stores import Stores

EFFORT = Effort()
PATIENCE = 20.0  # seconds until the report is there
LONG = Shape(words=64, streams=10**9, at_once=100)
Load = Callable[[Target, float], Coroutine[Any, Any, list[Exchange]]]


async def requests(target: Target, seconds: float) -> list[Exchange]:
    async with connected(target, EFFORT.connections) as connections:
        return await drive(connections, target.request(40, stream=False), most=10**9, seconds=seconds)


async def streams(target: Target, seconds: float) -> list[Exchange]:
    """Short ones, of which the chunks are the least part."""
    async with connected(target, LONG.at_once) as connections:
        return await drive(connections, target.request(2, stream=True), most=10**9, seconds=seconds)


async def chunks(target: Target, seconds: float) -> list[Exchange]:
    async with connected(target, LONG.at_once) as connections:
        asked, spread = target.request(LONG.words, stream=True), LONG.words * EFFORT.pause
        return await drive(connections, asked, most=10**9, seconds=seconds, spread=spread)


LOADS: dict[str, Load] = {"requests": requests, "streams": streams, "chunks": chunks}


def profiled(launch: Launch, report: Path, kind: str) -> Launch:
    """The same program (`python -m MODULE …`) with the profiler around it."""
    python, _, module, *rest = launch.command
    return replace(launch, command=[python, "-m", "benchmarks.sampled", str(report), kind, module, *rest])


def measure(served: Running, model: str, load: Load, seconds: float, report: Path) -> str:
    """The CPU of one request, and the profiler's report of it."""
    target = served.target(model)
    uvloop.run(load(target, 1.0))
    os.kill(served.pid, signal.SIGUSR1)
    cpu = cpu_seconds(served.pid)
    done = uvloop.run(load(target, seconds))
    cpu = cpu_seconds(served.pid) - cpu
    os.kill(served.pid, signal.SIGUSR1)
    until = time.monotonic() + PATIENCE
    while not (report.exists() and report.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    return f"{len(done)} requests, {cpu * 1000 / len(done):.3f} ms of CPU each\n{report.read_text()}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    kinds = {server.name: server for server in SERVERS if server.name.startswith(("atelier", "floor"))}
    parser.add_argument("load", choices=LOADS, nargs="?", default="requests")
    parser.add_argument("--server", choices=kinds, default="atelier")
    parser.add_argument("--model", default=MODEL, help="on …+lanes: bench-anthropic, bench-gemini, bench-sdk")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--calls", action="store_true", help="count calls with cProfile, which distorts more")
    options = parser.parse_args()
    cores = divide_cores()
    with tempfile.TemporaryDirectory(prefix="bench-") as name, pinned(cores.load), ExitStack() as stack:
        folder = Path(name)
        stores = stack.enter_context(Stores(folder, cores.load))
        provider = stack.enter_context(running("upstream", upstream(EFFORT.pause), cores.load, folder / "upstream.log"))
        provider.answers("GET", "/seen")
        address = f"http://127.0.0.1:{provider.launch.port}"
        launch = kinds[options.server].prepare(Surroundings(folder, address, lambda: stores.fresh(stack)))
        report = folder / "report.txt"
        launch = profiled(launch, report, "calls" if options.calls else "samples")
        served = stack.enter_context(running(options.server, launch, cores.server, folder / "server.log"))
        served.first_answer()
        print(measure(served, options.model, LOADS[options.load], options.seconds, report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
