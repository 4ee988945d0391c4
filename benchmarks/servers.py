"""A server that is measured: how it is started, asked whether it answers, and ended.

A server that ends, or does not answer in time, raises StartError with the end of its log. Whatever was started is
ended with its whole process group, on every way out.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load import Target
from benchmarks.machine import pinned

ROOT = Path(__file__).parent.parent
MODEL = "bench"
START_PATIENCE = 90.0  # seconds
STOP_PATIENCE = 10.0
LOOK_EVERY = 0.005  # seconds between two looks at a server that starts
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")


class StartError(Exception):
    """A server did not start, or did not stay."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything that is needed to start a server; `environment` comes on top of a bare one."""

    command: list[str]
    port: int
    key: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()  # of each request, besides the key
    model: str = MODEL  # that is asked first
    folder: Path = ROOT  # where it runs
    calls_itself: bool = False  # it is told how many requests to make at the upstream


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a server needs to be prepared: a folder of its own, the upstream's address, fresh stores when it asks."""

    folder: Path
    upstream: str
    stores: Callable[[], dict[str, str]]  # their addresses, as variables of the environment


@dataclass(frozen=True, slots=True)
class Server:
    """A kind of server, what of it is measured, and whether it can run here at all."""

    name: str
    parts: frozenset[str]
    prepare: Callable[[Surroundings], Launch]
    missing: Callable[[], str | None] = lambda: None  # what would have to be installed


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs. `started` is the monotonic time just before its process began."""

    name: str
    launch: Launch
    process: subprocess.Popen[bytes]
    started: float
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def target(self, model: str = MODEL) -> Target:
        return Target(self.launch.port, self.launch.key, model, self.launch.headers)

    def first_answer(self) -> float:
        """Seconds from the process's start to its first answer to a request. Raises StartError."""
        _, _, body = self.target(self.launch.model).request(8, stream=False).partition(b"\r\n\r\n")
        return self.answers("POST", "/v1/chat/completions", body)

    def answers(self, method: str, path: str, body: bytes | None = None) -> float:
        """Ask until the answer is 200. Returns the seconds since the process was started; raises StartError."""
        headers = {"authorization": f"Bearer {self.launch.key}", "content-type": "application/json"}
        headers |= dict(self.launch.headers)
        while (since := time.perf_counter() - self.started) < START_PATIENCE:
            if self.process.poll() is not None:
                raise StartError(f"{self.name} ended with exit code {self.process.returncode}:\n{self.log_end()}")
            connection = http.client.HTTPConnection("127.0.0.1", self.launch.port, timeout=START_PATIENCE - since)
            with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
                connection.request(method, path, body, headers)
                if connection.getresponse().status == 200:
                    return time.perf_counter() - self.started
            time.sleep(LOOK_EVERY)
        raise StartError(f"{self.name}: {path} was not answered in {START_PATIENCE:g} seconds:\n{self.log_end()}")

    def get(self, path: str) -> dict[str, float]:
        """What it answers to one GET, as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.launch.port, timeout=STOP_PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer: dict[str, float] = json.load(connection.getresponse())
            return answer

    def log_end(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


@contextlib.contextmanager
def running(name: str, launch: Launch, cores: frozenset[int], log: Path) -> Iterator[Running]:
    """Start a server on `cores`; it and its children have ended when this is left."""
    process: subprocess.Popen[bytes] | None = None
    try:
        with log.open("wb") as output, pinned(cores), uninterrupted() as came:
            started = time.perf_counter()
            process = subprocess.Popen(
                launch.command,
                cwd=launch.folder,
                env=environment(launch.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        for number in came:
            signal.raise_signal(number)
        yield Running(name, launch, process, started, log)
    finally:
        if process is not None:
            end(process)


@contextlib.contextmanager
def uninterrupted() -> Iterator[list[int]]:
    """SIGINT and SIGTERM that come within are kept: a process that is just being started would be left behind."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # signals are not for it
        yield came
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda each, _: came.append(each)) for number in numbers]
    try:
        yield came
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to end, then kill what is left of its group."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_PATIENCE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def environment(more: dict[str, str]) -> dict[str, str]:
    """No keys, no proxies, no settings of a gateway: only what a program needs to run, and `more`."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | more


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def upstream(pause: float) -> Launch:
    """The provider behind all of them."""
    port = free_port()
    return Launch([sys.executable, "-m", "benchmarks.upstream", str(port), "--pause", str(pause)], port)
