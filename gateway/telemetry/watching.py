"""Everything that watches beside the requests, as one: traces, alerts, who raises them, and where they are told.

Lives as long as the process; a reload only tells it the new settings. What of it fails is told in the log, and nothing
else comes of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

from gateway.config.watching_models import Alerts as AlertSettings
from gateway.config.watching_models import Telemetry
from gateway.ports import Clock
from gateway.telemetry.alerts import Alerts, First, always
from gateway.telemetry.budget_alerts import BudgetAlerts
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.tracing import Tracing
from gateway.telemetry.watch import Watch
from gateway.telemetry.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Watching:
    """`tracing` and `watch.told` are the observe stage's, `budgets.saw` the spend stage's, `alerts.turn` everybody's."""

    tracing: Tracing
    alerts: Alerts
    watch: Watch
    budgets: BudgetAlerts
    webhooks: Webhooks

    def configure(self, telemetry: Telemetry, alerts: AlertSettings) -> None:
        """Another version of the configuration serves."""
        self.tracing.configure(telemetry)
        self.alerts.configure(alerts)
        self.budgets.configure(alerts.budget_at)

    def beside(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """What goes on for as long as the gateway does, by name."""
        yield "alerts", self.alerts.deliver
        yield "watch", self.watch.run

    async def close(self) -> None:
        """Once no request runs any more: send the last spans, leave the webhooks."""
        await self.tracing.close()
        await self.webhooks.close()


def watching(
    clock: Clock,
    metrics: Metrics,
    tracing: Tracing,
    states: Callable[[], Mapping[str, str]],
    drift: Callable[[], int],
    first: First = always,
) -> Watching:
    """With no webhooks yet: `configure` names them. `states` and `drift`: see `Watch`; `first`: see `Alerts`."""
    webhooks = Webhooks()
    alerts = Alerts(clock, metrics, AlertSettings(), webhooks.send, first)
    budgets = BudgetAlerts(alerts, clock, ())
    watch = Watch(alerts, clock, states, drift, budgets.look)
    return Watching(tracing, alerts, watch, budgets, webhooks)
