"""Mistakes that show only once it is known what each model can do and which templates there are. Pure.

A rule that an earlier one hides, a rule or tier whose group cannot serve, a template that does not exist: all of them
would change nothing and never be noticed, so they are mistakes like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from gateway.config.config import Config
from gateway.config.deployments import Resolved, Wildcard
from gateway.config.problems import Finding, Problem, did_you_mean
from gateway.config.problems import Path as KeyPath
from gateway.config.routing_models import Rule, RuleWhen, TokenRange
from gateway.config.starred import starred
from gateway.config.week import week
from gateway.types import Deployment, Endpoint

_ANY = frozenset(Endpoint)
_NAMES = ("team", "user", "key", "brand", "template", "tags")
_WORDS = {Endpoint.CHAT: "chat", Endpoint.EMBEDDINGS: "embedding"}


def check_served(config: Config, resolved: Resolved, templates: Collection[str]) -> list[Problem]:
    """`templates`: the ids of the prompt templates."""
    found = [*_unserved(config, resolved.wildcards)]
    if not found:  # of a name that means nothing it is not known what it could serve
        kinds = Kinds(config, (*resolved.deployments, *(each.deployment for each in resolved.no_key)))
        found = [*_tiers(config, kinds), *_fallbacks(config, kinds), *_rules(config, kinds, templates)]
    return [Problem(config.place(path), path, what, mend) for path, what, mend in found]


class Kinds:
    """Which endpoints a group, a model's name or a rule can serve."""

    def __init__(self, config: Config, deployments: Iterable[Deployment]) -> None:
        self._config = config
        self._of: dict[str, set[Endpoint]] = {name: set() for name in config.group_names if "*" not in name}
        for each in deployments:
            if "*" in each.group:
                continue
            self._of.setdefault(each.group, set()).add(each.endpoint)

    def of(self, name: str) -> frozenset[Endpoint]:
        """Of a group, an alias or a virtual model; a wildcard's models may be of any kind."""
        virtual = self._config.routing.models.get(name)
        if virtual is not None:
            return frozenset().union(*(self.of(group) for group in virtual.tiers.values()))
        found = self._of.get(self._config.aliases.get(name, name))
        return _ANY if found is None else frozenset(found)

    def of_rule(self, rule: Rule) -> frozenset[Endpoint]:
        if rule.use.group:
            return self.of(rule.use.group)
        if rule.use.tier:
            groups = {model.tiers.get(rule.use.tier) for model in self._config.routing.models.values()}
            return frozenset().union(*(self.of(group) for group in groups if group))
        return _ANY

    def asked(self, rule: Rule) -> frozenset[Endpoint]:
        """Of the models that a rule is for."""
        return frozenset[Endpoint]().union(*map(self.of, rule.when.model)) or _ANY


def _unserved(config: Config, wildcards: Sequence[Wildcard]) -> Iterator[Finding]:
    """Names that looked as if a wildcard might serve them."""
    known = {*config.group_names, *config.aliases, *config.routing.models}
    for path, name in _named(config):
        if name not in known and "*" not in name and not any(each.match(name) for each in wildcards):
            yield path, f"`{name}`: no model group, alias or wildcard serves it", did_you_mean(name, known)


def _named(config: Config) -> Iterator[tuple[KeyPath, str]]:
    """Every name of a model in our own sections, with its place."""
    for index, rule in enumerate(config.routing.rules):
        path: KeyPath = ("routing", "rules", index)
        yield from (((*path, "when", "model", at), name) for at, name in enumerate(rule.when.model))
        if rule.use.group:
            yield (*path, "use", "group"), rule.use.group
    for model, virtual in config.routing.models.items():
        yield from ((("routing", "models", model, "tiers", tier), name) for tier, name in virtual.tiers.items())
    for owner, group in config.groups.items():
        for kind in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks"):
            path = ("groups", owner, kind)
            if config.place(path) != config.place(path[:-1]):  # else LiteLLM's blocks say it
                yield from (((*path, at), name) for at, name in enumerate(getattr(group, kind)))


