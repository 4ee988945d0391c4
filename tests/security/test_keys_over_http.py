"""S5: a key counts as a whole or not at all, is shown once, and is nowhere in what the gateway keeps."""

from __future__ import annotations

import hashlib
import random
import string
from typing import Any

import pytest

from gateway.errors import Unauthenticated
from tests.harness import FleetThread, GatewayProcess, GatewayThread

ALPHABET = string.ascii_letters + string.digits + "-_"


def works(gateway: GatewayThread, key: str) -> bool:
    """Asked where the HTTP layer asks, to save ten thousand round trips."""
    try:
        gateway.run(gateway.gateway.services.identities.identify(key))
    except Unauthenticated:
        return False
    return True


def test_a_key_that_differs_in_one_place_is_another_key(gateway: GatewayThread) -> None:
    key = gateway.key()
    assert key.startswith("sk-atl-")
    assert works(gateway, key)
    for place in range(len(key)):
        other = "A" if key[place] != "A" else "B"
        assert not works(gateway, key[:place] + other + key[place + 1 :]), place
    assert works(gateway, key)


def test_parts_and_forms_of_a_key_are_not_the_key(gateway: GatewayThread) -> None:
    key = gateway.key()
    with gateway.http(key) as http:
        key_id = http.get("/v1/me").json()["key_id"]
    digest = gateway.gateway.services.accounts.keys._digests.digest(key)
    sha = hashlib.sha256(key.encode()).hexdigest()
    wrong = [
        key[:-1], key[1:], key + "A", key[:12], key.lower(), key.upper(), key.swapcase(), key_id, digest.hex(), sha,
        f"sk-{sha}", digest.decode("latin-1"), key + "\x00", f"{key},{key}", f"Bearer {key}", "%", "*", "",
    ]  # fmt: skip
    for each in wrong:
        assert not works(gateway, each), each
    for each in (f"Bearer {key}", f"{key}\t{key}", f'"{key}"', f"{key}, {key}"):
        with gateway.http(None, headers={"x-api-key": each}) as http:
            assert http.get("/v1/me").status_code == 401, each


def test_random_keys_are_never_found(gateway: GatewayThread) -> None:
    draw = random.Random(7)
    identities = gateway.gateway.services.identities

    async def guess() -> int:
        found = 0
        for _ in range(2_000):
            try:
                await identities.identify("sk-atl-" + "".join(draw.choices(ALPHABET, k=43)))
            except Unauthenticated:
                continue
            found += 1
        return found

    assert gateway.run(guess()) == 0


def test_the_look_up_is_given_whole_digests_and_nothing_else(
    gateway: GatewayThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = gateway.gateway.services
    directory = services.identities._directory
    seen: list[tuple[Any, ...]] = []
    find = directory.key

    async def spied(*given: Any) -> Any:
        seen.append(given)
        return await find(*given)

    monkeypatch.setattr(directory, "key", spied)
    key = gateway.key()
    assert works(gateway, key)
    digest = services.accounts.keys._digests.digest(key)
    assert seen[-1] == (digest, hashlib.sha256(key.encode()).hexdigest())
    assert len(digest) == 32


def test_two_keys_never_share_what_is_remembered(gateway: GatewayThread) -> None:
    keys = [gateway.key(user_id=f"person-{number}") for number in range(20)]
    for _ in range(2):
        for number, key in enumerate(keys):
            with gateway.http(key) as http:
                assert http.get("/v1/me").json()["user"] == f"person-{number}"


def test_a_key_is_shown_once_and_kept_nowhere(gateway_process: GatewayProcess, fleet: FleetThread) -> None:
    key = gateway_process.key(key_alias="once", metadata={"note": "plain"})
    body = {"model": "echo", "messages": [{"role": "user", "content": "hello"}]}
    with gateway_process.http(key) as http:
        assert http.post("/v1/chat/completions", json=body).status_code == 200
        me = http.get("/v1/me").text + http.get("/key/info").text
    with gateway_process.http() as admin:
        me += admin.get("/key/list").text + admin.get("/metrics").text
    assert key not in me
    assert key[20:] not in me
    gateway_process.stop()
    kept = [path for path in gateway_process.folder.rglob("*") if path.is_file()]
    assert any(path.suffix in {".db", ".sqlite", ".sqlite3"} for path in kept), kept
    for path in kept:
        assert key[12:].encode() not in path.read_bytes(), path
