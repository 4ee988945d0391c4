"""Entries of `model_list` that stand for many models: `*`, `openai/*`, `claude-*`.

Patterns match, and are ranked, as LiteLLM does it: the longest first; what `*` stands for goes into the `*` of `model`;
a bare name is tried with its provider before it too (`gpt-6-luna` fits `openai/*`). Never raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from gateway.config.building import Built, Carded, simulated, uncarded
from gateway.types import Deployment

_COUNTED = "*+?\\^$|()"


@dataclass(frozen=True, slots=True)
class Wildcard:
    """One entry. `shown` is for lists and reports: its deployment with the `*` still in the model, never called."""

    pattern: str  # also the name of its group
    model: str  # as in the file
    shown: Deployment
    missing: str | None = None  # the variable that it needs before it can serve anything
    fleet: Mapping[str, str] | None = field(default=None, repr=False)  # it serves everything, at these addresses
    build: Callable[[str], Built | None] = field(default=lambda _: None, repr=False, compare=False)  # a model's name
    provider_of: Callable[[str], str | None] = field(default=lambda _: None, repr=False, compare=False)
    carded: Carded = field(default=uncarded, repr=False, compare=False)

    def deployment(self, name: str) -> Deployment | None:
        """The deployment that serves the model `name`; None where the pattern does not fit, a key is missing, or
        LiteLLM does not know the model or its kind is not served. Names with the same model behind them share it.
        """
        match = self.match(name)
        built = None if match is None else self.build(filled(self.model, match))
        if built is None:
            return None
        if self.fleet is not None:
            return self.carded(simulated(built.deployment, self.fleet))
        return None if built.missing is not None else self.carded(built.deployment)

    def match(self, name: str) -> re.Match[str] | None:
        """How the pattern fits the name, or the name with its provider before it."""
        return fits(self.pattern, name) or fits(self.pattern, f"{self.provider_of(name)}/{name}")


def fits(pattern: str, name: str) -> re.Match[str] | None:
    """How a pattern of the file fits a name; without a `*` in the pattern it must be the same."""
    if "*" not in pattern:
        return re.fullmatch(re.escape(pattern), name)
    return re.match(_expression(pattern), name)


@cache
def _expression(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*", "(.*)")


def specificity(pattern: str) -> tuple[int, int]:
    """The greater, the earlier: LiteLLM's rank of a pattern, by its length, then by its special characters."""
    expression = _expression(pattern)
    return len(expression), sum(expression.count(char) for char in _COUNTED)


def filled(model: str, match: re.Match[str]) -> str:
    """The model's name with what the pattern's `*` stood for; the whole name where the model has fewer of them."""
    if "*" not in model:
        return model
    parts = match.groups()
    if len(parts) > model.count("*"):
        return match.string
    for part in parts:
        model = model.replace("*", part, 1)
    return model


def best_match(wildcards: Iterable[Wildcard], name: str) -> tuple[Wildcard, ...]:
    """All entries of the most specific pattern that fits `name`; a pattern that fits the bare name counts first."""
    ranked = sorted(wildcards, key=lambda each: specificity(each.pattern), reverse=True)
    best = next((each.pattern for each in ranked if fits(each.pattern, name)), None)
    best = best or next((each.pattern for each in ranked if each.match(name)), None)
    return tuple(each for each in ranked if each.pattern == best)
