"""One tiny round of the benchmarks with real processes: every figure is there and nothing is left running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

from benchmarks.__main__ import Task, run
from benchmarks.effort import Effort, Pair, Shape
from benchmarks.kinds import EMBEDDED, EMBEDDED_LANES, FLOOR, SCALED, SCAN, floor
from benchmarks.lines import LINES
from benchmarks.load import LoadError
from benchmarks.machine import divide_cores, stat_of, tree
from benchmarks.measure import Bench, Figures
from benchmarks.parts import EACH_ROUND, OF_THEIR_OWN
from benchmarks.report import bounds_table, document, figures_table
from benchmarks.rounds import Results
from benchmarks.servers import ROOT, Launch, Running, Server, StartError, Surroundings, uninterrupted

CORES = divide_cores()
PAIR = Pair(Shape(2, 4, 2), Shape(8, 6, 3))
TINY = Effort(
    seconds=0.2,
    connections=2,
    warm_up=4,
    pause=0.005,
    settling=0.05,
    idle=0.05,
    chunk=PAIR,
    peers=PAIR,
    translate=PAIR,
    prompt_seconds=0.1,
    rate=40.0,
    open_seconds=0.3,
    crowd=Shape(4, 12, 8),
    crowd_pause=0.01,
    crowd_rounds=1,
    first=11,
    requests=20,
    streams=4,
)


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    before, allowed = set(tree(os.getpid())), os.sched_getaffinity(0)
    yield
    assert set(tree(os.getpid())) <= before
    assert os.sched_getaffinity(0) == allowed


def measured(servers: Sequence[Server], parts: set[str]) -> Results:
    results = Results()
    run(Task(servers, 1, frozenset(parts), TINY, CORES), results)
    assert results.void == []
    return results


def test_every_part_is_measured_on_every_server_that_has_it() -> None:
    results = measured([FLOOR, SCAN, EMBEDDED], {"start", *EACH_ROUND, *OF_THEIR_OWN})
    titles = [line.title for line in LINES if line.found(results.rounds, "atelier") is not None]
    others = ("translate", "sdk")
    assert titles == [
        line.title for line in LINES if line.part not in others and not line.title.startswith("LiteLLM proxy")
    ]

    written = json.loads(json.dumps(document(results.rounds, results.void, TINY, CORES)))
    assert list(written["figures"]) == ["floor", "floor+scan", "atelier"]
    assert list(written["figures"]["floor"]["open_p50"]) == ["median", "low", "high"]
    assert [entry["line"] for entry in written["lines"]] == titles

    head, *lines = bounds_table(results.rounds).splitlines()
    assert head.split() == ["atelier", "bound", "holds", "atelier-scaled", "bound", "holds"]
    assert [line.partition("  ")[0] for line in lines] == titles
    assert figures_table(results.rounds).split()[:3] == ["floor", "floor+scan", "atelier"]


def test_the_scaled_gateway_has_stores_of_its_own() -> None:
    results = measured([SCALED], {"open"})
    assert results.rounds[0]["atelier-scaled"]["open_p50"] > 0


def test_other_lanes_are_measured_on_a_gateway_of_their_own() -> None:
    results = measured([EMBEDDED_LANES], {"translate", "sdk"})
    figures = results.rounds[0]["atelier+lanes"]
    assert min(figures[name] for name in ("anthropic_request_cpu", "gemini_request_cpu", "sdk_cpu")) > 0
    assert {"anthropic_chunk_cpu", "gemini_chunk_cpu"} <= set(figures)


@pytest.mark.parametrize("failures", [1, 3])
def test_a_failed_request_makes_its_round_void(monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
    left = [LoadError(f"number {number}") for number in range(failures)]

    async def failing(served: Running, bench: Bench) -> Figures:
        if left:
            raise left.pop(0)
        return {"request_cpu": 1.0}

    monkeypatch.setitem(EACH_ROUND, "request", failing)
    results = Results()
    task = Task([FLOOR], 1, frozenset({"request"}), TINY, CORES)
    if failures > 2:
        with pytest.raises(LoadError, match="number 2"):
            run(task, results)
        assert results.rounds == []
    else:
        run(task, results)
        assert [each["floor"]["request_cpu"] for each in results.rounds] == [1.0]
    assert results.void == [f"number {number}" for number in range(failures)]


def test_a_server_that_does_not_start_breaks_the_run_with_its_own_words() -> None:
    def broken(around: Surroundings) -> Launch:
        launch = floor(around)
        launch.command.append("--nonsense")
        return launch

    with pytest.raises(StartError, match=r"exit code 2(?s:.*)unrecognized arguments: --nonsense"):
        measured([Server("broken", frozenset({"start"}), broken)], {"start"})


def test_a_signal_that_comes_while_a_server_is_started_waits_for_it() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with uninterrupted() as came:
        signal.raise_signal(signal.SIGTERM)
        assert came == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_ends_the_run_and_all_that_it_started() -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--servers", "floor"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"round 1, start: floor\n"
        started = tree(process.pid)
        process.terminate()
        assert process.wait(20) == 130
    assert len(started) >= 2  # itself and the upstream
    assert [pid for pid in started if stat_of(pid)] == []
