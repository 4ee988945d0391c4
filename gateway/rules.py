"""Which of the admin's rules a request fits: pure; the moment is the request's own `created_at`.

Built once from `routing`, so that a request costs a few set look-ups. What is dear is asked last and at most once for
each request: the time of day in `routing.timezone`, and the prompt's size (an estimate, see `measure.Size.estimate`).
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cached_property

from gateway.config.routing_models import Routing, Rule, RuleWhen, TokenRange
from gateway.config.starred import starred
from gateway.config.week import DAY, week
from gateway.measure import measure
from gateway.types import Call

_Found = frozenset[str | None]


@dataclass(frozen=True, slots=True)
class Fit:
    """A rule that fits, and what a route's reason calls it."""

    rule: Rule
    reason: str


class Rules:
    """The rules of one configuration, in their order."""

    def __init__(self, routing: Routing) -> None:
        self._zone = UTC if routing.timezone == "UTC" else zoneinfo.ZoneInfo(routing.timezone)
        self._rules = tuple(
            (Fit(rule, rule.name or f"rule {number}"), _Conditions(rule.when))
            for number, rule in enumerate(routing.rules, 1)
        )

    def __len__(self) -> int:
        return len(self._rules)

    def fitting(self, asked: str, call: Call) -> Iterator[Fit]:
        """The rules all of whose conditions hold, in their order. `asked`: the model's name behind an alias."""
        request = _Request(asked, call, self._zone)
        return (fit for fit, conditions in self._rules if conditions.hold(request))


class _Request:
    """What rules ask of one request; what has to be worked out is worked out when a rule asks for it."""

    def __init__(self, asked: str, call: Call, zone: tzinfo) -> None:
        self._call = call
        self._zone = zone
        self.models = frozenset((asked, call.model))

    @cached_property
    def names(self) -> dict[str, _Found]:
        call, identity = self._call, self._call.identity
        return {
            "team": frozenset((identity.team if identity else None,)),
            "user": frozenset((identity.user if identity else None,)),
            "key": frozenset((identity.name if identity else None,)),
            "brand": frozenset((call.brand,)),
            "template": frozenset((call.template,)),
            "tags": frozenset((*call.options.tags, *(identity.tags if identity else ()))),
        }

    @cached_property
    def minute(self) -> int:
        """The minute of the week, on the admin's clock."""
        there = datetime.fromtimestamp(self._call.created_at, self._zone)
        return there.weekday() * DAY + there.hour * 60 + there.minute

    @cached_property
    def tokens(self) -> int:
        return measure(self._call.body).estimate


class _Conditions:
    """One rule's conditions as tests, the cheap ones first; of several values one is enough."""

    def __init__(self, when: RuleWhen) -> None:
        tests: list[Callable[[_Request], bool]] = []
        if when.model:
            tests.append(_model_test(when.model))
        tests += [
            _name_test(name, frozenset(wanted))
            for name in ("team", "user", "key", "brand", "template", "tags")
            if (wanted := getattr(when, name))
        ]
        if when.after or when.before or when.days:
            tests.append(_time_test(when))
        if when.input_tokens:
            tests.append(_size_test(when.input_tokens))
        self._tests = tuple(tests)

    def hold(self, request: _Request) -> bool:
        return all(test(request) for test in self._tests)


def _name_test(name: str, wanted: frozenset[str]) -> Callable[[_Request], bool]:
    return lambda request: not request.names[name].isdisjoint(wanted)


def _model_test(names: tuple[str, ...]) -> Callable[[_Request], bool]:
    """Names as they are; a `*` in one stands for anything, as in `model_name`."""
    exact, pattern = frozenset(names), starred(name for name in names if "*" in name)
    return lambda request: (
        not request.models.isdisjoint(exact) or any(pattern.fullmatch(name) for name in request.models)
    )


def _time_test(when: RuleWhen) -> Callable[[_Request], bool]:
    holds = week(when)
    return lambda request: bool(holds >> request.minute & 1)


def _size_test(size: TokenRange) -> Callable[[_Request], bool]:
    return lambda request: size.min <= request.tokens and (size.max is None or request.tokens <= size.max)
