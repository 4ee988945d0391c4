"""The gateway's own budget in the spend stage: everybody pays from it, and nobody is told how much is in it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.errors import BudgetExhausted
from gateway.ledger.scopes import TOTAL
from gateway.stages.spend import Spend, payers
from gateway.stages.spend_limits import LimitDefaults
from gateway.types import (
    AttemptResult,
    Balance,
    HoldRefused,
    HoldRequest,
    Identity,
    Opened,
    Outcome,
    RequestRecord,
    Status,
)
from tests.core.fakes import FakeClock, FakeLedger, Words, asking, deployment

DEFAULTS = LimitDefaults(total=True)


class TotalLedger(FakeLedger):
    """One account that is the gateway's."""

    async def open(self, record: RequestRecord, hold: HoldRequest | None) -> Opened | HoldRefused:
        answer = await super().open(record, hold)
        if isinstance(answer, HoldRefused):
            return HoldRefused(Balance(TOTAL, self.limit, self.spent, 0, 1_900_000_000.0), busy=answer.busy)
        return Opened((Balance(TOTAL, 10**9, 1, 0),))


async def test_everybody_pays_from_it(clock: FakeClock) -> None:
    ledger = FakeLedger()
    await Spend(ledger, Words(), clock, DEFAULTS).enter(asking(clock, deployment()))
    ((_, hold),) = ledger.opened
    assert hold is not None
    assert hold.scopes == ("key:k_1", TOTAL)


async def test_a_key_without_accounts_keeps_its_own(clock: FakeClock) -> None:
    call = asking(clock, deployment())
    call.identity = Identity("master", "master key", role="admin")
    assert payers(call, everybody=True) == ("key:master", TOTAL)
    assert payers(call, everybody=False) == ()
    call.brand = "acme"
    assert payers(call, everybody=True) == ("brand:acme", TOTAL)


async def test_what_it_holds_is_told_to_nobody(clock: FakeClock) -> None:
    ledger = TotalLedger()
    call = asking(clock, deployment())
    await Spend(ledger, Words(), clock, DEFAULTS).enter(call)
    assert "x-atelier-budget-remaining" not in call.headers
    assert call.budgeted
    ledger.limit, ledger.spent = 100, 100
    with pytest.raises(BudgetExhausted, match="The budget of the whole gateway does not cover") as caught:
        await Spend(ledger, Words(), clock, DEFAULTS).enter(asking(clock, deployment()))
    assert caught.value.body()["error"]["budget"] == {"scope": TOTAL, "resets_at": 1_900_000_000.0}


async def test_whoever_counts_is_told_what_was_spent(clock: FakeClock) -> None:
    told: list[tuple[Sequence[AttemptResult], Sequence[Balance]]] = []
    call = asking(clock, deployment())
    stage = Spend(FakeLedger(), Words(), clock, DEFAULTS, None, lambda *paid: told.append(paid))
    await stage.enter(call)
    await stage.exit(call, Outcome(Status.COMPLETED))
    ((paid, balances),) = told
    assert paid == call.attempts
    assert [each.scope for each in balances] == ["key:k_1"]
