"""The profiler of the benchmarks: it tells what was done while it was on, and nothing of what came before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.servers import ROOT

PROGRAM = """
import os, signal, time

def earlier():
    return sum(range(1000))

def busy():
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass

earlier()
os.kill(os.getpid(), signal.SIGUSR1)
busy()
os.kill(os.getpid(), signal.SIGUSR1)
"""


@pytest.mark.parametrize("kind", ["samples", "calls"])
def test_the_report_names_what_ran_meanwhile(tmp_path: Path, kind: str) -> None:
    (tmp_path / "worker_of_this_test.py").write_text(PROGRAM)
    report = tmp_path / "report.txt"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.sampled", str(report), kind, "worker_of_this_test"],
        cwd=ROOT,
        env={"PYTHONPATH": str(tmp_path)},
        check=True,
        timeout=60,
    )
    said = report.read_text()
    assert "busy" in said
    assert "earlier" not in said
