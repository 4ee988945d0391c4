"""The gateway's own budget in the spend stage: everybody pays from it, and nobody is told how much is in it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.api.headers import response_headers
from gateway.errors import BudgetExhausted, RateLimited
from gateway.ledger.scopes import TOTAL
from gateway.stages.spend import Spend, payers
from gateway.stages.spend_limits import LimitDefaults
from gateway.types import (
    AttemptResult,
    Balance,
    HoldRefused,
    HoldRequest,
    Identity,
    Intent,
    Opened,
    Outcome,
    RequestRecord,
    Status,
)
from tests.core.fakes import FakeClock, FakeLedger, Words, asking, deployment

DEFAULTS = LimitDefaults(total=True)


class TotalLedger(FakeLedger):
    """One account that is the gateway's."""

    async def open(
        self, record: RequestRecord, hold: HoldRequest | None, first: Intent | None = None
    ) -> Opened | HoldRefused:
        answer = await super().open(record, hold, first)
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
    assert [balance.scope for balance in call.balances] == [TOTAL]
    assert b"x-atelier-budget-remaining" not in dict(response_headers(call, clock.monotonic(), settled=True))
    assert call.budgeted
    ledger.limit, ledger.spent = 100, 100
    with pytest.raises(BudgetExhausted, match="The budget of the whole gateway does not cover") as caught:
        await Spend(ledger, Words(), clock, DEFAULTS).enter(asking(clock, deployment()))
    assert caught.value.body()["error"]["budget"] == {"scope": TOTAL, "resets_at": 1_900_000_000.0}


class Heard:
    """Keeps what the stage tells."""

    def __init__(self) -> None:
        self.paid: list[tuple[Sequence[AttemptResult], Sequence[Balance]]] = []
        self.refusals: list[Balance] = []

    def settled(self, results: Sequence[AttemptResult], balances: Sequence[Balance]) -> None:
        self.paid.append((results, balances))

    def refused(self, balance: Balance) -> None:
        self.refusals.append(balance)


async def test_whoever_counts_is_told_what_was_spent(clock: FakeClock) -> None:
    heard = Heard()
    call = asking(clock, deployment())
    stage = Spend(FakeLedger(), Words(), clock, DEFAULTS, None, heard)
    await stage.enter(call)
    await stage.exit(call, Outcome(Status.COMPLETED))
    ((paid, balances),) = heard.paid
    assert paid == call.attempts
    assert [each.scope for each in balances] == ["key:k_1"]
    assert heard.refusals == []


async def test_whoever_counts_is_told_of_a_budget_that_refuses(clock: FakeClock) -> None:
    ledger, heard = FakeLedger(limit=100), Heard()
    ledger.spent = 99
    with pytest.raises(BudgetExhausted):
        await Spend(ledger, Words(), clock, DEFAULTS, None, heard).enter(asking(clock, deployment()))
    assert [(each.scope, each.limit, each.spent) for each in heard.refusals] == [("key:k_1", 100, 99)]


async def test_a_budget_that_others_hold_refuses_nobody_for_good(clock: FakeClock) -> None:
    ledger, heard = FakeLedger(limit=10**9), Heard()
    ledger.holds["gen-2"] = 10**9
    stage = Spend(ledger, Words(), clock, LimitDefaults(max_wait=0), None, heard)
    with pytest.raises(RateLimited):
        await stage.enter(asking(clock, deployment(), body={"max_tokens": 1}))
    assert heard.refusals == []
