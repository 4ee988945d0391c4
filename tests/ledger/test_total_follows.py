"""The whole gateway's budget follows the configuration, also while the store is away; what stands asks no store again."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config.money_models import Budget
from gateway.errors import Unavailable
from gateway.ledger import total
from gateway.ledger.total import TotalBudget


class Store:
    def __init__(self) -> None:
        self.away = False
        self.set: list[Budget | None] = []

    async def __call__(self, _engine: Any, _ledger: Any, budget: Budget | None, _clock: Any) -> None:
        if self.away:
            raise Unavailable("away")
        self.set.append(budget)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store()
    monkeypatch.setattr(total, "set_total_budget", made)
    return made


@pytest.fixture
def budget() -> TotalBudget:
    unused: Any = None
    return TotalBudget(unused, unused, unused)


async def test_a_reload_that_leaves_it_alone_asks_no_store(store: Store, budget: TotalBudget) -> None:
    for _ in range(3):
        budget.configure(Budget(limit=5))
        await budget.set()
    store.away = True
    budget.configure(Budget(limit=5))
    await budget.set()
    assert store.set == [Budget(limit=5)]


async def test_none_is_set_once_too(store: Store, budget: TotalBudget) -> None:
    budget.configure(None)
    await budget.set()
    await budget.set()
    assert store.set == [None]


async def test_what_could_not_be_set_is_set_later_and_the_last_one_counts(store: Store, budget: TotalBudget) -> None:
    budget.configure(Budget(limit=5))
    await budget.set()
    store.away = True
    budget.configure(Budget(limit=7))
    with pytest.raises(Unavailable):
        await budget.set()
    budget.configure(Budget(limit=8))
    store.away = False
    await budget.set()
    budget.configure(Budget(limit=5))
    await budget.set()
    assert store.set == [Budget(limit=5), Budget(limit=8), Budget(limit=5)]
