"""A place on a deployment: the first of the plan with room, else a bounded wait in the queue.

Money is not held yet, so waiting locks none.
"""

from __future__ import annotations

from gateway.measure import measure
from gateway.ports import Clock, Health
from gateway.queue.places import Places, QueueClass, Spot, place_of
from gateway.queue.rates import Demand
from gateway.stages.need import plan_of
from gateway.types import Call, Candidate, Outcome, Plan


class Wait:
    """Fills `call.place` and moves its deployment to the front of the plan."""

    def __init__(self, places: Places, health: Health, clock: Clock, max_wait: float) -> None:
        self._places = places
        self._health = health
        self._clock = clock
        self._max_wait = max_wait

    async def enter(self, call: Call) -> None:
        plan, wanted = plan_of(call), demand(call)
        started = self._clock.monotonic()
        try:
            place = call.place = self._at_once(plan, call, wanted) or await self._in_line(plan, call, wanted)
        finally:
            if call.place is None:
                self._places.settle(call.id, ())
            call.position = None
            call.queue_ms = (self._clock.monotonic() - started) * 1000
        call.plan = front(plan, place)

    def _at_once(self, plan: Plan, call: Call, wanted: Demand) -> str | None:
        """A place on the first deployment in use that has room, as there mostly is one; None where it takes more."""
        if call.interruption.reason is not None:
            return None
        for candidate in plan.candidates:
            if not candidate.after and self._health.usable(candidate.deployment.id):
                spot = Spot.of(candidate.deployment)
                if self._places.take(spot, wanted):
                    return spot.deployment_id
        return None

    async def _in_line(self, plan: Plan, call: Call, wanted: Demand) -> str:
        """Wait for a place on any of them. Where none is usable, any will do."""
        usual = [candidate for candidate in plan.candidates if not candidate.after]
        usable = [each for each in usual if self._health.usable(each.deployment.id)] or usual
        left = max(0.0, call.deadline - self._clock.monotonic())
        patience = min(self._max_wait, call.options.patience or self._max_wait, left)

        def moved(position: int) -> None:
            call.position = position

        spots = [Spot.of(candidate.deployment) for candidate in usable]
        return await call.interruption.run(self._places.acquire(spots, patience, moved, queue_class(call), wanted))

    async def exit(self, call: Call, outcome: Outcome) -> None:
        self._places.settle(call.id, used(call))
        if call.place is not None:
            self._places.release(call.place)
            call.place = None


def demand(call: Call) -> Demand:
    """What the request brings there. Its tokens are estimated only where a limit asks for them."""
    for candidate in plan_of(call).candidates:
        if candidate.deployment.tpm is not None:
            return Demand(call.id, measure(call.body).estimate)
    return Demand(call.id)


def used(call: Call) -> list[tuple[str, int]]:
    """Place and tokens of each attempt."""
    plan = plan_of(call)
    return [(place_at(plan, each.intent.deployment_id), each.usage.input + each.usage.output) for each in call.attempts]


def place_at(plan: Plan, deployment_id: str) -> str:
    """The place of a deployment of the plan."""
    for candidate in plan.candidates:
        if candidate.deployment.id == deployment_id:
            return place_of(candidate.deployment)
    raise KeyError(deployment_id)


def queue_class(call: Call) -> QueueClass:
    """By OpenAI's service tiers: `priority` and `fast` first, `flex` last."""
    match call.body.get("service_tier"):
        case "priority" | "fast":
            return QueueClass.PRIORITY
        case "flex":
            return QueueClass.FLEX
    return QueueClass.DEFAULT


def front(plan: Plan, place: str) -> Plan:
    """The same plan with the deployment that has the place before all others, and the rest of its group behind it."""
    if place_of(plan.candidates[0].deployment) == place:
        return plan
    groups: list[list[Candidate]] = []
    for candidate in plan.candidates:
        if not groups or (not candidate.after and candidate.group != groups[-1][0].group):
            groups.append([])
        groups[-1].append(candidate)

    def here(candidate: Candidate) -> bool:
        return place_of(candidate.deployment) == place and not candidate.after

    groups.sort(key=lambda group: not any(here(candidate) for candidate in group))
    groups[0].sort(key=lambda candidate: not here(candidate))
    return Plan(
        tuple(candidate for group in groups for candidate in group),
        plan.policy,
        f"{plan.reason}; the first choice is full",
        plan.score,
        plan.tier,
    )