def _tiers(config: Config, kinds: Kinds) -> Iterator[Finding]:
    for name, virtual in config.routing.models.items():
        chat = any(Endpoint.CHAT in kinds.of(group) for group in virtual.tiers.values())
        for tier, group in virtual.tiers.items():
            path: KeyPath = ("routing", "models", name, "tiers", tier)
            if not kinds.of(group):
                yield path, f"no deployment of `{group}` can be served", "name a group of chat models"
            elif chat and Endpoint.CHAT not in kinds.of(group):
                yield path, f"`{group}` has embedding models only, and other tiers chat models", "name a group of those"


def _fallbacks(config: Config, kinds: Kinds) -> Iterator[Finding]:
    for name, group in config.groups.items():
        path: KeyPath = ("groups", name, "fallbacks")
        if config.place(path) == config.place(path[:-1]):
            continue  # LiteLLM's blocks say it
        for index, fallback in enumerate(group.fallbacks):
            if kinds.of(name) and kinds.of(name).isdisjoint(kinds.of(fallback)):
                what = f"`{fallback}` serves no {_said(kinds.of(name))} requests, as `{name}` does"
                yield (*path, index), what, "name a group of the same kind, or take it out"


def _rules(config: Config, kinds: Kinds, templates: Collection[str]) -> Iterator[Finding]:
    above: list[tuple[int, Rule]] = []
    for index, rule in enumerate(config.routing.rules):
        path: KeyPath = ("routing", "rules", index)
        for spot, template in enumerate(rule.when.template):
            if template not in templates:
                what = f"there is no prompt template `{template}`"
                yield (*path, "when", "template", spot), what, did_you_mean(template, templates)
        asked = kinds.asked(rule)
        if kinds.of_rule(rule).isdisjoint(asked):
            key = "group" if rule.use.group else "tier"
            what = f"serves no {_said(asked)} requests, so the rule cannot count"
            yield (*path, "use", key), what, "name a group of that kind"
        hiding = next((number for number, other in above if _hides(config, kinds, other, rule)), None)
        if hiding is not None:
            what = f"is never reached: `routing.rules[{hiding}]`{_called(config, hiding)} fits wherever this one does"
            yield path, what, "move it above that one, or make that one narrower"
        above.append((index, rule))


def _called(config: Config, index: int) -> str:
    name = config.routing.rules[index].name
    return f" (`{name}`)" if name else ""


def _said(kinds: Collection[Endpoint]) -> str:
    return " or ".join(word for kind, word in _WORDS.items() if kind in kinds)


def _hides(config: Config, kinds: Kinds, earlier: Rule, later: Rule) -> bool:
    return kinds.of_rule(later) <= kinds.of_rule(earlier) and covers(earlier.when, later.when, config)


def covers(wide: RuleWhen, narrow: RuleWhen, config: Config) -> bool:
    """Whether every request that fits `narrow` fits `wide`."""
    lists = ((set(getattr(wide, name)), set(getattr(narrow, name))) for name in _NAMES)
    return (
        all(not wanted or (given and given <= wanted) for wanted, given in lists)
        and _covers_models(wide, narrow, config)
        and _covers_size(wide.input_tokens, narrow.input_tokens)
        and not week(narrow) & ~week(wide)
    )


def _covers_models(wide: RuleWhen, narrow: RuleWhen, config: Config) -> bool:
    if not wide.model or not narrow.model:
        return not wide.model
    pattern = starred(wide.model)
    names = ((name, config.aliases.get(name, name)) for name in narrow.model)
    return all(any(pattern.fullmatch(name) for name in either) for either in names)


def _covers_size(wide: TokenRange | None, narrow: TokenRange | None) -> bool:
    if wide is None or narrow is None:
        return wide is None
    return wide.min <= narrow.min and (wide.max is None or (narrow.max is not None and narrow.max <= wide.max))
