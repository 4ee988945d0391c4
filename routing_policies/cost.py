"""The cheapest deployment first, by the price of a thousand tokens in and as many out, as LiteLLM's `cost-based-routing`."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.ports import Signals
from gateway.types import Deployment, JsonObject, Plan
from routing_policies._plan import plan_of, shuffled, unit_price

DOLLAR = 1_000_000_000_000  # pico-dollars


class Policy:
    """Spends least. A deployment whose price nobody knows comes after those with one."""

    name = "cost"
    reads = frozenset({"draw"})

    def rank(self, body: JsonObject, deployments: Sequence[Deployment], signals: Signals) -> Plan:  # noqa: ARG002
        """By `order`, then by price; unhealthy ones last."""

        def place(deployment: Deployment) -> tuple[int, bool, int]:
            return deployment.order, deployment.price.source == "unknown", unit_price(deployment)

        def reason(deployment: Deployment) -> str:
            if deployment.price.source == "unknown":
                return "price not known"
            return f"${unit_price(deployment) / DOLLAR:.6f} for 1,000 tokens in and out"

        ranked = sorted(shuffled(deployments, signals.draw), key=place)
        return plan_of(self.name, ((each, reason(each)) for each in ranked), signals)
