"""Deployments that are out, books that disagree and budgets that are spent raise alerts, and clear them again."""

from __future__ import annotations

import pytest

from gateway.config.watching_models import Alerts as Settings
from gateway.errors import Fault, ProviderError
from gateway.resilience.health import DeploymentHealth, Rules
from gateway.telemetry.alerts import Alerts
from gateway.telemetry.budget_alerts import BudgetAlerts, dollars
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.watch import DRIFTING, UNTRIED, Watch
from gateway.types import AttemptResult, Balance, Intent, Price, Status, Usage
from tests.core.fakes import FakeClock

USD = 1_000_000_000


async def nobody(*_: object) -> None:
    return None


class Bench:
    def __init__(self, *ids: str, **rules: object) -> None:
        self.clock, self.ids, self.drift = FakeClock(), list(ids), 0
        self.alerts = Alerts(self.clock, Metrics(), Settings(), nobody)
        self.health = DeploymentHealth(self.clock, Rules(**rules))  # type: ignore[arg-type]
        self.watch = Watch(self.alerts, self.clock, self.states, lambda: self.drift)
        self.watch.look()
        self.budgets = BudgetAlerts(self.alerts, self.clock, (1.0, 0.8))

    def states(self) -> dict[str, str]:
        return {deployment_id: self.health.state(deployment_id) for deployment_id in self.ids}

    def ended(self, deployment_id: str, fault: Fault | None = None) -> None:
        """An attempt ends: its deployment's health is told, and the watch."""
        if fault is None:
            self.health.succeeded(deployment_id, 0.1)
        else:
            self.health.failed(deployment_id, ProviderError(fault, "x"))
        status = Status.COMPLETED if fault is None else Status.FAILED
        intent = Intent("gen-1", 1, deployment_id, "openai", "x", Price(), 0, 0.0)
        self.watch.told(AttemptResult(intent, status, Usage(), 0, 1.0, fault=fault))

    def active(self) -> list[tuple[str, str]]:
        self.watch.look()
        return [(alert.kind, alert.subject) for alert in self.alerts.active()]


def test_a_deployment_that_is_out_is_one_alert_until_it_answers() -> None:
    bench = Bench("a", "b", failures=2)
    assert bench.active() == []
    bench.ended("a", Fault.TIMEOUT)
    assert bench.active() == []
    bench.ended("a", Fault.SERVER)
    assert bench.active() == [("deployment", "a")]
    assert "(the last one: server)" in bench.alerts.active()[0].message
    bench.clock.advance(6)
    assert bench.health.state("a") == "half_open"
    assert bench.active() == [("deployment", "a")]
    bench.ended("a")
    assert bench.active() == []


def test_refused_credentials_are_told_even_where_breakers_are_off() -> None:
    bench = Bench("a", disabled=True)
    bench.ended("a", Fault.CREDENTIALS)
    assert bench.active() == [("deployment", "a")]
    assert bench.alerts.active()[0].message == "The provider refuses the gateway's credentials."
    bench.ended("a", Fault.CALLER)
    assert bench.active() == [("deployment", "a")]
    bench.ended("a")
    assert bench.active() == []


def test_another_key_is_another_chance() -> None:
    bench = Bench("a", disabled=True)
    bench.ended("a", Fault.CREDENTIALS)
    assert bench.active() == [("deployment", "a")]
    bench.watch.forget("a")
    assert bench.active() == []


def test_a_deployment_that_nobody_tries_any_more_does_not_alarm_for_ever() -> None:
    bench = Bench("a", failures=1)
    bench.ended("a", Fault.SERVER)
    assert bench.active() == [("deployment", "a")]
    bench.clock.advance(UNTRIED - 1)
    assert bench.active() == [("deployment", "a")]
    bench.clock.advance(1)
    assert bench.active() == []


def test_a_deployment_that_is_configured_no_more_alarms_no_more() -> None:
    bench = Bench("a", "b", failures=1)
    bench.ended("a", Fault.SERVER)
    assert bench.active() == [("deployment", "a")]
    bench.ids.remove("a")
    assert bench.active() == []
    bench.ended("a", Fault.SERVER)
    bench.ended("unknown", Fault.CREDENTIALS)
    assert bench.active() == []


def test_books_may_disagree_for_a_moment_but_not_for_minutes() -> None:
    bench = Bench()
    bench.drift = -5 * USD
    assert bench.active() == []
    bench.clock.advance(DRIFTING - 1)
    assert bench.active() == []
    bench.drift = 0
    assert bench.active() == []
    bench.drift = -5 * USD
    assert bench.active() == []
    bench.clock.advance(DRIFTING)
    assert bench.active() == [("ledger", "drift")]
    assert "by 5 USD" in bench.alerts.active()[0].message
    bench.drift = 0
    assert bench.active() == []


async def test_it_looks_each_second() -> None:
    bench, slept = Bench("a", failures=1), []
    bench.ended("a", Fault.SERVER)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        await bench.watch.run(sleep)
    assert slept == [1.0]
    assert [alert.subject for alert in bench.alerts.active()] == ["a"]


