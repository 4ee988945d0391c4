"""The budgets that new keys, users and teams get when they are made without one: `budgets.new_*` of the configuration.

One rule for everybody, whichever way something is made: no budget and a budget of null are the same here, so that a
client which sends every field does not go without. Who wants none takes it off afterwards, by an edit. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.config.money_models import Budgets
from gateway.ledger.prices import in_nano


@dataclass(frozen=True, slots=True)
class NewBudget:
    """Nano-dollars in each window ("30d"); None: once for ever."""

    budget: int
    budget_window: str | None = None


def new_budgets(budgets: Budgets) -> dict[str, NewBudget]:
    """What the configuration gives, by what is made: "key", "user", "team"."""
    given = {"key": budgets.new_keys, "user": budgets.new_users, "team": budgets.new_teams}
    return {
        kind: NewBudget(in_nano(each.limit), None if each.days is None else f"{each.days}d")
        for kind, each in given.items()
        if each is not None
    }


def with_budget(given: Mapping[str, NewBudget], kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The checked fields of something new; without a budget, with the one that is given to its kind."""
    new = given.get(kind)
    if new is None or values.get("budget") is not None:
        return dict(values)
    return {**values, "budget": new.budget, "budget_window": values.get("budget_window") or new.budget_window}
