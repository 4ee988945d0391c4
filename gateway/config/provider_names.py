"""Providers that `budgets` and `prices` name and no deployment has: doubtful, because they change nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.config import Config
from gateway.config.deployments import Resolved
from gateway.config.problems import Path as KeyPath
from gateway.config.problems import Problem, did_you_mean

EVERYBODY = "*"


def unused_providers(config: Config, resolved: Resolved) -> list[Problem]:
    """A warning for each. `resolved` is without a fleet, whose deployments have other providers."""
    everything = (*resolved.deployments, *(each.deployment for each in resolved.no_key))
    known = {deployment.provider for deployment in (*everything, *(each.shown for each in resolved.wildcards))}
    if EVERYBODY in known:  # a wildcard that may serve any provider's models
        return []
    what = "no deployment is of this provider"
    return [
        Problem(config.place(path), path, what, did_you_mean(name, known))
        for path, name in _named(config)
        if name not in known
    ]


def _named(config: Config) -> Iterator[tuple[KeyPath, str]]:
    named: tuple[tuple[KeyPath, tuple[str, ...]], ...] = (
        (("budgets", "providers"), tuple(config.budgets.providers)),
        (("prices", "discounts"), tuple(config.prices.discounts)),
        (("prices", "margins"), tuple(config.prices.margins)),
    )
    for path, names in named:
        yield from (((*path, name), name) for name in names if name != EVERYBODY)
