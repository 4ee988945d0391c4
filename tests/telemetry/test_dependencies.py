"""A store that is away is told once: in the answer, in the metric and in the log."""

from __future__ import annotations

from structlog.testing import capture_logs

from gateway.telemetry.dependencies import Dependencies
from gateway.telemetry.metrics import Metrics


class Clock:
    time = 100.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


def up(metrics: Metrics) -> bool:
    return b'gateway_dependency_up{dependency="redis"} 1.0' in metrics.render()


def test_what_is_away_is_told_until_it_is_back() -> None:
    clock, metrics = Clock(), Metrics()
    dependencies = Dependencies({"redis": "budgets wait", "database": "admins wait"}, clock, metrics)
    assert dependencies.degraded() == []
    assert up(metrics)
    with capture_logs() as logs:
        dependencies.turn("redis", away=True)
        clock.time = 107.5
        dependencies.turn("redis", away=True)
        assert dependencies.degraded() == [{"dependency": "redis", "since": 100.0, "effect": "budgets wait"}]
        assert not up(metrics)
        dependencies.turn("redis", away=False)
        dependencies.turn("redis", away=False)
    assert dependencies.degraded() == []
    assert up(metrics)
    assert [(line["event"], line.get("seconds")) for line in logs] == [
        ("dependency_away", None),
        ("dependency_back", 7.5),
    ]
