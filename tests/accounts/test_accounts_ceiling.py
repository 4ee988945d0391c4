"""A key that a key has made never has more rights than that one: when it is made, and whatever happens to it later (S6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.accounts import rights, roles
from gateway.accounts.ceiling import Ceiling
from gateway.accounts.key_limits import child_of
from gateway.accounts.rights import Defaults
from gateway.errors import Forbidden
from gateway.ports import Found, KeyInfo, TeamInfo, UserInfo
from gateway.types import Identity

NOW = 1_800_000_000.0
NAMES = st.none() | st.lists(st.sampled_from("abcd"), unique=True).map(tuple)
NUMBER = st.none() | st.integers(1, 9)
RIGHTS = {
    "role": st.sampled_from(roles.ORDER),
    "models": NAMES,
    "brands": NAMES,
    "budget": NUMBER,
    "rpm": NUMBER,
    "max_parallel": NUMBER,
    "expires_at": st.none() | st.sampled_from([NOW + 1, NOW + 2, NOW + 3]),
    "tags": st.lists(st.sampled_from("xyz"), unique=True).map(tuple),
}
KEYS = st.builds(KeyInfo, st.just("k"), st.just("n"), st.just("p"), st.just(0.0), **RIGHTS)
USERS = st.none() | st.builds(UserInfo, st.just("ada"), st.just(0.0), role=st.sampled_from(roles.USER_ROLES))
TEAMS = st.none() | st.builds(TeamInfo, st.just("red"), st.just("Red"), st.just(0.0), models=NAMES)
OWNERS = st.tuples(USERS, TEAMS, st.sampled_from(roles.TEAM_ROLES))
WISHES = st.fixed_dictionaries({}, optional=RIGHTS).map(
    lambda wish: {name: list(value) if isinstance(value, tuple) else value for name, value in wish.items()}
)


def found(*chain: KeyInfo, owners: Any) -> Found:
    user, team, membership = owners
    return Found(chain[0], chain[1:], user, team, membership)


def within(child: Identity, parent: Identity) -> bool:
    def subset(less: frozenset[str] | None, more: frozenset[str] | None) -> bool:
        return more is None or (less is not None and less <= more)

    def at_most(less: float | None, more: float | None) -> bool:
        return more is None or (less is not None and less <= more)

    return (
        not roles.exceeds(child.role, parent.role)
        and subset(child.models, parent.models)
        and subset(child.brands, parent.brands)
        and at_most(child.rpm, parent.rpm)
        and at_most(child.max_parallel, parent.max_parallel)
        and at_most(child.expires_at, parent.expires_at)
        and set(child.tags) >= set(parent.tags)
        and set(child.scopes) >= set(parent.scopes)
        and (parent.test_key or not child.test_key)
    )


def made(parent: Found, wish: dict[str, Any]) -> KeyInfo:
    values = child_of(parent, {**wish, "parent": "k"})
    tuples = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return KeyInfo("k_child", "n", "p", NOW, **tuples)


@given(parent=KEYS, owners=OWNERS, wish=WISHES)
def test_a_child_is_within_its_parent_when_it_is_made(parent: KeyInfo, owners: Any, wish: dict[str, Any]) -> None:
    above = found(parent, owners=owners)
    try:
        child = made(above, wish)
    except Forbidden as error:
        assert error.param in wish  # noqa: PT017
        return
    by_itself = rights.identity(found(child, owners=owners), Defaults())
    limit = rights.identity(above, Defaults())
    assert within(replace(by_itself, scopes=limit.scopes), limit)
    assert parent.budget is None or (child.budget is not None and child.budget <= parent.budget)


@given(parent=KEYS, owners=OWNERS)
def test_a_child_of_which_nothing_is_said_can_be_made(parent: KeyInfo, owners: Any) -> None:
    above = found(parent, owners=owners)
    child = made(above, {})
    assert within(rights.identity(found(child, parent, owners=owners), Defaults()), rights.identity(above, Defaults()))


@given(chain=st.lists(KEYS, min_size=2, max_size=4), owners=OWNERS)
def test_a_child_stays_within_its_parents_as_they_are_now(chain: list[KeyInfo], owners: Any) -> None:
    child = rights.identity(found(*chain, owners=owners), Defaults(5, 5))
    for height in range(1, len(chain)):
        assert within(child, rights.identity(found(*chain[height:], owners=owners), Defaults(5, 5)))


@given(
    chain=st.lists(KEYS, min_size=1, max_size=4),
    which=st.integers(0, 3),
    change=st.sampled_from([{"revoked_at": 1.0}, {"blocked_at": 1.0}, {"expires_at": NOW}]),
)
def test_a_bad_link_anywhere_refuses_the_chain(chain: list[KeyInfo], which: int, change: dict[str, Any]) -> None:
    assert rights.refusal(Found(chain[0], tuple(chain[1:])), NOW) is None
    broken = [replace(key, **change) if n == which % len(chain) else key for n, key in enumerate(chain)]
    assert rights.refusal(Found(broken[0], tuple(broken[1:])), NOW) is not None


@given(
    chain=st.lists(KEYS, min_size=1, max_size=3),
    changes=st.lists(
        st.sampled_from([{}, {"revoked_at": 1.0}, {"blocked_at": 1.0}, {"expires_at": NOW}, {"expires_at": NOW + 9}]),
        min_size=3,
        max_size=3,
    ),
    ends=st.none() | st.just(NOW + 5),
    after=st.floats(-20, 20),
)
def test_until_when_a_credential_is_good_says_the_same_as_its_refusal(
    chain: list[KeyInfo], changes: list[dict[str, Any]], ends: float | None, after: float
) -> None:
    key, *above = (replace(link, **change) for link, change in zip(chain, changes, strict=False))
    credential = Found(key, tuple(above), expires_at=ends)
    refused = rights.refusal(credential, NOW + after) is not None
    assert refused == (rights.good_until(credential) <= NOW + after)


def test_a_chain_with_a_missing_link_is_refused() -> None:
    key = KeyInfo("k", "n", "p", 0.0, parent="k_gone")
    assert rights.refusal(Found(key), NOW) is not None


@pytest.mark.parametrize(
    "blocked", [{"user": UserInfo("a", 0.0, blocked_at=1.0)}, {"team": TeamInfo("t", "T", 0.0, blocked_at=1.0)}]
)
def test_a_blocked_owner_refuses_the_key(blocked: Any) -> None:
    assert rights.refusal(Found(KeyInfo("k", "n", "p", 0.0), **blocked), NOW) is not None


@pytest.mark.parametrize(
    ("key_role", "user_role", "membership", "expected"),
    [
        ("admin", None, None, "admin"),  # owners that nobody has made: its own
        ("lead", None, None, "lead"),
        ("admin", "admin", None, "admin"),
        ("member", "admin", None, "member"),
        ("admin", "member", None, "member"),
        ("member", "viewer", None, "viewer"),
        ("admin", "member", "lead", "lead"),
        ("member", "member", "lead", "member"),
        ("lead", "viewer", "member", "member"),  # in a team the membership decides
        ("admin", "admin", "viewer", "admin"),
        (None, "admin", None, "admin"),  # sessions
        (None, "viewer", "lead", "lead"),
        (None, "member", "viewer", "viewer"),
        (None, "member", None, "member"),
    ],
)
def test_the_effective_role(key_role: str | None, user_role: str | None, membership: str | None, expected: str) -> None:
    key = KeyInfo("k", "n", "p", 0.0, role=key_role) if key_role is not None else None
    user = UserInfo("ada", 0.0, role=user_role) if user_role is not None else None
    team = TeamInfo("red", "Red", 0.0) if membership is not None else None
    assert rights.role(Found(key, (), user, team, membership)) == expected


def test_a_session_of_one_who_left_works_for_no_team() -> None:
    user, team = UserInfo("ada", 5.0, email="ada@x.org"), TeamInfo("red", "Red", 0.0, models=("fast",))
    found = Found(None, (), user, team, None, expires_at=9.0, session_id="s_1")
    identity = rights.identity(found, Defaults())
    assert (identity.team, identity.models, identity.scopes, identity.role) == (None, None, ("user:ada",), "member")


def test_a_sessions_ledger_name_tells_nothing_and_stays() -> None:
    def name(user: UserInfo) -> str:
        return rights.identity(Found(None, (), user, session_id="s"), Defaults()).key_id

    ada = UserInfo("ada", 5.0, name="Ada")
    assert name(ada) == name(replace(ada, name="A.", version=2))
    assert "ada" not in name(ada)
    assert name(ada) != name(UserInfo("ada", 6.0))


@given(key=KEYS)
def test_a_key_is_within_its_own_ceiling(key: KeyInfo) -> None:
    ceiling = Ceiling.as_it_is(key)
    ceiling.check(ceiling.values())
