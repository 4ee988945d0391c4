"""The servers that are measured, and how each is started: its command, its environment, the key that opens it.

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
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load import Target
from benchmarks.machine import pinned

ROOT = Path(__file__).parent.parent
MODEL = "bench"
FLOOR_KEY = "sk-floor"
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


@dataclass(frozen=True, slots=True)
class Server:
    """A kind of server: `prepare` takes a folder of its own and the upstream's address."""

    name: str
    prepare: Callable[[Path, str], Launch]


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs. `started` is the monotonic time just before its process began."""

    launch: Launch
    process: subprocess.Popen[bytes]
    started: float
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def target(self) -> Target:
        return Target(self.launch.port, self.launch.key, MODEL)

    def answers(self, method: str, path: str, body: bytes | None = None) -> float:
        """Ask until the answer is 200. Returns the seconds since the process was started; raises StartError."""
        headers = {"authorization": f"Bearer {self.launch.key}", "content-type": "application/json"}
        while (since := time.perf_counter() - self.started) < START_PATIENCE:
            if self.process.poll() is not None:
                raise StartError(f"it ended with exit code {self.process.returncode}:\n{self.log_end()}")
            connection = http.client.HTTPConnection("127.0.0.1", self.launch.port, timeout=START_PATIENCE - since)
            with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
                connection.request(method, path, body, headers)
                if connection.getresponse().status == 200:
                    return time.perf_counter() - self.started
            time.sleep(LOOK_EVERY)
        raise StartError(f"{path} was not answered within {START_PATIENCE:g} seconds:\n{self.log_end()}")

    def log_end(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


@contextlib.contextmanager
def running(launch: Launch, cores: frozenset[int], log: Path) -> Iterator[Running]:
    """Start a server on `cores`; it and its children have ended when this is left."""
    with log.open("wb") as output, pinned(cores):
        started = time.perf_counter()
        process = subprocess.Popen(
            launch.command,
            cwd=ROOT,
            env=environment(launch),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield Running(launch, process, started, log)
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to end, then kill what is left of its group."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_PATIENCE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def environment(launch: Launch) -> dict[str, str]:
    """No keys, no proxies, no settings of a gateway: only what a program needs to run, and what the launch says."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | launch.environment


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def upstream(pause: float) -> Launch:
    """The provider behind all of them."""
    port = free_port()
    return Launch([sys.executable, "-m", "benchmarks.upstream", str(port), "--pause", str(pause)], port)


def floor(_: Path, upstream_url: str) -> Launch:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.floor", str(port), upstream_url, "--key", FLOOR_KEY]
    return Launch(command, port, FLOOR_KEY)


def floor_with_scan(folder: Path, upstream_url: str) -> Launch:
    launch = floor(folder, upstream_url)
    return Launch([*launch.command, "--scan"], launch.port, launch.key)


def atelier(folder: Path, upstream_url: str) -> Launch:
    """The gateway on its embedded stores with everything on: a key with a budget and limits, ledger, metrics, log."""
    config, port = folder / "config.yaml", free_port()
    config.write_text(json.dumps(gateway_config(upstream_url)))
    settings = {"ATELIER_DATA_DIR": str(folder / "data"), "ATELIER_PORT": str(port)}
    gateway = [sys.executable, "-m", "gateway"]
    launch = Launch([*gateway, "serve", "--config", str(config)], port, environment=settings)
    made = subprocess.run(
        [*gateway, "keys", "create", "--name", "bench", "--budget", "1e6", "--rpm", "1000000", "--parallel", "10000"],
        cwd=ROOT,
        env=environment(launch),
        capture_output=True,
        text=True,
        timeout=START_PATIENCE,
        check=False,
    )
    if made.returncode:
        raise StartError(f"no key could be made:\n{made.stderr}")
    return Launch(launch.command, port, made.stdout.strip(), settings)


def gateway_config(upstream_url: str) -> dict[str, object]:
    """One real deployment at the upstream; all else is as shipped."""
    parameters = {
        "model": f"openai/{MODEL}",
        "api_base": f"{upstream_url}/v1",
        "api_key": "sk-provider",
        "input_cost_per_token": 1e-7,
        "output_cost_per_token": 4e-7,
    }
    return {
        "model_list": [{"model_name": MODEL, "litellm_params": parameters}],
        "simulation": {"mode": "off"},
        "dashboard": {"enabled": False},
    }


FLOOR, FLOOR_WITH_SCAN, ATELIER = (
    Server("floor", floor),
    Server("floor+scan", floor_with_scan),
    Server("atelier", atelier),
)
SERVERS = (FLOOR, FLOOR_WITH_SCAN, ATELIER)
