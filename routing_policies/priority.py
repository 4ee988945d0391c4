"""The lowest `order` first; deployments of the same order as they stand in the config."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.ports import Signals
from gateway.types import Deployment, JsonObject, Plan
from routing_policies._plan import plan_of


class Policy:
    """A main deployment and its stand-ins."""

    name = "priority"
    reads = frozenset[str]()

    def rank(self, body: JsonObject, deployments: Sequence[Deployment], signals: Signals) -> Plan:  # noqa: ARG002
        """By `order`, then as given; unhealthy ones last."""
        ranked = sorted(deployments, key=lambda deployment: deployment.order)
        return plan_of(self.name, ((deployment, f"order {deployment.order}") for deployment in ranked), signals)
