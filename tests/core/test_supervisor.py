"""The parent of several workers, with real processes: fake ones that start quickly and need no stores."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.bootstrap import listen
from gateway.sim import FleetError
from gateway.supervisor import Crew, Pauses, Supervisor
from tests.harness import ROOT, clean_environment, wait_until

PATIENCE = 60.0  # seconds
FAKE = Path(__file__).parent / "fake_worker.py"
ENV = {**clean_environment(), "PYTHONPATH": str(ROOT)}


class FakeFleet:
    """Counts its starts; fails the first so many times."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.life: list[str] = []

    async def start(self) -> dict[str, str]:
        self.life.append("start")
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise FleetError("The fleet did not start.")
        return {"openai": "fleet-url"}

    async def stop(self) -> None:
        self.life.append("stop")


class Bench:
    """A supervisor on this test's loop; waits are noted and pass at once, except the last patience."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.listener = listen("127.0.0.1", 0)
        self.address = self.listener.getsockname()
        self.fleet = FakeFleet()
        self.pauses: list[float] = []
        self.ended: list[int] = []
        self.readied = 0
        self.impatient = asyncio.Event()
        self._run: asyncio.Task[int] | None = None

    def start(self, behaviour: str, size: int, program: str = sys.executable) -> None:
        crew = Crew(
            command=(program, str(FAKE), str(self.folder), behaviour),
            env=ENV,
            size=size,
            patience=PATIENCE,
            fleet=self.fleet,
            ready=self._ready,
            ended=self.ended.append,
        )
        self._run = asyncio.create_task(Supervisor(crew, self.listener, sleep=self._sleep).run())

    def _ready(self) -> None:
        self.readied += 1

    async def _sleep(self, seconds: float) -> None:
        if seconds != PATIENCE:
            self.pauses.append(seconds)
        else:
            await self.impatient.wait()

    async def exit_code(self) -> int:
        assert self._run is not None
        return await asyncio.wait_for(self._run, PATIENCE)

    async def until(self, condition: Callable[[], object], what: str) -> None:
        await asyncio.to_thread(wait_until, condition, what)

    async def ready(self) -> None:
        await self.until(lambda: self.readied, "every worker's readiness")

    def noted(self, prefix: str) -> list[str]:
        return sorted(path.name for path in self.folder.glob(f"{prefix}*"))

    async def end(self) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return await self.exit_code()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.listener.close()
    if bench._run is not None and not bench._run.done():
        bench.impatient.set()
        await bench.end()


def ask(address: tuple[str, int]) -> socket.socket:
    """A connection with a question; it waits in the listener's queue until a worker accepts it."""
    connection = socket.create_connection(address, timeout=PATIENCE)
    connection.sendall(b"who?\n")
    return connection


def answer(connection: socket.socket) -> tuple[int, int]:
    """Number and process id of the worker that answers."""
    with connection, connection.makefile() as lines:
        number, pid = lines.readline().split()
    return int(number), int(pid)


async def asked(address: tuple[str, int]) -> tuple[int, int]:
    return await asyncio.to_thread(answer, ask(address))


def test_pauses_grow_and_are_forgotten_after_a_long_life() -> None:
    pauses = Pauses()
    assert [pauses.after(1.0) for _ in range(8)] == [0, 0.5, 1, 2, 4, 8, 10, 10]
    assert [pauses.after(lived) for lived in (60.0, 59.9, 0.0)] == [0, 0.5, 1]


async def test_every_worker_is_asked_to_end_and_drains(bench: Bench) -> None:
    bench.start("serve", 2)
    await bench.ready()
    assert (await asked(bench.address))[0] in {1, 2}
    assert await bench.end() == 0
    assert len(bench.noted(f"SIGTERM-{os.getpid()}-")) == 2
    assert len(bench.noted("ended-")) == 2
    assert (bench.readied, sorted(bench.ended), bench.fleet.life) == (1, [1, 2], [])


async def test_a_terminals_interrupt_is_passed_on_as_a_wish_and_the_second_as_it_is(bench: Bench) -> None:
    bench.start("stubborn", 2)
    await bench.ready()
    os.kill(os.getpid(), signal.SIGINT)
    await bench.until(lambda: len(bench.noted("SIGTERM-")) == 2, "the first signal")
    assert bench.noted("SIGINT-") == []
    os.kill(os.getpid(), signal.SIGINT)
    assert await bench.exit_code() == 0
    assert len(bench.noted("SIGINT-")) == 2


async def test_nobody_waits_in_the_queue_of_a_gateway_that_ends(bench: Bench) -> None:
    bench.start("stubborn", 1)
    await bench.ready()
    assert bench.listener.fileno() >= 0
    os.kill(os.getpid(), signal.SIGTERM)
    await bench.until(lambda: bench.noted("SIGTERM-"), "the signal")
    assert bench.listener.fileno() == -1


