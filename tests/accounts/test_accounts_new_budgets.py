"""Keys, users and teams that are made without a budget get the configured one, whichever way they are made."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.accounts import Accounts
from gateway.accounts.new_budgets import NewBudget, new_budgets
from gateway.accounts.passwords import Passwords
from gateway.accounts.transaction import Settings
from gateway.config.money_models import Budget, Budgets
from gateway.store.tables import Account
from tests.accounts.conftest import CHEAP, PASSWORD, World  # type: ignore[import-not-found]

GIVEN = new_budgets(
    Budgets(new_keys=Budget(limit=5, days=30), new_users=Budget(limit=0.000000007), new_teams=Budget(limit=100, days=7))
)


@pytest.fixture
def given(world: World) -> World:
    settings = Settings(new_budgets=GIVEN)
    world.accounts = Accounts(
        world.database.engine, world.digests, world.clock, settings=settings, passwords=Passwords(CHEAP)
    )
    return world


async def account(world: World, scope: str) -> Any:
    async with world.database.session() as session:
        found = await session.get(Account, scope)
    return None if found is None else (found.limit_nano, found.budget_window)


def test_only_what_is_configured_is_given() -> None:
    assert new_budgets(Budgets()) == {}
    assert {
        "key": NewBudget(5 * 10**9, "30d"),
        "user": NewBudget(7, None),
        "team": NewBudget(100 * 10**9, "7d"),
    } == GIVEN


@pytest.mark.parametrize("nothing", [{}, {"budget": None}, {"budget": None, "budget_window": None}])
async def test_nothing_and_null_get_the_configured_one(given: World, nothing: dict[str, Any]) -> None:
    team = await given.accounts.teams.create(given.admin, name="Red", **nothing)
    user = await given.accounts.users.create(given.admin, **nothing)
    key, _ = await given.accounts.keys.create(given.admin, name="k", **nothing)
    assert (team.budget, team.budget_window) == (100 * 10**9, "7d")
    assert await account(given, f"team:{team.id}") == (100 * 10**9, "7d")
    assert (user.budget, await account(given, f"user:{user.id}")) == (7, (7, None))
    assert (key.budget_window, await account(given, f"key:{key.id}")) == ("30d", (5 * 10**9, "30d"))
    assert [entry.after["budget"] for entry in await given.audit() if entry.after] == [100 * 10**9, 7, 5 * 10**9]


async def test_a_budget_of_ones_own_counts_and_a_window_stays(given: World) -> None:
    own, _ = await given.accounts.keys.create(given.admin, name="own", budget=1)
    assert (own.budget, own.budget_window) == (1, None)
    weekly, _ = await given.accounts.keys.create(given.admin, name="weekly", budget_window="7d")
    assert (weekly.budget, weekly.budget_window) == (5 * 10**9, "7d")
    taken_off = await given.accounts.keys.edit(given.admin, own.id, {"budget": None}, None)
    assert taken_off.budget is None


async def test_whoever_is_made_on_the_way_gets_one_too(given: World) -> None:
    assert (await given.accounts.teams.ensure(given.admin, "blog")).budget == 100 * 10**9
    assert (await given.accounts.users.ensure(given.admin, "ann@example.com")).budget == 7
    _, token = await given.accounts.invitations.create(given.admin, expires_in=60.0)
    session = await given.accounts.invitations.accept(token, email="bo@example.com", name=None, password=PASSWORD)
    assert session.user.budget == 7


async def test_a_key_made_by_a_key_gets_its_makers_or_the_configured_one(given: World) -> None:
    small, holder = await given.key(name="small", budget=3, role="member")
    child, _ = await given.accounts.keys.create(holder, name="child")
    assert child.budget == small.budget == 3
    endless, holder = await given.key(name="endless")
    await given.accounts.keys.edit(given.admin, endless.id, {"budget": None}, None)
    child, _ = await given.accounts.keys.create(holder, name="child")
    assert child.budget == 5 * 10**9


async def test_a_new_setting_counts_from_then_on(given: World) -> None:
    given.accounts.configure(Settings())
    key, _ = await given.accounts.keys.create(given.admin, name="k")
    assert key.budget is None
