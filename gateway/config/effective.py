"""LiteLLM's settings, carried over into our own sections. Where a section of ours says something, it counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from gateway.config.config import ConfigFile
from gateway.config.kinds import Strict
from gateway.config.models import Group

S = TypeVar("S", bound=Strict)
STRATEGIES = {"simple-shuffle": "weighted"}
MAX_ATTEMPTS = 10


def effective_sections(file: ConfigFile) -> dict[str, Any]:
    """The sections that LiteLLM's settings change, with the fallbacks of both in `groups`."""
    router, general = file.router_settings, file.litellm_settings
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
        "routing": _fill(file.routing, policy=STRATEGIES.get(router.routing_strategy or "")),
        "groups": _groups(file),
        "aliases": {name: alias.model for name, alias in router.model_group_alias.items()},
        "default_fallbacks": tuple(dict.fromkeys(_defaults(file))),
    }


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _fill(section: S, **values: Any) -> S:
    """`section` with the given values where the file itself says nothing."""
    given = section.model_fields_set
    return section.model_copy(
        update={name: each for name, each in values.items() if each is not None and name not in given}
    )


def _groups(file: ConfigFile) -> Mapping[str, Group]:
    groups = dict(file.groups)
    for settings in (file.router_settings, file.litellm_settings):
        for entry in settings.fallbacks:
            for name, targets in entry.items():
                if name != "*" and not groups.get(name, Group()).fallbacks:
                    groups[name] = groups.get(name, Group()).model_copy(update={"fallbacks": targets})
    return groups


def _defaults(file: ConfigFile) -> list[str]:
    out: list[str] = []
    for settings in (file.router_settings, file.litellm_settings):
        out += settings.default_fallbacks
        out += [name for entry in settings.fallbacks for name in entry.get("*", ())]
    return out
