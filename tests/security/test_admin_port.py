"""S22: with `admin.listen` the admin surface is on a port of its own, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.harness import FleetThread, GatewayProcess, free_port

SURFACE = [
    ("GET", "/admin/users"),
    ("POST", "/admin/keys"),
    ("GET", "/admin/audit"),
    ("POST", "/key/generate"),
    ("GET", "/spend/logs"),
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    fleet = FleetThread()
    listen = f"127.0.0.1:{free_port()}"
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), fleet, admin={"listen": listen}) as running:
        running.admin_url = f"http://{listen}"
        yield running
    fleet.close()


@pytest.mark.parametrize(("method", "path"), SURFACE)
def test_the_gateways_own_port_knows_nothing_of_it(gateway: GatewayProcess, method: str, path: str) -> None:
    with gateway.http() as http:
        answer = http.request(method, path, json={} if method == "POST" else None)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_url")


@pytest.mark.parametrize(("method", "path"), SURFACE)
def test_on_its_port_it_asks_for_a_key_first(gateway: GatewayProcess, method: str, path: str) -> None:
    with httpx.Client(base_url=gateway.admin_url, trust_env=False) as http:
        assert http.request(method, path).status_code == 401
        signed_in = {"authorization": f"Bearer {gateway.master}"}
        body = {"name": "x"} if path == "/admin/keys" else {}
        answer = http.request(method, path, headers=signed_in, json=body if method == "POST" else None)
        assert answer.status_code in {200, 201}, answer.text


def test_models_are_called_on_the_gateways_own_port(gateway: GatewayProcess) -> None:
    body = {"model": "echo", "messages": [{"role": "user", "content": "still here"}]}
    with gateway.http() as http:
        answer = http.post("/v1/chat/completions", json=body)
        assert answer.json()["choices"][0]["message"]["content"] == "still here"
        assert http.get("/health/ready").status_code == 200


def test_a_host_header_changes_nothing(gateway: GatewayProcess) -> None:
    host = gateway.admin_url.removeprefix("http://")
    with gateway.http(headers={"host": host}) as http:
        assert http.get("/admin/users").status_code == 404
