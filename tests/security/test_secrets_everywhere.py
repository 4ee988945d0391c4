"""S8: planted secrets come out nowhere, whatever goes wrong: bodies, headers, logs, metrics, health, the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.harness import FleetThread, GatewayProcess

CANARIES = {
    "openai": "sk-canary-openai-4f9a1c77",
    "anthropic": "sk-ant-canary-83b1d0e2",
    "gemini": "AIza-canary-gemini-55c0ffee",
}
MASTER = "sk-canary-master-9d8e7f60"
EXTRA = "canary-listed-by-the-admin-1b2c"
KINDS = (
    "400", "401", "403", "404", "408", "429", "500", "502", "503", "529", "context_length_exceeded", "content_policy",
    "refused", "reset after=0", "reset after=3", "clean_end after=2", "in_band_error after=2", "malformed after=1",
    "wrong_content_type", "hang_before_headers",
)  # fmt: skip
MODELS = {"openai": "openai/echo", "anthropic": "anthropic/claude-haiku-5-5", "gemini": "gemini/gemini-3.5-flash-lite"}


@pytest.fixture(scope="module")
def planted(running_fleet: FleetThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    entries = [
        {
            "model_name": wire,
            "litellm_params": {"model": model, "api_base": running_fleet.urls[wire], "api_key": CANARIES[wire]},
        }
        for wire, model in MODELS.items()
    ]
    gateway = GatewayProcess(
        tmp_path_factory.mktemp("canaries"),
        running_fleet,
        model_list=entries,
        general_settings={"master_key": MASTER},
        routing={"policy": "priority"},
        stream={"ttft_timeout": 1},
        timeouts={"total": 2},
        telemetry={"log_level": "debug", "redact": [EXTRA]},
    )
    gateway.master = MASTER
    with gateway:
        yield gateway


def said(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.headers} {answer.text}"


def test_no_secret_comes_out_of_any_fault_on_any_route(planted: GatewayProcess, running_fleet: FleetThread) -> None:
    running_fleet.reset()
    out: list[str] = []
    with planted.http(MASTER) as admin:
        made = admin.post("/key/generate", json={"key_alias": "canary", "max_budget": 5})
        key = made.json()["key"]
        paths = ("/key/list", "/key/info", "/v1/me", "/v1/models", "/v1/status", "/metrics", "/health/ready")
        out += [said(admin.get(path)) for path in paths]
    with planted.http(key) as http:
        for wire in MODELS:
            for kind in KINDS:
                for stream in (False, True):
                    body = {
                        "model": wire,
                        "stream": stream,
                        "messages": [{"role": "user", "content": f"[[sim:{kind}]]"}],
                    }
                    out.append(said(http.post("/v1/chat/completions", json=body)))
        out.append(said(http.post("/v1/chat/completions", content=b"{" + MASTER.encode())))
        out.append(said(http.get("/v1/me")))
    with planted.http(f"{MASTER}x") as stranger:
        out.append(said(stranger.get("/v1/me")))
    seen = "\n".join(out)
    log = planted.log()
    for canary in (*CANARIES.values(), MASTER, EXTRA, key):
        assert canary not in seen
        assert canary not in log


def test_the_database_holds_no_key_and_no_provider_secret(planted: GatewayProcess) -> None:
    with planted.http(MASTER) as admin:
        key = admin.post("/key/generate", json={"key_alias": "kept nowhere"}).json()["key"]
    database = sqlite3.connect(planted.data_dir / "atelier.db")
    dump = "\n".join(database.iterdump())
    database.close()
    raw = b"".join(path.read_bytes() for path in planted.data_dir.rglob("atelier.db*") if path.is_file())
    for secret in (key, MASTER, *CANARIES.values()):
        assert secret not in dump
        assert secret.encode() not in raw


def test_values_with_secrets_do_not_show_them(tmp_path: Path, running_fleet: FleetThread) -> None:
    from gateway.config.deployments import resolve
    from gateway.config.loader import load
    from gateway.providers.facts import model_facts

    gateway = GatewayProcess(tmp_path, running_fleet, general_settings={"master_key": MASTER})
    config = load(gateway.config_file, gateway.env)
    shown = repr(config) + str(config) + repr(resolve(config, {}, model_facts, None))
    assert MASTER not in shown
    assert "sk-provider" not in shown
