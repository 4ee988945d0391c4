"""What `atelier check` says: every model group with its deployments, who serves them and at which price.

Pure formatting of what `load` and `resolve` found; nothing of it is a secret. `report` is for a person, `report_json`
for a program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.config.config import Config
from gateway.config.deployments import Resolved
from gateway.types import Deployment, JsonObject

PICO_PER_MICRO = 1_000_000  # pico-dollars per token are this many times dollars per million tokens


def report_json(config: Config, resolved: Resolved) -> JsonObject:
    """Prices are dollars per million tokens; `state` is "ready", "no key" or "simulated"."""
    return {
        "file": str(config.path),
        "data_dir": str(config.data_dir),
        "address": f"http://{config.server.host}:{config.server.port}",
        "master_key": config.master_key is not None,
        "simulated": resolved.simulated,
        "groups": [_group(config, name, members) for name, members in _members(config, resolved).items()],
        "virtual_models": [
            {"name": name, "policy": model.policy, "tiers": dict(model.tiers)}
            for name, model in config.routing.models.items()
        ],
        "default_fallbacks": list(config.default_fallbacks),
        "warnings": [str(warning) for warning in (*config.warnings, *resolved.warnings)],
    }


def _members(config: Config, resolved: Resolved) -> dict[str, list[tuple[Deployment, str | None]]]:
    """Every group's deployments, each with the variable that it lacks."""
    groups: dict[str, list[tuple[Deployment, str | None]]] = {name: [] for name in config.group_names}
    for deployment in resolved.deployments:
        groups[deployment.group].append((deployment, None))
    for each in resolved.no_key:
        groups[each.deployment.group].append((each.deployment, each.variable))
    return groups


def _group(config: Config, name: str, members: Sequence[tuple[Deployment, str | None]]) -> JsonObject:
    return {
        "name": name,
        "aliases": sorted(alias for alias, group in config.aliases.items() if group == name),
        "policy": config.policy_of(name),
        "fallbacks": list(config.fallback_groups(name)),
        "deployments": [_deployment(deployment, variable) for deployment, variable in members],
    }


def _deployment(deployment: Deployment, variable: str | None) -> JsonObject:
    price = deployment.price
    return {
        "id": deployment.id,
        "provider": deployment.provider,
        "model": deployment.model,
        "endpoint": deployment.endpoint.value,
        "state": "no key" if variable else "simulated" if deployment.simulated else "ready",
        "set": variable,
        "price": {
            "input": price.input / PICO_PER_MICRO,
            "output": price.output / PICO_PER_MICRO,
            "source": price.source,
        },
        "context_window": deployment.context_window,
        "max_output": deployment.max_output,
        "max_parallel": deployment.max_parallel,
        "order": deployment.order,
        "weight": deployment.weight,
        "tier": deployment.tier,
        "lane": deployment.lane,
    }


def report(config: Config, resolved: Resolved) -> str:
    """The same for a person: a summary, the groups as tables, the warnings."""
    found = report_json(config, resolved)
    return "\n".join([*_summary(found), "", *_groups(found), *_warnings(found)]).rstrip() + "\n"


def _summary(found: Mapping[str, Any]) -> Iterator[str]:
    states = [each["state"] for group in found["groups"] for each in group["deployments"]]
    counts = ", ".join(
        f"{states.count(state)} {state}" for state in ("ready", "simulated", "no key") if state in states
    )
    yield f"{found['file']} is fine: {len(found['groups'])} model groups, {counts or 'no deployments'}"
    yield f"listens on {found['address']}, keeps its data in {found['data_dir']}"
    none = "there is no master key; `atelier keys create --admin` makes admin keys"
    yield "there is a master key" if found["master_key"] else none
    if found["simulated"]:
        yield "no provider key is set: every answer is SIMULATED until one is"


def _groups(found: Mapping[str, Any]) -> Iterator[str]:
    width = max((len(each["id"]) for group in found["groups"] for each in group["deployments"]), default=0)
    for group in found["groups"]:
        yield " · ".join([group["name"], f"policy {group['policy']}", *_links(group)])
        yield from (_row(each, width) for each in group["deployments"])
        yield ""
    for model in found["virtual_models"]:
        tiers = ", ".join(f"{tier} → {group}" for tier, group in model["tiers"].items())
        yield f"{model['name']} · picked by {model['policy']}: {tiers}"
        yield ""


def _links(group: Mapping[str, Any]) -> Iterator[str]:
    if group["aliases"]:
        yield f"also called {', '.join(group['aliases'])}"
    if group["fallbacks"]:
        yield f"falls back to {', '.join(group['fallbacks'])}"


def _row(each: Mapping[str, Any], width: int) -> str:
    price = each["price"]
    cost = f"${dollars(price['input'])} in, ${dollars(price['output'])} out /1M ({price['source']})"
    window = f"{each['context_window']:,}" if each["context_window"] else "?"
    row = f"  {each['id']:<{width}}  {each['state']:<9}  {each['provider']:<10}  {cost:<42}  context {window:<9}  {each['lane']}"
    return f"{row}  set {each['set']}" if each["set"] else row


def _warnings(found: Mapping[str, Any]) -> Iterator[str]:
    if found["warnings"]:
        yield "warnings:"
        yield from (f"  {warning}" for warning in found["warnings"])


def dollars(amount: float) -> str:
    """At least two decimals, and as many more as a small price needs."""
    plain = f"{amount:.6f}".rstrip("0")
    whole, _, decimals = plain.partition(".")
    return f"{whole}.{decimals:0<2}"
