"""While LiteLLM is loaded, what needs none of it is served; what does waits, and the gateway is not ready for more."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app import LOADING, Gateway
from gateway.config.loader import load
from gateway.fleet import RunningFleet, Settings, start_fleet
from gateway.providers import runtime
from gateway.telemetry.redact import Redactor

MASTER = "sk-master-key-of-a-test"


class Import:
    """An import of LiteLLM that ends when the test lets it, well or not."""

    def __init__(self, real: Callable[[], Any]) -> None:
        self._real = real
        self.go_on = threading.Event()
        self.error: Exception | None = None

    def __call__(self) -> Any:
        assert self.go_on.wait(60)
        if self.error is not None:
            raise self.error
        return self._real()


@pytest.fixture
async def fleet() -> AsyncIterator[RunningFleet]:
    running = await start_fleet(Settings(speed=0))
    yield running
    await running.stop()


@pytest.fixture
def importing(monkeypatch: pytest.MonkeyPatch) -> Import:
    work = Import(runtime._litellm.now)
    monkeypatch.setattr(runtime, "_litellm", runtime._Import(work))
    return work


@asynccontextmanager
async def serving(folder: Path, fleet: RunningFleet) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway with a deployment in each lane, named for it."""
    models = {"wire": ("openai/gpt-house", "openai"), "translate": ("anthropic/claude-opus-5-5", "anthropic")}
    models["sdk"] = ("lm_studio/house", "openai")
    entries = [
        {"model_name": name, "litellm_params": {"model": model, "api_base": fleet.urls[wire], "api_key": "sk-x"}}
        for name, (model, wire) in models.items()
    ]
    sections = {"simulation": {"mode": "off"}, "dashboard": {"enabled": False}, "health": {"enabled": False}}
    path = folder / "config.yaml"
    path.write_text(json.dumps({"model_list": entries, "general_settings": {"master_key": MASTER}, **sections}))
    env = {"ATELIER_DATA_DIR": str(folder / "data")}
    gateway = Gateway(load(path, env), env, Redactor([MASTER]))
    await gateway.start()
    assert {each.group: each.lane for each in gateway.services.deployments} == {name: name for name in models}
    headers = {"authorization": f"Bearer {MASTER}"}
    transport = httpx.ASGITransport(gateway.asgi)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
        yield client
    await gateway.stop()


async def ask(client: httpx.AsyncClient, model: str) -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "Say hello."}]}
    return (await client.post("/v1/chat/completions", json=body)).status_code


async def ready(client: httpx.AsyncClient) -> tuple[int, list[str]]:
    answer = await client.get("/health/ready")
    return answer.status_code, answer.json()["reasons"]


async def test_who_needs_litellm_waits_and_nobody_else(tmp_path: Path, fleet: RunningFleet, importing: Import) -> None:
    async with serving(tmp_path, fleet) as client:
        waiting = [asyncio.create_task(ask(client, lane)) for lane in ("translate", "sdk")]
        assert await ask(client, "wire") == 200
        assert await ready(client) == (503, [LOADING])
        assert not any(task.done() for task in waiting)
        importing.go_on.set()
        assert await asyncio.gather(*waiting) == [200, 200]
        assert await ready(client) == (200, [])


async def test_without_litellm_the_rest_goes_on(tmp_path: Path, fleet: RunningFleet, importing: Import) -> None:
    importing.error = ImportError("a part of it is missing")
    importing.go_on.set()
    async with serving(tmp_path, fleet) as client:
        assert [await ask(client, lane) for lane in ("sdk", "translate", "wire")] == [502, 502, 200]
        assert await ready(client) == (200, [])
