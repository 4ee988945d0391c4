"""Keys: whose they are, what they may become, and that none has more rights than the one that made it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from gateway.accounts import Actor
from gateway.errors import Conflict, Forbidden, NotFound, Unauthenticated, Unprocessable
from gateway.store.secrets import litellm_digest
from gateway.store.tables import Account, VirtualKey
from tests.accounts.conftest import World

FULL: dict[str, Any] = {
    "name": "desk",
    "user": "ada",
    "team": "red",
    "models": ["fast", "good"],
    "brands": ["lumen"],
    "default_brand": "lumen",
    "budget": 1_000,
    "budget_window": "30d",
    "rpm": 60,
    "max_parallel": 5,
    "on_disconnect": "continue",
    "tags": ["desk"],
    "metadata": {"cost_center": 7},
    "expires_at": 1_800_000_900.0,
}


@pytest.fixture
async def desk(teams: World) -> World:
    """Ada is a member of "red", Lea its lead, Eve a member of "blue"."""
    await teams.person("ada", "red")
    await teams.person("lea", "red", "lead")
    await teams.person("eve", "blue")
    return teams


ADA = Actor("user:ada", "member", "ada", "red", session="s_a")
LEA = Actor("user:lea", "lead", "lea", "red", session="s_l")
EVE = Actor("user:eve", "member", "eve", "blue", session="s_e")


async def test_a_key_is_what_was_asked_for_and_works(desk: World) -> None:
    info, secret = await desk.accounts.keys.create(desk.admin, **FULL)
    for field, value in FULL.items():
        stored = getattr(info, field)
        assert (list(stored) if isinstance(stored, tuple) else stored) == value
    assert (info.created_by, info.parent, info.version) == ("cli", None, 1)
    assert secret.startswith(info.prefix)
    assert len(secret) == 50
    identity = await desk.identify(secret)
    assert (identity.key_id, identity.user, identity.team, identity.role) == (info.id, "ada", "red", "member")
    assert identity.scopes == (f"key:{info.id}", "user:ada", "team:red")
    assert (identity.models, identity.test_key) == (frozenset({"fast", "good"}), False)
    async with desk.database.session() as session:
        account = await session.get_one(Account, f"key:{info.id}")
    assert (account.limit_nano, account.budget_window) == (1_000, "30d")
    assert desk.told.scopes == [f"key:{info.id}"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"user": "nobody"}, "user"),
        ({"team": "nowhere"}, "team"),
        ({"user": "eve", "team": "red"}, "user"),
        ({"brands": ["a"], "default_brand": "b"}, "default_brand"),
        ({"expires_at": 5.0}, "expires_at"),
        ({"expires_at": float("nan")}, "expires_at"),
        ({"role": "owner"}, "role"),
        ({"models": "fast"}, "models"),
        ({"models": ["x"] * 201}, "models"),
        ({"models": ["a\0"]}, "models"),
        ({"tags": ["\ud800"]}, "tags"),
        ({"tags": None}, "tags"),
        ({"metadata": {"a": "\0"}}, "metadata"),
        ({"metadata": {"a": {"b": ["\ud800"]}}}, "metadata"),
        ({"metadata": {"a": "x" * 20_000}}, "metadata"),
        ({"metadata": {"a": float("inf")}}, "metadata"),
        ({"rpm": 0}, "rpm"),
        ({"budget": 1.5}, "budget"),
        ({"budget": 10**18 + 1}, "budget"),
        ({"budget_window": "0d"}, "budget_window"),
        ({"id": "k_own"}, "id"),
        ({"parent": "k_own"}, "parent"),
        ({"created_by": "me"}, "created_by"),
    ],
    ids=lambda value: ascii(value)[:30],
)
async def test_what_does_not_fit_is_refused_by_name(desk: World, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        await desk.accounts.keys.create(desk.admin, **fields)
    assert caught.value.param == param


async def test_members_make_keys_for_themselves_and_leads_for_their_team(desk: World) -> None:
    keys = desk.accounts.keys
    own, _ = await keys.create(ADA)
    assert (own.user, own.team, own.role, own.created_by, own.parent) == ("ada", "red", "member", "user:ada", None)
    team, _ = await keys.create(LEA, role="lead")
    assert (team.user, team.team, team.role) == (None, "red", "lead")
    assert (await keys.create(LEA, user="ada"))[0].user == "ada"
    for actor, fields, param in (
        (ADA, {"user": "lea"}, "user"),
        (ADA, {"team": "blue"}, "team"),
        (ADA, {"role": "lead"}, "role"),
        (ADA, {"test_key": True}, "test_key"),
        (ADA, {"metadata": {"test_key": True}}, "test_key"),
        (LEA, {"team": "blue"}, "team"),
        (LEA, {"role": "admin"}, "role"),
        (Actor("user:v", "viewer", "v", "red"), {}, None),
    ):
        with pytest.raises(Forbidden) as caught:
            await keys.create(actor, **fields)
        assert caught.value.param == param
    with pytest.raises(Unprocessable):
        await keys.create(LEA, user="eve")


async def test_another_teams_keys_look_unknown(desk: World) -> None:
    keys = desk.accounts.keys
    ada, _ = await keys.create(ADA)
    team, _ = await keys.create(LEA)
    eve, _ = await keys.create(EVE)
    for actor, seen in (
        (ADA, {ada.id}),
        (LEA, {ada.id, team.id}),
        (EVE, {eve.id}),
        (desk.admin, {ada.id, team.id, eve.id}),
    ):
        assert {key.id for key in (await keys.list(actor)).items} == seen
        for key in {ada.id, team.id, eve.id} - seen | {"k_none", "\ud800", "a\0"}:
            for act in (
                keys.get(actor, key),
                keys.edit(actor, key, {"name": "x"}, None),
                keys.rotate(actor, key),
                keys.revoke(actor, key),
            ):
                with pytest.raises(NotFound) as caught:
                    await act
                assert caught.value.message == f"No key found with id {key!a}."
    assert [key.id for key in (await keys.list(desk.admin, team="blue")).items] == [eve.id]
    assert [key.id for key in (await keys.list(LEA, user="ada")).items] == [ada.id]


async def test_a_revoked_key_is_refused_with_all_that_it_made(desk: World) -> None:
    keys = desk.accounts.keys
    info, secret = await keys.create(desk.admin, user="ada", team="red")
    child, child_secret = await keys.create(await desk.actor(secret))
    assert child.parent == info.id
    await desk.identify(child_secret)
    first = await keys.revoke(ADA, info.id)
    desk.clock.advance(5)
    assert await keys.revoke(desk.admin, info.id) == first
    for credential in (secret, child_secret):
        with pytest.raises(Unauthenticated):
            await desk.identify(credential)
    assert [key.id for key in (await keys.list(ADA)).items] == [child.id]
    assert len((await keys.list(ADA, include_revoked=True)).items) == 2
    for act in (keys.rotate(desk.admin, info.id), keys.edit(desk.admin, info.id, {"name": "x"}, None)):
        with pytest.raises(Conflict) as caught:
            await act
        assert caught.value.code == "already_revoked"


async def test_a_rotated_keys_old_secret_goes_on_for_the_overlap(desk: World) -> None:
    keys = desk.accounts.keys
    info, old = await keys.create(ADA)
    rotated, new = await keys.rotate(ADA, info.id, overlap=60)
    assert (rotated.id, rotated.previous_until, rotated.version) == (info.id, desk.clock.now() + 60, 2)
    assert (await desk.identify(old)).key_id == (await desk.identify(new)).key_id == info.id
    desk.clock.advance(60)
    with pytest.raises(Unauthenticated) as caught:
        await desk.identify(old)
    assert caught.value.code == "expired_api_key"
    _, newest = await keys.rotate(ADA, info.id, overlap=0)
    for gone in (old, new):
        with pytest.raises(Unauthenticated):
            await desk.identify(gone)
    assert (await desk.identify(newest)).key_id == info.id
    for overlap in (-1.0, 30 * 86_400.0 + 1, float("nan")):
        with pytest.raises(Unprocessable):
            await keys.rotate(ADA, info.id, overlap)


async def test_an_imported_secret_ends_with_its_rotation(desk: World) -> None:
    keys, secret = desk.accounts.keys, "sk-from-litellm"
    info, _ = await keys.create(ADA)
    digest = litellm_digest(secret)
    async with desk.database.session() as session:
        await session.exec(update(VirtualKey).where(col(VirtualKey.id) == info.id).values(litellm_digest=digest))
        await session.commit()
    assert (await desk.identify(secret)).key_id == info.id
    await keys.rotate(ADA, info.id, overlap=60)
    assert (await desk.identify(secret)).key_id == info.id
    desk.clock.advance(60)
    with pytest.raises(Unauthenticated):
        await desk.identify(secret)
    await keys.rotate(ADA, info.id, overlap=60)
    with pytest.raises(Unauthenticated):
        await desk.identify(secret)


async def test_an_edit_acts_and_a_stale_one_does_not(desk: World) -> None:
    keys = desk.accounts.keys
    info, secret = await keys.create(desk.admin, **FULL)
    edited = await keys.edit(desk.admin, info.id, {"rpm": None, "models": ["fast"], "budget": 10}, 1)
    assert (edited.rpm, edited.models, edited.budget, edited.version) == (None, ("fast",), 10, 2)
    assert (await desk.identify(secret)).models == frozenset({"fast"})
    results = await asyncio.gather(
        *(keys.edit(desk.admin, info.id, {"name": f"n{n}"}, 2) for n in range(3)), return_exceptions=True
    )
    assert sum(isinstance(result, Conflict) for result in results) == 2
    entry = (await desk.audit())[-2]
    assert entry.action == "key.edit"
    assert entry.before == {"rpm": 60, "models": ["fast", "good"], "budget": 1_000}


async def test_only_who_made_a_key_or_an_admin_gives_it_more(desk: World) -> None:
    keys = desk.accounts.keys
    given, _ = await keys.create(desk.admin, **FULL)
    wider: dict[str, Any] = {
        "budget": 1_001,
        "budget_window": "1d",
        "models": None,
        "brands": ["lumen", "other"],
        "rpm": 61,
        "max_parallel": None,
        "expires_at": None,
        "tags": [],
        "role": "lead",
    }
    for actor in (ADA, LEA):
        for field, value in wider.items():
            with pytest.raises(Forbidden) as caught:
                await keys.edit(actor, given.id, {field: value}, None)
            assert caught.value.param == field
    narrower = {"budget": 999, "budget_window": "60d", "models": ["fast"], "rpm": 59, "tags": ["desk", "x"]}
    assert (await keys.edit(ADA, given.id, narrower, 1)).rpm == 59
    own, _ = await keys.create(ADA, budget=5)
    assert (await keys.edit(ADA, own.id, {"budget": 50}, None)).budget == 50
    assert (await keys.edit(LEA, own.id, {"budget": 500}, None)).budget == 500
    for field in ("user", "team", "test_key"):
        with pytest.raises(Forbidden) as caught:
            await keys.edit(LEA, own.id, {field: True if field == "test_key" else None}, None)
        assert caught.value.param == field


async def test_members_block_their_keys_and_leads_unblock_them(desk: World) -> None:
    keys = desk.accounts.keys
    info, secret = await keys.create(ADA)
    assert (await keys.edit(ADA, info.id, {"blocked": True}, None)).blocked_at == desk.clock.now()
    with pytest.raises(Unauthenticated):
        await desk.identify(secret)
    with pytest.raises(Forbidden):
        await keys.edit(ADA, info.id, {"blocked": False}, None)
    assert (await keys.edit(LEA, info.id, {"blocked": False}, None)).blocked_at is None
    await desk.identify(secret)


async def test_a_key_cannot_reach_for_a_secret_with_more_rights(desk: World) -> None:
    keys = desk.accounts.keys
    _, narrow = await desk.key(desk.admin, user="ada", team="red", models=["fast"], budget=10)
    broad, _ = await desk.key(desk.admin, user="ada", team="red")
    twin, _ = await desk.key(desk.admin, user="ada", team="red", models=["fast"], budget=5)
    for act in (keys.rotate(narrow, broad.id), keys.edit(narrow, broad.id, {"rpm": 5}, None)):
        with pytest.raises(Forbidden):
            await act
    for field, value in (("budget", 11), ("models", None), ("budget", None)):
        with pytest.raises(Forbidden) as caught:
            await keys.edit(narrow, str(narrow.key), {field: value}, None)
        assert caught.value.param == field
    assert (await keys.rotate(narrow, twin.id))[0].id == twin.id
    assert (await keys.rotate(narrow, str(narrow.key)))[0].id == narrow.key
    assert (await keys.edit(narrow, str(narrow.key), {"budget": 9}, None)).budget == 9


async def test_a_lead_gets_no_secret_of_a_higher_role(desk: World) -> None:
    keys = desk.accounts.keys
    above, _ = await keys.create(desk.admin, team="red", role="admin")
    for act in (keys.rotate(LEA, above.id), keys.edit(LEA, above.id, {"budget": 5}, None)):
        with pytest.raises(Forbidden):
            await act
    assert (await keys.revoke(LEA, above.id)).revoked_at is not None


async def test_keys_make_keys_four_deep(desk: World) -> None:
    _, holder = await desk.key(desk.admin, user="ada", team="red")
    for _ in range(3):
        _, holder = await desk.key(holder)
    with pytest.raises(Forbidden):
        await desk.key(holder)


async def test_who_leaves_a_team_loses_its_keys(desk: World) -> None:
    _, secret = await desk.accounts.keys.create(ADA)
    _, private = await desk.accounts.keys.create(desk.admin, user="ada")
    await desk.accounts.teams.remove_member(LEA, "red", "ada")
    with pytest.raises(Unauthenticated):
        await desk.identify(secret)
    assert (await desk.identify(private)).user == "ada"
