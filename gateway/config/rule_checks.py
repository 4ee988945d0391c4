"""Rules of routing that say nothing, say two things at once, or can never fit. Pure.

What takes knowledge of the models, such as a rule that an earlier one hides, is in `served_checks`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.config import ConfigFile
from gateway.config.ids import can_be_an_id
from gateway.config.problems import Finding, did_you_mean
from gateway.config.problems import Path as KeyPath
from gateway.config.routing_models import Rule, RuleWhen
from gateway.config.served_names import ServedNames

_BY_ID = ("team", "user", "brand")
_LISTS = ("model", "team", "user", "key", "brand", "template", "tags", "days")


def check_rules(file: ConfigFile, served: ServedNames) -> Iterator[Finding]:
    """Every mistake in `routing.rules` that the file alone tells."""
    for index, rule in enumerate(file.routing.rules):
        path: KeyPath = ("routing", "rules", index)
        yield from _when(rule.when, (*path, "when"))
        yield from _ids(rule.when, (*path, "when"))
        yield from _models(rule.when, (*path, "when", "model"), served)
        yield from _use(rule, (*path, "use"), served)


def _when(when: RuleWhen, path: KeyPath) -> Iterator[Finding]:
    empty = [name for name in _LISTS if name in when.model_fields_set and not getattr(when, name)]
    for name in empty:
        yield (*path, name), "is an empty list, so nothing would fit", "give at least one entry, or take the key out"
    if when.empty and not empty:
        yield path, "has no condition, so every request fits", "name at least one, for example `brand: …`"
    yield from _times(when, path)
    size = when.input_tokens
    if size is None:
        return
    if size.max is None and not size.min:
        yield (*path, "input_tokens"), "has no bound, so every prompt fits", "give `min`, `max` or both"
    elif size.max is not None and size.min > size.max:
        yield (*path, "input_tokens", "min"), f"is more than `max` ({size.max})", "lower it, or raise `max`"


def _times(when: RuleWhen, path: KeyPath) -> Iterator[Finding]:
    mend = "give a range of at least a minute, or take it out"
    if when.after is not None and when.after == when.before:
        yield (*path, "before"), "is the time at which the range begins, so it is empty", mend
    elif when.after == "24:00":
        yield (*path, "after"), "no time of a day is after 24:00", 'write "00:00", or an earlier time'
    elif when.before == "00:00" and when.after is None:
        yield (*path, "before"), "no time of a day is before 00:00", 'write "24:00", or a later time'


def _ids(when: RuleWhen, path: KeyPath) -> Iterator[Finding]:
    """Whether anybody has an id, the store knows; what no id can be, such as a name with blanks, is told here."""
    for name in _BY_ID:
        for index, value in enumerate(getattr(when, name)):
            if not can_be_an_id(value):
                what = f"cannot be an id, and a {name} is named by its id here"
                yield (*path, name, index), what, f"look it up with `atelier {name}s list`"


def _models(when: RuleWhen, path: KeyPath, served: ServedNames) -> Iterator[Finding]:
    for index, name in enumerate(when.model):
        if not served.meant(name):
            what = f"`{name}`: no model group, alias, virtual model or wildcard serves it, so the rule cannot fit"
            yield (*path, index), what, did_you_mean(name, (*served, *served.virtual))


def _use(rule: Rule, path: KeyPath, served: ServedNames) -> Iterator[Finding]:
    use = rule.use
    if not (use.group or use.tier or use.policy):
        yield path, "says nothing to use", "name a `group`, a `tier` or a `policy`"
    elif use.group and use.tier:
        yield path, "names a group and a tier", "keep one of the two"
    if use.group and use.group not in served:
        what = f"`{use.group}`: no model group or alias of that name"
        yield (*path, "group"), what, did_you_mean(use.group, served)
    if use.tier:
        yield from _tier(rule, use.tier, (*path, "tier"), served)


def _tier(rule: Rule, tier: str, path: KeyPath, served: ServedNames) -> Iterator[Finding]:
    """A tier must be one of every virtual model that the rule can be asked for."""
    asked = [name for name in rule.when.model if served.meant(name)]
    plain = next((name for name in asked if "*" not in name and name not in served.virtual), None)
    if plain is not None:
        what = f"`{plain}`, which the rule is for, is no virtual model and has no tiers"
        yield path, what, "name a `group`, or take the model out of `when.model`"
        return
    models = [served.virtual[name] for name in asked if name in served.virtual] or [*served.virtual.values()]
    tiers = set.intersection(*(set(each.tiers) for each in models)) if models else set()
    if tier not in tiers:
        yield path, f"no tier `{tier}` in (all of) `routing.models`", did_you_mean(tier, tiers)
