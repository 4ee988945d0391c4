"""Users: made, seen by whom they concern, edited once a version, never without an admin."""

from __future__ import annotations

import asyncio

import pytest

from gateway.accounts import Actor
from gateway.errors import Conflict, Forbidden, NotFound, Unprocessable
from gateway.store.tables import Account
from tests.accounts.conftest import PASSWORD, World


async def test_a_user_is_made_with_what_was_said(world: World) -> None:
    user = await world.accounts.users.create(
        world.admin, id="ada", email=" Ada@Example.COM ", name="Ada", role="viewer", budget=5, budget_window="30d"
    )
    assert (user.id, user.email, user.name, user.role, user.can_sign_in) == (
        "ada",
        "ada@example.com",
        "Ada",
        "viewer",
        False,
    )
    assert (user.budget, user.budget_window, user.version, user.created_at) == (5, "30d", 1, world.clock.now())
    assert await world.accounts.users.get(world.admin, "ada") == user


async def test_ids_and_addresses_are_given_once(world: World) -> None:
    await world.accounts.users.create(world.admin, id="ada", email="ada@x.org")
    for fields, param in (
        ({"id": "ada"}, "id"),
        ({"email": "ADA@x.org"}, "email"),
        ({"email": "\uff41da@x.org"}, "email"),
    ):
        with pytest.raises(Conflict) as caught:
            await world.accounts.users.create(world.admin, **fields)
        assert (caught.value.code, caught.value.param) == ("already_exists", param)


HOSTILE = ["", " ", "x" * 100_000, "a\0b", "a\ud800b", "a\nb", [], {"a": 1}, True, 1.5, -1, 10**30, object()]


@pytest.mark.parametrize("field", ["id", "email", "name", "role", "budget", "budget_window", "nothing\ud800"])
async def test_hostile_fields_are_refused_by_name(world: World, field: str) -> None:
    for value in HOSTILE:
        with pytest.raises(Unprocessable) as caught:
            await world.accounts.users.create(world.admin, **{field: value})
        assert caught.value.param == field.encode("ascii", "backslashreplace").decode()
        assert len(caught.value.message) < 300
        caught.value.message.encode()
    assert (await world.accounts.users.list(world.admin)).items == ()


async def test_text_is_text_and_no_sql(world: World) -> None:
    for name in ("a' OR '1'='1", '"; DROP TABLE user; --', "%_\\", "Łukasz ☕", "{{7*7}}"):
        user = await world.accounts.users.create(world.admin, name=name)
        assert (await world.accounts.users.get(world.admin, user.id)).name == name


async def test_an_id_cannot_name_a_person(world: World) -> None:
    for name in ("ada@example.com", "erased-1234"):
        with pytest.raises(Unprocessable):
            await world.accounts.users.create(world.admin, id=name)


@pytest.mark.parametrize("value", ["nobody", "a\0b", "a\ud800", "' OR 1=1 --", "x" * 100_000])
async def test_an_unknown_user_is_a_404_whatever_it_is_called(world: World, value: str) -> None:
    users = world.accounts.users
    for act in (
        users.get(world.admin, value),
        users.edit(world.admin, value, {"name": "x"}, None),
        users.erase(world.admin, value),
        users.export(world.admin, value),
        users.memberships(world.admin, value),
    ):
        with pytest.raises(NotFound):
            await act


async def test_what_is_not_ones_own_looks_unknown(teams: World) -> None:
    users = teams.accounts.users
    ada, lead = await teams.person("ada", "red"), await teams.person("lea", "red", "lead")
    await teams.person("bob", "red")
    await teams.person("eve", "blue")
    assert (await users.get(ada, "ada")).id == "ada"
    for stranger in ("bob", "eve", "nobody"):
        with pytest.raises(NotFound) as caught:
            await users.get(ada, stranger)
        assert caught.value.message == f"No user found with id '{stranger}'."
    assert [user.id for user in (await users.list(ada)).items] == ["ada"]
    assert {user.id for user in (await users.list(lead)).items} == {"ada", "lea", "bob"}
    assert {user.id for user in (await users.list(teams.admin, team="blue")).items} == {"eve"}
    with pytest.raises(NotFound):
        await users.get(lead, "eve")
    with pytest.raises(NotFound):
        await users.list(lead, team="blue")


async def test_one_edits_ones_name_and_no_more(teams: World) -> None:
    users = teams.accounts.users
    ada, lead = await teams.person("ada", "red"), await teams.person("lea", "red", "lead")
    assert (await users.edit(ada, "ada", {"name": "Ada L."}, 1)).name == "Ada L."
    for changes in ({"role": "admin"}, {"budget": 10**12}, {"email": "x@y.z"}, {"blocked": False}):
        with pytest.raises(Forbidden) as caught:
            await users.edit(ada, "ada", changes, None)
        assert caught.value.param == next(iter(changes))
    with pytest.raises(Forbidden):
        await users.edit(lead, "ada", {"name": "Other"}, None)
    with pytest.raises(Forbidden):
        await users.create(lead, id="new")


async def test_of_two_edits_of_one_version_one_wins(world: World) -> None:
    await world.accounts.users.create(world.admin, id="ada")
    edits = [world.accounts.users.edit(world.admin, "ada", {"name": f"n{n}"}, 1) for n in range(4)]
    results = await asyncio.gather(*edits, return_exceptions=True)
    assert sum(isinstance(result, Conflict) and result.code == "version_conflict" for result in results) == 3
    assert (await world.accounts.users.get(world.admin, "ada")).version == 2


