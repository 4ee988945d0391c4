"""A worker that serves nothing but its number: `fake_worker.py FOLDER BEHAVIOUR`. What happens to it, it notes in files."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from pathlib import Path

from gateway.sim import FleetError
from gateway.worker import Worker

FOLDER, BEHAVIOUR = Path(sys.argv[1]), sys.argv[2]


def note(what: str) -> None:
    """One file a fact, there as a whole or not at all."""
    unfinished = FOLDER / f".{what}-{os.getpid()}"
    unfinished.write_text(str(os.getpid()))
    unfinished.rename(FOLDER / what)


def wait_for(what: str) -> None:
    while not (FOLDER / what).exists():
        time.sleep(0.005)


def serve(worker: Worker) -> None:
    while True:
        connection, _ = worker.listener.accept()
        with connection:
            connection.recv(100)
            connection.sendall(f"{worker.number} {os.getpid()}\n".encode())


def run(worker: Worker) -> None:
    if worker.late:
        note(f"late-{worker.number}")
    match BEHAVIOUR:
        case "fail":
            worker.failed("The store is away.")
            sys.exit(3)
        case "break":
            sys.exit(4)
        case "die":
            worker.ready()
            os.kill(os.getpid(), signal.SIGKILL)
        case "second-fails-once" if worker.number == 2 and not (FOLDER / "failed").exists():
            wait_for("ready-1")
            note("failed")
            worker.failed("The store is away.")
            sys.exit(3)
        case "fleet":
            try:
                note(asyncio.run(worker.fleet())["openai"])
            except FleetError as error:
                worker.failed(str(error))
                sys.exit(1)
        case "accept-later":
            note(f"started-{worker.number}-{os.getpid()}")
            wait_for("accept")
    threading.Thread(target=serve, args=(worker,), daemon=True).start()
    worker.ready()
    note(f"ready-{worker.number}")


def main() -> None:
    ending, parent = threading.Event(), os.getppid()

    def end(number: int, _frame: object) -> None:
        note(f"{signal.Signals(number).name}-{os.getppid()}-{os.getpid()}")
        if BEHAVIOUR != "deaf" and (BEHAVIOUR != "stubborn" or number == signal.SIGINT):
            ending.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    worker = Worker.of(dict(os.environ))
    assert worker is not None
    run(worker)
    while not ending.wait(0.01):  # a wait without end would not let the signal's function run
        if BEHAVIOUR in {"deaf", "stubborn"} and os.getppid() != parent:
            sys.exit("the test is gone")
    note(f"ended-{os.getpid()}")


if __name__ == "__main__":
    main()
