"""A copy of everything that the stores hold contains no key, no password, no token and no provider's secret."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.faults.audit import rows_of
from tests.harness import MASTER, PROVIDER_KEY, FleetThread, GatewayThread, Stores

PASSWORD = "correct-Horse-9-battery"
EMAIL = "lea@example.com"
TABLES = (
    "virtual_key", "account", "request", "ledger", "spend_rollup", "spend_day", "position", "dead_letter",
    "content", "user", "team", "membership", "brand", "invitation", "sign_in", "audit",
)  # fmt: skip


@pytest.fixture
def fleet() -> Iterator[FleetThread]:
    running = FleetThread()
    yield running
    running.close()


def use(gateway: GatewayThread) -> list[str]:
    """Have everything made that is secret; what was told once."""
    told: list[str] = []

    def ask(http: Any, method: str, path: str, **body: Any) -> Any:
        answer = http.request(method, path, json=body)
        assert answer.is_success, answer.text
        made = answer.json()
        told.extend(made[name] for name in ("key", "token") if name in made)
        return made

    with gateway.http() as admin:
        ask(admin, "POST", "/admin/teams", id="desk", name="Desk", content="full")
        invitation = ask(admin, "POST", "/admin/invitations", email=EMAIL, team="desk", role="lead")
        ask(admin, "POST", "/admin/invitations", email="ben@example.com", team="desk", role="member")
        key = ask(admin, "POST", "/admin/keys", name="canary", team="desk", budget="5")
        ask(admin, "POST", f"/admin/keys/{key['id']}/rotate", overlap_seconds=60)
    with gateway.http(None) as anybody:
        form = {"token": invitation["token"], "email": EMAIL, "name": "Lea", "password": PASSWORD}
        ask(anybody, "POST", "/auth/accept-invitation", **form)
        ask(anybody, "POST", "/auth/sign-in", email=EMAIL, password=PASSWORD)
    for stream in (False, True):
        for secret in told:
            if secret.startswith(("sk-", "sess-")):
                with gateway.http(secret) as http:
                    body = {"model": "echo", "stream": stream, "messages": [{"role": "user", "content": "hello"}]}
                    assert http.post("/v1/chat/completions", json=body).status_code == 200
    assert len(told) == 6
    return [*told, PASSWORD, MASTER, PROVIDER_KEY]


def forms(secret: str) -> Iterator[bytes]:
    """As it is, without its prefix, decoded, and as hexadecimal."""
    yield secret.encode()
    body = secret.rpartition("-atl-")[2]
    yield body.encode()
    if body != secret:
        raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        yield raw
        yield raw.hex().encode()


def assert_absent(secrets: list[str], where: bytes) -> None:
    for number, secret in enumerate(secrets):
        for form in forms(secret):
            assert form not in where, f"secret {number} is in the dump"


def test_the_data_folder(tmp_path: Path, fleet: FleetThread) -> None:
    with GatewayThread(tmp_path, fleet) as gateway:
        secrets = use(gateway)
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    dump = b"".join(path.read_bytes() for path in files)
    assert b"canary" in dump
    assert EMAIL.encode() in dump
    assert_absent(secrets, dump)


def test_postgresql_and_redis(tmp_path: Path, fleet: FleetThread, empty_stores: Callable[[], Stores]) -> None:
    stores = empty_stores()
    with GatewayThread(tmp_path, fleet, stores=stores, cache={"enabled": True}) as gateway:
        secrets = [*use(gateway), stores.secret]
        with Redis.from_url(stores.redis_url) as redis:
            names = list(redis.scan_iter("*", count=1000))
            in_redis = b"\n".join([*names, *(redis.dump(name) or b"" for name in names)])
            streams = [name for name in names if redis.type(name) == b"stream"]
            in_redis += repr([redis.xrange(name) for name in streams]).encode()
            hashes = [name for name in names if redis.type(name) == b"hash"]
            in_redis += repr([redis.hgetall(name) for name in hashes]).encode()
            in_redis += repr([redis.get(name) for name in names if redis.type(name) == b"string"]).encode()
    assert b"desk" in in_redis
    assert_absent(secrets, in_redis)
    tables = rows_of(stores.database_url, *TABLES)
    dump = repr([dict(row) for rows in tables.values() for row in rows]).encode()
    dump += b"".join(bytes(v) for rows in tables.values() for row in rows for v in row.values() if isinstance(v, bytes))
    assert EMAIL.encode() in dump
    assert b"$argon2id$" in dump
    assert_absent(secrets, dump)
