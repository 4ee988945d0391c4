"""The dashboard that `make run` started does not outlive it."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = "from dashboard import with_parent; with_parent.watch(); import time; print('up', flush=True); time.sleep(60)"


def test_it_ends_when_the_pipe_of_its_parent_closes() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "ATELIER_UNTIL_STDIN_CLOSES": "1"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.stdin.close()
    assert process.wait(30) == -15
    process.stdout.close()


def test_started_by_hand_it_stays() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("time.sleep(60)", "time.sleep(0.5)")],
        stdin=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name != "ATELIER_UNTIL_STDIN_CLOSES"},
        check=False,
        timeout=30,
    )
    assert ended.returncode == 0
