"""What the policies rank by that look at load, speed, price and use; the lowest `order` always first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from gateway.ports import Signals
from gateway.types import Deployment, Endpoint, Price
from routing_policies import PolicyError, load


def deployment(key: str, *, price: int = 1, source: str = "config", **more: object) -> Deployment:
    priced = Price(input=price, output=price, source=source)
    return Deployment(key, "group", "openai", f"openai/{key}", Endpoint.CHAT, priced, **more)  # type: ignore[arg-type]


def ranked(name: str, deployments: Sequence[Deployment], draw: float = 0.5, **known: Mapping[str, object]) -> list[str]:
    given = {"in_flight": {}, "latency": {}, **known}
    signals = Signals(healthy=frozenset(each.id for each in deployments), draw=draw, **given)  # type: ignore[arg-type]
    return [candidate.deployment.id for candidate in load(name).rank({}, deployments, signals).candidates]


ABC = [deployment("a"), deployment("b"), deployment("c")]


def test_the_least_busy_first() -> None:
    assert ranked("least_busy", ABC, in_flight={"a": 2, "b": 1, "c": 3}) == ["b", "a", "c"]


def test_the_fastest_first_and_before_it_those_that_nobody_timed_yet() -> None:
    assert ranked("latency", ABC, latency={"a": 0.9, "b": 0.3}) == ["c", "b", "a"]


def test_one_try_is_enough_to_time_it_and_answers_in_one_piece_say_nothing() -> None:
    assert ranked("latency", ABC, latency={"a": 0.9, "b": 0.3}, requests={"a": 1, "c": 1}) == ["b", "a", "c"]


def test_within_the_buffer_all_are_as_fast_as_the_fastest() -> None:
    signals = [Signals(frozenset("abc"), {}, {"a": 1.0, "b": 1.15, "c": 2.0}, draw / 100) for draw in range(100)]
    policy = load("latency", buffer=0.2)
    first = Counter(policy.rank({}, ABC, each).candidates[0].deployment.id for each in signals)
    assert first["a"] == pytest.approx(50, abs=20)
    assert first["a"] + first["b"] == 100
    with pytest.raises(PolicyError):
        load("latency", buffer=-1)


def test_the_cheapest_first_and_those_without_a_price_last() -> None:
    four = [deployment("free", price=0, source="unknown"), deployment("dear", price=9), deployment("cheap", price=2)]
    assert ranked("cost", four) == ["cheap", "dear", "free"]


def test_the_one_that_used_least_of_its_limits_first() -> None:
    three = [deployment("a", rpm=10), deployment("b", tpm=1_000), deployment("c", rpm=100, tpm=1_000)]
    used = {"requests": {"a": 5, "b": 50, "c": 5}, "tokens": {"a": 9_000, "b": 400, "c": 600}}
    assert ranked("usage", three, **used) == ["b", "a", "c"]


def test_without_limits_the_one_with_fewer_tokens_first() -> None:
    assert ranked("usage", ABC, requests={"a": 1, "b": 1, "c": 2}, tokens={"a": 30, "b": 20, "c": 20}) == [
        "b",
        "c",
        "a",
    ]


@pytest.mark.parametrize("name", ["least_busy", "cost", "usage", "latency"])
def test_equals_are_first_in_turn(name: str) -> None:
    first = Counter(ranked(name, ABC, draw / 600)[0] for draw in range(600))
    assert {key: pytest.approx(200, abs=60) for key in "abc"} == first


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("least_busy", {"in_flight": {"main": 9}}),
        ("latency", {"latency": {"main": 9.0, "spare": 0.1}}),
        ("cost", {}),
        ("usage", {"requests": {"main": 9}, "tokens": {"main": 9}}),
    ],
)
def test_the_lowest_order_comes_first_whatever_is_measured(name: str, known: dict[str, Mapping[str, object]]) -> None:
    two = [deployment("spare", order=2, price=1, rpm=10), deployment("main", order=1, price=5, rpm=10)]
    assert ranked(name, two, **known) == ["main", "spare"]


def test_the_reasons_say_what_was_measured() -> None:
    signals = Signals(frozenset("a"), {"a": 2}, {"a": 0.25}, 0.5, {"a": 5}, {"a": 10})
    one = [deployment("a", price=1_000_000, rpm=10)]
    told = {name: load(name).rank({}, one, signals).reason for name in ("least_busy", "latency", "cost", "usage")}
    assert told == {
        "least_busy": "a: 2 under way",
        "latency": "a: 0.25 s to the first token",
        "cost": "a: $0.002000 for 1,000 tokens in and out",
        "usage": "a: 50% of its limits used",
    }
