"""All servers that can be measured, what of each is, and how ours are set up. `peers.py` has those of others.

The wire lane is measured on a gateway that has no other: one with deployments for the other lanes loads LiteLLM, and is
started beside it, as `…+lanes`, for these lanes alone.
"""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.peers import LITELLM, PORTKEY
from benchmarks.servers import MODEL, ROOT, START_PATIENCE, Launch, Server, StartError, Surroundings, free_port
from benchmarks.servers import environment as bare

FLOOR_KEY = "sk-floor"
GATEWAY = [sys.executable, "-m", "gateway"]
SDK = ("cohere_chat/bench", "/v2/chat")  # no other lane serves it
LANES = {
    "bench-anthropic": ("anthropic/claude-bench", ""),
    "bench-gemini": ("gemini/gemini-bench", "/v1beta"),
    "bench-sdk": SDK,
}
KEY = ["--name", "bench", "--budget", "1e6", "--rpm", "1000000", "--parallel", "10000"]
WIRE = frozenset({"start", "request", "chunk", "peers", "prompts", "open", "crowd", "growth"})


def floor(around: Surroundings) -> Launch:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.floor", str(port), around.upstream, "--key", FLOOR_KEY]
    return Launch(command, port, FLOOR_KEY)


def floor_with_scan(around: Surroundings) -> Launch:
    launch = floor(around)
    return Launch([*launch.command, "--scan"], launch.port, launch.key)


def wire(around: Surroundings) -> Launch:
    """On its embedded stores with everything on: a key with a budget and limits, ledger, metrics, log."""
    return atelier(around, {MODEL: (f"openai/{MODEL}", "/v1")}, {})


def wire_scaled(around: Surroundings) -> Launch:
    return atelier(around, {MODEL: (f"openai/{MODEL}", "/v1")}, around.stores())


def lanes(around: Surroundings) -> Launch:
    return atelier(around, LANES, {})


def lanes_scaled(around: Surroundings) -> Launch:
    return atelier(around, LANES, around.stores())


def acompletion(around: Surroundings) -> Launch:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.acompletion", str(port), around.upstream + SDK[1]]
    return Launch(command, port, calls_itself=True)


def atelier(around: Surroundings, models: dict[str, tuple[str, str]], stores: dict[str, str]) -> Launch:
    """The gateway with a deployment of each of `models` at the upstream, and a key. Raises StartError."""
    config, port = around.folder / "config.yaml", free_port()
    config.write_text(json.dumps(configuration(models, around.upstream)))
    settings = {"ATELIER_DATA_DIR": str(around.folder / "data"), "ATELIER_PORT": str(port), **stores}
    settings["ATELIER_CONFIG"] = str(config)
    made = subprocess.run(
        [*GATEWAY, "keys", "create", *KEY],
        cwd=ROOT,
        env=bare(settings),
        capture_output=True,
        text=True,
        timeout=START_PATIENCE,
        check=False,
    )
    if made.returncode:
        raise StartError(f"no key could be made:\n{made.stderr}")
    return Launch([*GATEWAY, "serve"], port, made.stdout.strip(), settings, model=next(iter(models)))


def configuration(models: dict[str, tuple[str, str]], upstream: str) -> dict[str, object]:
    """Real deployments at the upstream; all else is as shipped."""
    return {
        "model_list": [
            {"model_name": name, "litellm_params": parameters(model, upstream + path)}
            for name, (model, path) in models.items()
        ],
        "simulation": {"mode": "off"},
        "dashboard": {"enabled": False},
    }


def parameters(model: str, address: str) -> dict[str, object]:
    return {
        "model": model,
        "api_base": address,
        "api_key": "sk-provider",
        "input_cost_per_token": 1e-7,
        "output_cost_per_token": 4e-7,
    }


FLOOR = Server("floor", frozenset({"start", "request", "chunk", "peers", "prompts", "open", "crowd"}), floor)
SCAN = Server("floor+scan", frozenset({"start", "request", "chunk", "peers"}), floor_with_scan)
EMBEDDED = Server("atelier", WIRE, wire)
SCALED = Server("atelier-scaled", WIRE, wire_scaled)
EMBEDDED_LANES = Server("atelier+lanes", frozenset({"translate", "sdk"}), lanes)
SCALED_LANES = Server("atelier-scaled+lanes", frozenset({"translate", "sdk"}), lanes_scaled)
ACOMPLETION = Server("acompletion", frozenset({"sdk"}), acompletion)
SERVERS = (FLOOR, SCAN, EMBEDDED, SCALED, EMBEDDED_LANES, SCALED_LANES, ACOMPLETION, LITELLM, PORTKEY)
