"""Alerts are told at their edges, repeated while they go on, in order, and never in a request's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from gateway.config.watching_models import Alerts as Settings
from gateway.config.watching_models import Webhook
from gateway.telemetry import alerts as module
from gateway.telemetry.alerts import ALIKE, MOST_WAITING, Alert, Alerts, Notice, name_of
from gateway.telemetry.dependencies import Dependencies
from gateway.telemetry.metrics import Metrics
from tests.core.fakes import FakeClock

HOOK = Webhook(url="https://hooks.example/very-secret-path")
SECOND = Webhook(url="https://other.example/x", kinds=("ledger",))


class Bench:
    """`tells` are what webhooks were told; `answer` is what each telling ends with, after `gate` is open."""

    def __init__(self, *webhooks: Webhook, **more: object) -> None:
        self.clock, self.metrics = FakeClock(), Metrics()
        self.tells: list[tuple[Webhook, Notice]] = []
        self.told = asyncio.Event()
        self.answer: str | None = None
        self.gates: dict[Webhook, asyncio.Event] = {}
        settings = Settings(webhooks=webhooks)
        self.alerts = Alerts(self.clock, self.metrics, settings, self.send, **more)  # type: ignore[arg-type]

    async def send(self, webhook: Webhook, notice: Notice) -> str | None:
        if webhook in self.gates:
            await self.gates[webhook].wait()
        self.tells.append((webhook, notice))
        self.told.set()
        return self.answer

    @asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.alerts.deliver())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not reached():
                self.told.clear()
                await self.told.wait()

    def metric(self, name: str) -> float:
        lines = self.metrics.render().decode().splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + " "))


async def test_an_edge_is_one_line_one_gauge_and_one_notice() -> None:
    bench = Bench(HOOK)
    with capture_logs() as lines:
        for _ in range(3):
            bench.alerts.turn("config", "config.yaml", on=True, message="two problems")
        assert bench.metric('gateway_alerts{kind="config"}') == 1
        assert bench.alerts.active() == [Alert("config", "config.yaml", "two problems", bench.clock.now())]
        bench.clock.advance(90)
        for _ in range(3):
            bench.alerts.turn("config", "config.yaml", on=False)
    assert bench.metric('gateway_alerts{kind="config"}') == 0
    assert bench.alerts.active() == []
    assert [(line["event"], line["subject"], line.get("seconds")) for line in lines] == [
        ("alert_raised", "config.yaml", None),
        ("alert_cleared", "config.yaml", 90.0),
    ]
    async with bench.delivering():
        await bench.until(lambda: len(bench.tells) == 2)
    assert [notice.state for _, notice in bench.tells] == ["raised", "cleared"]


async def test_a_message_that_changes_is_shown_and_not_told_again() -> None:
    bench = Bench(HOOK)
    bench.alerts.turn("config", "config.yaml", on=True, message="two problems")
    with capture_logs() as lines:
        bench.alerts.turn("config", "config.yaml", on=True, message="one problem")
    assert lines == []
    assert [alert.message for alert in bench.alerts.active()] == ["one problem"]


async def test_a_webhook_hears_its_kinds_only() -> None:
    bench = Bench(HOOK, SECOND)
    bench.alerts.turn("config", "config.yaml", on=True)
    bench.alerts.turn("ledger", "drift", on=True)
    async with bench.delivering():
        await bench.until(lambda: len(bench.tells) == 3)
    assert [notice.alert.kind for webhook, notice in bench.tells if webhook is SECOND] == ["ledger"]


async def test_one_webhook_that_hangs_keeps_no_other_waiting() -> None:
    bench = Bench(HOOK, SECOND)
    bench.gates[HOOK] = asyncio.Event()
    async with bench.delivering():
        for _ in range(2):
            bench.alerts.turn("ledger", "drift", on=True)
            bench.alerts.turn("ledger", "drift", on=False)
        await bench.until(lambda: len(bench.tells) == 4)
    assert {webhook.url for webhook, _ in bench.tells} == {SECOND.url}


async def test_what_goes_on_is_told_again_after_a_while_and_a_budget_is_not() -> None:
    bench = Bench(HOOK)
    bench.alerts.turn("ledger", "drift", on=True)
    bench.alerts.turn("budget", "key:k at 80%", on=True)
    async with bench.delivering():
        await bench.until(lambda: len(bench.tells) == 2)
        bench.clock.advance(3_599)
        bench.alerts.turn("config", "a", on=True)
        await bench.until(lambda: len(bench.tells) == 3)
        bench.clock.advance(1)
        bench.alerts.turn("config", "b", on=True)
        await bench.until(lambda: len(bench.tells) == 5)
    told = [(notice.state, notice.alert.kind) for _, notice in bench.tells]
    assert told[:2] == [("raised", "ledger"), ("raised", "budget")]
    assert sorted(told[2:]) == [("ongoing", "ledger"), ("raised", "config"), ("raised", "config")]


async def test_a_budget_that_begins_anew_is_logged_and_not_told() -> None:
    bench = Bench(HOOK)
    bench.alerts.turn("budget", "key:k at 80%", on=True)
    bench.alerts.turn("budget", "key:k at 80%", on=False)
    bench.alerts.turn("config", "a", on=True)
    async with bench.delivering():
        await bench.until(lambda: len(bench.tells) == 2)
    assert [(notice.state, notice.alert.kind) for _, notice in bench.tells] == [
        ("raised", "budget"),
        ("raised", "config"),
    ]


async def test_a_line_is_bounded_and_keeps_the_newest() -> None:
    bench = Bench(HOOK)
    for number in range(MOST_WAITING + 5):
        bench.alerts.turn("deployment", f"d{number}", on=True)
    assert bench.metric('gateway_alert_deliveries_total{outcome="dropped"}') == 5
    async with bench.delivering():
        await bench.until(lambda: len(bench.tells) == MOST_WAITING)
    subjects = [notice.alert.subject for _, notice in bench.tells]
    assert subjects == [f"d{number}" for number in range(5, MOST_WAITING + 5)]


async def test_a_failure_is_logged_without_the_address() -> None:
    bench = Bench(HOOK)
    bench.answer = "status 404"
    bench.alerts.turn("config", "a", on=True)
    with capture_logs() as lines:
        async with bench.delivering():
            await bench.until(lambda: bool(bench.tells))
            await asyncio.sleep(0)
    (line,) = [line for line in lines if line["event"] == "alert_not_delivered"]
    assert (line["webhook"], line["reason"]) == (0, "status 404")
    assert "secret" not in str(lines)
    assert bench.metric('gateway_alert_deliveries_total{outcome="failed"}') == 1


class Said:
    """What Redis does for several workers."""

    def __init__(self) -> None:
        self.last: dict[str, str] = {}
        self.asked: list[float] = []

    async def __call__(self, name: str, what: str, seconds: float) -> bool:
        self.asked.append(seconds)
        before, self.last[name] = self.last.get(name), what
        return before != what


async def test_of_several_workers_one_tells() -> None:
    said = Said()
    workers = [Bench(HOOK, first=said) for _ in range(3)]
    for worker in workers:
        worker.alerts.turn("config", "config.yaml", on=True)
        worker.alerts.turn("config", f"own of {id(worker)}", on=True)
        async with worker.delivering():
            await worker.until(lambda worker=worker: any("own" in n.alert.subject for _, n in worker.tells))
    assert sum(notice.alert.subject == "config.yaml" for worker in workers for _, notice in worker.tells) == 1
    assert set(said.asked) == {ALIKE}


async def test_what_begins_anew_is_told_anew() -> None:
    bench = Bench(HOOK, first=Said())
    async with bench.delivering():
        for on in (True, False, True):
            bench.alerts.turn("config", "config.yaml", on=on)
        await bench.until(lambda: len(bench.tells) == 3)
    assert [notice.state for _, notice in bench.tells] == ["raised", "cleared", "raised"]


def test_the_name_that_workers_share_tells_nothing_of_the_address() -> None:
    notice = Notice("raised", Alert("config", "a", "", 1.0), 1.0)
    assert "example" not in name_of(HOOK, notice)
    assert name_of(HOOK, notice) == name_of(
        Webhook(url=HOOK.url), Notice("raised", Alert("config", "a", "x", 5.0), 9.0)
    )
    assert name_of(HOOK, notice) != name_of(SECOND, notice)
    assert name_of(HOOK, notice) == name_of(HOOK, replace(notice, state="cleared"))
    assert name_of(HOOK, notice) != name_of(HOOK, replace(notice, state="ongoing"))


async def test_other_webhooks_after_a_reload() -> None:
    bench = Bench(HOOK)
    bench.alerts.turn("ledger", "drift", on=True)
    bench.alerts.configure(Settings(webhooks=(HOOK, SECOND)))
    bench.alerts.turn("ledger", "drift", on=False)
    async with bench.delivering():
        await bench.until(lambda: len(bench.tells) == 3)
    assert [notice.state for webhook, notice in bench.tells if webhook == HOOK] == ["raised", "cleared"]
    assert [notice.state for webhook, notice in bench.tells if webhook == SECOND] == ["cleared"]


async def test_nothing_is_left_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK", 0.0)
    bench = Bench(HOOK)
    bench.gates[HOOK] = asyncio.Event()
    bench.alerts.turn("config", "a", on=True)
    before = asyncio.all_tasks()
    async with bench.delivering():
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks() - before) == 2
    assert asyncio.all_tasks() == before


async def test_a_store_that_is_away_raises_one() -> None:
    bench = Bench()
    dependencies = Dependencies({"redis": "budgets wait"}, bench.clock, bench.metrics, bench.alerts)
    dependencies.turn("redis", away=True)
    dependencies.turn("redis", away=True)
    (alert,) = bench.alerts.active()
    assert (alert.kind, alert.subject, alert.message) == ("dependency", "redis", "It does not answer: budgets wait.")
    dependencies.turn("redis", away=False)
    assert bench.alerts.active() == []
