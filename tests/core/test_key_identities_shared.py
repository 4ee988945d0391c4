"""Look-ups that are shared, changes that are heard of, and a store that is away or hangs."""

from __future__ import annotations

import asyncio
import secrets
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import identities as module
from gateway.clock import SystemClock
from gateway.errors import Unauthenticated, Unavailable
from gateway.identities import LONGEST_AWAY, PROBE_EVERY, KeyIdentities
from gateway.ports import Found, KeyInfo, TeamInfo, UserInfo
from gateway.store.secrets import Digesters, new_key
from tests.core.fakes import FakeClock

KEY, SESSION, TTL = "sk-atl-good", "sess-atl-good", 60.0
DIGESTS = Digesters(b"0" * 32)


class Gated:
    """A directory that answers when the gate is open; `away` it raises."""

    def __init__(self) -> None:
        key = KeyInfo("k_1", "good", "sk-atl-good", 0.0, user="ada", team="red", parent="k_0")
        parent = KeyInfo("k_0", "above", "sk-atl-abov", 0.0)
        user, team = UserInfo("ada", 0.0), TeamInfo("red", "Red", 0.0)
        self.keys = {DIGESTS.keys.digest(KEY): Found(key, (parent,), user, team, "member")}
        self.sessions = {
            DIGESTS.sessions.digest(SESSION): Found(None, (), user, None, session_id="s_1", expires_at=2e9)
        }
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = 0
        self.away = False

    async def key(self, digest: bytes, litellm_digest: str) -> Found | None:
        assert len(digest) == 32
        assert len(litellm_digest) == 64
        return await self._answer(self.keys.get(digest))

    async def session(self, digest: bytes) -> Found | None:
        return await self._answer(self.sessions.get(digest))

    async def _answer(self, found: Found | None) -> Found | None:
        self.asked += 1
        await self.gate.wait()
        if self.away:
            raise Unavailable("away", code="store_unavailable")
        return found


ANYONE = KeyIdentities(Gated(), DIGESTS.keys, FakeClock(), None, TTL)


@pytest.fixture
async def directory() -> Gated:
    return Gated()


@pytest.fixture
def identities(directory: Gated, clock: FakeClock) -> KeyIdentities:
    return KeyIdentities(directory, DIGESTS.keys, clock, "sk-master", TTL, sessions=DIGESTS.sessions)


async def turns(number: int = 5) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


@pytest.mark.parametrize("credential", [KEY, "sk-atl-unknown"])
async def test_look_ups_of_the_same_credential_share_one_query(
    identities: KeyIdentities, directory: Gated, credential: str
) -> None:
    directory.gate.clear()
    waiting = [asyncio.create_task(identities.identify(credential)) for _ in range(50)]
    await turns()
    directory.gate.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert directory.asked == 1
    assert all(isinstance(each, Unauthenticated) == (credential != KEY) for each in results)


async def test_a_client_that_leaves_takes_nobody_elses_look_up_along(
    identities: KeyIdentities, directory: Gated
) -> None:
    directory.gate.clear()
    first = asyncio.create_task(identities.identify(KEY))
    await turns()
    second = asyncio.create_task(identities.identify(KEY))
    await turns()
    first.cancel()
    await turns()
    directory.gate.set()
    assert (await second).key_id == "k_1"
    assert directory.asked == 1


@pytest.mark.parametrize(
    ("kind", "object_id"),
    [("key", "k_1"), ("key", "k_0"), ("user", "ada"), ("team", "red"), ("membership", "red/ada")],
)
async def test_a_change_of_anything_that_decides_is_looked_up(
    identities: KeyIdentities, directory: Gated, kind: str, object_id: str
) -> None:
    await identities.identify(KEY)
    identities.forget(kind, "other")
    await identities.identify(KEY)
    assert directory.asked == 1
    directory.keys.clear()
    identities.forget(kind, object_id)
    with pytest.raises(Unauthenticated):
        await identities.identify(KEY)


async def test_an_answer_that_is_older_than_the_change_is_not_remembered(
    identities: KeyIdentities, directory: Gated
) -> None:
    directory.gate.clear()
    before = asyncio.create_task(identities.identify(KEY))
    await turns()
    identities.revoked("key", "k_1")
    directory.keys.clear()
    after = asyncio.create_task(identities.identify(KEY))
    await turns()
    directory.gate.set()
    assert (await before).key_id == "k_1"  # it was asked before anybody said so
    with pytest.raises(Unauthenticated):
        await after
    with pytest.raises(Unauthenticated):
        await identities.identify(KEY)


async def test_what_a_message_revoked_is_refused_though_the_store_is_away(
    identities: KeyIdentities, directory: Gated
) -> None:
    await identities.identify(KEY)
    await identities.identify(SESSION)
    directory.away = True
    identities.revoked("session", "s_1")
    with pytest.raises(Unauthenticated):
        await identities.identify(SESSION)
    assert (await identities.identify(KEY)).key_id == "k_1"
    identities.revoked("user", "ada")
    for credential in (KEY, SESSION):
        with pytest.raises(Unauthenticated):
            await identities.identify(credential)


async def test_what_was_changed_somehow_is_unknown_while_the_store_is_away(
    identities: KeyIdentities, directory: Gated
) -> None:
    await identities.identify(KEY)
    directory.away = True
    identities.forget("team", "red")
    with pytest.raises(Unavailable):
        await identities.identify(KEY)


