"""What a change does to rules, virtual models, groups' fallbacks and aliases, as sentences with their keys. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gateway.config.config import Config
from gateway.config.routing_models import Group, Rule
from gateway.config.rule_words import in_words
from gateway.config.settings_diff import Change, changed, shown

_RULES = "routing.rules"
_Pair = tuple[int, int]  # places of one rule in the old and the new list
_TRAITS: tuple[Callable[[Rule], Any], ...] = (
    lambda rule: rule,
    lambda rule: rule.name,
    lambda rule: rule.when,
    lambda rule: None if rule.name else rule.use,
)


def changed_routing(old: Config, new: Config) -> Iterator[Change]:
    """Everything under `routing`."""
    for name in ("policy", "timezone", "tag_filter", "check_context"):
        yield from changed(f"routing.{name}", getattr(old.routing, name), getattr(new.routing, name))
    before, after = old.routing.models, new.routing.models
    for name in dict.fromkeys((*before, *after)):
        key = f"routing.models.{name}"
        if name not in after:
            yield f"the model `{name}` is taken out", key
        elif name not in before:
            yield f"the model `{name}` is new: {after[name].policy} picks from {shown(after[name].tiers)}", key
        else:
            yield from changed(key, before[name], after[name])
    yield from _rules(old.routing.rules, new.routing.rules)


def changed_groups(old: Config, new: Config) -> Iterator[Change]:
    """Policies and fallbacks of groups that are in both, the default fallbacks, and aliases."""
    for name in new.group_names:
        if name in old.group_names:
            yield from _group(name, old.groups.get(name, Group()), new.groups.get(name, Group()))
        elif name in new.groups:
            yield from _group(name, Group(), new.groups[name])
    if old.default_fallbacks != new.default_fallbacks:
        yield f"every group goes on at last with {_then(new.default_fallbacks)}", "router_settings.default_fallbacks"
    yield from _aliases(old.aliases, new.aliases)


def _group(name: str, old: Group, new: Group) -> Iterator[Change]:
    yield from changed(f"groups.{name}.policy", old.policy, new.policy)
    for kind in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks"):
        before, after = getattr(old, kind), getattr(new, kind)
        if before != after:
            what = "" if kind == "fallbacks" else f" ({kind.removesuffix('_fallbacks').replace('_', ' ')})"
            yield f"`{name}` goes on{what} with {_then(after)} instead of {_then(before)}", f"groups.{name}.{kind}"


def _then(names: Sequence[str]) -> str:
    return ", then ".join(f"`{name}`" for name in names) or "nothing"


def _aliases(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for name in dict.fromkeys((*old, *new)):
        key = f"router_settings.model_group_alias.{name}"
        if name not in new:
            yield f"the alias `{name}` of `{old[name]}` is taken out", key
        elif name not in old:
            yield f"the alias `{name}` is new: it means `{new[name]}`", key
        elif old[name] != new[name]:
            yield f"the alias `{name}` means `{new[name]}` instead of `{old[name]}`", key


def _rules(old: Sequence[Rule], new: Sequence[Rule]) -> Iterator[Change]:
    pairs = _pairs(old, new)
    for place, rule in enumerate(old):
        if place not in {before for before, _ in pairs}:
            yield f"{_named(rule, place)} is taken out: {in_words(rule)}", _RULES
    moved = _moved(pairs)
    came_from = {after: before for before, after in pairs}
    for place, rule in enumerate(new):
        key = f"{_RULES}[{place}]"
        before = came_from.get(place)
        if before is None:
            yield f"{_named(rule, place)} is new: {in_words(rule)}", key
            continue
        if (before, place) in moved:
            yield f"{_named(rule, before)} moves from place {before + 1} to place {place + 1}", key
        if old[before] != rule:
            yield f"{_named(old[before], before)} changes: {_change(old[before], rule)}", key


def _change(old: Rule, new: Rule) -> str:
    if in_words(old) == in_words(new):
        return f"it is called `{new.name}`" if new.name else "it has no name any more"
    renamed = f", and is called `{new.name}`" if new.name != old.name else ""
    return f"{in_words(new)}, instead of {in_words(old)}{renamed}"


def _named(rule: Rule, place: int) -> str:
    return f"rule {place + 1} (`{rule.name}`)" if rule.name else f"rule {place + 1}"


def _pairs(old: Sequence[Rule], new: Sequence[Rule]) -> list[_Pair]:
    """Which rule became which: equal ones first, then those of one name, of one condition, nameless ones of one use."""
    pairs: list[_Pair] = []
    left, right = list(range(len(old))), list(range(len(new)))
    for trait in _TRAITS:
        for before in list(left):
            wanted = trait(old[before])
            found = next((after for after in right if wanted is not None and trait(new[after]) == wanted), None)
            if found is not None:
                pairs.append((before, found))
                left.remove(before)
                right.remove(found)
    return sorted(pairs, key=lambda pair: pair[1])


def _moved(pairs: Sequence[_Pair]) -> set[_Pair]:
    """The fewest rules that must have been moved: all but a longest run that kept its order."""
    ends: list[int] = []  # the least last place of a run of each length
    runs: list[list[_Pair]] = []
    for pair in pairs:
        at = bisect_left(ends, pair[0])
        run = [*(runs[at - 1] if at else []), pair]
        ends[at : at + 1] = [pair[0]]
        runs[at : at + 1] = [run]
    return set(pairs) - set(runs[-1] if runs else [])
