"""What `test_starting_without_network` runs inside a network of its own: `python -m tests.security.starting SCENARIO FOLDER`.

A scenario starts the `atelier` command, marks when it is ready, uses it a little, ends it, and prints as JSON the addresses
that its configuration names.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from tests.harness import MASTER, ROOT, config_of, wait_until
from tests.loops import PATIENCE, FleetThread
from tests.security.isolated import mark

GATEWAY, DASHBOARD = "http://127.0.0.1:4000", "http://127.0.0.1:8501"
SHIPPED = ROOT / "config.yaml"
KEYS = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"), "sk-canary-0123456789")


@contextmanager
def running(folder: Path, command: str, config: Path, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """`atelier serve` or `atelier run`, from "ready" to its end, which has to be a good one."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "ATELIER_DATA_DIR": str(folder / "data"), **env}
    arguments = [sys.executable, "-m", "gateway", command, "--config", str(config)]
    process = subprocess.Popen(arguments, cwd=ROOT, env={**env, "ATELIER_MASTER_KEY": MASTER}, stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: process.poll() is not None or answers(f"{GATEWAY}/health/ready"), "the gateway")
        mark("ready")
        yield process
        mark("ending")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False, verify=False).status_code == 200
    except httpx.TransportError:
        return False


def ask(model: str) -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "x"}], "num_retries": 0}
    headers = {"authorization": f"Bearer {MASTER}"}
    with httpx.Client(trust_env=False, verify=False, timeout=PATIENCE) as http:
        return http.post(f"{GATEWAY}/v1/chat/completions", json=body, headers=headers).status_code


def listening(process: subprocess.Popen[bytes]) -> list[str]:
    """Where the processes that this one has started listen."""
    found = [each for child in psutil.Process(process.pid).children(True) for each in child.net_connections("tcp")]
    return [f"http://{each.laddr.ip}:{each.laddr.port}" for each in found if each.status == psutil.CONN_LISTEN]


def named(folder: Path) -> list[str]:
    """Three providers, each at an address of its own; one of them is asked."""
    fleet = FleetThread()
    (folder / "config.yaml").write_text(json.dumps(config_of(fleet)))
    with running(folder, "serve", folder / "config.yaml"):
        assert ask("gpt") == 200
    fleet.close()
    return [url for name, url in fleet.urls.items() if name != "admin"]


def keys(folder: Path) -> list[str]:
    """The shipped file, with a key for every provider in it; one of them is asked, and is not to be found."""
    with running(folder, "serve", SHIPPED, **KEYS):
        assert ask("gpt-6-luna") >= 500
    return []


def simulated(folder: Path) -> list[str]:
    """The shipped file without a key."""
    with running(folder, "serve", SHIPPED) as process:
        fleet = listening(process)
        assert ask("auto") == 200
    return fleet


def run(folder: Path) -> list[str]:
    """The first thing to try, with its dashboard: up to the sign-in page."""
    with running(folder, "run", SHIPPED) as process:
        wait_until(lambda: answers(f"{DASHBOARD}/sign-in"), "the dashboard")
        assert ask("auto") == 200
        return listening(process)


def stores(folder: Path) -> list[str]:
    """A scaled set-up whose stores do not answer: it says so, and ends."""
    database, redis = "postgresql://atelier:x@127.0.0.1:5999/atelier", "redis://127.0.0.1:6999/0"
    env = {"ATELIER_DATABASE_URL": database, "ATELIER_REDIS_URL": redis, "ATELIER_SECRET": "s" * 32}
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(SHIPPED)]
    ended = subprocess.run(
        command, cwd=ROOT, env={"ATELIER_DATA_DIR": str(folder), **env}, check=False, timeout=PATIENCE
    )
    assert ended.returncode == 1
    return [database, redis]


def check(folder: Path) -> list[str]:
    """`atelier check` on a file whose only addresses are on loopback."""
    urls = {wire: f"http://127.0.0.1:1/{wire}" for wire in ("openai", "anthropic", "gemini")}
    (folder / "config.yaml").write_text(json.dumps(config_of(urls)))
    command = [sys.executable, "-m", "gateway", "check", "--config", str(folder / "config.yaml")]
    subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, check=True)
    return []


if __name__ == "__main__":
    scenario = {each.__name__: each for each in (named, keys, simulated, run, stores, check)}[sys.argv[1]]
    sys.stdout.write(f"{json.dumps(scenario(Path(sys.argv[2])))}\n")
