"""At random, in proportion to `weight`: a deployment of weight 3 is first three times as often as one of weight 1.

The lowest `order` goes first, as in LiteLLM; weights count among equals. The ranking is a whole weighted permutation
made from the one number `signals.draw`, so that the same draw gives the same ranking, fallbacks included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from gateway.ports import Signals
from gateway.types import Deployment, JsonObject, Plan
from routing_policies._plan import lot, plan_of


class Policy:
    """Spreads the load."""

    name = "weighted"
    reads = frozenset({"draw"})

    def rank(self, body: JsonObject, deployments: Sequence[Deployment], signals: Signals) -> Plan:  # noqa: ARG002
        """By `order`, then by weighted chance; weight 0 or less comes after every other weight; unhealthy ones last."""
        ranked = deployments
        if len(deployments) > 1:
            ranked = sorted(deployments, key=lambda deployment: (deployment.order, arrival(deployment, signals.draw)))
        return plan_of(self.name, ((deployment, f"weight {deployment.weight}") for deployment in ranked), signals)


def arrival(deployment: Deployment, draw: float) -> float:
    """When this deployment would come first in a race: an exponential variable whose rate is the weight.

    Sorting by it is weighted sampling without replacement (Efraimidis and Spirakis, 2006).
    """
    if deployment.weight <= 0:
        return math.inf
    uniform = (lot(deployment, draw) + 1) / (1 << 56)
    return -math.log(uniform) / deployment.weight
