"""A place on a deployment: the first of the plan with room, else a bounded wait in the queue.

Money is not held yet, so waiting locks none.
"""

from __future__ import annotations

from gateway.ports import Clock, Health
from gateway.queue.places import Places, QueueClass
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
        plan = plan_of(call)
        usable = [c for c in plan.candidates if self._health.usable(c.deployment.id)] or list(plan.candidates)
        started = self._clock.monotonic()
        patience = min(self._max_wait, call.options.patience or self._max_wait, max(0.0, call.deadline - started))

        def moved(position: int) -> None:
            call.position = position

        places = [(c.deployment.id, c.deployment.max_parallel) for c in usable]
        try:
            call.place = await call.interruption.run(self._places.acquire(places, patience, moved, queue_class(call)))
        finally:
            call.position = None
            call.queue_ms = (self._clock.monotonic() - started) * 1000
        call.plan = front(plan, call.place)

    async def exit(self, call: Call, outcome: Outcome) -> None:
        if call.place is not None:
            self._places.release(call.place)
            call.place = None


def queue_class(call: Call) -> QueueClass:
    """By OpenAI's service tiers: `priority` and `fast` first, `flex` last."""
    match call.body.get("service_tier"):
        case "priority" | "fast":
            return QueueClass.PRIORITY
        case "flex":
            return QueueClass.FLEX
    return QueueClass.DEFAULT


def front(plan: Plan, deployment_id: str) -> Plan:
    """The same plan with one deployment moved to its front."""
    if plan.candidates[0].deployment.id == deployment_id:
        return plan

    def not_first(candidate: Candidate) -> bool:
        return candidate.deployment.id != deployment_id

    return Plan(
        tuple(sorted(plan.candidates, key=not_first)),
        plan.policy,
        f"{plan.reason}; the first choice is full",
        plan.score,
        plan.tier,
    )
