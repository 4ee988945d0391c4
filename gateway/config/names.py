"""Names in a configuration that must mean something: groups, aliases, tiers, policies, deployments' ids.

Findings are (path, what, mend). In our own sections they are mistakes; in LiteLLM's blocks, with which LiteLLM starts,
they are warnings: a name that means nothing is passed over, of two lists the first counts, a circle is walked once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gateway.config.config import ConfigFile
from gateway.config.litellm_models import ModelEntry
from gateway.config.models import BUILT_IN_POLICIES, COMPLEXITY_TIERS
from gateway.config.problems import Finding, did_you_mean
from gateway.config.problems import Path as KeyPath
from gateway.config.rule_checks import check_rules
from gateway.config.served_names import ServedNames

_NO_GROUP = "no model group or alias of that name"
_LITELLMS = frozenset({"model_list", "router_settings", "litellm_settings"})
_KINDS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


class _Fallbacks(NamedTuple):
    """One list of fallbacks: where it stands, whose it is (`*`: everybody's), the groups it names, and their kind."""

    path: KeyPath
    owner: str
    names: tuple[str, ...]
    kind: str


def check_names(file: ConfigFile, base: Path, warnings: list[Finding]) -> list[Finding]:
    """Every name that means nothing, or two things. What is only doubtful is added to `warnings`."""
    served = ServedNames(file)
    lists = [*_fallbacks(file)]
    owned = [each._replace(owner=served.real(each.owner)) for each in lists if each.owner != "*"]
    warnings += _repeated_entries(file)
    doubtful = [*_ids(file), *_aliases(file, served), *_unknown_targets(lists, file, served)]
    warnings += [finding for finding in doubtful if finding[0][0] in _LITELLMS]
    return [
        *(finding for finding in doubtful if finding[0][0] not in _LITELLMS),
        *_groups(file, served),
        *_twice(owned, warnings),
        *_repeats(owned, served, warnings),
        *_circles(owned, served, warnings),
        *_virtual_models(file, served),
        *check_rules(file, served),
        *_policies(file, base),
    ]


def _ids(file: ConfigFile) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, entry in enumerate(file.model_list):
        given = entry.model_info.id
        if given in seen:
            yield (
                ("model_list", index, "model_info", "id"),
                f"another deployment has the id `{given}`, so this one gets `{given}#2`",
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


def _aliases(file: ConfigFile, served: ServedNames) -> Iterator[Finding]:
    for name, alias in file.router_settings.model_group_alias.items():
        path: KeyPath = ("router_settings", "model_group_alias", name)
        if name not in served.aliases:
            yield (
                path,
                f"no model group `{alias.model}`, so it is passed over",
                did_you_mean(alias.model, served.groups),
            )
        elif name in served.groups:
            yield path, "is the name of a model group too, and hides it", "rename the alias"


def _groups(file: ConfigFile, served: ServedNames) -> Iterator[Finding]:
    for name in file.groups:
        if name not in served:
            yield ("groups", name), _NO_GROUP, did_you_mean(name, served)
        elif served.aliases.get(name) in file.groups:
            what = f"is another name of `{served.aliases[name]}`, which stands here too"
            yield ("groups", name), what, "keep one of them"


def _fallbacks(file: ConfigFile) -> Iterator[_Fallbacks]:
    for kind in _KINDS:
        for name, group in file.groups.items():
            yield _Fallbacks(("groups", name, kind), name, getattr(group, kind), kind)
        block, listed = _litellms(file, kind)
        for index, entry in enumerate(listed):
            for name, names in entry.items():
                yield _Fallbacks((block, kind, index, name), name, names, kind)
    block, defaults = _litellms(file, "default_fallbacks")
    yield _Fallbacks((block, "default_fallbacks"), "*", defaults, "fallbacks")


def _litellms(file: ConfigFile, key: str) -> tuple[str, Any]:
    """The one of LiteLLM's two blocks whose `key` counts, and the value: the router's, as a whole, if it has one."""
    own = getattr(file.router_settings, key)
    return ("router_settings", own) if own else ("litellm_settings", getattr(file.litellm_settings, key))


def _unknown_targets(lists: Iterable[_Fallbacks], file: ConfigFile, served: ServedNames) -> Iterator[Finding]:
    for path, owner, names, _ in lists:
        what = _NO_GROUP + (", so it is passed over" if path[0] in _LITELLMS else "")
        if owner != "*" and owner not in served and owner not in file.groups:
            yield path, f"`{owner}`: {what}", did_you_mean(owner, served)
        for index, name in enumerate(names):
            if name not in served:
                yield (*path, index), f"`{name}`: {what}", did_you_mean(name, served)


def _twice(owned: Iterable[_Fallbacks], warnings: list[Finding]) -> Iterator[Finding]:
    first: dict[tuple[str, str], KeyPath] = {}
    for path, owner, names, kind in owned:
        above = first.setdefault((owner, kind), path) if names else path
        if above == path:
            continue
        what = f"the {kind} of `{owner}` are given in `{above[0]}` too"
        if above[0] in _LITELLMS:
            warnings.append((path, f"{what}: those count", "keep one of the two lists"))
        else:
            yield path, what, "keep one of the two lists"


def _repeats(owned: Iterable[_Fallbacks], served: ServedNames, warnings: list[Finding]) -> Iterator[Finding]:
    """A group that a list names twice; and, of the lists in which circles make sense, itself."""
    for path, owner, names, kind in owned:
        seen: set[str] = set()
        for index, name in enumerate(map(served.real, names)):
            what = "stands above already" if name in seen else "is the group itself" if name == owner else None
            seen.add(name)
            if what is None or (name == owner and kind == "fallbacks"):
                continue  # a group that falls back to itself is a circle
            finding: Finding = ((*path, index), f"`{names[index]}` {what}", "take it out")
            if path[0] == "groups":
                yield finding
            else:
                warnings.append(finding)


def _circles(owned: Iterable[_Fallbacks], served: ServedNames, warnings: list[Finding]) -> Iterator[Finding]:
    ahead: dict[str, list[str]] = {}
    paths: dict[str, KeyPath] = {}
    for path, owner, names, kind in owned:
        if names and kind == "fallbacks":
            ahead.setdefault(owner, []).extend(map(served.real, names))
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


def _virtual_models(file: ConfigFile, served: ServedNames) -> Iterator[Finding]:
    for name, virtual in file.routing.models.items():
        path: KeyPath = ("routing", "models", name)
        if name in served.groups or name in served.aliases:
            yield path, "is the name of a model group or alias too", "rename one of the two"
        for tier, group in virtual.tiers.items():
            if group not in served:
                yield (*path, "tiers", tier), f"`{group}`: {_NO_GROUP}", did_you_mean(group, served)
            if virtual.policy == "complexity" and tier not in COMPLEXITY_TIERS:
                yield (*path, "tiers", tier), f"complexity has no tier `{tier}`", did_you_mean(tier, COMPLEXITY_TIERS)


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
