"""The deployment that has used the least of its limits in the last minute first, as LiteLLM's `usage-based-routing`."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.ports import Signals
from gateway.types import Deployment, JsonObject, Plan
from routing_policies._plan import plan_of, shuffled


class Policy:
    """Keeps away from rate limits. Each of several workers knows its own requests only, and they share alike."""

    name = "usage"
    reads = frozenset({"draw", "requests", "tokens"})

    def rank(self, body: JsonObject, deployments: Sequence[Deployment], signals: Signals) -> Plan:  # noqa: ARG002
        """By `order`, then by the larger share of `tpm` and `rpm`, then by tokens and requests; unhealthy ones last."""

        def share(deployment: Deployment) -> float:
            requests, tokens = signals.requests.get(deployment.id, 0), signals.tokens.get(deployment.id, 0)
            return max(part(requests, deployment.rpm), part(tokens, deployment.tpm))

        def place(deployment: Deployment) -> tuple[int, float, int, int]:
            key = deployment.id
            return deployment.order, share(deployment), signals.tokens.get(key, 0), signals.requests.get(key, 0)

        ranked = sorted(shuffled(deployments, signals.draw), key=place)
        return plan_of(self.name, ((each, f"{share(each):.0%} of its limits used") for each in ranked), signals)


def part(used: int, limit: int | None) -> float:
    """Of a limit; without one nothing of it is used."""
    return used / limit if limit else 0.0
