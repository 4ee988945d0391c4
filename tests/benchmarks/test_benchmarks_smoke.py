"""One tiny round of the benchmarks with real processes: every figure is there and nothing is left running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import run
from benchmarks.machine import divide_cores, stat_of, tree
from benchmarks.measure import Effort, Shape
from benchmarks.report import LINES, document, table
from benchmarks.servers import ROOT, SERVERS, Launch, Server, StartError, floor

TINY = Effort(
    seconds=0.3,
    requests=30,
    connections=2,
    short=Shape(words=2, streams=4, at_once=2),
    long=Shape(words=8, streams=6, at_once=3),
    pause=0.005,
    settling=0.05,
)


def test_a_round_measures_every_server_and_leaves_nothing_running() -> None:
    cores, before, allowed = divide_cores(), set(tree(os.getpid())), os.sched_getaffinity(0)
    rounds = run(SERVERS, 1, TINY, cores)
    assert set(tree(os.getpid())) <= before
    assert os.sched_getaffinity(0) == allowed

    names = [line.name for line in LINES]
    for figures in rounds.values():
        assert figures[0]["cpu_ms_request"] > 0
        assert 0 < figures[0]["live_s"] <= figures[0]["first_answer_s"]
        assert set(names) <= set(figures[0])

    written = json.loads(json.dumps(document(rounds, TINY, cores)))
    assert list(written["summary"]) == ["floor", "floor+scan", "atelier"]
    assert list(written["summary"]["atelier"]) == names
    assert list(written["summary"]["floor"]["p50_ms"]) == ["median", "low", "high"]
    assert {"cpu_ms_request", "ttfc_ms"} <= set(written["ratios"]["atelier/floor+scan"])

    head, *lines = table(rounds).splitlines()
    assert head.split(maxsplit=2)[:2] == ["floor", "floor+scan"]
    assert "atelier ÷ floor+scan" in head
    assert [line.partition("  ")[0] for line in lines] == [line.title for line in LINES]


def test_a_server_that_does_not_start_breaks_the_run_with_its_own_words() -> None:
    def broken(folder: Path, upstream_url: str) -> Launch:
        launch = floor(folder, upstream_url)
        launch.command.append("--nonsense")
        return launch

    with pytest.raises(StartError, match=r"exit code 2(?s:.*)unrecognized arguments: --nonsense"):
        run([Server("broken", broken)], 1, TINY, divide_cores())


def test_a_signal_ends_the_run_and_all_that_it_started() -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"round 1 of 2: floor\n"
        started = tree(process.pid)
        process.terminate()
        assert process.wait(20) == 130
    assert len(started) >= 2  # itself and the upstream
    assert [pid for pid in started if stat_of(pid)] == []
