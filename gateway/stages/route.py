"""Which deployments, in which order: the admin's rules choose a group, a policy orders its deployments.

A plan holds every deployment that may serve the request, the unhealthy ones last, then those of the fallback groups.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from gateway.errors import Forbidden, InvalidRequest, NotFound, Unavailable
from gateway.ports import Health, Policy, Signals
from gateway.queue.places import Places
from gateway.routing import Routes
from gateway.stages.need import identity_of
from gateway.types import Call, Candidate, Identity, Outcome, Plan


class Route:
    """Fills `call.plan`."""

    def __init__(
        self, routes: Routes, health: Health, places: Places, draw: Callable[[], float] = random.random
    ) -> None:
        self._routes = routes
        self._health = health
        self._places = places
        self._draw = draw

    async def enter(self, call: Call) -> None:
        identity = identity_of(call)
        asked = self._routes.resolve(call.model)
        if not self._routes.known(asked, call.endpoint):
            raise unknown(call.model)
        if not allowed(identity, asked) and not allowed(identity, call.model):
            raise not_allowed(call.model)
        choice = self._routes.choose(asked, call)
        if call.options.policy is not None and not self._routes.has_policy(call.options.policy):
            raise InvalidRequest(f"There is no routing policy '{call.options.policy}'.", param="x-atelier-policy")
        policy = self._routes.policy(call.options.policy or choice.policy)
        plan = self._rank(policy, choice.groups, call)
        candidates = {candidate.deployment.id: candidate for candidate in plan.candidates}
        for name in [*self._named(call, identity), *self._admins(asked, identity)]:
            further = self._routes.plain(name)
            for candidate in self._rank(self._routes.policy(further.policy), further.groups, call).candidates:
                deployment = candidate.deployment
                candidates.setdefault(deployment.id, Candidate(deployment, f"fallback group {name}"))
        if not candidates:
            raise Unavailable(f"No deployment of '{call.model}' has a provider key at the moment.", retry_after=30)
        reason = f"{choice.reason}; {plan.reason}" if choice.reason else plan.reason
        call.plan = Plan(tuple(candidates.values()), plan.policy, reason, plan.score, plan.tier)

    async def exit(self, call: Call, outcome: Outcome) -> None:
        """The policies keep nothing yet."""

    def _rank(self, policy: Policy, groups: tuple[str, ...], call: Call) -> Plan:
        deployments = self._routes.deployments(groups, call.endpoint)
        if not deployments:
            return Plan((), policy.name, "no deployment")
        ids = [deployment.id for deployment in deployments]
        signals = Signals(
            healthy=frozenset(name for name in ids if self._health.usable(name)),
            in_flight=self._places.snapshot().in_flight,
            latency=self._health.latencies(ids),
            draw=self._draw(),
        )
        plan = policy.rank(call.body, deployments, signals)
        if sorted(candidate.deployment.id for candidate in plan.candidates) != sorted(ids):
            raise RuntimeError(f"the policy {policy.name!r} dropped or invented a deployment")
        return plan

    def _named(self, call: Call, identity: Identity) -> list[str]:
        """The request's own fallbacks: names of models, each of which its key may call (S1)."""
        names = []
        for given in call.options.fallbacks:
            name = self._routes.resolve(given)
            if not self._routes.known(name, call.endpoint):
                raise unknown(given, "fallbacks")
            if not allowed(identity, name) and not allowed(identity, given):
                raise not_allowed(given, "fallbacks")
            names.append(name)
        return names

    def _admins(self, asked: str, identity: Identity) -> list[str]:
        """The admin's fallbacks, but for groups that the key may not call; a virtual model brings its own along."""
        names = self._routes.fallbacks(asked)
        return [name for name in names if self._routes.virtual(asked) or allowed(identity, name)]


def allowed(identity: Identity, group: str) -> bool:
    return identity.models is None or group in identity.models


def not_allowed(name: str, param: str = "model") -> Forbidden:
    return Forbidden(f"This key may not use the model '{name}'.", code="model_not_allowed", param=param)


def unknown(name: str, param: str = "model") -> NotFound:
    shown = name if len(name) <= 100 else name[:100] + "…"
    return NotFound(
        f"The model '{shown}' does not exist or you do not have access to it.", code="model_not_found", param=param
    )
