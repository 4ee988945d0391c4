"""The admin's routing as a table: which names there are, which group a request goes to, where it goes on when that fails.

Built once from a checked configuration; pure afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import routing_policies
from gateway.config.config import Config
from gateway.config.deployments import Resolved
from gateway.config.routing_models import Rule, VirtualModel
from gateway.ports import Policy
from gateway.rules import Rules
from gateway.types import Call, Deployment, Endpoint


@dataclass(frozen=True, slots=True)
class Choice:
    """Groups to rank together, the policy that ranks them (None: the group's own), and why."""

    groups: tuple[str, ...]
    policy: str | None = None
    reason: str = ""


class Routes:
    """Answers the route stage's questions; `deployments` are those that can be called."""

    def __init__(self, config: Config, resolved: Resolved) -> None:
        own = routing_policies.load_path(config.policies.path) if config.policies.path is not None else {}
        names = dict.fromkeys([*routing_policies.BUILT_IN, *own])
        self._config = config
        self._rules = Rules(config.routing)
        parameters = config.policies.parameters
        self._policies: Mapping[str, Policy] = {
            name: routing_policies.load(name, own, **parameters.get(name, {})) for name in names
        }
        self._groups = resolved.groups
        self._endpoints: dict[str, set[Endpoint]] = {}
        for deployment in (*resolved.deployments, *(each.deployment for each in resolved.no_key)):
            self._endpoints.setdefault(deployment.group, set()).add(deployment.endpoint)
        for name, virtual in config.routing.models.items():
            reached = [self._endpoints.get(group, set()) for group in virtual.tiers.values()]
            self._endpoints[name] = set().union(*reached)

    @property
    def names(self) -> list[str]:
        """Every model name a client may ask for: virtual models first, then groups."""
        return list(dict.fromkeys([*self._config.routing.models, *self._endpoints]))

    def resolve(self, model: str) -> str:
        """The name behind an alias."""
        return self._config.aliases.get(model, model)

    def known(self, name: str, endpoint: Endpoint) -> bool:
        return endpoint in self._endpoints.get(name, ())

    def endpoints(self, name: str) -> frozenset[Endpoint]:
        return frozenset(self._endpoints.get(name, ()))

    def choose(self, asked: str, call: Call) -> Choice:
        """The first rule that fits and can serve this kind of request; else the virtual model's tiers, or the group."""
        for fit in self._rules.fitting(asked, call):
            choice = self._by_rule(fit.rule, asked, fit.reason)
            if any(self.known(group, call.endpoint) for group in choice.groups):
                return choice
        return self.plain(asked)

    def plain(self, asked: str) -> Choice:
        """Without any rule: the virtual model's tiers, or the group itself."""
        virtual = self._config.routing.models.get(asked)
        if virtual is None:
            return Choice((asked,), self._config.policy_of(asked))
        return Choice(tuple(virtual.tiers.values()), virtual.policy)

    @property
    def policies(self) -> list[str]:
        """The policies' names, the built-in ones first."""
        return list(self._policies)

    def has_policy(self, name: str) -> bool:
        return name in self._policies

    def policy(self, name: str | None) -> Policy:
        """A policy by name, else the default one."""
        return self._policies[self._config.routing.policy if name is None else name]

    def virtual(self, name: str) -> bool:
        """Whether the name stands for several groups, of which a policy picks one."""
        return name in self._config.routing.models

    def fallbacks(self, asked: str) -> tuple[str, ...]:
        """Groups to go on with. A virtual model's tiers hold everything that may serve it already."""
        virtual = self._config.routing.models.get(asked)
        if virtual is None:
            return self._config.fallback_groups(asked)
        listed = [name for group in virtual.tiers.values() for name in self._config.fallback_groups(group)]
        return tuple(dict.fromkeys(listed))

    def deployments(self, groups: Sequence[str], endpoint: Endpoint) -> list[Deployment]:
        """Each deployment of the groups once, in their order."""
        found = {d.id: d for group in groups for d in self._groups.get(group, ()) if d.endpoint is endpoint}
        return list(found.values())

    def _by_rule(self, rule: Rule, asked: str, reason: str) -> Choice:
        use = rule.use
        plain = self.plain(asked)
        if use.group is not None:
            return Choice((use.group,), use.policy or self._config.policy_of(use.group), reason)
        if use.tier is not None:
            tiers = self._virtual(asked).tiers
            return Choice((tiers[use.tier],), use.policy or self._config.policy_of(tiers[use.tier]), reason)
        return Choice(plain.groups, use.policy or plain.policy, reason)

    def _virtual(self, asked: str) -> VirtualModel:
        models = self._config.routing.models
        return models.get(asked) or next(iter(models.values()))
