"""Other gateways beside ours: LiteLLM's proxy and Portkey, each in an environment of its own (`make bench-peers`).

BENCH_LITELLM is a virtual environment, BENCH_PORTKEY a folder of npm; without them the folders that `make bench-peers`
makes are looked at. A peer that is not installed is not measured, and the run says so.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from benchmarks.servers import MODEL, ROOT, Launch, Server, Surroundings, free_port

PEER_KEY = "sk-peer"
PARTS = frozenset({"start", "request", "peers"})
LITELLM_HOME = Path(os.environ.get("BENCH_LITELLM") or ROOT / ".venv-bench-litellm")
PORTKEY_HOME = Path(os.environ.get("BENCH_PORTKEY") or ROOT / ".bench-portkey")
LITELLM_PROGRAM = LITELLM_HOME / "bin" / "litellm"
PORTKEY_PROGRAM = PORTKEY_HOME / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"


def litellm(around: Surroundings) -> Launch:
    """The proxy with a master key and no database: less than ours does, and the cheapest way to run it."""
    config, port = around.folder / "config.yaml", free_port()
    parameters = {"model": f"openai/{MODEL}", "api_base": f"{around.upstream}/v1", "api_key": "sk-provider"}
    config.write_text(
        json.dumps(
            {
                "model_list": [{"model_name": MODEL, "litellm_params": parameters}],
                "litellm_settings": {"telemetry": False},
                "general_settings": {"master_key": PEER_KEY},
            }
        )
    )
    command = [str(LITELLM_PROGRAM), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    local = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HF_HUB_OFFLINE": "1", "LITELLM_LOG": "ERROR"}
    return Launch([*command, "--num_workers", "1"], port, PEER_KEY, local, folder=around.folder)


def portkey(around: Surroundings) -> Launch:
    """It has no keys of its own: each request says who the provider is, and brings the provider's key."""
    port = free_port()
    node = shutil.which("node") or "node"
    headers = (("x-portkey-provider", "openai"), ("x-portkey-custom-host", f"{around.upstream}/v1"))
    local = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1"}
    command = [node, str(PORTKEY_PROGRAM), f"--port={port}", "--headless"]
    return Launch(command, port, "sk-provider", local, headers, folder=around.folder)


def without_litellm() -> str | None:
    return None if LITELLM_PROGRAM.exists() else f"nothing is installed in {LITELLM_HOME.name}"


def without_portkey() -> str | None:
    if not PORTKEY_PROGRAM.exists():
        return f"nothing is installed in {PORTKEY_HOME.name}"
    return None if shutil.which("node") else "there is no node on PATH"


LITELLM = Server("litellm", PARTS, litellm, without_litellm)
PORTKEY = Server("portkey", PARTS, portkey, without_portkey)
