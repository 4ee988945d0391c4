"""A worker's end of the line to its supervisor, above all when nobody is at the other end any more."""

from __future__ import annotations

import subprocess
import sys

from gateway.worker import LATE, LINE, LISTENER, NUMBER, Worker
from tests.harness import ROOT, clean_environment

ALONE = """
import asyncio, signal, socket, sys
from gateway.sim import FleetError
from gateway.worker import Worker
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
ours, theirs = socket.socketpair()
worker = Worker(1, socket.socket(), theirs, late=False)
ours.close()
worker.ready()
try:
    asyncio.run(worker.fleet())
except FleetError as error:
    worker.failed(f"No fleet: {error}")
print(signal.Signals(signal.sigwait({signal.SIGTERM})).name)
"""

STUCK = """
import signal, socket, threading
from gateway.worker import Worker
signal.signal(signal.SIGTERM, signal.SIG_IGN)
ours, theirs = socket.socketpair()
Worker(1, socket.socket(), theirs, late=False).patience = 0.1
ours.close()
while True:
    signal.pause()
"""


def test_without_its_supervisor_it_is_asked_to_end_and_speaks_for_itself() -> None:
    alone = subprocess.run(
        [sys.executable, "-c", ALONE],
        env={**clean_environment(), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert (alone.stdout, alone.stderr) == ("SIGTERM\n", "No fleet: The supervisor is gone.\n")


def test_without_its_supervisor_it_does_not_outstay_its_time() -> None:
    stuck = subprocess.run(
        [sys.executable, "-c", STUCK],
        env={**clean_environment(), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        timeout=30,
        check=False,
    )
    assert stuck.returncode == 1


def test_who_was_given_no_place_is_no_worker() -> None:
    env = {NUMBER: "3", LINE: "7", LATE: "1", "PATH": "/bin"}
    assert Worker.of(env) is None
    assert LISTENER not in env
    assert env == {NUMBER: "3", "PATH": "/bin"}
