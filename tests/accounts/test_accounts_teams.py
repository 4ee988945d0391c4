"""Teams, memberships and brands: seen by those they concern, changed by those who may."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.accounts import Actor
from gateway.accounts.brands import MOST_REMEMBERED, REMEMBERED
from gateway.errors import Conflict, Forbidden, NotFound, Unprocessable
from gateway.store.tables import Account, VirtualKey
from gateway.types import Identity
from tests.accounts.conftest import World


@pytest.fixture
async def people(teams: World) -> World:
    await teams.person("lea", "red", "lead")
    await teams.person("ada", "red")
    await teams.person("eve", "blue")
    return teams


LEA = Actor("user:lea", "lead", "lea", "red", session="s_l")
ADA = Actor("user:ada", "member", "ada", "red", session="s_a")


async def test_a_team_is_made_and_edited_by_admins(world: World) -> None:
    teams = world.accounts.teams
    fields: dict[str, Any] = {"id": "blog", "name": "Blog", "models": ["fast"], "content": "full", "retention_days": 30}
    team = await teams.create(world.admin, **fields, budget=10, budget_window="7d")
    assert (team.id, team.models, team.content, team.retention_days) == ("blog", ("fast",), "full", 30)
    edited = await teams.edit(world.admin, "blog", {"models": None, "blocked": True, "budget": 20}, 1)
    assert (edited.models, edited.blocked_at, edited.version) == (None, world.clock.now(), 2)
    async with world.database.session() as session:
        assert (await session.get_one(Account, "team:blog")).limit_nano == 20
    with pytest.raises(Conflict):
        await teams.edit(world.admin, "blog", {"name": "x"}, 1)
    with pytest.raises(Conflict):
        await teams.create(world.admin, id="blog", name="Again")
    for fields, param in (
        ({}, "name"),
        ({"name": "x", "content": "all"}, "content"),
        ({"name": "x", "retention_days": 0}, "retention_days"),
        ({"name": "x", "retention_days": True}, "retention_days"),
        ({"name": "\0"}, "name"),
    ):
        with pytest.raises(Unprocessable) as caught:
            await teams.create(world.admin, **fields)
        assert caught.value.param == param


async def test_one_sees_ones_own_team_and_a_lead_names_it(people: World) -> None:
    teams = people.accounts.teams
    for actor in (LEA, ADA):
        assert [team.id for team in (await teams.list(actor)).items] == ["red"]
        assert (await teams.get(actor, "red")).name == "Red"
        for act in (
            teams.get(actor, "blue"),
            teams.edit(actor, "blue", {"name": "x"}, None),
            teams.members(actor, "blue"),
        ):
            with pytest.raises(NotFound):
                await act
    assert (await teams.edit(LEA, "red", {"name": "Crimson"}, None)).name == "Crimson"
    for actor, changes in (
        (LEA, {"budget": 5}),
        (LEA, {"models": None}),
        (LEA, {"blocked": True}),
        (ADA, {"name": "x"}),
    ):
        with pytest.raises(Forbidden):
            await teams.edit(actor, "red", changes, None)
    with pytest.raises(Forbidden):
        await teams.create(LEA, name="New")
    assert {team.id for team in (await teams.list(people.admin)).items} == {"red", "blue"}


async def test_members_are_seen_as_far_as_the_role_reaches(people: World) -> None:
    teams = people.accounts.teams
    assert [(user.id, role) for user, role in await teams.members(LEA, "red")] == [("ada", "member"), ("lea", "lead")]
    assert [user.id for user, _ in await teams.members(ADA, "red")] == ["ada"]


async def test_leads_turn_roles_in_their_team_only(people: World) -> None:
    teams = people.accounts.teams
    assert (await teams.set_member(LEA, "red", "ada", "viewer"))[1] == "viewer"
    with pytest.raises(NotFound):
        await teams.set_member(LEA, "red", "eve", "member")  # whom she does not see
    with pytest.raises(NotFound):
        await teams.set_member(LEA, "blue", "eve", "member")
    with pytest.raises(Forbidden):
        await teams.set_member(ADA, "red", "ada", "lead")
    with pytest.raises(Unprocessable):
        await teams.set_member(LEA, "red", "ada", "admin")
    await teams.set_member(people.admin, "red", "eve", "member")
    assert len(await teams.members(LEA, "red")) == 3
    await teams.remove_member(LEA, "red", "eve")
    with pytest.raises(NotFound):
        await teams.remove_member(people.admin, "red", "eve")
    actions = [(entry.action, entry.object_id, entry.before, entry.after) for entry in (await people.audit())[-3:]]
    assert actions == [
        ("member.set", "red/ada", {"role": "member"}, {"role": "viewer"}),
        ("member.set", "red/eve", None, {"role": "member"}),
        ("member.remove", "red/eve", {"role": "member"}, None),
    ]


async def test_owners_that_come_later_than_their_keys_belong_together(world: World) -> None:
    async with world.database.session() as session:
        session.add(VirtualKey(id="k_1", digest=b"d", name="n", prefix="p", user="ada", team="red", created_at=1.0))
        await session.commit()
    await world.accounts.users.ensure(world.admin, "ada")
    assert list(await world.accounts.users.memberships(world.admin, "ada")) == []
    await world.accounts.teams.ensure(world.admin, "red")
    await world.accounts.teams.ensure(world.admin, "red")
    assert list(await world.accounts.users.memberships(world.admin, "ada")) == [("red", "member")]


async def test_brands_are_made_for_a_team_or_for_all(people: World) -> None:
    brands = people.accounts.brands
    shared = await brands.create(people.admin, id="acme", name="Acme", client="Acme Ltd", budget=5)
    own = await brands.create(LEA, id="lumen", name="Lumen")
    blue = await brands.create(people.admin, id="sky", name="Sky", team="blue")
    assert (shared.team, own.team) == (None, "red")
    for fields, param in (({"team": "blue"}, "team"), ({"team": None}, "team"), ({"budget": 1}, "budget")):
        with pytest.raises(Forbidden) as caught:
            await brands.create(LEA, name="x", **fields)
        assert caught.value.param == param
    for actor in (LEA, ADA):
        assert {brand.id for brand in (await brands.list(actor)).items} == {"acme", "lumen"}
        with pytest.raises(NotFound):
            await brands.get(actor, blue.id)
    assert (await brands.edit(LEA, "lumen", {"client": "L.", "archived": True}, 1)).archived_at == people.clock.now()
    for brand_id, changes in (("acme", {"name": "x"}), ("lumen", {"team": "blue"}), ("lumen", {"budget": 1})):
        with pytest.raises(Forbidden):
            await brands.edit(LEA, brand_id, changes, None)
    with pytest.raises(NotFound):
        await brands.edit(LEA, "sky", {"name": "x"}, None)
    with pytest.raises(Forbidden):
        await brands.create(ADA, name="x")
    with pytest.raises(Unprocessable):
        await brands.edit(people.admin, "acme", {"team": "nowhere"}, None)
    assert {brand.id for brand in (await brands.list(LEA)).items} == {"acme"}
    assert {brand.id for brand in (await brands.list(LEA, include_archived=True)).items} == {"acme", "lumen"}


async def test_a_brand_is_for_its_team_until_it_is_archived(people: World) -> None:
    brands = people.accounts.brands
    red, blue = Identity("k1", "r", team="red"), Identity("k2", "b", team="blue")
    await brands.create(people.admin, id="lumen", name="Lumen", team="red")
    assert await brands.allowed(red, "lumen")
    assert not await brands.allowed(blue, "lumen")
    assert await brands.allowed(Identity("master", "m", role="admin"), "lumen")
    assert await brands.allowed(blue, "a voice of a file")
    assert await brands.allowed(blue, "\ud800\0")
    await brands.edit(people.admin, "lumen", {"archived": True}, None)
    assert not await brands.allowed(red, "lumen")


async def test_brands_are_remembered_for_a_moment_and_while_the_store_is_away(people: World) -> None:
    brands = people.accounts.brands
    blue = Identity("k2", "b", team="blue")
    await brands.create(people.admin, id="lumen", name="Lumen", team="red")
    assert not await brands.allowed(blue, "lumen")
    async with people.database.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE brand RENAME TO gone")
    people.clock.advance(REMEMBERED)
    assert not await brands.allowed(blue, "lumen")
    assert await brands.allowed(blue, "never seen")
    brands.forget()
    assert await brands.allowed(blue, "lumen")
    for number in range(MOST_REMEMBERED + 5):
        brands._known[f"b{number}"] = brands._known["lumen"]
    await brands.allowed(blue, "one more")
    assert len(brands._known) == MOST_REMEMBERED
