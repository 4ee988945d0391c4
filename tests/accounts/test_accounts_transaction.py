"""An act is all or nothing, goes alone, and is told about once it is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from gateway.accounts import CLI, Accounts, transaction
from gateway.accounts.passwords import Passwords
from gateway.accounts.transaction import Act, Settings
from gateway.errors import Conflict, NotFound, Unavailable
from gateway.store.directory import User
from tests.accounts.conftest import CHEAP, World


async def test_an_act_that_fails_has_done_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(Act, "record", breaks)
        with pytest.raises(ZeroDivisionError):
            await world.accounts.users.create(CLI, id="ada", budget=5)
    with pytest.raises(NotFound):
        await world.accounts.users.get(CLI, "ada")
    assert (world.told.scopes, world.told.changes, await world.audit()) == ([], [], [])
    await world.accounts.users.create(CLI, id="ada")


async def test_a_store_that_is_away_is_said_and_nothing_is_told(world: World) -> None:
    async with world.database.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE audit RENAME TO gone"))
    for act in (
        world.accounts.users.create(CLI, id="ada"),
        world.accounts.teams.create(CLI, name="Red"),
        world.accounts.keys.create(CLI),
        world.accounts.invitations.create(CLI),
        world.accounts.audit.list(CLI),
    ):
        with pytest.raises(Unavailable) as caught:
            await act
        assert caught.value.code == "store_unavailable"
    assert world.told.changes == []
    assert (await world.accounts.users.list(CLI)).items == ()


async def test_a_listener_that_is_away_undoes_nothing(world: World) -> None:
    async def away(_: Sequence[object]) -> None:
        raise Unavailable("away", code="store_unavailable")

    settings = Settings(on_budget=away, on_change=away)
    accounts = Accounts(
        world.database.engine, world.digests, world.clock, settings=settings, passwords=Passwords(CHEAP)
    )
    assert (await accounts.users.create(CLI, id="ada", budget=5)).id == "ada"
    assert (await accounts.users.get(CLI, "ada")).budget == 5


async def test_a_broken_constraint_is_a_conflict(world: World) -> None:
    store = world.accounts.users._store
    with pytest.raises(Conflict) as caught:
        async with store.act(CLI) as act:
            for user_id in ("a", "b"):
                act.session.add(User(id=user_id, email="same@x.org", created_at=1.0))
    assert caught.value.code == "already_exists"


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_an_act_that_never_ends_keeps_others_waiting_for_a_while_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.accounts.users._store.act(CLI):
        monkeypatch.setattr(transaction, "LONGEST_WAIT", 0.05)
        with pytest.raises(Unavailable):
            await world.accounts.users.create(CLI, id="ada")
    monkeypatch.setattr(transaction, "LONGEST_WAIT", 10.0)
    assert (await world.accounts.users.create(CLI, id="ada")).id == "ada"