def balance(spent: float, limit: float | None = 10, resets_at: float | None = None) -> Balance:
    return Balance("team:red", None if limit is None else round(limit * USD), round(spent * USD), 0, resets_at)


def subjects(bench: Bench) -> list[str]:
    return [alert.subject for alert in bench.alerts.active()]


def test_each_share_of_a_budget_is_told_once() -> None:
    bench = Bench()
    bench.budgets.saw([balance(7.99)])
    assert subjects(bench) == []
    bench.budgets.saw([balance(8)])
    bench.budgets.saw([balance(9)])
    assert subjects(bench) == ["team:red at 80%"]
    assert bench.alerts.active()[0].message == "80 % of the budget of team 'red' is spent ($8 of $10)."
    bench.budgets.saw([balance(10.5)])
    assert subjects(bench) == ["team:red at 80%", "team:red at 100%"]
    assert bench.alerts.active()[1].message == "The budget of team 'red' is used up ($10.50 of $10)."


def test_a_budget_that_refuses_a_request_is_used_up_until_it_is_raised() -> None:
    bench = Bench()
    bench.budgets.refused(balance(9.3))
    assert subjects(bench) == ["team:red at 80%", "team:red at 100%"]
    assert bench.alerts.active()[1].message == "The budget of team 'red' is used up ($9.30 of $10)."
    bench.budgets.saw([balance(9.31)])
    bench.budgets.saw([balance(9.31, 9.5)])
    assert subjects(bench) == ["team:red at 80%", "team:red at 100%"]
    bench.budgets.saw([balance(9.31, 11)])
    assert subjects(bench) == ["team:red at 80%"]
    bench.budgets.saw([balance(9.31, 9.5)])
    assert subjects(bench) == ["team:red at 80%"]


def test_a_budget_that_refuses_is_used_up_until_its_window_ends() -> None:
    bench = Bench()
    end = bench.clock.now() + 60
    bench.budgets.refused(balance(6, resets_at=end))
    assert subjects(bench) == ["team:red at 100% until 2027-01-15 08:01 UTC"]
    bench.clock.advance(60)
    bench.budgets.look()
    assert subjects(bench) == []
    bench.budgets.refused(balance(6, resets_at=end + 60))
    bench.budgets.saw([balance(1, resets_at=end + 120)])
    assert subjects(bench) == []


@pytest.mark.parametrize(
    ("nano", "words"),
    [(10**9, "$1"), (8 * 10**8, "$0.80"), (999_999_999, "$0.99"), (120_000, "$0.00012"), (0, "$0"), (10**7, "$0.01")],
)
def test_amounts_are_read_by_people(nano, words) -> None:
    assert dollars(nano) == words


def test_one_request_that_is_too_dear_uses_no_budget_up() -> None:
    bench = Bench()
    bench.budgets.refused(balance(4.9))
    assert subjects(bench) == []


def test_whoever_wants_no_alert_at_all_of_it_gets_none() -> None:
    bench = Bench()
    bench.budgets.configure([0.8])
    bench.budgets.refused(balance(7))
    assert subjects(bench) == []


@pytest.mark.parametrize(
    ("scope", "words"),
    [("gateway:total", "The budget of the whole gateway is"), ("key:k_1", "The budget of key 'k_1' is")],
)
def test_whose_budget_it_is_stands_in_words(scope, words) -> None:
    bench = Bench()
    bench.budgets.saw([Balance(scope, 10, 10, 0)])
    assert bench.alerts.active()[-1].message.startswith(words)


def test_a_window_that_ends_clears_and_the_next_one_tells_anew() -> None:
    bench = Bench()
    end = bench.clock.now() + 60
    bench.budgets.saw([balance(9, resets_at=end)])
    assert subjects(bench) == ["team:red at 80% until 2027-01-15 08:01 UTC"]
    bench.budgets.look()
    assert len(subjects(bench)) == 1
    bench.clock.advance(60)
    bench.budgets.look()
    assert subjects(bench) == []
    bench.budgets.saw([balance(9, resets_at=end + 60)])
    assert subjects(bench) == ["team:red at 80% until 2027-01-15 08:02 UTC"]
    bench.budgets.saw([balance(9, resets_at=end + 120)])
    assert subjects(bench) == ["team:red at 80% until 2027-01-15 08:03 UTC"]


def test_a_higher_limit_clears_what_is_not_passed_any_more() -> None:
    bench = Bench()
    bench.budgets.saw([balance(10)])
    assert len(subjects(bench)) == 2
    bench.budgets.saw([balance(10, 12)])
    assert subjects(bench) == ["team:red at 80%"]
    bench.budgets.saw([balance(10, 100)])
    assert subjects(bench) == []


def test_accounts_without_money_alarm_nobody() -> None:
    bench = Bench()
    bench.budgets.saw([balance(0, 0), balance(50, None)])
    assert subjects(bench) == []


def test_other_shares_after_a_reload() -> None:
    bench = Bench()
    bench.budgets.saw([balance(9)])
    bench.budgets.configure([0.5])
    bench.budgets.saw([balance(9)])
    assert subjects(bench) == ["team:red at 50%"]
