"""What policies share: unhealthy deployments go last and are never dropped, the reason is one line, ties fall by lot."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

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


def lot(deployment: Deployment, draw: float) -> int:
    """A number below 2^56 that is the deployment's own for this draw, and as good as random."""
    digest = hashlib.blake2b(f"{draw!r} {deployment.id}".encode(errors="replace"), digest_size=7).digest()
    return int.from_bytes(digest, "big")


def shuffled(deployments: Sequence[Deployment], draw: float) -> list[Deployment]:
    """In an order by lot, so that a stable sort afterwards spreads the load over equals."""
    return sorted(deployments, key=lambda deployment: lot(deployment, draw))


def unit_price(deployment: Deployment) -> int:
    """Pico-dollars for one request of a thousand tokens in and as many out."""
    price = deployment.price
    return 1000 * (price.input + price.output) + price.request
