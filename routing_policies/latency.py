"""The fastest deployment first, by its smoothed time to the first token, as LiteLLM's `latency-based-routing`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gateway.ports import Signals
from gateway.types import Deployment, JsonObject, Plan
from routing_policies._plan import plan_of, shuffled


class Policy:
    """Goes where answers begin soonest. Who is within `buffer` of the fastest counts as just as fast.

    A deployment whose latency is not known goes first, so that it becomes known; last where it had requests within the
    last minute: they are under way, or say nothing about it because they are not streamed.
    """

    name = "latency"
    reads = frozenset({"draw", "latency", "requests"})

    def __init__(self, buffer: float = 0.0) -> None:
        """`buffer`: a share of the lowest latency, 0.2 for a fifth."""
        if not buffer >= 0:
            raise ValueError(f"buffer must not be negative, but it is {buffer}")
        self._buffer = buffer

    def rank(self, body: JsonObject, deployments: Sequence[Deployment], signals: Signals) -> Plan:  # noqa: ARG002
        """By `order`, then by latency; unhealthy ones last."""
        known = [signals.latency[each.id] for each in deployments if each.id in signals.latency]
        enough = min(known, default=0.0) * (1 + self._buffer)

        def seconds(deployment: Deployment) -> float:
            latency = signals.latency.get(deployment.id)
            if latency is None:
                return math.inf if signals.requests.get(deployment.id) else -1.0
            return max(latency, enough)

        def reason(deployment: Deployment) -> str:
            latency = signals.latency.get(deployment.id)
            return "latency not known" if latency is None else f"{latency:.2f} s to the first token"

        ranked = sorted(shuffled(deployments, signals.draw), key=lambda each: (each.order, seconds(each)))
        return plan_of(self.name, ((each, reason(each)) for each in ranked), signals)
