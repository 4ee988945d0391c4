"""Names in a configuration that must mean something: groups, aliases, tiers, policies, deployments' ids.

Findings are (path, what, mend). A circle of fallbacks in our own `groups` is a mistake; in LiteLLM's blocks, where
two groups often stand in for each other, it is a warning, because every group is tried once anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from gateway.config.config import ConfigFile
from gateway.config.litellm_models import ModelEntry
from gateway.config.models import BUILT_IN_POLICIES, COMPLEXITY_TIERS
from gateway.config.problems import Path as KeyPath
from gateway.config.problems import did_you_mean
from gateway.config.routing_models import Rule

Finding = tuple[KeyPath, str, str]
_NO_GROUP = "no model group or alias of that name"


class _Fallbacks(NamedTuple):
    """One list of fallbacks: where it stands, whose it is (`*`: everybody's), and the groups it names."""

    path: KeyPath
    owner: str
    names: tuple[str, ...]


def check_names(file: ConfigFile, base: Path, warnings: list[Finding]) -> list[Finding]:
    """Every name that means nothing, or two things. What is only doubtful is added to `warnings`."""
    groups = {entry.model_name for entry in file.model_list}
    aliases = {name: alias.model for name, alias in file.router_settings.model_group_alias.items()}
    targets = groups | aliases.keys()
    lists = [*_fallbacks(file)]
    owned = [each._replace(owner=aliases.get(each.owner, each.owner)) for each in lists if each.owner != "*"]
    warnings += _repeated_entries(file)
    return [
        *_ids(file),
        *_aliases(aliases, groups),
        *_groups(file, aliases, targets),
        *_unknown_targets(lists, file, targets),
        *_twice(owned),
        *_circles(owned, aliases, warnings),
        *_virtual_models(file, targets),
        *_rules(file, targets),
        *_policies(file, base),
    ]


def _ids(file: ConfigFile) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, entry in enumerate(file.model_list):
        given = entry.model_info.id
        if given in seen:
            yield (
                ("model_list", index, "model_info", "id"),
                f"another deployment has the id `{given}`",
                "make it unique",
            )
        if given:
            seen.add(given)


def _repeated_entries(file: ConfigFile) -> Iterator[Finding]:
    above: dict[tuple[str, str], list[ModelEntry]] = {}
    for index, entry in enumerate(file.model_list):
        alike = above.setdefault((entry.model_name, entry.litellm_params.model), [])
        if entry in alike:
            yield ("model_list", index), "the same deployment stands above already", "take one of them out"
        alike.append(entry)


def _aliases(aliases: Mapping[str, str], groups: set[str]) -> Iterator[Finding]:
    for name, target in aliases.items():
        path: KeyPath = ("router_settings", "model_group_alias", name)
        if name in groups:
            yield path, "is the name of a model group too", "rename the alias"
        if target not in groups:
            yield path, f"no model group `{target}`", did_you_mean(target, groups)


def _groups(file: ConfigFile, aliases: Mapping[str, str], targets: set[str]) -> Iterator[Finding]:
    for name in file.groups:
        if name not in targets:
            yield ("groups", name), _NO_GROUP, did_you_mean(name, targets)
        elif aliases.get(name) in file.groups:
            yield ("groups", name), f"is another name of `{aliases[name]}`, which stands here too", "keep one of them"


def _fallbacks(file: ConfigFile) -> Iterator[_Fallbacks]:
    for name, group in file.groups.items():
        yield _Fallbacks(("groups", name, "fallbacks"), name, group.fallbacks)
    for block, settings in (("router_settings", file.router_settings), ("litellm_settings", file.litellm_settings)):
        for index, entry in enumerate(settings.fallbacks):
            for name, names in entry.items():
                yield _Fallbacks((block, "fallbacks", index, name), name, names)
        yield _Fallbacks((block, "default_fallbacks"), "*", settings.default_fallbacks)


def _unknown_targets(lists: Iterable[_Fallbacks], file: ConfigFile, targets: set[str]) -> Iterator[Finding]:
    for path, owner, names in lists:
        if owner != "*" and owner not in targets and owner not in file.groups:
            yield path, f"`{owner}`: {_NO_GROUP}", did_you_mean(owner, targets)
        for index, name in enumerate(names):
            if name not in targets:
                yield (*path, index), f"`{name}`: {_NO_GROUP}", did_you_mean(name, targets)


def _twice(owned: Iterable[_Fallbacks]) -> Iterator[Finding]:
    first: dict[str, KeyPath] = {}
    for path, owner, names in owned:
        if names and owner in first:
            yield path, f"the fallbacks of `{owner}` are given in `{first[owner][0]}` too", "keep one of the two lists"
        elif names:
            first[owner] = path


def _circles(owned: Iterable[_Fallbacks], aliases: Mapping[str, str], warnings: list[Finding]) -> Iterator[Finding]:
    ahead: dict[str, list[str]] = {}
    paths: dict[str, KeyPath] = {}
    for path, owner, names in owned:
        if names:
            ahead.setdefault(owner, []).extend(aliases.get(name, name) for name in names)
            paths.setdefault(owner, path)
    told: set[str] = set()
    for owner, path in paths.items():
        circle = [] if owner in told else _way_back(owner, ahead)
        told.update(circle)
        if circle:
            finding = (path, f"the fallbacks go round in a circle: {' → '.join(circle)}", "take one of them out")
            if all(paths[name][0] == "groups" for name in circle):
                yield finding
            else:
                warnings.append(finding)


def _way_back(start: str, ahead: Mapping[str, list[str]]) -> list[str]:
    """A shortest way from `start` back to itself; empty when there is none."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for name in ahead.get(way[-1], ()):
            if name == start:
                return [*way, name]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []


def _virtual_models(file: ConfigFile, targets: set[str]) -> Iterator[Finding]:
    for name, virtual in file.routing.models.items():
        path: KeyPath = ("routing", "models", name)
        if name in targets:
            yield path, "is the name of a model group or alias too", "rename one of the two"
        for tier, group in virtual.tiers.items():
            if group not in targets:
                yield (*path, "tiers", tier), f"`{group}`: {_NO_GROUP}", did_you_mean(group, targets)
            if virtual.policy == "complexity" and tier not in COMPLEXITY_TIERS:
                yield (*path, "tiers", tier), f"complexity has no tier `{tier}`", did_you_mean(tier, COMPLEXITY_TIERS)


def _rules(file: ConfigFile, targets: set[str]) -> Iterator[Finding]:
    models = [set(virtual.tiers) for virtual in file.routing.models.values()]
    tiers = set.intersection(*models) if models else set()
    for index, rule in enumerate(file.routing.rules):
        path: KeyPath = ("routing", "rules", index)
        yield from _rule(rule, path)
        if rule.use.group and rule.use.group not in targets:
            yield (*path, "use", "group"), f"`{rule.use.group}`: {_NO_GROUP}", did_you_mean(rule.use.group, targets)
        if rule.use.tier and rule.use.tier not in tiers:
            yield (
                (*path, "use", "tier"),
                f"no tier `{rule.use.tier}` in (all of) `routing.models`",
                did_you_mean(rule.use.tier, tiers),
            )


def _rule(rule: Rule, path: KeyPath) -> Iterator[Finding]:
    if rule.when.empty:
        yield (*path, "when"), "has no condition, so every request fits", "name at least one, for example `brand: …`"
    chosen = [name for name in ("group", "tier", "policy") if getattr(rule.use, name)]
    if not chosen:
        yield (*path, "use"), "says nothing to use", "name a `group`, a `tier` or a `policy`"
    if "group" in chosen and "tier" in chosen:
        yield (*path, "use"), "names a group and a tier", "keep one of the two"


def _policies(file: ConfigFile, base: Path) -> Iterator[Finding]:
    known = {*BUILT_IN_POLICIES, *_own_policies(file, base)}
    named: list[tuple[KeyPath, str | None]] = [(("routing", "policy"), file.routing.policy)]
    named += [(("groups", name, "policy"), group.policy) for name, group in file.groups.items()]
    named += [(("routing", "models", name, "policy"), model.policy) for name, model in file.routing.models.items()]
    named += [
        (("routing", "rules", index, "use", "policy"), rule.use.policy) for index, rule in enumerate(file.routing.rules)
    ]
    named += [(("policies", "parameters", name), name) for name in file.policies.parameters]
    for path, name in named:
        if name and name not in known:
            yield path, f"there is no policy `{name}`", did_you_mean(name, known)


def _own_policies(file: ConfigFile, base: Path) -> Iterator[str]:
    folder = base / file.policies.path if file.policies.path else None
    if folder and folder.is_dir():
        yield from (each.stem for each in folder.glob("*.py") if not each.stem.startswith("_"))
