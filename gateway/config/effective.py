"""What the file means: LiteLLM's settings carried over into our sections, aliases replaced, paths made whole.

Where a section of ours says something, it counts before LiteLLM's; `router_settings` count before `litellm_settings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gateway.config.config import ConfigFile
from gateway.config.effective_money import budgets, prices
from gateway.config.effective_tries import Tries
from gateway.config.effective_watching import alerts, cache, content, telemetry
from gateway.config.filling import S, fill
from gateway.config.routing_models import Group, Routing, Rule, VirtualModel
from gateway.config.served_names import ServedNames
from gateway.config.taken_values import STRATEGIES, known_timezone


def effective_sections(file: ConfigFile, base: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """The members of `Config` that differ from the file's.

    `base`: the folder that its paths are relative to; `variables`: the environment with the file's own over it.
    """
    served = ServedNames(file)
    aliases = served.aliases
    groups, defaults = _groups(file, served), _defaults(file, served)
    tries = Tries(file, groups, defaults)
    general = file.general_settings
    return {
        "health": tries.health(),
        "retry": tries.retry(),
        "timeouts": tries.timeouts(),
        "stream": fill(file.stream, ttft_timeout=file.router_settings.stream_timeout or None),
        "routing": _routing(file, aliases),
        "groups": groups,
        "default_fallbacks": defaults,
        "aliases": aliases,
        "templates": _whole(file.templates, file.templates.path, base),
        "policies": _whole(file.policies, file.policies.path, base),
        "limits": fill(
            file.limits,
            max_parallel=general.max_parallel_requests or None,
            max_parallel_total=general.global_max_parallel_requests or None,
            require_user=general.enforce_user_param,
        ),
        "server": fill(
            file.server,
            max_body_mb=general.max_request_size_mb or None,
            max_media_body_mb=general.max_request_size_mb or None,
        ),
        "keys": fill(file.keys, header=general.litellm_key_header_name),
        "budgets": budgets(file),
        "prices": prices(file),
        "cache": cache(file),
        "content": content(file),
        "telemetry": telemetry(file, variables),
        "alerts": alerts(file, variables),
    }


def _whole(section: S, path: Path | None, base: Path) -> S:
    return section if path is None else section.model_copy(update={"path": base / path})


def _real(names: Iterable[str], aliases: Mapping[str, str]) -> tuple[str, ...]:
    """Groups without their aliases, each once."""
    return tuple(dict.fromkeys(aliases.get(name, name) for name in names))


def _routing(file: ConfigFile, aliases: Mapping[str, str]) -> Routing:
    router = file.router_settings
    routing = fill(
        file.routing,
        policy=STRATEGIES.get(router.routing_strategy or ""),
        timezone=known_timezone(file.litellm_settings.timezone),
        check_context=router.enable_pre_call_checks,
        tag_filter=router.enable_tag_filtering,
    )
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


def _groups(file: ConfigFile, served: ServedNames) -> Mapping[str, Group]:
    """Every group's settings, with the fallbacks of LiteLLM's blocks where the group itself names none."""
    kinds = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
    aliases = served.aliases
    listed = {kind: _listed(file, kind, served) for kind in kinds}
    groups = {aliases.get(name, name): group for name, group in file.groups.items()}
    every = [entry.model_name for entry in file.model_list] if any("*" in listed[kind] for kind in kinds[1:]) else []
    for name in dict.fromkeys([*groups, *every, *(name for kind in kinds for name in listed[kind])]):
        group = groups.get(name, Group())
        found = {kind: _real(getattr(group, kind), aliases) or listed[kind].get(name, ()) for kind in kinds}
        for kind in kinds[1:]:
            found[kind] = found[kind] or tuple(each for each in listed[kind].get("*", ()) if each != name)
        groups[name] = group.model_copy(update=found)
    groups.pop("*", None)
    return groups


def _listed(file: ConfigFile, kind: str, served: ServedNames) -> dict[str, tuple[str, ...]]:
    """One kind of LiteLLM's fallbacks by group. Of two lists, the router's counts as a whole; of two entries the first.

    A name that means nothing is passed over, as LiteLLM does it.
    """
    out: dict[str, tuple[str, ...]] = {}
    for entry in getattr(file.router_settings, kind) or getattr(file.litellm_settings, kind):
        for name, targets in entry.items():
            if name == "*" or name in served:
                out.setdefault(served.real(name), _known(targets, served))
    return out


def _known(names: Iterable[str], served: ServedNames) -> tuple[str, ...]:
    return _real((name for name in names if name in served), served.aliases)


def _defaults(file: ConfigFile, served: ServedNames) -> tuple[str, ...]:
    """Where a group without fallbacks goes on; LiteLLM reads a `*` in `fallbacks` only where there are none of these."""
    named = file.router_settings.default_fallbacks or file.litellm_settings.default_fallbacks
    return _known(named, served) or _listed(file, "fallbacks", served).get("*", ())
