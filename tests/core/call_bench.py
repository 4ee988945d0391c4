"""The call stage on a bench: a provider by script, one account, the real places and health."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.attempts import Attempts
from gateway.errors import (
    Fault,
    ProviderError,
)
from gateway.queue.places import Places
from gateway.resilience.retries import Retries
from gateway.stages.call import CallProvider, Pauses
from gateway.types import Call, Deployment
from tests.core.fakes import (
    FakeClock,
    FakeLane,
    FakeLedger,
    SpyHealth,
    Words,
    asking,
    deployment,
)

A, B, C, D = (deployment(name) for name in "abcd")
DOWN = ProviderError(Fault.SERVER, "down", status=503)
SLOW = ProviderError(Fault.TIMEOUT, "slow")


class Bench:
    """The stage with a provider by script, four deployments, and a call that holds a place on the first."""

    def __init__(self, clock: FakeClock, *scripts: object, retries: Retries | None = None) -> None:
        self.clock, self.lane, self.ledger = clock, FakeLane(*scripts), FakeLedger()
        self.slept: list[float] = []
        self.places, self.health = Places(clock), SpyHealth(clock)
        attempts = Attempts(self.health, Words(), clock)
        pauses = Pauses(self.sleep, draw=lambda: 0.5)
        self.stage = CallProvider(
            {"sdk": self.lane}, self.ledger, self.places, self.health, attempts, clock, retries or Retries(), pauses
        )

    async def sleep(self, seconds: float) -> None:
        """Nothing waits: the clock goes on instead."""
        self.slept.append(seconds)
        self.clock.advance(seconds)

    async def call(self, *deployments: Deployment, **changes: object) -> Call:
        call = asking(self.clock, *deployments, **{"input_bound": 500, "bound_tokens": 100, **changes})
        first = deployments[0]
        call.place = await self.places.acquire([(first.id, first.max_parallel)], 0)
        return call

    @property
    def tried(self) -> list[str]:
        return [request.deployment.id for request in self.lane.requests]

    def open(self, deployment_id: str) -> None:
        for _ in range(5):
            self.health.failed(deployment_id, DOWN)
        self.health.told.clear()


def claims(told: Sequence[tuple[str, str]]) -> int:
    """Claims that were granted less those that were given back; 0: none is left."""
    acts = [act for _, act in told]
    return acts.count("claimed") - acts.count("abandoned") - acts.count("succeeded")
