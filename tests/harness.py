"""A gateway with real deployments that point at a simulated fleet: in this process for speed, or as `atelier serve`.

    fleet = FleetThread()                                     # OpenAI, Anthropic, Gemini on loopback, nothing waits
    with GatewayThread(tmp_path, fleet) as gateway: ...       # uvicorn in a thread, ~0.3 s once LiteLLM is imported
    with GatewayProcess(tmp_path, fleet) as gateway: ...      # a real `atelier serve`, ~4 s; kill(), restart(), log()

    gateway.url, gateway.master                               # address without /v1, and the master key
    gateway.key(models=["gpt"], max_budget=1.0)               # makes a virtual key over HTTP
    gateway.http(key)                                         # an httpx.Client that is signed in
    gateway.gateway.services, gateway.run(coroutine)          # GatewayThread only: the insides, on their own loop
    GatewayProcess(tmp_path, fleet, stores=Stores(database_url, redis_url), workers=3)       # the scaled set-up

    fleet.fault("429", retry_after=1, times=1, model="echo")  # see gateway/fleet/faults.py
    fleet.settled(3), fleet.ended, fleet.journal              # what the providers served and would have billed
    fleet.refuse("openai"), fleet.refuse("openai", False)     # close a provider's listener, open it again
    fleet.configure(pacing=Pacing(ttft=1.0)), fleet.reset()

`config_of` says which models there are; further sections of config.yaml are keyword arguments of every gateway.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import psutil
import structlog
import uvicorn

from gateway.config.loader import load as load_config
from gateway.protocol import BoundedProtocol
from tests.loops import PATIENCE, FleetThread, Loop

T = TypeVar("T")

ROOT = Path(__file__).parent.parent
MASTER = "sk-master-0123456789abcdef"
PROVIDER_KEY = "sk-provider-0123456789abcdef"
PRICE = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
# The groups of `config_of`, each with LiteLLM's models behind it; all of them cost PRICE.
MODELS: dict[str, tuple[str, ...]] = {
    "gpt": ("openai/gpt-6-luna",),
    "claude": ("anthropic/claude-haiku-5-5",),
    "gemini": ("gemini/gemini-3.5-flash-lite",),
    "echo": ("openai/echo",),  # echo models repeat the last user message
    "claude-echo": ("anthropic/echo",),
    "gemini-echo": ("gemini/echo",),
    "slow": ("openai/slow",),
    "slow-echo": ("openai/slow-echo",),
    "pair": ("openai/pair-first", "anthropic/pair-second"),  # two deployments: the second is the first one's fallback
    "vendor/house/large": ("openai/house-large",),
    "embed": ("openai/text-embedding-3-small",),
    "embed-gemini": ("gemini/gemini-embedding-001",),
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def deployment(group: str, model: str, urls: dict[str, str]) -> dict[str, Any]:
    """One entry of `model_list`, at the fleet by its explicit address: a real deployment, not a simulated one."""
    wire = model.partition("/")[0]
    params = {"model": model, "api_base": urls[wire], "api_key": PROVIDER_KEY, **PRICE}
    mode = {"mode": "embedding"} if "embed" in model else {}
    return {"model_name": group, "litellm_params": params, "model_info": mode}


def config_of(fleet: FleetThread | dict[str, str], **sections: Any) -> dict[str, Any]:
    """A configuration with the groups of `MODELS`, an `auto` model, and whatever `sections` add or replace.

    Health is off, so that a test's faults do not take a deployment away from the next test.
    """
    urls = fleet if isinstance(fleet, dict) else fleet.urls
    entries = [deployment(group, model, urls) for group, models in MODELS.items() for model in models]
    return {
        "model_list": entries,
        "routing": {
            "policy": "priority",
            "models": {"auto": {"tiers": {"fast": "gpt", "smart": "claude", "best": "gemini"}}},
        },
        "health": {"enabled": False},
        "simulation": {"mode": "off"},
        "dashboard": {"enabled": False},
        "general_settings": {"master_key": MASTER},
        **sections,
    }


@dataclass(frozen=True)
class Stores:
    """The addresses of a scaled set-up; every gateway that is given them shares its secret."""

    database_url: str
    redis_url: str
    secret: str = "a secret that every process of this set-up knows"

    @property
    def env(self) -> dict[str, str]:
        return {
            "ATELIER_DATABASE_URL": self.database_url,
            "ATELIER_REDIS_URL": self.redis_url,
            "ATELIER_SECRET": self.secret,
        }


class GatewayUnderTest:
    """What both kinds have in common. The folder holds config.yaml and the data."""

    def __init__(
        self, folder: Path, fleet: FleetThread | dict[str, str], stores: Stores | None = None, **sections: Any
    ) -> None:
        self.folder = folder
        self.stores = stores
        self.master = MASTER
        self.config_file = folder / "config.yaml"
        self.data_dir = folder / "data"
        self.config_file.write_text(json.dumps(config_of(fleet, **sections)))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        stores = self.stores.env if self.stores is not None else {}
        return {"ATELIER_DATA_DIR": str(self.data_dir), "ATELIER_PORT": str(self.port), **stores}

    def http(self, key: str | None = MASTER, **options: Any) -> httpx.Client:
        """A client of the gateway; `key` None: not signed in."""
        headers = {**options.pop("headers", {}), **({"authorization": f"Bearer {key}"} if key else {})}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False, verify=False, **options)

    def key(self, **members: Any) -> str:
        """Make a virtual key; members as in POST /key/generate (models, max_budget, rpm_limit, user_id …)."""
        with self.http() as http:
            answer = http.post("/key/generate", json=members)
            assert answer.status_code == 200, answer.text
            made: str = answer.json()["key"]
            return made

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError


class GatewayThread(GatewayUnderTest):
    """`gateway.app.Gateway` behind uvicorn, in a thread of this process."""

    def start(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # LiteLLM's import has some
            from gateway.app import Gateway
            from gateway.providers.runtime import load as load_litellm
            from gateway.telemetry.redact import Redactor

            load_litellm()
        structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.LogfmtRenderer()])
        self._loop = Loop("gateway")
        config = load_config(self.config_file, self.env)
        self.gateway = Gateway(config, self.env, Redactor(config.secrets()))
        self.run(self.gateway.start())
        self._server = uvicorn.Server(
            uvicorn.Config(
                self.gateway.asgi,
                host="127.0.0.1",
                port=self.port,
                lifespan="off",
                http=BoundedProtocol,
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
            )
        )
        self._serving = asyncio.run_coroutine_threadsafe(self._server.serve(), self._loop.loop)
        wait_until(lambda: self._server.started, "the server")

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the gateway's loop."""
        return self._loop.run(work)

    def stop(self) -> None:
        self._server.should_exit = True
        self._serving.result(PATIENCE)
        self.run(self.gateway.stop())
        self._loop.close()


