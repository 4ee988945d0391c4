"""The deployment with the fewest requests under way first, as LiteLLM's `least-busy`; of equally busy ones any."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.ports import Signals
from gateway.types import Deployment, JsonObject, Plan
from routing_policies._plan import plan_of, shuffled


class Policy:
    """Spreads what is under way. Each of several workers knows its own requests only."""

    name = "least_busy"
    reads = frozenset({"draw", "in_flight"})

    def rank(self, body: JsonObject, deployments: Sequence[Deployment], signals: Signals) -> Plan:  # noqa: ARG002
        """By `order`, then by requests under way; unhealthy ones last."""

        def busy(deployment: Deployment) -> int:
            return signals.in_flight.get(deployment.id, 0)

        ranked = sorted(shuffled(deployments, signals.draw), key=lambda each: (each.order, busy(each)))
        return plan_of(self.name, ((each, f"{busy(each)} under way") for each in ranked), signals)
