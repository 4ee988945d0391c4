"""A rule of routing in one line of words, for reports and for what a change does. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.routing_models import Rule, RuleUse, RuleWhen, TokenRange

_NAMES = ("model", "team", "user", "key", "brand", "template")


def in_words(rule: Rule) -> str:
    """Such as `team a, at most 500 input tokens, 18:00 to 24:00 → group fast`; without the rule's name."""
    return f"{', '.join(_conditions(rule.when))} → {_use(rule.use)}"


def _conditions(when: RuleWhen) -> Iterator[str]:
    for name in _NAMES:
        if values := getattr(when, name):
            yield f"{name} {_either(values)}"
    if when.tags:
        yield f"tag {_either(when.tags)}"
    if when.input_tokens:
        yield _size(when.input_tokens)
    if when.days:
        yield f"on {', '.join(when.days)}"
    if when.after or when.before:
        yield f"{when.after or '00:00'} to {when.before or '24:00'}"


def _size(size: TokenRange) -> str:
    if size.max is None:
        return f"at least {size.min} input tokens"
    return f"{size.min} to {size.max} input tokens" if size.min else f"at most {size.max} input tokens"


def _use(use: RuleUse) -> str:
    said = [f"group {use.group}"] if use.group else [f"tier {use.tier}"] if use.tier else []
    if use.policy:
        said.append(f"ordered by {use.policy}")
    return ", ".join(said)


def _either(values: tuple[str, ...]) -> str:
    return " or ".join(values)
