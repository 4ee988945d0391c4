"""S20: importing and starting reach out to nobody, and one attempt is one request to the provider."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import ROOT, FleetThread, GatewayThread, clean_environment, config_of
from tests.recorder import Recorder

WATCHED = """
import asyncio, json, sys, warnings
warnings.simplefilter("ignore")
calls = []
LOCAL = ("127.", "::1", "localhost")

def watch(event, given):
    if event in ("socket.connect", "socket.sendto"):
        address = given[1]
        if isinstance(address, tuple) and not str(address[0]).startswith(LOCAL):
            calls.append([event, str(address)])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        if given[0] is not None and not str(given[0]).startswith(LOCAL):
            calls.append([event, str(given[0])])
    elif event == "urllib.Request":
        calls.append([event, str(given[0])])

sys.addaudithook(watch)

from pathlib import Path
from gateway.config.loader import load
from gateway.app import Gateway
from gateway.telemetry.redact import Redactor

async def main():
    env = json.loads(sys.argv[2])
    config = load(Path(sys.argv[1]), env)
    gateway = Gateway(config, env, Redactor(config.secrets()))
    await gateway.start()
    simulated = gateway.services.simulated
    await gateway.stop()
    print(json.dumps({"calls": calls, "simulated": simulated}))

asyncio.run(main())
"""


def test_starting_reaches_nobody_but_loopback(tmp_path: Path) -> None:
    """With the shipped configuration and no key: LiteLLM is imported, prices are looked up, the fleet is started."""
    env = {"ATELIER_DATA_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", WATCHED, str(ROOT / "config.yaml"), json.dumps(env)],
        env=clean_environment(),
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
    assert json.loads(run.stdout.splitlines()[-1]) == {"calls": [], "simulated": True}


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.close()


@pytest.fixture(scope="module")
def counted(
    running_fleet: FleetThread, recorder: Recorder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayThread]:
    models = config_of(running_fleet)["model_list"]
    for wire in ("openai", "anthropic", "gemini", "mistral"):
        base = recorder.url if wire != "anthropic" else recorder.url.removesuffix("/v1")
        params = {"model": f"{wire}/counted", "api_base": base, "api_key": "sk-x"}
        models.append({"model_name": f"to-{wire}", "litellm_params": params})
    vectors = {"model": "openai/counted-embedding", "api_base": recorder.url, "api_key": "sk-x"}
    models.append({"model_name": "vectors", "litellm_params": vectors, "model_info": {"mode": "embedding"}})
    with GatewayThread(tmp_path_factory.mktemp("counted"), running_fleet, model_list=models) as running:
        yield running


@pytest.mark.parametrize("wire", ["openai", "anthropic", "gemini", "mistral"])
@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529, 401, 404, 0])
@pytest.mark.parametrize("stream", [False, True])
def test_an_attempt_is_one_request(
    counted: GatewayThread, recorder: Recorder, wire: str, status: int, stream: bool
) -> None:
    recorder.clear()
    recorder.status = status
    body = {"model": f"to-{wire}", "messages": [{"role": "user", "content": "x"}], "stream": stream, "num_retries": 0}
    with counted.http(headers={"x-atelier-timeout": "0.3"} if status == 0 else {}) as http:
        answer = http.post("/v1/chat/completions", json=body)
    assert answer.status_code >= 400
    assert answer.headers["x-atelier-attempts"] == "1"
    assert len(recorder.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503, 0])
def test_an_attempt_at_embeddings_is_one_request(counted: GatewayThread, recorder: Recorder, status: int) -> None:
    recorder.clear()
    recorder.status = status
    with counted.http(headers={"x-atelier-timeout": "0.3"} if status == 0 else {}) as http:
        answer = http.post("/v1/embeddings", json={"model": "vectors", "input": "x", "num_retries": 0})
    assert answer.status_code >= 400
    assert len(recorder.requests) == 1


def test_a_caller_can_lower_the_retries_but_not_raise_them(counted: GatewayThread, fleet: FleetThread) -> None:
    body = {"model": "pair", "messages": [{"role": "user", "content": "x"}]}
    with counted.http() as http:
        for asked, attempts in ((0, 1), (1, 2), (50, 3), (None, 3)):
            fleet.reset()
            fleet.fault("500")
            assert http.post("/v1/chat/completions", json={**body, "num_retries": asked}).status_code == 502
            assert len(fleet.settled(attempts)) == attempts