async def test_a_worker_that_does_not_end_is_killed(bench: Bench) -> None:
    bench.start("deaf", 2)
    await bench.ready()
    bench.impatient.set()
    assert await bench.end() == 1
    assert bench.noted("ended-") == []


async def test_a_worker_that_is_killed_is_replaced_at_once(bench: Bench) -> None:
    bench.start("serve", 1)
    await bench.ready()
    number, pid = await asked(bench.address)
    os.kill(pid, signal.SIGKILL)
    await bench.until(lambda: bench.ended, "its end")
    again, other = await asked(bench.address)
    assert (number, again) == (1, 1)
    assert pid != other
    assert bench.pauses == [0]
    assert bench.ended == [1]
    assert bench.noted("late-") == []  # nobody else would accept
    assert await bench.end() == 0


async def test_one_that_dies_again_and_again_is_started_with_growing_pauses(bench: Bench) -> None:
    bench.start("die", 1)
    await bench.until(lambda: len(bench.pauses) >= 4, "four deaths")
    assert bench.pauses[:4] == [0, 0.5, 1, 2]
    assert bench.readied == 1
    await bench.end()


async def test_one_that_cannot_even_be_started_is_tried_again(bench: Bench) -> None:
    bench.start("serve", 1, program=str(bench.folder / "nothing"))
    await bench.until(lambda: len(bench.pauses) >= 3, "three attempts")
    assert bench.pauses[:3] == [0, 0.5, 1]
    assert await bench.end() == 0
    assert (bench.readied, bench.ended) == (0, [])


async def test_no_connection_that_waits_is_lost_with_a_worker(bench: Bench) -> None:
    bench.start("accept-later", 2)
    await bench.until(lambda: len(bench.noted("started-")) == 2, "both workers")
    waiting = [ask(bench.address) for _ in range(20)]
    killed = [int(name.split("-")[2]) for name in bench.noted("started-")]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    await bench.until(lambda: len(bench.noted("started-")) == 4, "their successors")
    (bench.folder / "accept").touch()
    answers = await asyncio.to_thread(lambda: [answer(connection) for connection in waiting])
    assert len(answers) == 20
    assert {pid for _, pid in answers}.isdisjoint(killed)
    assert await bench.end() == 0


async def test_a_start_that_fails_is_told_once_for_all(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    bench.start("fail", 3)
    assert await bench.exit_code() == 3
    assert capfd.readouterr() == ("", "The store is away.\n")
    assert (bench.pauses, bench.readied) == ([], 0)


async def test_a_start_that_fails_without_a_word_is_told_too(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    bench.start("break", 1)
    assert await bench.exit_code() == 4
    assert "Worker 1 ended with exit code 4 before it was ready" in capfd.readouterr().err


async def test_a_failing_start_beside_a_ready_worker_is_tried_again(bench: Bench) -> None:
    bench.start("second-fails-once", 2)
    await bench.ready()
    assert bench.ended == [2]
    assert bench.noted("late-") == ["late-2"]  # the other one accepts meanwhile
    assert await bench.end() == 0


async def test_all_workers_share_one_fleet(bench: Bench) -> None:
    bench.start("fleet", 2)
    await bench.ready()
    assert bench.noted("fleet-url") == ["fleet-url"]
    assert await bench.end() == 0
    assert bench.fleet.life == ["start", "stop"]


async def test_a_fleet_that_does_not_start_is_a_sentence(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    bench.fleet.failures = 2
    bench.start("fleet", 2)
    assert await bench.exit_code() == 1
    assert capfd.readouterr().err == "The fleet did not start.\n"


PARENT = """
import sys
from gateway.bootstrap import listen
from gateway.supervisor import Crew, supervise
crew = Crew(sys.argv[1:], dict(__import__("os").environ), 2, 20.0, None, lambda: None, lambda number: None)
sys.exit(supervise(crew, listen("127.0.0.1", 0)))
"""


def test_workers_drain_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, sys.executable, str(FAKE), str(tmp_path), "serve"]
    parent = subprocess.Popen(command, env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    ready = [tmp_path / "ready-1", tmp_path / "ready-2"]
    wait_until(lambda: all(path.exists() for path in ready), "both workers")
    workers = [int(path.read_text()) for path in ready]
    parent.kill()
    parent.communicate(timeout=PATIENCE)  # whoever holds its output: the workers too
    assert parent.pid not in workers
    assert [pid for pid in workers if not (tmp_path / f"ended-{pid}").exists()] == []
