"""What a change does to model groups and their deployments, as sentences with their keys. Pure.

Of keys and addresses it says that they change, and of addresses the part that holds no credential.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gateway.config.addresses import plain
from gateway.config.deployments import Resolved
from gateway.config.price_words import dollars, per_million, window
from gateway.config.settings_diff import Change, shown
from gateway.types import Deployment, Price

Follows = tuple[str, Any, Any]  # a deployment's member, with the old and the new default of it
_KEY = "model_list"
_PRICES = {
    "input": "input",
    "output": "output",
    "cached_input": "cached input",
    "cache_write": "writing the cache",
    "reasoning": "reasoning",
    "audio_input": "audio input",
    "audio_output": "audio output",
}
_PLAIN = {
    "endpoint": "kind",
    "weight": "weight",
    "order": "order",
    "tier": "tier",
    "max_parallel": "requests at once",
    "rpm": "requests a minute",
    "tpm": "tokens a minute",
    "tags": "tags",
    "access_groups": "access groups",
    "context_window": "context window",
    "max_output": "longest answer",
    "timeout": "timeout",
    "ttft_timeout": "wait for the first chunk",
    "idle_timeout": "longest silence",
}


class _Compare(NamedTuple):
    """What is not worth telling, whether to compare where deployments are reached, and those whose order shows.

    A deployment that gets or loses its key changes its place without anybody having moved it.
    """

    follows: Collection[Follows]
    reach: bool
    placed: Collection[str]


def changed_deployments(old: Resolved, new: Resolved, follows: Collection[Follows]) -> Iterator[Change]:
    """Groups and deployments that are new, gone or different; not what only `follows` from a change elsewhere."""
    if _fleet(old) != _fleet(new):
        both = "real providers serve instead of the simulated fleet", "the simulated fleet serves instead of providers"
        yield both[_fleet(new)], _KEY
    before, after = _by_group(old), _by_group(new)
    lacking = [{each.deployment.id for each in resolved.no_key} for resolved in (old, new)]
    known = {each for members in before.values() for each in members}
    compare = _Compare(follows, old.simulated == new.simulated, known - (lacking[0] ^ lacking[1]))
    for group in dict.fromkeys((*before, *after)):
        if group not in after:
            yield f"the group `{group}` is taken out, with {_count(before[group])}", _KEY
        elif group not in before:
            members = "; ".join(_introduced(each) for each in after[group].values())
            yield f"the group `{group}` is new, with {_count(after[group])}: {members}", _KEY
        else:
            yield from ((what, _KEY) for what in _group(group, before[group], after[group], compare))
    yield from ((what, _KEY) for what in _keys(old, new))


def _fleet(resolved: Resolved) -> bool:
    return resolved.simulated or resolved.wants_fleet


def _by_group(resolved: Resolved) -> dict[str, dict[str, Deployment]]:
    """Every deployment by group and id, whether it can be called or not; a wildcard's as it is shown."""
    out: dict[str, dict[str, Deployment]] = {}
    shown_ones = (each.shown for each in resolved.wildcards)
    for each in (*resolved.deployments, *shown_ones, *(lacking.deployment for lacking in resolved.no_key)):
        out.setdefault(each.group, {})[each.id] = each
    return out


def _group(name: str, old: Mapping[str, Deployment], new: Mapping[str, Deployment], compare: _Compare) -> Iterator[str]:
    yield from (f"the deployment `{each}` of the group `{name}` is taken out" for each in old if each not in new)
    for each in new.values():
        if each.id not in old:
            yield f"the deployment {_introduced(each)} is new in the group `{name}`"
            continue
        was = old[each.id]
        changes = [*_plain(was, each, compare.follows), *_money(was, each)]
        changes += [*_reach(was, each)] if compare.reach else []
        if changes:
            yield f"the deployment `{each.id}`: {'; '.join(changes)}"
    before, after = ([each for each in ids if each in old and each in new] for ids in (old, new))
    if [each for each in before if each in compare.placed] != [each for each in after if each in compare.placed]:
        yield f"the deployments of the group `{name}` stand in another order: {', '.join(after)}"


def _introduced(each: Deployment) -> str:
    price = each.price
    return f"`{each.id}` ({_rate(price.input)} in, {_rate(price.output)} out for a million tokens)"


def _count(members: Iterable[Any]) -> str:
    number = len(list(members))
    return f"{number} deployment{'s' if number != 1 else ''}"


def _plain(old: Deployment, new: Deployment, follows: Collection[Follows]) -> Iterator[str]:
    for name, said in _PLAIN.items():
        before, after = getattr(old, name), getattr(new, name)
        if before != after and (name, before, after) not in follows:
            before, after = (sorted(each) if isinstance(each, frozenset) else each for each in (before, after))
            yield f"{said} {shown(before)} → {shown(after)}"
    if old.reasoning != new.reasoning:
        yield "counts as a reasoning model" if new.reasoning else "counts no longer as a reasoning model"


def _money(old: Deployment, new: Deployment) -> Iterator[str]:
    for name, said in _PRICES.items():
        before, after = getattr(old.price, name), getattr(new.price, name)
        if before != after:
            yield f"price of {said} {_rate(before)} → {_rate(after)} for a million tokens"
    if old.price.request != new.price.request:
        yield f"price of a request ${old.price.request / 1e12:g} → ${new.price.request / 1e12:g}"
    if _long(old.price) != _long(new.price):
        yield "prices of long prompts change"
    if old.price.source != new.price.source:
        yield f"prices come from {new.price.source} instead of {old.price.source}"
    if (old.budget, old.budget_window) != (new.budget, new.budget_window):
        yield f"budget {_budget(old)} → {_budget(new)}"


def _long(price: Price) -> tuple[int | None, Price | None]:
    return price.long_from, price.long


def _budget(each: Deployment) -> str:
    if each.budget is None:
        return "none"
    return f"${dollars(each.budget / 1e9)}{window(each.budget_window / 86_400 if each.budget_window else None)}"


def _reach(old: Deployment, new: Deployment) -> Iterator[str]:
    if old.model != new.model or old.provider != new.provider:
        yield f"model {old.model} → {new.model}"
    if old.api_base != new.api_base:
        before, after = _address(old.api_base), _address(new.api_base)
        yield f"address {before} → {after}" if before != after else "address changes"
    if old.api_key != new.api_key:
        yield (
            "its key is set"
            if not old.api_key
            else "its key is taken out"
            if not new.api_key
            else "its key is replaced"
        )
    names = [name for name in sorted({*old.params, *new.params}) if old.params.get(name) != new.params.get(name)]
    if names:
        yield f"{', '.join(names)} change{'s' if len(names) == 1 else ''}"


def _address(url: str | None) -> str:
    return plain(url) if url else "the provider's own"


def _keys(old: Resolved, new: Resolved) -> Iterator[str]:
    """Deployments of both that can no longer be called, or now can."""
    before = {each.deployment.id: each.variable for each in old.no_key}
    after = {each.deployment.id: each.variable for each in new.no_key}
    known = {each for members in _by_group(old).values() for each in members}
    for name, variable in after.items():
        if name not in before and name in known:
            yield f"the deployment `{name}` can no longer be called: {variable} is not set"
    usable = {each for members in _by_group(new).values() for each in members} - after.keys()
    yield from (f"the deployment `{name}` can be called now" for name in before if name in usable)


def _rate(pico_dollars: int | None) -> str:
    return "as usual" if pico_dollars is None else f"${dollars(per_million(pico_dollars))}"
