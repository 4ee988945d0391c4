"""What all policies share: unhealthy deployments go last and are never dropped, and the reason is one line."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.ports import Signals
from gateway.types import Candidate, Deployment, Plan


def plan_of(policy: str, ranked: Iterable[tuple[Deployment, str]], signals: Signals, because: str = "") -> Plan:
    """A plan in the order given, healthy deployments first; `because` stands for the first one's own reason."""
    healthy: list[Candidate] = []
    unhealthy: list[Candidate] = []
    for deployment, reason in ranked:
        if deployment.id in signals.healthy:
            healthy.append(Candidate(deployment, reason))
        else:
            unhealthy.append(Candidate(deployment, f"{reason}; unhealthy, so only if nothing else is left"))
    candidates = (*healthy, *unhealthy)
    return Plan(candidates, policy, _summary(candidates, len(unhealthy), because))


def _summary(candidates: tuple[Candidate, ...], unhealthy: int, because: str) -> str:
    if not candidates:
        return "no deployment to choose from"
    out = f" ({unhealthy} of {len(candidates)} unhealthy)" if unhealthy else ""
    return f"{candidates[0].deployment.id}: {because or candidates[0].reason}{out}"
