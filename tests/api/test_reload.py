"""A change of the configuration while requests run: what began before ends as it began, what comes after goes by the new."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.fleet import Pacing
from tests.harness import (
    MASTER,
    PROVIDER_KEY,
    FleetThread,
    GatewayProcess,
    GatewayThread,
    GatewayUnderTest,
    config_of,
    deployment,
    wait_until,
)

ASKED = {"model": "echo", "messages": [{"role": "user", "content": "one two three"}]}
SLOW = {"model": "slow-echo", "stream": True, "messages": [{"role": "user", "content": "one two three four five six"}]}


@pytest.fixture(scope="module")
def fleet() -> Iterator[FleetThread]:
    running = FleetThread()
    yield running
    running.close()


@pytest.fixture
def gateway(fleet: FleetThread, tmp_path: Path) -> Iterator[GatewayThread]:
    fleet.reset()
    with GatewayThread(tmp_path, fleet) as running:
        yield running


def write(gateway: GatewayUnderTest, fleet: FleetThread, **sections: Any) -> None:
    """Change the file only; the version that serves notices by itself."""
    gateway.config_file.write_text(json.dumps(config_of(fleet, **sections)))


def reload(gateway: GatewayThread, fleet: FleetThread, **sections: Any) -> None:
    """Change the file and load it."""
    write(gateway, fleet, **sections)
    gateway.run(gateway.gateway.services.reloader.reload("test"))


def version(gateway: GatewayUnderTest) -> dict[str, Any]:
    with gateway.http(None) as http:
        found: dict[str, Any] = http.get("/health/ready").json()["config"]
    return found


def test_a_change_on_disk_serves_without_a_restart(gateway: GatewayThread, fleet: FleetThread) -> None:
    before = version(gateway)
    models = [*config_of(fleet)["model_list"], deployment("brand-new", "openai/echo", fleet.urls)]
    with gateway.http() as http:
        assert http.post("/v1/chat/completions", json=ASKED | {"model": "brand-new"}).status_code == 404
        write(gateway, fleet, model_list=models)
        wait_until(lambda: version(gateway)["version"] != before["version"], "the new version")
        assert http.post("/v1/chat/completions", json=ASKED | {"model": "brand-new"}).status_code == 200
        assert "brand-new" in {each["id"] for each in http.get("/v1/models").json()["data"]}
        assert http.get("/admin/users").headers["x-atelier-config-version"] == version(gateway)["version"]


def test_a_broken_file_leaves_the_old_one_serving(gateway: GatewayThread, fleet: FleetThread) -> None:
    before = version(gateway)
    gateway.config_file.write_text("model_list: nonsense\n")
    wait_until(lambda: version(gateway)["rejected"], "the rejection")
    assert version(gateway) == before | {"rejected": True}
    with gateway.http() as http:
        assert http.post("/v1/chat/completions", json=ASKED).status_code == 200
        assert http.get("/health/ready").status_code == 200
    write(gateway, fleet)
    wait_until(lambda: not version(gateway)["rejected"], "the mended file")
    assert version(gateway)["version"] == before["version"]


def test_a_stream_ends_by_the_version_it_began_with(gateway: GatewayThread, fleet: FleetThread) -> None:
    fleet.configure(pacing=Pacing(ttft=0.05, tokens_per_second=20))
    models = [each for each in config_of(fleet)["model_list"] if each["model_name"] != "slow-echo"]
    with gateway.http() as http, http.stream("POST", "/v1/chat/completions", json=SLOW) as answer:
        lines = answer.iter_lines()
        first = next(lines)
        reload(gateway, fleet, model_list=models, queue={"max_wait": 1}, retry={"attempts": 1})
        told = [first, *lines]
        assert "data: [DONE]" in told
        assert answer.headers["x-atelier-deployment"] == "slow-echo/openai/slow-echo"
        assert http.post("/v1/chat/completions", json=SLOW).status_code == 404
    assert gateway.gateway.services.places.snapshot().in_flight == {}


def test_limits_and_the_master_key_change_at_once(gateway: GatewayThread, fleet: FleetThread) -> None:
    key = gateway.key()
    with gateway.http(key) as http:
        assert "x-ratelimit-limit-requests" not in http.post("/v1/chat/completions", json=ASKED).headers
        reload(gateway, fleet, limits={"rpm": 3}, general_settings={"master_key": "sk-master-another-0123456789"})
        assert http.post("/v1/chat/completions", json=ASKED).headers["x-ratelimit-limit-requests"] == "3"
    with gateway.http(MASTER) as http:
        assert http.get("/admin/users").status_code == 401
    with gateway.http("sk-master-another-0123456789") as http:
        assert http.get("/admin/users").status_code == 200


def test_a_header_of_the_admins_own_carries_keys(gateway: GatewayThread, fleet: FleetThread) -> None:
    key = gateway.key()
    reload(gateway, fleet, keys={"header": "X-House-Key"})
    for value in (key, f"Bearer {key}"):
        answer = httpx.post(
            f"{gateway.url}/v1/chat/completions", json=ASKED, headers={"x-house-key": value}, trust_env=False
        )
        assert answer.status_code == 200, answer.text


def test_a_providers_key_is_rotated_in_its_file(fleet: FleetThread, tmp_path: Path) -> None:
    fleet.reset()
    secret = tmp_path / "provider-key"
    secret.write_text("sk-first-0123456789\n")
    models = [deployment("echo", "openai/echo", fleet.urls)]
    models[0]["litellm_params"]["api_key"] = "os.environ/HOUSE_API_KEY"
    routing = {"models": {}}

    class WithSecret(GatewayThread):
        @property
        def env(self) -> dict[str, str]:
            return {**super().env, "HOUSE_API_KEY_FILE": str(secret)}

    with WithSecret(tmp_path, fleet, model_list=models, routing=routing) as gateway, gateway.http() as http:
        assert http.post("/v1/chat/completions", json=ASKED).status_code == 200
        before = version(gateway)["version"]
        secret.write_text("sk-second-0123456789\n")
        wait_until(lambda: version(gateway)["version"] != before, "the new key")
        assert http.post("/v1/chat/completions", json=ASKED).status_code == 200
        served = [each.api_key for each in gateway.gateway.services.deployments]
        assert served == ["sk-second-0123456789"]


def test_a_key_file_that_is_emptied_keeps_the_old_key_serving(fleet: FleetThread, tmp_path: Path) -> None:
    fleet.reset()
    secret = tmp_path / "provider-key"
    secret.write_text("sk-first-0123456789\n")
    models = [deployment("echo", "openai/echo", fleet.urls)]
    models[0]["litellm_params"]["api_key"] = "os.environ/HOUSE_API_KEY"
    sections = {"model_list": models, "routing": {"models": {}}, "simulation": {"mode": "auto"}}

    class WithSecret(GatewayThread):
        @property
        def env(self) -> dict[str, str]:
            return {**super().env, "HOUSE_API_KEY_FILE": str(secret)}

    with WithSecret(tmp_path, fleet, **sections) as gateway, gateway.http() as http:
        for change in (lambda: secret.write_text(""), secret.unlink):
            change()
            wait_until(lambda: version(gateway)["rejected"], "the rejection")
            answer = http.post("/v1/chat/completions", json=ASKED)
            assert (answer.status_code, answer.headers.get("x-atelier-simulated")) == (200, None)
            rejection = gateway.gateway.services.reloader.rejected
            assert rejection is not None
            assert "HOUSE_API_KEY" in str(rejection.problems[0])
            secret.write_text("sk-first-0123456789\n")
            wait_until(lambda: not version(gateway)["rejected"], "the key")


def test_what_was_real_is_never_simulated_by_a_reload(fleet: FleetThread, tmp_path: Path) -> None:
    fleet.reset()
    with GatewayThread(tmp_path, fleet, simulation={"mode": "auto"}) as gateway, gateway.http() as http:
        models = config_of(fleet)["model_list"]
        for each in models:
            each["litellm_params"] |= {"api_key": "os.environ/A_KEY_THAT_NOBODY_SET", "api_base": None}
        write(gateway, fleet, model_list=models, simulation={"mode": "auto"})
        wait_until(lambda: version(gateway)["rejected"], "the rejection")
        answer = http.post("/v1/chat/completions", json=ASKED)
        assert (answer.status_code, answer.headers.get("x-atelier-simulated")) == (200, None)


def test_a_new_key_gives_a_deployment_another_chance(fleet: FleetThread, tmp_path: Path) -> None:
    fleet.reset()
    health = {"enabled": True, "failures": 1, "open_for": 600, "max_open": 600}
    with GatewayThread(tmp_path, fleet, health=health) as gateway, gateway.http() as http:
        fleet.fault("401", times=1, model="echo")
        assert http.post("/v1/chat/completions", json=ASKED).status_code == 502
        found = gateway.gateway.services
        assert found.health.state("echo/openai/echo") == "open"
        reload(gateway, fleet, health=health, limits={"rpm": 100})
        assert found.health.state("echo/openai/echo") == "open"  # nothing about it was changed
        models = config_of(fleet)["model_list"]
        for each in models:
            each["litellm_params"]["api_key"] = PROVIDER_KEY + "-rotated"
        reload(gateway, fleet, health=health, model_list=models)
        assert found.health.state("echo/openai/echo") == "closed"
        assert http.post("/v1/chat/completions", json=ASKED).status_code == 200


def test_a_template_that_cannot_be_read_rejects_the_whole(gateway: GatewayThread, fleet: FleetThread) -> None:
    before = version(gateway)["version"]
    folder = gateway.folder / "mine"
    (folder / "prompts").mkdir(parents=True)
    (folder / "prompts" / "broken.yaml").write_text("id: [")
    write(gateway, fleet, templates={"path": "mine"}, limits={"rpm": 1})
    wait_until(lambda: version(gateway)["rejected"], "the rejection")
    rejection = gateway.gateway.services.reloader.rejected
    assert rejection is not None
    assert "broken.yaml" in str(rejection.problems[0])
    assert version(gateway)["version"] == before
    assert gateway.gateway.services.serving.config.limits.rpm is None


def test_requests_that_wait_for_money_are_served_across_a_reload(gateway: GatewayThread, fleet: FleetThread) -> None:
    """A waiter of the old version is woken by captures of the new one."""
    fleet.configure(pacing=Pacing(ttft=1.0))
    asked = ASKED | {"max_tokens": 1000}  # holds 0.002 of 0.003, and costs next to nothing
    key = gateway.key(max_budget=0.003)

    async def ask(http: httpx.AsyncClient) -> int:
        return (await http.post("/v1/chat/completions", json=asked)).status_code

    async def both() -> list[int]:
        headers = {"authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=30, trust_env=False) as http:
            first = [asyncio.create_task(ask(http)) for _ in range(3)]
            served = gateway.gateway.services.generations
            await asyncio.to_thread(wait_until, lambda: len(served) == 3, "one that is served, and two that wait")
            await asyncio.to_thread(reload, gateway, fleet, limits={"max_n": 3})
            return await asyncio.gather(*first, ask(http))

    assert asyncio.run(both()) == [200, 200, 200, 200]


@pytest.fixture
def process(fleet: FleetThread, tmp_path: Path) -> Iterator[GatewayProcess]:
    fleet.reset()
    with GatewayProcess(tmp_path, fleet) as running:
        yield running


def test_sighup_loads_at_once_and_a_start_is_not_disturbed(process: GatewayProcess, fleet: FleetThread) -> None:
    before = version(process)["version"]
    write(process, fleet, limits={"rpm": 11})
    assert process.process is not None
    process.process.send_signal(signal.SIGHUP)
    wait_until(lambda: version(process)["version"] != before, "the new version")
    process.process.send_signal(signal.SIGHUP)  # nothing was changed: nothing happens
    time.sleep(0.1)
    assert process.process.poll() is None
    loaded = [line for line in process.log().splitlines() if "config_loaded" in line]
    assert len(loaded) == 1


def replaced(path: Path, text: str) -> None:
    """As editors and Kubernetes do it: another file in its place."""
    other = path.with_suffix(".new")
    other.write_text(text)
    other.rename(path)


def test_a_file_that_was_put_in_its_place_is_noticed(process: GatewayProcess, fleet: FleetThread) -> None:
    before = version(process)["version"]
    replaced(process.config_file, json.dumps(config_of(fleet, limits={"rpm": 12})))
    wait_until(lambda: version(process)["version"] != before, "the new version")