async def test_a_missed_message_makes_no_known_key_unknown(identities: KeyIdentities, directory: Gated) -> None:
    await identities.identify(KEY)
    directory.away = True
    identities.forget()
    assert (await identities.identify(KEY)).key_id == "k_1"
    assert directory.asked == 2


async def test_a_revocation_that_was_none_is_found_out(identities: KeyIdentities, directory: Gated) -> None:
    await identities.identify(KEY)
    identities.revoked("key", "k_1")
    assert (await identities.identify(KEY)).key_id == "k_1"


async def test_a_store_that_is_away_is_asked_once_a_second(
    identities: KeyIdentities, directory: Gated, clock: FakeClock
) -> None:
    await identities.identify(KEY)
    directory.away = True
    clock.advance(TTL)
    for _ in range(20):
        assert (await identities.identify(KEY)).key_id == "k_1"
        with pytest.raises(Unavailable) as caught:
            await identities.identify("sk-atl-unknown")
        assert (caught.value.code, caught.value.status) == ("store_unavailable", 503)
    assert directory.asked == 2
    directory.away = False
    clock.advance(PROBE_EVERY)
    await identities.identify(KEY)  # goes to see, and waits for nothing
    await turns()
    with pytest.raises(Unauthenticated):
        await identities.identify("sk-atl-unknown")


async def test_a_store_that_hangs_is_waited_for_once(
    identities: KeyIdentities, directory: Gated, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    monkeypatch.setattr(module, "LONGEST_LOOK_UP", 0.01)
    await identities.identify(KEY)
    directory.gate.clear()
    clock.advance(TTL)
    assert (await identities.identify(KEY)).key_id == "k_1"
    with pytest.raises(Unavailable):
        await identities.identify("sk-atl-unknown")
    clock.advance(LONGEST_AWAY - TTL)
    with pytest.raises(Unavailable):
        await identities.identify(KEY)
    directory.gate.set()
    await turns()
    clock.advance(PROBE_EVERY)
    assert (await identities.identify(KEY)).key_id == "k_1"


async def test_a_bug_in_the_store_is_no_absence(identities: KeyIdentities, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> Found:
        raise ZeroDivisionError

    monkeypatch.setattr(identities._directory, "key", broken)
    with pytest.raises(ZeroDivisionError):
        await identities.identify(KEY)


async def test_sessions_and_keys_are_no_keys_of_each_other(identities: KeyIdentities, directory: Gated) -> None:
    session = await identities.identify(SESSION)
    assert (session.session_id, session.user, session.role) == ("s_1", "ada", "member")
    directory.keys[DIGESTS.sessions.digest("sess-atl-x")] = directory.keys[DIGESTS.keys.digest(KEY)]
    directory.keys[DIGESTS.keys.digest("sess-atl-x")] = directory.keys[DIGESTS.keys.digest(KEY)]
    with pytest.raises(Unauthenticated):
        await identities.identify("sess-atl-x")


@given(
    key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60),
    place=st.integers(0),
    byte=st.integers(33, 126),
)
def test_keys_that_differ_in_any_byte_share_nothing(key: str, place: int, byte: int) -> None:
    at = place % len(key)
    other = key[:at] + chr(byte) + key[at + 1 :]
    assert (DIGESTS.keys.digest(key) == DIGESTS.keys.digest(other)) == (key == other)
    assert (ANYONE._mark(key) == ANYONE._mark(other)) == (key == other)


def test_what_is_remembered_stands_under_nothing_that_the_store_or_another_process_knows() -> None:
    other = KeyIdentities(Gated(), DIGESTS.keys, FakeClock(), None, TTL)
    known = {KEY.encode(), DIGESTS.keys.digest(KEY), other._mark(KEY)}
    assert ANYONE._mark(KEY) not in known
    assert ANYONE._mark(KEY) == ANYONE._mark(KEY)


async def test_random_keys_hit_nothing(identities: KeyIdentities, directory: Gated) -> None:
    await identities.identify(KEY)
    keys = [new_key(secrets.token_bytes) for _ in range(100_000)]
    digests, marks = {DIGESTS.keys.digest(key) for key in keys}, {identities._mark(key) for key in keys}
    assert len(digests) == len(marks) == 100_000
    assert not digests & directory.keys.keys()
    assert not marks & identities._known.keys()
    assert identities._known.keys() == {identities._mark(KEY)}


async def test_a_process_that_was_held_up_does_not_take_the_store_for_away(
    directory: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer may be there already when the time is over: what was held up is this process."""
    monkeypatch.setattr(module, "LONGEST_LOOK_UP", 0.05)
    answer = directory._answer

    async def by_turns(found: Found | None) -> Found | None:
        await answer(found)
        await turns()  # as a driver takes them
        return found

    monkeypatch.setattr(directory, "_answer", by_turns)
    identities = KeyIdentities(directory, DIGESTS.keys, SystemClock(), None, TTL)
    directory.gate.clear()
    loop = asyncio.get_running_loop()
    loop.call_later(0.01, directory.gate.set)
    loop.call_later(0.005, time.sleep, 0.1)
    assert (await identities.identify(KEY)).key_id == "k_1"
