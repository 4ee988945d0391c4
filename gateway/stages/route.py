"""Which deployments, in which order: the admin's rules choose a group, a policy orders its deployments.

A plan holds every deployment that may serve the request, the unhealthy ones last; after those of a group the ones that
are for single faults of it alone, then those of the fallback groups. What the configuration alone decides is remembered
(`ways`); as long as all deployments are healthy and within their budgets, so is the plan where the policies allow it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence

from gateway.errors import BudgetExhausted, GatewayError, InvalidRequest, Unavailable
from gateway.ports import Health, Signals, nothing_to_undo
from gateway.queue.places import Places, place_of
from gateway.routing import Routes
from gateway.stages.eligible import by_tags, by_window
from gateway.stages.need import identity_of
from gateway.stages.ways import DRAW, Leg, Way, Ways
from gateway.types import Call, Candidate, Deployment, Plan

USED = frozenset({"requests", "tokens"})


def nobody(deployment: Deployment) -> bool:  # noqa: ARG001 - the default of `spent_out`
    """No deployment has spent its budget."""
    return False


class Route:
    """Fills `call.plan`."""

    def __init__(
        self,
        routes: Routes,
        health: Health,
        places: Places,
        draw: Callable[[], float] = random.random,
        spent_out: Callable[[Deployment], bool] = nobody,
    ) -> None:
        """`spent_out`: whether a deployment's own budget, or its provider's, is spent at the moment."""
        self._settings = routes.settings
        self._narrows = routes.settings.tag_filter or routes.settings.check_context
        self._ways = Ways(routes)
        self._health = health
        self._places = places
        self._draw = draw
        self._spent_out = spent_out

    async def enter(self, call: Call) -> None:
        way = self._ways.find(call)
        well = self._all_well(way.everyone)
        plan = way.usual if well else None
        if plan is None:
            plan = self._planned(way, call, well=well)
        call.plan = plan

    exit = nothing_to_undo

    def _all_well(self, deployments: Iterable[Deployment]) -> bool:
        for each in deployments:  # noqa: SIM110 - each request comes by here, and a generator takes twice as long
            if not self._health.usable(each.id) or self._spent_out(each):
                return False
        return True

    def _planned(self, way: Way, call: Call, *, well: bool) -> Plan:
        plan = self._ranked(way.own, call, well=well)
        own = [Candidate(each.deployment, each.reason, way.own.group) for each in plan.candidates]
        tail = way.tail if well else None
        if tail is None:
            tail = tuple(self._further(way, own, call, well=well))
        if all(candidate.after for candidate in (*own, *tail)):
            raise self._nothing_left(way, call)
        reason = f"{way.choice.reason}; {plan.reason}" if way.choice.reason else plan.reason
        made = Plan((*own, *tail), plan.policy, reason, plan.score, plan.tier)
        if well and way.fixed_after:
            way.tail = tail
            way.usual = made if way.fixed else None
        return made

    def _ranked(self, leg: Leg, call: Call, *, well: bool) -> Plan:
        deployments, healthy = leg.deployments, leg.ids
        if self._narrows or not well:
            deployments = self._eligible(leg.deployments, call)
            healthy = frozenset([each.id for each in deployments if self._health.usable(each.id)])
        if not deployments:
            return Plan((), leg.policy.name, "no deployment")
        plan = leg.policy.rank(call.body, deployments, self._signals(leg.reads, deployments, healthy))
        found = {candidate.deployment.id for candidate in plan.candidates}
        if len(plan.candidates) != len(deployments) or found != {each.id for each in deployments}:
            raise RuntimeError(f"the policy {leg.policy.name!r} dropped or invented a deployment")
        return plan

    def _signals(self, reads: frozenset[str], deployments: Sequence[Deployment], healthy: frozenset[str]) -> Signals:
        """What the policy reads; health and a draw always."""
        if reads <= DRAW:
            return Signals(healthy, {}, {}, self._draw())
        latency = self._health.latencies([each.id for each in deployments]) if "latency" in reads else {}
        if "in_flight" not in reads and USED.isdisjoint(reads):
            return Signals(healthy, {}, latency, self._draw())
        places = {each.id: place_of(each) for each in deployments}
        requests, tokens = self._places.rates.used(places)
        return Signals(healthy, self._places.taken(places), latency, self._draw(), requests, tokens)

    def _eligible(self, found: Sequence[Deployment], call: Call) -> Sequence[Deployment]:
        """Those that this request may go to at all."""
        if self._settings.tag_filter:
            found = by_tags(found, tags_of(call))
        if self._settings.check_context:
            found = by_window(found, call.body)
        return [deployment for deployment in found if not self._spent_out(deployment)]

    def _further(self, way: Way, own: Iterable[Candidate], call: Call, *, well: bool) -> Iterator[Candidate]:
        """The fallbacks: each deployment once, but for those that are for single faults."""
        seen = {candidate.deployment.id for candidate in own}
        for leg in way.further:
            for each in self._ranked(leg, call, well=well).candidates:
                if not leg.after:
                    if each.deployment.id in seen:
                        continue
                    seen.add(each.deployment.id)
                yield Candidate(each.deployment, leg.reason or each.reason, leg.group, leg.after)

    def _nothing_left(self, way: Way, call: Call) -> GatewayError:
        """Why no deployment of the group may serve this request."""
        if not way.own.deployments:
            return Unavailable(f"No deployment of '{call.model}' has a provider key at the moment.", retry_after=30)
        tags = tags_of(call)
        if self._settings.tag_filter and not by_tags(way.own.deployments, tags):
            given = ", ".join(f"'{tag}'" for tag in sorted(tags)) or "no tags"
            return InvalidRequest(
                f"No deployment of '{call.model}' is for requests with {given}.",
                code="no_deployment_for_tags",
                param="tags",
            )
        return BudgetExhausted(
            f"The budgets of the deployments of '{call.model}' are spent. Ask for another model, or ask an admin for more."
        )


def tags_of(call: Call) -> frozenset[str]:
    """The request's tags and those of its key."""
    return frozenset((*call.options.tags, *identity_of(call).tags))
