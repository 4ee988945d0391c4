"""The admin's routing as a table: which names there are, which group a request goes to, where it goes on when that fails.

Built once from a checked configuration; pure afterwards, but for the wildcards' names that it remembers.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeVar

import routing_policies
from gateway.config.config import Config
from gateway.config.deployments import Resolved
from gateway.config.routing_models import Group, Routing, Rule, VirtualModel
from gateway.config.starred import EVERY_MODEL, covers
from gateway.config.wildcards import Wildcard, best_match
from gateway.errors import Fault
from gateway.ports import Policy
from gateway.rules import Rules
from gateway.types import Call, Deployment, Endpoint, Identity

T = TypeVar("T")
MOST_EXPANSIONS = 1000  # names of wildcards that are remembered
LONGEST_NAME = 256  # characters; what is longer is no model's name
FALLBACKS_AFTER = {
    Fault.CONTEXT_WINDOW: "context_window_fallbacks",
    Fault.CONTENT_POLICY: "content_policy_fallbacks",
}
PATTERN = re.compile(r"[A-Za-z0-9._:/@*+-]{1,256}")


@dataclass(frozen=True, slots=True)
class Choice:
    """Groups to rank together, the policy that ranks them (None: the group's own), and why."""

    groups: tuple[str, ...]
    policy: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a wildcard is for one name."""

    pattern: str
    deployments: tuple[Deployment, ...]


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
        self._wildcards = Expansions(resolved.wildcards)
        self._endpoints: dict[str, set[Endpoint]] = {}
        self._access: dict[str, set[str]] = {}
        patterns = frozenset(self._wildcards.patterns)
        for deployment in (*resolved.deployments, *(each.deployment for each in resolved.no_key)):
            if deployment.group in patterns:
                continue
            self._endpoints.setdefault(deployment.group, set()).add(deployment.endpoint)
            self._access.setdefault(deployment.group, set()).update(deployment.access_groups)
        for name, virtual in config.routing.models.items():
            reached = [self._endpoints.get(group, set()) for group in virtual.tiers.values()]
            self._endpoints[name] = set().union(*reached)
        self._plain: dict[str, Choice] = {}
        self._fallbacks: dict[str, tuple[str, ...]] = {}
        self._fallbacks_after: dict[str, Mapping[Fault, tuple[str, ...]]] = {}
        self._members_of: dict[tuple[tuple[str, ...], Endpoint], tuple[Deployment, ...]] = {}
        shown = {group for each in resolved.wildcards for group in each.shown.access_groups}
        self._nameable = {*self._endpoints, *config.aliases, *shown, *set().union(*self._access.values()), EVERY_MODEL}

    # --- names ---

    @property
    def settings(self) -> Routing:
        """The section `routing`."""
        return self._config.routing

    @property
    def names(self) -> list[str]:
        """Every model name that can be listed: virtual models first, then groups. A wildcard's have no end."""
        return list(dict.fromkeys([*self._config.routing.models, *self._endpoints]))

    @property
    def patterns(self) -> tuple[str, ...]:
        """The wildcards' groups."""
        return self._wildcards.patterns

    def resolve(self, model: str) -> str:
        """The name behind an alias."""
        return self._config.aliases.get(model, model)

    def known(self, name: str, endpoint: Endpoint) -> bool:
        return endpoint in self._served(name)

    def endpoints(self, name: str) -> frozenset[Endpoint]:
        return frozenset(self._served(name))

    def _served(self, name: str) -> AbstractSet[Endpoint]:
        found = self._endpoints.get(name)
        return self._wildcards.endpoints(name) if found is None else found

    def nameable(self, name: str) -> bool:
        """Whether a key's `models` may hold this: a model, an alias, an access group, a pattern, a wildcard's model."""
        pattern = "*" in name and PATTERN.fullmatch(name) is not None
        return name in self._nameable or pattern or self._wildcards.of(name) is not None

    def allowed(self, identity: Identity, name: str) -> bool:
        """Whether the key may ask for this model: by its name, an alias's group, an access group or a pattern."""
        models = identity.models
        if models is None or name in models:
            return True
        meant = self.resolve(name)
        if meant in models or not models.isdisjoint(self._access_groups(meant)):
            return True
        return any(covers(models, each) for each in (name, *self._full_names(meant)))

    # --- where a request goes ---

    @property
    def has_rules(self) -> bool:
        """Whether requests for the same model may go different ways."""
        return len(self._rules) > 0

    def choose(self, asked: str, call: Call) -> Choice:
        """The first rule that fits and can serve this kind of request; else the virtual model's tiers, or the group."""
        for fit in self._rules.fitting(asked, call):
            choice = self._by_rule(fit.rule, asked, fit.reason)
            if any(self.known(group, call.endpoint) for group in choice.groups):
                return choice
        return self.plain(asked)

    def plain(self, asked: str) -> Choice:
        """Without any rule: the virtual model's tiers, or the group itself."""
        return self._remembered(self._plain, asked, self._without_rule)

    def _without_rule(self, asked: str) -> Choice:
        virtual = self._config.routing.models.get(asked)
        if virtual is None:
            return Choice((asked,), self._config.policy_of(self._settings_name(asked)))
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

    def reads(self, policy: Policy) -> frozenset[str]:
        """What of a request and of the signals it ranks by, beside health."""
        return routing_policies.reads_of(type(policy))

    def virtual(self, name: str) -> bool:
        """Whether the name stands for several groups, of which a policy picks one."""
        return name in self._config.routing.models

    def fallbacks(self, asked: str) -> tuple[str, ...]:
        """Groups to go on with. A virtual model's tiers hold everything that may serve it already."""
        return self._remembered(self._fallbacks, asked, self._listed_fallbacks)

    def _listed_fallbacks(self, asked: str) -> tuple[str, ...]:
        listed = [each for name in self._served_by(asked) for each in self._config.fallback_groups(name)]
        return tuple(dict.fromkeys(listed))

    def fallbacks_after(self, asked: str) -> Mapping[Fault, tuple[str, ...]]:
        """Groups to go straight to once this one failed in such a way; nothing for a fault that has none."""
        return self._remembered(self._fallbacks_after, asked, self._listed_fallbacks_after)

    def _listed_fallbacks_after(self, asked: str) -> Mapping[Fault, tuple[str, ...]]:
        found = [group for name in self._served_by(asked) if (group := self._config.groups.get(name)) is not None]
        listed = {fault: each_once(found, key) for fault, key in FALLBACKS_AFTER.items()}
        return {fault: names for fault, names in listed.items() if names}

    def deployments(self, groups: tuple[str, ...], endpoint: Endpoint) -> Sequence[Deployment]:
        """Each deployment of the groups once, in their order."""
        key = groups, endpoint
        if (known := self._members_of.get(key)) is not None:
            return known
        found = tuple({d.id: d for group in groups for d in self._members(group) if d.endpoint is endpoint}.values())
        if all(group in self._endpoints for group in groups):
            self._members_of[key] = found
        return found

    def _remembered(self, known: dict[str, T], name: str, find: Callable[[str], T]) -> T:
        """What is found for a name of the configuration, whose number has an end; wildcards' are found anew."""
        found = known.get(name)
        if found is None:
            found = find(name)
            if name in self._endpoints:
                known[name] = found
        return found

    def _members(self, group: str) -> Sequence[Deployment]:
        if group in self._endpoints:
            return self._groups.get(group, ())
        expansion = self._wildcards.of(group)
        return () if expansion is None else expansion.deployments

    def _served_by(self, asked: str) -> Iterator[str]:
        """The names under which `groups` has the settings of what serves it."""
        virtual = self._config.routing.models.get(asked)
        names = (asked,) if virtual is None else virtual.tiers.values()
        return (self._settings_name(name) for name in names)

    def _settings_name(self, name: str) -> str:
        """A wildcard's model goes by the settings of its own name where there are any, else by the pattern's."""
        if name in self._endpoints or name in self._config.groups:
            return name
        expansion = self._wildcards.of(name)
        return name if expansion is None else expansion.pattern

    def _access_groups(self, name: str) -> Iterable[str]:
        if name in self._endpoints:
            return self._access.get(name, ())
        return {group for deployment in self._members(name) for group in deployment.access_groups}

    def _full_names(self, name: str) -> Iterator[str]:
        """The name with its provider, where it is the provider's own: a key for `openai/*` may ask for `gpt-6-luna`."""
        yield name
        yield from (f"{each.provider}/{name}" for each in self._members(name) if each.model_name == name)

    def _by_rule(self, rule: Rule, asked: str, reason: str) -> Choice:
        use = rule.use
        plain = self.plain(asked)
        if use.group is not None:
            return Choice((use.group,), use.policy or self.plain(use.group).policy, reason)
        if use.tier is not None:
            tiers = self._virtual(asked).tiers
            return Choice((tiers[use.tier],), use.policy or self._config.policy_of(tiers[use.tier]), reason)
        return Choice(plain.groups, use.policy or plain.policy, reason)

    def _virtual(self, asked: str) -> VirtualModel:
        models = self._config.routing.models
        return models.get(asked) or next(iter(models.values()))


class Expansions:
    """What the wildcards are for the names that were asked for last; a name that fits none is not remembered."""

    def __init__(self, wildcards: Sequence[Wildcard], most: int = MOST_EXPANSIONS) -> None:
        self._wildcards = wildcards
        self._most = most
        self._found: OrderedDict[str, Expansion] = OrderedDict()

    @property
    def patterns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.pattern for each in self._wildcards))

    def of(self, name: str) -> Expansion | None:
        """None where no wildcard fits, or none of those that fit can serve it."""
        if not self._wildcards or "*" in name or len(name) > LONGEST_NAME:
            return None
        if (found := self._found.get(name)) is not None:
            self._found.move_to_end(name)
            return found
        matching = best_match(self._wildcards, name)
        made = {made.id: made for each in matching if (made := each.deployment(name)) is not None}
        if not made:
            return None
        found = self._found[name] = Expansion(matching[0].pattern, tuple(made.values()))
        if len(self._found) > self._most:
            self._found.popitem(last=False)
        return found

    def endpoints(self, name: str) -> set[Endpoint]:
        found = self.of(name)
        return set() if found is None else {deployment.endpoint for deployment in found.deployments}


def each_once(groups: Iterable[Group], key: str) -> tuple[str, ...]:
    """What the groups list under this key, in order."""
    return tuple(dict.fromkeys(name for group in groups for name in getattr(group, key)))
