"""Which deployments, in which order: the admin's rules choose a group, a policy orders its deployments.

A plan holds every deployment that may serve the request, the unhealthy ones last; after those of a group the ones that
are for single faults of it alone, then those of the fallback groups.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence

from gateway.errors import BudgetExhausted, Fault, Forbidden, GatewayError, InvalidRequest, NotFound, Unavailable
from gateway.ports import Health, Policy, Signals, nothing_to_undo
from gateway.queue.places import Places, place_of
from gateway.routing import Choice, Routes
from gateway.stages.eligible import by_tags, by_window
from gateway.stages.need import identity_of
from gateway.types import Call, Candidate, Deployment, Plan


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
        self._routes = routes
        self._health = health
        self._places = places
        self._draw = draw
        self._spent_out = spent_out

    async def enter(self, call: Call) -> None:
        identity = identity_of(call)
        asked = self._routes.resolve(call.model)
        if not self._routes.known(asked, call.endpoint):
            raise unknown(call.model)
        if not self._routes.allowed(identity, call.model):
            raise not_allowed(call.model)
        choice = self._routes.choose(asked, call)
        if call.options.policy is not None and not self._routes.has_policy(call.options.policy):
            raise InvalidRequest(f"There is no routing policy '{call.options.policy}'.", param="x-atelier-policy")
        policy = self._routes.policy(call.options.policy or choice.policy)
        plan = self._rank(policy, choice, call)
        group = choice.groups[0] if len(choice.groups) == 1 else asked
        own = [Candidate(each.deployment, each.reason, group) for each in plan.candidates]
        candidates = [*own, *self._for_faults(group, call), *self._further(group, own, call)]
        if all(candidate.after for candidate in candidates):
            raise self._nothing_left(asked, call)
        reason = f"{choice.reason}; {plan.reason}" if choice.reason else plan.reason
        call.plan = Plan(tuple(candidates), plan.policy, reason, plan.score, plan.tier)

    exit = nothing_to_undo

    def _rank(self, policy: Policy, choice: Choice, call: Call) -> Plan:
        deployments = self._eligible(choice, call)
        if not deployments:
            return Plan((), policy.name, "no deployment")
        ids = [deployment.id for deployment in deployments]
        plan = policy.rank(call.body, deployments, self._signals(deployments))
        if sorted(candidate.deployment.id for candidate in plan.candidates) != sorted(ids):
            raise RuntimeError(f"the policy {policy.name!r} dropped or invented a deployment")
        return plan

    def _signals(self, deployments: Sequence[Deployment]) -> Signals:
        places = {each.id: place_of(each) for each in deployments}
        requests, tokens = self._places.rates.used(places)
        taken = self._places.snapshot().in_flight
        return Signals(
            healthy=frozenset(name for name in places if self._health.usable(name)),
            in_flight={name: taken[place] for name, place in places.items() if place in taken},
            latency=self._health.latencies(places),
            draw=self._draw(),
            requests=requests,
            tokens=tokens,
        )

    def _eligible(self, choice: Choice, call: Call) -> list[Deployment]:
        """Those of the groups that this request may go to at all."""
        found = self._routes.deployments(choice.groups, call.endpoint)
        if self._routes.settings.tag_filter:
            found = by_tags(found, tags_of(call))
        if self._routes.settings.check_context:
            found = by_window(found, call.body)
        return [deployment for deployment in found if not self._spent_out(deployment)]

    def _further(self, group: str, own: Iterable[Candidate], call: Call) -> Iterator[Candidate]:
        """The fallback groups, each deployment once, each group with what is for its own faults."""
        seen = {candidate.deployment.id for candidate in own}
        for name in dict.fromkeys([*self._named(call), *self._callable(self._routes.fallbacks(group), call)]):
            for candidate in self._fallback(name, call):
                if candidate.deployment.id not in seen:
                    seen.add(candidate.deployment.id)
                    yield candidate
            yield from self._for_faults(name, call)

    def _fallback(self, name: str, call: Call, after: Fault | None = None) -> Iterator[Candidate]:
        further = self._routes.plain(name)
        faults = frozenset() if after is None else frozenset({after})
        reason = f"fallback group {name}" if after is None else f"fallback group {name}, after {after.value} only"
        for candidate in self._rank(self._routes.policy(further.policy), further, call).candidates:
            yield Candidate(candidate.deployment, reason, name, faults)

    def _for_faults(self, group: str, call: Call) -> Iterator[Candidate]:
        """Where the request goes on once this group failed in one certain way."""
        for fault, names in self._routes.fallbacks_after(group).items():
            for name in self._callable(names, call):
                yield from self._fallback(name, call, fault)

    def _callable(self, names: Iterable[str], call: Call) -> Iterator[str]:
        """Of the admin's fallbacks those that the key may call; a virtual model brings its own along."""
        identity = identity_of(call)
        brought = self._routes.virtual(self._routes.resolve(call.model))
        return (name for name in names if brought or self._routes.allowed(identity, name))

    def _nothing_left(self, asked: str, call: Call) -> GatewayError:
        """Why no deployment of the group may serve this request."""
        found = self._routes.deployments(self._routes.choose(asked, call).groups, call.endpoint)
        if not found:
            return Unavailable(f"No deployment of '{call.model}' has a provider key at the moment.", retry_after=30)
        tags = tags_of(call)
        if self._routes.settings.tag_filter and not by_tags(found, tags):
            given = ", ".join(f"'{tag}'" for tag in sorted(tags)) or "no tags"
            return InvalidRequest(
                f"No deployment of '{call.model}' is for requests with {given}.",
                code="no_deployment_for_tags",
                param="tags",
            )
        return BudgetExhausted(
            f"The budgets of the deployments of '{call.model}' are spent. Ask for another model, or ask an admin for more."
        )

    def _named(self, call: Call) -> list[str]:
        """The request's own fallbacks: names of models, each of which its key may call (S1)."""
        identity, names = identity_of(call), []
        for given in call.options.fallbacks:
            name = self._routes.resolve(given)
            if not self._routes.known(name, call.endpoint):
                raise unknown(given, "fallbacks")
            if not self._routes.allowed(identity, given):
                raise not_allowed(given, "fallbacks")
            names.append(name)
        return names


def tags_of(call: Call) -> frozenset[str]:
    """The request's tags and those of its key."""
    return frozenset((*call.options.tags, *identity_of(call).tags))


def not_allowed(name: str, param: str = "model") -> Forbidden:
    return Forbidden(f"This key may not use the model '{name}'.", code="model_not_allowed", param=param)


def unknown(name: str, param: str = "model") -> NotFound:
    shown = name if len(name) <= 100 else name[:100] + "…"
    return NotFound(
        f"The model '{shown}' does not exist or you do not have access to it.", code="model_not_found", param=param
    )