class GatewayProcess(GatewayUnderTest):
    """A real `atelier serve`; its output goes to `gateway.log` in the folder."""

    process: subprocess.Popen[bytes] | None = None

    def __init__(
        self,
        folder: Path,
        fleet: FleetThread | dict[str, str],
        stores: Stores | None = None,
        workers: int = 1,
        **sections: Any,
    ) -> None:
        super().__init__(folder, fleet, stores, **sections)
        self._workers = workers

    def start(self, wait: bool = True, **env: str) -> None:
        """Start it, and wait until it is ready."""
        with (self.folder / "gateway.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "gateway", "serve"),
                    *("--config", str(self.config_file), "--workers", str(self._workers)),
                ],
                cwd=ROOT,
                env={**clean_environment(), **self.env, **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Return when requests are welcome; raise with the log when the process has ended."""

        def ready() -> bool:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"the gateway ended with {self.process.returncode}:\n{self.log()}")
            try:
                return (
                    httpx.get(f"{self.url}/health/ready", timeout=5, trust_env=False, verify=False).status_code == 200
                )
            except httpx.TransportError:
                return False

        wait_until(ready, "the gateway's readiness")

    def log(self) -> str:
        """Everything it has written so far."""
        return (self.folder / "gateway.log").read_text()

    def rss(self) -> int:
        """Resident memory in bytes."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def kill(self) -> None:
        """SIGKILL: no drain, no goodbye."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE)

    def workers(self) -> list[int]:
        """The process ids of the workers under a supervisor."""
        assert self.process is not None
        return [child.pid for child in psutil.Process(self.process.pid).children() if "gateway" in child.cmdline()]

    def restart(self, **env: str) -> None:
        """Start again on the same data, after `kill` or `stop`."""
        self.start(**env)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that configures a gateway or a provider."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ATELIER_") and not name.endswith(("_API_KEY", "_PROXY", "_proxy"))
    }


def wait_until(condition: Any, what: str, timeout: float = PATIENCE) -> None:
    """Poll until `condition()` holds; AssertionError with `what` when it does not in time."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(0.01)
