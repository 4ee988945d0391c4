"""A rule fits when all its conditions hold: who asks, for what, how much of it, and when on the admin's clock."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.config.deployments import Facts, resolve
from gateway.config.loader import load
from gateway.config.routing_models import Routing
from gateway.routing import Routes
from gateway.rules import Rules
from gateway.types import Call, Endpoint, Options
from tests.core.fakes import FakeClock, asking, person


def fits(when: dict[str, Any], call: Call, *, asked: str = "fast", zone: str = "UTC") -> bool:
    routing = Routing.model_validate({"timezone": zone, "rules": [{"when": when, "use": {"group": "fast"}}]})
    return any(Rules(routing).fitting(asked, call))


def at(clock: FakeClock, moment: str, zone: str = "UTC") -> Call:
    """A call at a wall-clock time of `zone`; 2026-11-23 is a Monday."""
    call = asking(clock)
    call.created_at = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone)).timestamp()
    return call


@pytest.mark.parametrize(
    ("moment", "within"),
    [("17:59:59", False), ("18:00:00", True), ("23:59:59", True), ("00:00:00", False)],
)
def test_after_holds_until_midnight(clock: FakeClock, moment: str, within: bool) -> None:
    assert fits({"after": "18:00"}, at(clock, f"2026-11-23T{moment}")) is within


@pytest.mark.parametrize(("moment", "within"), [("00:00", True), ("05:59", True), ("06:00", False)])
def test_before_holds_from_midnight_on(clock: FakeClock, moment: str, within: bool) -> None:
    assert fits({"before": "06:00"}, at(clock, f"2026-11-23T{moment}")) is within


@pytest.mark.parametrize(
    ("moment", "within"), [("21:59", False), ("22:00", True), ("03:00", True), ("06:00", False), ("12:00", False)]
)
def test_a_range_goes_over_midnight_when_it_ends_before_it_begins(clock: FakeClock, moment: str, within: bool) -> None:
    assert fits({"after": "22:00", "before": "06:00"}, at(clock, f"2026-11-23T{moment}")) is within


@pytest.mark.parametrize(
    ("moment", "within"),
    [
        ("2026-11-27T23:00", True),  # Friday night
        ("2026-11-28T05:00", True),  # it is Saturday by now, but the night began on Friday
        ("2026-11-28T23:00", False),
        ("2026-11-27T05:00", False),  # Thursday's night
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_began(clock: FakeClock, moment: str, within: bool) -> None:
    assert fits({"after": "22:00", "before": "06:00", "days": "fri"}, at(clock, moment)) is within


def test_sundays_night_reaches_into_monday(clock: FakeClock) -> None:
    assert fits({"after": "22:00", "before": "06:00", "days": ["sun"]}, at(clock, "2026-11-23T05:00"))


def test_days_alone_hold_all_day(clock: FakeClock) -> None:
    assert fits({"days": ["mon", "tue"]}, at(clock, "2026-11-23T00:00"))
    assert not fits({"days": ["mon", "tue"]}, at(clock, "2026-11-22T23:59"))


@pytest.mark.parametrize(("zone", "within"), [("Europe/Berlin", True), ("UTC", False), ("Asia/Tokyo", False)])
def test_times_are_those_of_the_routing_s_time_zone(clock: FakeClock, zone: str, within: bool) -> None:
    half_past_five = at(clock, "2026-11-23T17:30")  # in UTC: half past six in Berlin, half past two in Tokyo

    assert fits({"after": "18:00", "days": "mon"}, half_past_five, zone=zone) is within


def test_summer_time_moves_with_the_clocks_on_the_wall(clock: FakeClock) -> None:
    for moment in ("2026-03-28T18:00", "2026-03-30T18:00"):  # either side of the change
        assert fits({"after": "18:00"}, at(clock, moment, "Europe/Berlin"), zone="Europe/Berlin")
        assert not fits({"after": "18:01"}, at(clock, moment, "Europe/Berlin"), zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("size", "fitting"),
    [({"max": 100}, True), ({"min": 90, "max": 110}, True), ({"max": 90}, False), ({"min": 110}, False)],
)
def test_a_prompt_s_size_is_about_four_letters_a_token(clock: FakeClock, size: dict[str, int], fitting: bool) -> None:
    call = asking(clock)
    call.body["messages"] = [{"role": "user", "content": "a" * 380}]

    assert fits({"input_tokens": size}, call) is fitting


def test_both_ends_of_a_size_are_included(clock: FakeClock) -> None:
    call = asking(clock)
    call.body["messages"] = [{"role": "user", "content": "a" * 396}]  # and its role

    assert fits({"input_tokens": {"min": 100, "max": 100}}, call)


def test_what_comes_before_the_client_s_words_counts_too(clock: FakeClock) -> None:
    call = asking(clock)
    call.body["messages"] = [{"role": "system", "content": "b" * 4_000}, {"role": "user", "content": "Hi"}]

    assert not fits({"input_tokens": {"max": 500}}, call)


@pytest.mark.parametrize(
    ("wanted", "asked", "fitting"),
    [
        ("openai/*", "openai/gpt-6-luna", True),
        ("openai/*", "anthropic/claude", False),
        ("*-mini", "gpt-mini", True),
        ("gpt.*", "gpt-mini", False),
        ("*", "anything", True),
    ],
)
def test_a_star_in_a_model_stands_for_anything(clock: FakeClock, wanted: str, asked: str, fitting: bool) -> None:
    call = asking(clock)
    call.body["model"] = asked

    assert fits({"model": wanted}, call, asked=asked) is fitting


def test_a_model_is_known_by_its_alias_and_by_its_own_name(clock: FakeClock) -> None:
    call = asking(clock)
    call.body["model"] = "gpt-4"

    assert fits({"model": "gpt-4"}, call, asked="smart")
    assert fits({"model": ["other", "smart"]}, call, asked="smart")
    assert not fits({"model": "fast"}, call, asked="smart")


def test_all_conditions_must_hold_and_of_several_values_one_is_enough(clock: FakeClock) -> None:
    when = {"team": ["a", "b"], "tags": ["draft"], "input_tokens": {"max": 500}, "after": "18:00"}
    call = at(clock, "2026-11-23T19:00")
    call.identity, call.options = person(team="a"), Options(tags=("draft", "x"))

    assert fits(when, call)
    call.identity = person(team="c")
    assert not fits(when, call)


def test_rules_that_fit_come_in_their_order_with_their_names_or_numbers(clock: FakeClock) -> None:
    routing = Routing.model_validate(
        {
            "rules": [
                {"when": {"team": "a"}, "use": {"group": "one"}},
                {"when": {"days": "mon"}, "use": {"group": "two"}},
                {"name": "all day", "when": {"after": "00:00"}, "use": {"group": "three"}},
            ]
        }
    )
    rules = Rules(routing)

    monday, tuesday = at(clock, "2026-11-23T10:00"), at(clock, "2026-11-24T10:00")
    found = [[(fit.rule.use.group, fit.reason) for fit in rules.fitting("fast", call)] for call in (monday, tuesday)]

    assert found == [[("two", "rule 2"), ("three", "all day")], [("three", "all day")]]


def test_a_rule_to_a_group_of_chat_models_leaves_embeddings_alone(clock: FakeClock, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "model_list:\n"
        "  - {model_name: fast, litellm_params: {model: openai/f, api_key: sk-x}}\n"
        "  - {model_name: vectors, litellm_params: {model: openai/e, api_key: sk-x}, model_info: {mode: embedding}}\n"
        "routing: {rules: [{when: {team: red}, use: {group: fast}}]}\n"
    )
    config = load(path, {})
    routes = Routes(config, resolve(config, {}, lambda *_, **__: Facts("openai"), None))
    embedding = asking(clock, body={"model": "vectors", "input": "x"}, endpoint=Endpoint.EMBEDDINGS)

    assert routes.choose("vectors", embedding).groups == ("vectors",)
    assert routes.choose("other", asking(clock)).groups == ("fast",)
