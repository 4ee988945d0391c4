"""compose.yaml: every service is shut in, reachable from this host alone, and finds what `prepare.sh` makes for it."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis

from gateway.bootstrap import DRAIN_MARGIN
from gateway.config.models import Server
from gateway.start import LAST_MARGIN
from gateway.store.grants import redis_grants
from tests.deploy.conftest import Stage, prepare
from tests.harness import ROOT, free_port, wait_until
from tests.servers import redis_binaries

Compose = dict[str, Any]
NAMES = ("gateway", "reader", "dashboard", "redis", "postgres", "prometheus", "grafana")


@pytest.fixture(params=NAMES)
def service(request: pytest.FixtureRequest, compose: Compose) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"][request.param]
    return found


def test_these_are_the_services(compose: Compose) -> None:
    assert set(compose["services"]) == set(NAMES)


def test_a_service_is_shut_in(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in service["tmpfs"]
    assert {"memory", "pids"} <= set(service["deploy"]["resources"]["limits"])
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & set(service)


def test_an_image_of_others_is_pinned_and_not_root(service: dict[str, Any]) -> None:
    assert re.search(r":(\$\{ATELIER_VERSION:-|v)?\d", service["image"])
    assert service["image"].startswith("atelier") or service["user"] in {"redis", "postgres", "nobody", "472"}


def test_ports_are_open_to_this_host_alone(compose: Compose) -> None:
    published = {name: each["ports"] for name, each in compose["services"].items() if "ports" in each}
    assert set(published) == {"gateway", "dashboard", "grafana"}
    assert all(port.startswith("${ATELIER_BIND:-127.0.0.1}:") for ports in published.values() for port in ports)


def test_the_stores_are_out_of_reach_from_outside(compose: Compose) -> None:
    assert compose["networks"]["stores"] == {"internal": True}
    assert all(compose["services"][name]["networks"] == ["stores"] for name in ("redis", "postgres", "reader"))


def test_it_waits_for_what_it_needs(compose: Compose) -> None:
    waits = {name: each.get("depends_on", {}) for name, each in compose["services"].items()}
    assert waits["gateway"] == {name: {"condition": "service_healthy"} for name in ("postgres", "redis")}
    assert waits["reader"] == {"gateway": {"condition": "service_healthy"}}
    assert waits["dashboard"] == {"reader": {"condition": "service_completed_successfully"}}


def test_a_drain_is_given_its_time(compose: Compose) -> None:
    grace = float(compose["services"]["gateway"]["stop_grace_period"].removesuffix("s"))
    assert grace > Server().drain_timeout + DRAIN_MARGIN + LAST_MARGIN


def test_images_are_built_from_stages_there_are(compose: Compose, stages: dict[str, Stage]) -> None:
    targets = {each["build"]["target"] for each in compose["services"].values() if "build" in each}
    assert targets == {"gateway", "dashboard"} <= set(stages)


def test_everything_that_is_mounted_and_every_secret_is_prepared(compose: Compose, prepared: Path) -> None:
    for service in compose["services"].values():
        mounted = {each["target"]: each["source"] for each in service["volumes"] if each["type"] == "bind"}
        binds = {target: (ROOT if "deploy" in source else prepared) / source for target, source in mounted.items()}
        named = {each["source"] for each in service["volumes"] if each["type"] == "volume"}
        assert named <= set(compose["volumes"])
        assert all(path.exists() for path in binds.values())
        words = [*service.get("environment", {}).values(), *service.get("entrypoint", ()), *service.get("command", ())]
        for inside in [word for word in words if word.startswith("/run/secrets")]:
            target = max((each for each in binds if inside.startswith(f"{each}/")), key=len)
            file = binds[target] / inside.removeprefix(f"{target}/")
            assert file.read_text() or inside.endswith("_api_key")
    assert (prepared / "config" / "config.yaml").exists()


def test_other_people_of_the_host_cannot_enter_and_containers_can_read(prepared: Path) -> None:
    secrets = prepared / "secrets"
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert (secrets / "passwords").stat().st_mode & 0o777 == 0o700
    for name in ("gateway", "dashboard", "redis", "postgres", "prometheus", "grafana"):
        assert (secrets / name).stat().st_mode & 0o777 == 0o755
        assert all(file.stat().st_mode & 0o777 == 0o644 for file in (secrets / name).iterdir())


def test_every_password_is_long_and_its_own_and_stays(prepared: Path) -> None:
    def read() -> dict[str, str]:
        return {str(file.relative_to(prepared)): file.read_text() for file in prepared.rglob("*") if file.is_file()}

    before = read()
    passwords = [
        text for name, text in before.items() if "passwords/" in name or name.endswith(("password", "_secret"))
    ]
    assert len(passwords) == len(set(passwords)) == 6
    assert all(re.fullmatch("[0-9a-f]{64}", password) for password in passwords)
    (prepared / "secrets" / "gateway" / "openai_api_key").write_text("sk-mine")
    prepare(prepared)
    assert read() == {**before, "secrets/gateway/openai_api_key": "sk-mine"}


def test_the_readers_rights_are_those_that_grants_prints(prepared: Path) -> None:
    password = (prepared / "secrets" / "passwords" / "redis_reader").read_text()
    printed = redis_grants("atelier_reader", password).removeprefix("ACL SETUSER ").strip()
    assert f"user {printed}" in (prepared / "secrets" / "redis" / "users.acl").read_text().splitlines()


def listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def test_redis_starts_as_it_is_told_and_knows_its_users(compose: Compose, prepared: Path, tmp_path: Path) -> None:
    secrets, port = prepared / "secrets", free_port()
    command = [part.replace("/run/secrets", str(secrets / "redis")) for part in compose["services"]["redis"]["command"]]
    command = [
        redis_binaries()["6.2"],
        *command[1:],
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(tmp_path),
    ]

    def client(url: str) -> redis.Redis:
        return redis.Redis.from_url(url.strip().replace("@redis:6379", f"@127.0.0.1:{port}"))

    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: listens(port), "Redis")
            with client((secrets / "gateway" / "redis_url").read_text()) as gateway:
                gateway.set("{atelier}:live:x", "1")
                assert gateway.config_get("appendonly") == {"appendonly": "yes"}
                assert gateway.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            with client((secrets / "dashboard" / "redis_url").read_text()) as reader:
                assert reader.get("{atelier}:live:x") is not None
                with pytest.raises(redis.exceptions.NoPermissionError):
                    reader.set("{atelier}:live:x", "1")
            with client("redis://health:none@redis:6379") as health:
                assert health.ping()
                with pytest.raises(redis.exceptions.NoPermissionError):
                    health.get("{atelier}:live:x")
            with redis.Redis(port=port) as stranger, pytest.raises(redis.exceptions.AuthenticationError):
                stranger.ping()
        finally:
            server.kill()
