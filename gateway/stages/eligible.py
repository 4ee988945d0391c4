"""Which deployments of a group may serve a request at all: by its tags, by the size of its prompt. Pure.

The tags mean what they mean in LiteLLM's router: `a` asks for any deployment that has it, `&a` for all that must have it,
`!a` for none that has it; a request without tags goes to the deployments tagged `default`, where there are any.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from gateway.measure import measure
from gateway.types import Deployment, JsonObject

DEFAULT = "default"


def by_tags(deployments: Sequence[Deployment], tags: Collection[str]) -> list[Deployment]:
    """Those that a request with these tags may go to; none where its tags rule all of them out."""
    required = {tag[1:] for tag in tags if tag.startswith("&") and len(tag) > 1}
    excluded = {tag[1:] for tag in tags if tag.startswith("!") and len(tag) > 1}
    wanted = {tag for tag in tags if not tag.startswith(("&", "!"))}
    if not wanted and not required:
        return [each for each in _defaults(deployments) if excluded.isdisjoint(each.tags)]
    possible = [each for each in deployments if required <= each.tags and excluded.isdisjoint(each.tags)]
    if not wanted:
        return possible
    matching = [each for each in possible if not wanted.isdisjoint(each.tags)]
    if matching or any(not wanted.isdisjoint(each.tags) for each in deployments):
        return matching  # a tag that the group knows is meant: then the default ones are not
    return [each for each in possible if DEFAULT in each.tags]


def by_window(deployments: Sequence[Deployment], body: JsonObject) -> list[Deployment]:
    """Those whose context window holds the prompt, by an estimate; all of them where none does."""
    if all(each.context_window is None for each in deployments):
        return list(deployments)
    size = measure(body).estimate
    wide = [each for each in deployments if each.context_window is None or each.context_window >= size]
    return wide or list(deployments)


def _defaults(deployments: Sequence[Deployment]) -> Sequence[Deployment]:
    return [each for each in deployments if DEFAULT in each.tags] or deployments
