"""Interleaved rounds: all servers of a round start afresh, take turns within each part, and are ended.

So both sides of a ratio are measured within seconds of each other, and what slows the machine for a while slows both.
The order turns from round to round. Only the server that is measured has anything to do.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from benchmarks.effort import Effort
from benchmarks.load import LoadError
from benchmarks.machine import Cores, calibrate, cpu_seconds, rss_bytes
from benchmarks.measure import Bench, Figures
from benchmarks.parts import EACH_ROUND, OF_THEIR_OWN
from benchmarks.servers import Running, Server, Surroundings, running
from benchmarks.stores import Stores

Round = dict[str, Figures]  # by the server's name
MOST_VOID = 2


@dataclass(slots=True)
class Results:
    """Rounds of the parts that are measured in each, rounds of parts of their own, and why rounds were thrown away."""

    rounds: list[Round] = field(default_factory=list)
    void: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Run:
    """What a run measures, where, and with what."""

    servers: Sequence[Server]
    parts: frozenset[str]
    effort: Effort
    cores: Cores
    folder: Path
    upstream: Running
    stores: Stores
    results: Results

    def all(self, rounds: int) -> None:
        """As many good rounds, then those of the parts that want servers of their own.

        A failed request makes its round void: it is told and done again. Raises StartError, and LoadError when too
        many rounds were void; the results have what was measured until then.
        """
        self._good_rounds(rounds, self.parts & {"start", *EACH_ROUND})
        for part in OF_THEIR_OWN:
            self._good_rounds(self.effort.crowd_rounds if part == "crowd" else 1, self.parts & {part})

    def _good_rounds(self, count: int, parts: frozenset[str]) -> None:
        results, servers = self.results, [server for server in self.servers if server.parts & parts]
        while servers and count:
            number = len(results.rounds) + len(results.void)
            turn = number % len(servers)
            try:
                results.rounds.append(self._round(number, [*servers[turn:], *servers[:turn]], parts))
                count -= 1
            except LoadError as error:
                results.void.append(str(error))
                say(f"round {number + 1} is void: {error}")
                if len(results.void) > MOST_VOID:
                    raise

    def _round(self, number: int, servers: Sequence[Server], parts: frozenset[str]) -> Round:
        found: Round = {}
        with ExitStack() as stack:
            started = []
            for server in servers:
                say(f"round {number + 1}, start: {server.name}")
                served = self._start(server, self.folder / str(number) / server.name, stack)
                found[server.name] = {"first_answer": served.first_answer()}
                started.append((server, served))
            if "start" in parts:
                self._idle(found, [served for _, served in started])
            bench = Bench(self.upstream, self.effort)
            for name, part in {**EACH_ROUND, **OF_THEIR_OWN}.items():
                for server, served in started:
                    if name in parts & server.parts:
                        say(f"round {number + 1}, {name}: {server.name}")
                        speed, crowding = calibrate(self.cores.server)
                        found[server.name] |= uvloop.run(part(served, bench))
                        found[server.name] |= {f"{name}_speed": speed, f"{name}_crowding": crowding}
        return found

    def _start(self, server: Server, folder: Path, stack: ExitStack) -> Running:
        """It runs until `stack` is left, and so do the stores that it has for itself."""
        folder.mkdir(parents=True)
        address = f"http://127.0.0.1:{self.upstream.launch.port}"
        launch = server.prepare(Surroundings(folder, address, lambda: self.stores.fresh(stack)))
        return stack.enter_context(running(server.name, launch, self.cores.server, folder / "server.log"))

    def _idle(self, found: Round, all_served: Sequence[Running]) -> None:
        """All servers do nothing: the memory and the share of a core that each of them needs for it."""
        time.sleep(self.effort.idle)
        before = {served.name: cpu_seconds(served.pid) for served in all_served}
        time.sleep(self.effort.idle)
        for served in all_served:
            used = cpu_seconds(served.pid) - before[served.name]
            found[served.name] |= {"idle_rss": rss_bytes(served.pid) / 1e6, "idle_cpu": used / self.effort.idle * 100}


def say(what: str) -> None:
    print(what, file=sys.stderr)
