"""A credential becomes an identity; the store is asked rarely, and its absence never turns a key into a wrong one."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from gateway.accounts.rights import Defaults
from gateway.errors import Unauthenticated, Unavailable
from gateway.identities import LONGEST_AWAY, KeyIdentities
from gateway.ports import Found, KeyInfo
from gateway.store.secrets import KeyDigester
from tests.core.fakes import FakeClock

KEY, MASTER, TTL = "sk-atl-good", "sk-master", 2.0
DIGESTS = KeyDigester(b"0" * 32)


class Store:
    """Keys by whole digest; counts look-ups."""

    def __init__(self, **keys: KeyInfo) -> None:
        self.keys = {DIGESTS.digest(f"sk-atl-{name}"): info for name, info in keys.items()}
        self.asked: list[tuple[bytes, str]] = []
        self.away = False

    async def key(self, digest: bytes, litellm_digest: str) -> Found | None:
        self.asked.append((digest, litellm_digest))
        if self.away:
            raise Unavailable("away", code="store_unavailable")
        info = self.keys.get(digest)
        return Found(info) if info is not None else None


@pytest.fixture
def store() -> Store:
    return Store(good=KeyInfo("k_1", "good", "sk-atl-good", 0.0))


@pytest.fixture
def identities(store: Store, clock: FakeClock) -> KeyIdentities:
    return KeyIdentities(store, DIGESTS, clock, MASTER, TTL)  # type: ignore[arg-type]


async def test_a_known_key_has_its_rights(store: Store, identities: KeyIdentities) -> None:
    store.keys[DIGESTS.digest(KEY)] = KeyInfo(
        "k_1",
        "good",
        "sk-atl-good",
        0.0,
        role="admin",
        user="ann",
        team="red",
        models=("fast",),
        brands=("lumen",),
        default_brand="lumen",
        budget=5,
        rpm=10,
        max_parallel=2,
        on_disconnect="continue",
        tags=("desk",),
        metadata={"test_key": True},
    )
    found = await identities.identify(KEY)
    assert (found.key_id, found.role, found.user, found.team) == ("k_1", "admin", "ann", "red")
    assert (found.models, found.brands, found.default_brand) == (frozenset({"fast"}), frozenset({"lumen"}), "lumen")
    assert (found.scopes, found.rpm, found.max_parallel) == (("key:k_1", "user:ann", "team:red"), 10, 2)
    assert (found.on_disconnect, found.tags, found.test_key) == ("continue", ("desk",), True)


async def test_a_key_without_limits_has_the_gateways(store: Store, clock: FakeClock) -> None:
    found = await KeyIdentities(store, DIGESTS, clock, None, TTL, defaults=Defaults(60, 5)).identify(KEY)  # type: ignore[arg-type]
    assert (found.rpm, found.max_parallel) == (60, 5)
    assert (found.models, found.brands) == (None, None)


@pytest.mark.parametrize(
    ("credential", "code"),
    [
        (None, "invalid_api_key"),
        ("", "invalid_api_key"),
        ("sk-atl-other", "invalid_api_key"),
        ("sk-atl-goo", "invalid_api_key"),
        ("sk-atl-goodd", "invalid_api_key"),
        ("sk-atl-" + "x" * 600, "invalid_api_key"),
        ("sk-atl-gööd", "invalid_api_key"),
    ],
)
async def test_whatever_is_no_key_is_refused(identities: KeyIdentities, credential: str | None, code: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await identities.identify(credential)
    assert caught.value.code == code
    assert caught.value.headers()["www-authenticate"] == "Bearer"
    assert not credential or credential not in str(caught.value.body())


async def test_the_store_is_asked_for_whole_digests_only(store: Store, identities: KeyIdentities) -> None:
    await identities.identify(KEY)
    assert store.asked == [(DIGESTS.digest(KEY), hashlib.sha256(KEY.encode()).hexdigest())]


async def test_the_master_key_is_an_admin_and_asks_no_store(store: Store, identities: KeyIdentities) -> None:
    store.away = True
    found = await identities.identify(MASTER)
    assert (found.key_id, found.role, found.scopes) == ("master", "admin", ())
    with pytest.raises(Unavailable):
        await identities.identify(MASTER + "x")


async def test_without_a_master_key_there_is_none(store: Store, clock: FakeClock) -> None:
    identities = KeyIdentities(store, DIGESTS, clock, None, TTL)  # type: ignore[arg-type]
    with pytest.raises(Unauthenticated):
        await identities.identify(MASTER)


async def test_a_burst_costs_one_look_up(store: Store, identities: KeyIdentities, clock: FakeClock) -> None:
    for _ in range(50):
        await identities.identify(KEY)
    assert len(store.asked) == 1
    clock.advance(TTL)
    await identities.identify(KEY)
    assert len(store.asked) == 2


async def test_wrong_keys_are_not_remembered(store: Store, identities: KeyIdentities) -> None:
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await identities.identify("sk-atl-other")
    assert len(store.asked) == 3
    assert identities._known == {}


async def test_a_revoked_key_is_refused_within_its_time(
    store: Store, identities: KeyIdentities, clock: FakeClock
) -> None:
    await identities.identify(KEY)
    digest = DIGESTS.digest(KEY)
    store.keys[digest] = replace(store.keys[digest], revoked_at=clock.now())
    await identities.identify(KEY)
    clock.advance(TTL)
    with pytest.raises(Unauthenticated):
        await identities.identify(KEY)


async def test_a_revocation_here_counts_at_once(store: Store, identities: KeyIdentities, clock: FakeClock) -> None:
    await identities.identify(KEY)
    digest = DIGESTS.digest(KEY)
    store.keys[digest] = replace(store.keys[digest], revoked_at=clock.now())
    identities.forget()
    with pytest.raises(Unauthenticated):
        await identities.identify(KEY)


async def test_a_key_expires_while_it_is_remembered(store: Store, clock: FakeClock) -> None:
    identities = KeyIdentities(store, DIGESTS, clock, None, ttl=600)  # type: ignore[arg-type]
    digest = DIGESTS.digest(KEY)
    store.keys[digest] = replace(store.keys[digest], expires_at=clock.now() + 5)
    await identities.identify(KEY)
    clock.advance(5)
    with pytest.raises(Unauthenticated) as caught:
        await identities.identify(KEY)
    assert caught.value.code == "expired_api_key"
    assert len(store.asked) == 1


@pytest.mark.parametrize("change", [{"revoked_at": 1.0}, {"blocked_at": 1.0}, {"parent": "k_gone"}])
async def test_a_key_that_is_good_for_nothing_stays_so_while_it_is_remembered(
    store: Store, identities: KeyIdentities, clock: FakeClock, change: dict[str, Any]
) -> None:
    digest = DIGESTS.digest(KEY)
    store.keys[digest] = replace(store.keys[digest], expires_at=clock.now() + 1, **change)
    refusals = []
    for _ in range(2):
        with pytest.raises(Unauthenticated) as caught:
            await identities.identify(KEY)
        refusals.append(caught.value)
        clock.advance(1)
    assert refusals[0] is not refusals[1]  # or one request's traceback would grow with the next one's
    assert {refused.code for refused in refusals} == {"invalid_api_key"}  # and not that it has expired
    assert len(store.asked) == 1


async def test_with_the_store_away_known_keys_go_on_and_unknown_ones_get_a_503(
    store: Store, identities: KeyIdentities, clock: FakeClock
) -> None:
    await identities.identify(KEY)
    store.away = True
    clock.advance(LONGEST_AWAY - 1)
    assert (await identities.identify(KEY)).key_id == "k_1"
    with pytest.raises(Unavailable):
        await identities.identify("sk-atl-other")
    clock.advance(1)
    with pytest.raises(Unavailable):
        await identities.identify(KEY)


async def test_a_deleted_key_does_not_come_back_when_the_store_goes(
    store: Store, identities: KeyIdentities, clock: FakeClock
) -> None:
    await identities.identify(KEY)
    store.keys.clear()
    clock.advance(TTL)
    with pytest.raises(Unauthenticated):
        await identities.identify(KEY)
    store.away = True
    with pytest.raises(Unavailable):
        await identities.identify(KEY)


async def test_memory_is_bounded(store: Store, identities: KeyIdentities, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.identities.MOST_REMEMBERED", 3)
    for n in range(10):
        store.keys[DIGESTS.digest(f"sk-atl-{n}")] = KeyInfo(f"k_{n}", "x", "sk-atl-", 0.0)
        assert (await identities.identify(f"sk-atl-{n}")).key_id == f"k_{n}"
        assert len(identities._known) <= 3
