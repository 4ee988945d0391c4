"""Rules that can be served and yet do less than they seem to, once it is known what each model can do. Pure.

What nobody knows, such as the windows of a wildcard's models, is no reason for a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.config.config import Config
from gateway.config.deployments import Resolved
from gateway.config.problems import Finding, Problem
from gateway.config.routing_models import Rule
from gateway.config.served_checks import Kinds
from gateway.types import Deployment, Endpoint


def doubtful_rules(config: Config, resolved: Resolved) -> list[Problem]:
    """A warning for each prompt that fits no window, and for each rule that chat requests pass over."""
    everything = (*resolved.deployments, *(each.deployment for each in resolved.no_key))
    kinds, windows = Kinds(config, everything), _windows(everything)
    found: list[Finding] = []
    for index, rule in enumerate(config.routing.rules):
        found += (
            (("routing", "rules", index, *path), what, mend) for path, what, mend in _told(config, rule, kinds, windows)
        )
    return [Problem(config.place(path), path, what, mend) for path, what, mend in found]


def _told(config: Config, rule: Rule, kinds: Kinds, windows: dict[str, int | None]) -> Iterator[Finding]:
    if Endpoint.CHAT in kinds.asked(rule) and kinds.of_rule(rule) == {Endpoint.EMBEDDINGS}:
        what = "has embedding models only, so chat requests pass the rule over"
        mend = "name a group of chat models, or the embedding models that are meant in `when.model`"
        yield ("use", "group" if rule.use.group else "tier"), what, mend
    size = rule.when.input_tokens
    largest = [windows.get(name) for name in _reached(config, rule)]
    known = [window for window in largest if window is not None]
    if size is not None and known and len(known) == len(largest) and size.min > max(known):
        what = f"is more than the largest context window behind the rule ({max(known):,} tokens)"
        yield ("when", "input_tokens", "min"), what, "name a group with a larger one"


def _windows(deployments: Iterable[Deployment]) -> dict[str, int | None]:
    """The largest context window of each group; None where one of them is not known."""
    found: dict[str, int | None] = {}
    for each in (one for one in deployments if "*" not in one.group):
        above = found.get(each.group, 0)
        found[each.group] = None if above is None or each.context_window is None else max(above, each.context_window)
    return found


def _reached(config: Config, rule: Rule) -> list[str]:
    """The groups that may serve what the rule is for, with those that they go on with."""
    if rule.use.group:
        names = [rule.use.group]
    elif rule.use.tier:
        virtual = config.routing.models
        asked = [virtual[name] for name in rule.when.model if name in virtual] or [*virtual.values()]
        names = [model.tiers[rule.use.tier] for model in asked if rule.use.tier in model.tiers]
    else:
        names = [each for name in rule.when.model or config.group_names for each in _meant(config, name)]
    groups = [config.aliases.get(name, name) for name in names]
    return [each for name in groups for each in (name, *config.fallback_groups(name), *_for_long_prompts(config, name))]


def _meant(config: Config, model: str) -> Iterable[str]:
    virtual = config.routing.models.get(model)
    return virtual.tiers.values() if virtual is not None else (model,)


def _for_long_prompts(config: Config, group: str) -> tuple[str, ...]:
    own = config.groups.get(group)
    return own.context_window_fallbacks if own is not None else ()