async def test_an_edit_that_changes_nothing_counts_for_nothing(world: World) -> None:
    await world.accounts.users.create(world.admin, id="ada", name="Ada")
    entries = len(await world.audit())
    assert (await world.accounts.users.edit(world.admin, "ada", {"name": "Ada"}, 1)).version == 1
    assert len(await world.audit()) == entries


async def test_the_last_admin_stays(world: World) -> None:
    users = world.accounts.users
    _, token = await world.accounts.invitations.create(world.admin, role="admin")
    first = await world.accounts.invitations.accept(token, email="a@x.org", name="A", password=PASSWORD)
    for act in (
        users.edit(world.admin, first.user.id, {"role": "member"}, None),
        users.edit(world.admin, first.user.id, {"blocked": True}, None),
        users.erase(world.admin, first.user.id),
    ):
        with pytest.raises(Conflict) as caught:
            await act
        assert caught.value.code == "last_admin"
    _, token = await world.accounts.invitations.create(world.admin, role="admin")
    second = await world.accounts.invitations.accept(token, email="b@x.org", name="B", password=PASSWORD)
    both = [users.edit(world.admin, user.user.id, {"role": "member"}, None) for user in (first, second)]
    results = await asyncio.gather(*both, return_exceptions=True)
    assert sum(isinstance(result, Conflict) for result in results) == 1


async def test_a_budget_has_its_account_and_keeps_what_is_spent(world: World) -> None:
    users, now = world.accounts.users, world.clock.now()
    await users.create(world.admin, id="ada", budget=100, budget_window="1d")
    async with world.database.session() as session:
        account = await session.get_one(Account, "user:ada")
        assert (account.limit_nano, account.spent_nano, account.resets_at) == (100, 0, now + 86_400)
        account.spent_nano, account.held_nano = 70, 5
        await session.commit()
    world.clock.advance(3_600)
    await users.edit(world.admin, "ada", {"budget": 50, "budget_window": "7d"}, 1)
    async with world.database.session() as session:
        account = await session.get_one(Account, "user:ada")
    assert (account.limit_nano, account.spent_nano, account.held_nano) == (50, 70, 5)
    assert (account.window_started_at, account.resets_at) == (now, now + 7 * 86_400)
    await users.edit(world.admin, "ada", {"budget": None, "budget_window": None}, 2)
    async with world.database.session() as session:
        account = await session.get_one(Account, "user:ada")
    assert (account.limit_nano, account.budget_window, account.resets_at, account.spent_nano) == (None, None, None, 70)
    assert world.told.scopes == ["user:ada"] * 3


async def test_litellms_users_are_made_once_and_joined(teams: World) -> None:
    users = teams.accounts.users
    first = await users.ensure(teams.admin, "svc-1", team="red")
    assert await users.ensure(teams.admin, "svc-1", team="red") == first
    assert list(await users.memberships(teams.admin, "svc-1")) == [("red", "member")]
    person = await users.ensure(teams.admin, "Ada@example.com")
    assert (person.email, person.id.startswith("u_")) == ("ada@example.com", True)
    assert (await users.ensure(teams.admin, "ada@EXAMPLE.com")).id == person.id
    with pytest.raises(Forbidden):
        await users.ensure(Actor("user:x", "lead", "x", "red"), "new")


async def test_lists_go_on_where_they_ended(world: World) -> None:
    users = world.accounts.users
    for number in range(7):
        world.clock.advance(number % 2)  # some in the same moment
        await users.create(world.admin, id=f"u{number}")
    seen: list[str] = []
    after: str | None = None
    for _ in range(4):
        page = await users.list(world.admin, after=after, limit=2)
        seen += [user.id for user in page.items]
        await users.create(world.admin)  # newer ones shift nothing
        after = page.next
    assert after is None
    assert sorted(seen) == [f"u{number}" for number in range(7)]
    assert seen[0] in {"u5", "u6"}
    for broken in ("x", "!", "W10", "WzEsImEiXQ", "eyJhIjoxfQ", "é", "W05hTiwgImEiXQ", "\ud800", "A" * 5_000):
        with pytest.raises(Unprocessable) as caught:
            await users.list(world.admin, after=broken)
        assert caught.value.param == "after"
    for limit in (0, 201, -1):
        with pytest.raises(Unprocessable):
            await users.list(world.admin, limit=limit)


async def test_every_act_is_written_down_without_personal_data(world: World) -> None:
    users = world.accounts.users
    who = Actor("key:k_9", "admin", request_id="req_1")
    await users.create(who, id="ada", name="Ada Lovelace", email="ada@x.org", role="viewer")
    await users.edit(who, "ada", {"name": "Countess", "role": "member"}, 1)
    await users.edit(who, "ada", {"blocked": True}, 2)
    create, edit, block = await world.audit()
    assert (create.actor, create.action, create.object_type, create.object_id, create.request_id) == (
        "key:k_9",
        "user.create",
        "user",
        "ada",
        "req_1",
    )
    assert (create.before, create.after) == (None, {"name": "changed", "email": "changed", "role": "viewer"})
    assert (edit.before, edit.after) == (
        {"name": "changed", "role": "viewer"},
        {"name": "changed", "role": "member"},
    )
    assert (block.action, block.after) == ("user.block", {"blocked": True})
    assert [change.action for change in world.told.changes] == ["user.create", "user.edit", "user.block"]
