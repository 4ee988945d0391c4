"""`budgets.total`: an account that everybody pays from, set from the configuration, on every set-up."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlmodel import col, select

from gateway.config.money_models import Budget
from gateway.ledger.scopes import TOTAL, payer
from gateway.ledger.total import set_total_budget
from gateway.store.tables import Account
from gateway.types import Balance, HoldRefused

DAY = 86_400.0


def nano(amount: int, days: int | None = None) -> Budget:
    return Budget(limit=amount / 1e9, days=days)


async def budget(world: Any, given: Budget | None) -> None:
    await set_total_budget(world.engine, world.ledger, given, world.clock)


async def paid(world: Any, generation: str, cost: int) -> None:
    """A request of its own key that costs so much."""
    assert await world.open(generation, cost, scopes=(f"key:{generation}", TOTAL)) is None
    await world.dispatch(generation)
    await world.settle(generation, cost)


async def test_requests_of_all_keys_together_never_overrun_it(world: Any) -> None:
    await budget(world, nano(1000))
    keys = [f"key:k_{n}" for n in range(50)]
    await world.ledger.balances(keys)  # so that not each of them is brought from SQL by many requests at once
    answers = await asyncio.gather(*(world.open(f"g{n}", 7, scopes=(keys[n % 50], TOTAL)) for n in range(300)))
    assert answers.count(None) == 142
    assert all(answer.busy and answer.balance.scope == TOTAL for answer in answers if answer is not None)
    assert (await world.balance(TOTAL)).held == 142 * 7


async def test_what_is_spent_counts_to_the_last_nano(world: Any) -> None:
    await budget(world, nano(100))
    await paid(world, "g1", 60)
    assert await world.open("g2", 40, scopes=("key:k_2", TOTAL)) is None
    refused = await world.open("g3", 41, scopes=("key:k_3", TOTAL))
    assert refused == HoldRefused(Balance(TOTAL, 100, spent=60, held=40), busy=False)


async def test_a_window_begins_anew(world: Any) -> None:
    await budget(world, nano(100, days=2))
    await paid(world, "g1", 100)
    world.clock.time += 2 * DAY - 1
    assert not (await world.open("g2", 1, scopes=(TOTAL,))).busy
    world.clock.time += 1
    assert await world.open("g3", 100, scopes=(TOTAL,)) is None


async def test_a_changed_limit_counts_at_once_and_keeps_what_was_spent(world: Any) -> None:
    await budget(world, nano(100))
    await paid(world, "g1", 60)
    await budget(world, nano(50, days=1))
    balance = await world.balance(TOTAL)
    assert (balance.limit, balance.spent, balance.resets_at) == (50, 60, world.clock.time + DAY)
    await budget(world, nano(200))
    assert await world.balance(TOTAL) == Balance(TOTAL, 200, spent=60, held=0)


async def test_taken_away_it_has_no_limit_and_set_again_it_goes_on(world: Any) -> None:
    await budget(world, nano(100))
    await paid(world, "g1", 60)
    await budget(world, None)
    assert await world.open("g2", 10**6, scopes=(TOTAL,)) is None  # of a worker that has not heard of it yet
    await world.settle("g2")
    await budget(world, nano(100))
    assert await world.balance(TOTAL) == Balance(TOTAL, 100, spent=60, held=0)


async def test_without_a_budget_no_account_is_made(world: Any) -> None:
    await budget(world, None)
    assert await rows(world) == []


async def test_workers_that_set_it_at_once_make_one_account(world: Any) -> None:
    await asyncio.gather(*(budget(world, nano(100, days=3)) for _ in range(8)))
    await paid(world, "g1", 60)
    await asyncio.gather(*(budget(world, nano(100, days=3)) for _ in range(8)))
    (row,) = await rows(world)
    assert (row["limit_nano"], row["spent_nano"], row["budget_window"]) == (100, 60, "3d")


def test_payers_have_words() -> None:
    assert payer(TOTAL) == "the whole gateway"
    assert [payer("key:k_1"), payer("team:blog")] == ["this key", "the team 'blog'"]


async def rows(world: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await world.rows(select(Account.__table__).where(col(Account.scope) == TOTAL))
    return found
