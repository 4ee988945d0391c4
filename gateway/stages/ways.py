"""The ways that requests can go, as far as the configuration alone decides: found out once, and remembered.

A way depends on the model's name, the kind of request, the models that its key may call, the rule that it fits and the
policy that it asks for. Routes do not change (a new configuration has new ones), so a way is right for as long as they
are used. Health, budgets, load and the request itself are asked each time, in `route`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gateway.errors import Fault, Forbidden, InvalidRequest, NotFound
from gateway.ports import Policy
from gateway.routing import Choice, Routes
from gateway.stages.need import identity_of
from gateway.types import Call, Candidate, Deployment, Endpoint, Plan

MOST_WAYS = 1_000  # remembered; clients name models of wildcards
DRAW = frozenset({"draw"})
Key = tuple[str, Endpoint, frozenset[str] | None, str | None, Choice | None]


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """Deployments that a policy orders together. `reason`: of each of them, where it is not the policy's to say."""

    group: str
    policy: Policy
    deployments: Sequence[Deployment]
    ids: frozenset[str]
    reads: frozenset[str]
    reason: str | None = None
    after: frozenset[Fault] = frozenset()

    @property
    def fixed(self) -> bool:
        """Whether it has one order only, as long as all of its deployments are well."""
        return not self.reads or (self.reads == DRAW and len(self.deployments) == 1)


@dataclass(slots=True, eq=False)
class Way:
    """One's own group first, then its fallbacks. `tail` and `usual` are remembered from a time when all were well.

    `fixed`: in such a time the plan is always the same; `fixed_after`: what follows the own group is.
    """

    asked: str
    choice: Choice
    own: Leg
    further: tuple[Leg, ...]
    everyone: tuple[Deployment, ...]
    fixed: bool
    fixed_after: bool
    tail: tuple[Candidate, ...] | None = None
    usual: Plan | None = None


class Ways:
    """Those of one version of the configuration."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._known: dict[Key, Way] = {}

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._known)

    def find(self, call: Call) -> Way:
        """Raises NotFound, Forbidden or InvalidRequest for what the call must not, or cannot, ask for."""
        choice = self._routes.choose(self._asked(call), call) if self._routes.has_rules else None
        if call.options.fallbacks:
            return self._made(call, choice)
        key = call.model, call.endpoint, identity_of(call).models, call.options.policy, choice
        found = self._known.get(key)
        if found is None:
            found = self._made(call, choice)
            if len(self._known) >= MOST_WAYS:
                self._known.clear()
            self._known[key] = found
        return found

    def _asked(self, call: Call) -> str:
        """The name behind an alias, which the key may call."""
        asked = self._routes.resolve(call.model)
        if not self._routes.known(asked, call.endpoint):
            raise unknown(call.model)
        if not self._routes.allowed(identity_of(call), call.model):
            raise not_allowed(call.model)
        return asked

    def _made(self, call: Call, choice: Choice | None) -> Way:
        asked, policy = self._asked(call), call.options.policy
        if choice is None:
            choice = self._routes.plain(asked)
        if policy is not None and not self._routes.has_policy(policy):
            raise InvalidRequest(f"There is no routing policy '{policy}'.", param="x-atelier-policy")
        group = choice.groups[0] if len(choice.groups) == 1 else asked
        own = self._leg(choice, group, call, policy or choice.policy)
        further = tuple(leg for leg in self._further(group, call) if leg.deployments)
        everyone = {each.id: each for leg in (own, *further) for each in leg.deployments}
        fixed = not self._narrows(everyone.values())
        after = fixed and all(leg.fixed for leg in further)
        return Way(asked, choice, own, further, tuple(everyone.values()), after and own.fixed, after)

    def _narrows(self, deployments: Iterable[Deployment]) -> bool:
        """Whether some of them may be left out for what the request is."""
        settings = self._routes.settings
        return settings.tag_filter or (
            settings.check_context and any(each.context_window is not None for each in deployments)
        )

    def _leg(
        self,
        choice: Choice,
        group: str,
        call: Call,
        policy: str | None,
        reason: str | None = None,
        after: Fault | None = None,
    ) -> Leg:
        found = self._routes.policy(policy)
        deployments = self._routes.deployments(choice.groups, call.endpoint)
        faults = frozenset() if after is None else frozenset({after})
        ids = frozenset(each.id for each in deployments)
        return Leg(group, found, deployments, ids, self._routes.reads(found), reason, faults)

    def _further(self, group: str, call: Call) -> Iterator[Leg]:
        """Where the request goes on: for single faults of the group, then to its fallbacks, each with those for its own."""
        yield from self._for_faults(group, call)
        for name in dict.fromkeys([*self._named(call), *self._callable(self._routes.fallbacks(group), call)]):
            yield self._fallback(name, call)
            yield from self._for_faults(name, call)

    def _fallback(self, name: str, call: Call, after: Fault | None = None) -> Leg:
        plain = self._routes.plain(name)
        reason = f"fallback group {name}" if after is None else f"fallback group {name}, after {after.value} only"
        return self._leg(plain, name, call, plain.policy, reason, after)

    def _for_faults(self, group: str, call: Call) -> Iterator[Leg]:
        """Where the request goes on once this group failed in one certain way."""
        for fault, names in self._routes.fallbacks_after(group).items():
            for name in self._callable(names, call):
                yield self._fallback(name, call, fault)

    def _callable(self, names: Iterable[str], call: Call) -> Iterator[str]:
        """Of the admin's fallbacks those that the key may call; a virtual model brings its own along."""
        identity = identity_of(call)
        brought = self._routes.virtual(self._routes.resolve(call.model))
        return (name for name in names if brought or self._routes.allowed(identity, name))

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


def not_allowed(name: str, param: str = "model") -> Forbidden:
    return Forbidden(f"This key may not use the model '{name}'.", code="model_not_allowed", param=param)


def unknown(name: str, param: str = "model") -> NotFound:
    shown = name if len(name) <= 100 else name[:100] + "…"
    return NotFound(
        f"The model '{shown}' does not exist or you do not have access to it.", code="model_not_found", param=param
    )
