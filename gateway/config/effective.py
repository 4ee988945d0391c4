"""What the file means: LiteLLM's settings carried over into our sections, aliases replaced, paths made whole.

Where a section of ours says something, it counts before LiteLLM's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from gateway.config.config import ConfigFile
from gateway.config.kinds import Strict
from gateway.config.routing_models import Group, Routing, Rule, VirtualModel

S = TypeVar("S", bound=Strict)
STRATEGIES = {"simple-shuffle": "weighted"}
MAX_ATTEMPTS = 10


def effective_sections(file: ConfigFile, base: Path) -> dict[str, Any]:
    """The members of `Config` that differ from the file's. `base`: the folder that its paths are relative to."""
    router, general = file.router_settings, file.litellm_settings
    aliases = {name: alias.model for name, alias in router.model_group_alias.items()}
    fails = _first(router.allowed_fails, general.allowed_fails)
    retries = _first(router.num_retries, general.num_retries)
    health = _fill(
        file.health,
        failures=None if fails is None else fails + 1,
        open_for=router.cooldown_time,
        enabled=None if router.disable_cooldowns is None else not router.disable_cooldowns,
    )
    return {
        "health": health.model_copy(update={"max_open": max(health.max_open, health.open_for)}),
        "retry": _fill(file.retry, attempts=None if retries is None else min(retries + 1, MAX_ATTEMPTS)),
        "timeouts": _fill(file.timeouts, total=_first(router.timeout, general.request_timeout)),
        "stream": _fill(file.stream, ttft_timeout=router.stream_timeout),
        "routing": _routing(_fill(file.routing, policy=STRATEGIES.get(router.routing_strategy or "")), aliases),
        "groups": _groups(file, aliases),
        "default_fallbacks": _real(_defaults(file), aliases),
        "aliases": aliases,
        "templates": _whole(file.templates, file.templates.path, base),
        "policies": _whole(file.policies, file.policies.path, base),
    }


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _fill(section: S, **values: Any) -> S:
    """`section` with the given values where the file itself says nothing."""
    given = section.model_fields_set
    return section.model_copy(
        update={name: each for name, each in values.items() if each is not None and name not in given}
    )


def _whole(section: S, path: Path | None, base: Path) -> S:
    return section if path is None else section.model_copy(update={"path": base / path})


def _real(names: Iterable[str], aliases: Mapping[str, str]) -> tuple[str, ...]:
    """Groups without their aliases, each once."""
    return tuple(dict.fromkeys(aliases.get(name, name) for name in names))


def _routing(routing: Routing, aliases: Mapping[str, str]) -> Routing:
    return routing.model_copy(
        update={
            "models": {name: _virtual_model(model, aliases) for name, model in routing.models.items()},
            "rules": tuple(_rule(rule, aliases) for rule in routing.rules),
        }
    )


def _virtual_model(model: VirtualModel, aliases: Mapping[str, str]) -> VirtualModel:
    return model.model_copy(update={"tiers": {tier: aliases.get(name, name) for tier, name in model.tiers.items()}})


def _rule(rule: Rule, aliases: Mapping[str, str]) -> Rule:
    group = aliases.get(rule.use.group, rule.use.group) if rule.use.group else None
    return rule.model_copy(update={"use": rule.use.model_copy(update={"group": group})})


def _groups(file: ConfigFile, aliases: Mapping[str, str]) -> Mapping[str, Group]:
    """Every group's settings, with the fallbacks of LiteLLM's blocks where the group itself names none."""
    listed: dict[str, tuple[str, ...]] = {}
    for settings in (file.router_settings, file.litellm_settings):
        for entry in settings.fallbacks:
            for name, targets in entry.items():
                listed.setdefault(aliases.get(name, name), _real(targets, aliases))
    groups = {aliases.get(name, name): group for name, group in file.groups.items()}
    for name in dict.fromkeys([*groups, *listed]):
        group = groups.get(name, Group())
        fallbacks = _real(group.fallbacks, aliases) or listed.get(name, ())
        groups[name] = group.model_copy(update={"fallbacks": fallbacks})
    groups.pop("*", None)
    return groups


def _defaults(file: ConfigFile) -> list[str]:
    out: list[str] = []
    for settings in (file.router_settings, file.litellm_settings):
        out += settings.default_fallbacks
        out += [name for entry in settings.fallbacks for name in entry.get("*", ())]
    return out
