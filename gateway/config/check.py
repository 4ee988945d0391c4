"""What `atelier check` found, for a program; `check_text` says the same to a person. docs/configuration.md has the shape.

Pure formatting of what `load` and `resolve` found; nothing of it is a secret. Prices are dollars per million tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from gateway.config.addresses import plain
from gateway.config.config import Config
from gateway.config.deployments import Resolved
from gateway.config.price_words import per_million
from gateway.config.problems import Problem, key_path
from gateway.config.rule_words import in_words
from gateway.types import Deployment, JsonObject


@dataclass(frozen=True, slots=True)
class Checked:
    """A configuration that would start. `resolved` is without a fleet: what it simulates lacks a key."""

    config: Config
    resolved: Resolved
    capabilities: Callable[[Deployment], Collection[str]] = lambda _: ()
    warnings: Sequence[Problem] = ()  # of the environment, besides those of the file

    @property
    def simulated(self) -> bool:
        return self.resolved.simulated or self.resolved.wants_fleet

    @property
    def all_warnings(self) -> tuple[Problem, ...]:
        return (*self.config.warnings, *self.resolved.warnings, *self.warnings)


def report_json(checked: Checked) -> JsonObject:
    """All of it as JSON. `state` of a deployment is "ready", "no key" or "simulated"."""
    config = checked.config
    return {
        "ok": True,
        "file": str(config.path),
        "files": [str(path) for path in config.sources.files],
        "version": config.version,
        "data_dir": str(config.data_dir),
        "address": f"http://{config.server.host}:{config.server.port}",
        "workers": config.server.workers,
        "overridden": dict(config.overridden),
        "master_key": config.master_key is not None,
        "simulated": checked.simulated,
        "groups": _groups(checked),
        "virtual_models": [
            {"name": name, "policy": model.policy, "tiers": dict(model.tiers)}
            for name, model in config.routing.models.items()
        ],
        "default_fallbacks": list(config.default_fallbacks),
        "timezone": config.routing.timezone,
        "rules": [{"name": rule.name, "words": in_words(rule)} for rule in config.routing.rules],
        "litellm": _litellm(config),
        "warnings": [problem_json(warning) for warning in checked.all_warnings],
    }


def refusal_json(problems: Iterable[Problem]) -> JsonObject:
    """The same for a configuration that cannot start."""
    return {"ok": False, "problems": [problem_json(each) for each in problems]}


def problem_json(problem: Problem) -> JsonObject:
    """A mistake or a warning; line and column are 0 where a whole source is meant."""
    mark = problem.mark
    return {
        "file": mark.file,
        "line": mark.line,
        "column": mark.column,
        "key": key_path(problem.path),
        "what": problem.what,
        "mend": problem.mend,
    }


def _groups(checked: Checked) -> list[JsonObject]:
    config = checked.config
    members: dict[str, list[JsonObject]] = {name: [] for name in config.group_names}
    lacking = {each.deployment.id: each.variable for each in checked.resolved.no_key}
    shown = [each.shown for each in checked.resolved.wildcards]
    everything = (*checked.resolved.deployments, *shown, *(each.deployment for each in checked.resolved.no_key))
    for each in {deployment.id: deployment for deployment in everything}.values():
        members[each.group].append(_deployment(checked, each, lacking.get(each.id)))
    return [_group(config, name, found) for name, found in members.items()]


def _group(config: Config, name: str, members: Sequence[JsonObject]) -> JsonObject:
    own = config.groups.get(name)
    return {
        "name": name,
        "wildcard": "*" in name,
        "aliases": sorted(alias for alias, group in config.aliases.items() if group == name),
        "policy": config.policy_of(name),
        "fallbacks": list(config.fallback_groups(name)),
        "context_window_fallbacks": list(own.context_window_fallbacks if own else ()),
        "content_policy_fallbacks": list(own.content_policy_fallbacks if own else ()),
        "deployments": list(members),
    }


def _deployment(checked: Checked, deployment: Deployment, variable: str | None) -> JsonObject:
    price = deployment.price
    simulated = checked.simulated
    return {
        "id": deployment.id,
        "provider": deployment.provider,
        "model": deployment.model,
        "endpoint": deployment.endpoint.value,
        "state": "simulated" if simulated else "no key" if variable else "ready",
        "key": "missing" if variable else "set" if deployment.api_key else "not needed",
        "set": variable,
        "address": plain(deployment.api_base) if deployment.api_base else None,
        "price": {
            "input": per_million(price.input),
            "output": per_million(price.output),
            "cached_input": per_million(price.input if price.cached_input is None else price.cached_input),
            "source": price.source,
        },
        "capabilities": sorted(checked.capabilities(deployment)),
        "context_window": deployment.context_window,
        "max_output": deployment.max_output,
        "rpm": deployment.rpm,
        "tpm": deployment.tpm,
        "max_parallel": deployment.max_parallel,
        "budget": _budget(deployment),
        "order": deployment.order,
        "weight": deployment.weight,
        "tier": deployment.tier,
        "tags": sorted(deployment.tags),
        "access_groups": sorted(deployment.access_groups),
        "lane": deployment.lane,
        "lane_reason": (deployment.card.why or None) if deployment.card else None,
    }


def _budget(deployment: Deployment) -> JsonObject | None:
    """Dollars, and the days of a window; null: once for ever."""
    if deployment.budget is None:
        return None
    days = deployment.budget_window / 86_400 if deployment.budget_window else None
    return {"limit": deployment.budget / 1e9, "days": days}


def _litellm(config: Config) -> JsonObject:
    """What became of the keys of LiteLLM's blocks."""
    counts = Counter(each.verdict for each in config.taken)
    return {
        "counts": {verdict: counts[verdict] for verdict in ("taken", "changed", "ignored")},
        "keys": [
            {
                "file": each.mark.file,
                "line": each.mark.line,
                "column": each.mark.column,
                "key": key_path(each.path),
                "verdict": each.verdict,
                "why": each.why,
            }
            for each in config.taken
        ],
    }
