"""What every policy promises, and what each of the three ranks by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ports import Policy, Signals
from gateway.types import Deployment, Endpoint, Price
from routing_policies import BUILT_IN, load, reads_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
CONTENT = JSON | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": JSON}), max_size=3)
MESSAGE = JSON | st.fixed_dictionaries({"role": st.sampled_from(["user", "system", 3, None]), "content": CONTENT})
BODY = st.dictionaries(
    st.sampled_from(["model", "tools", "response_format", "reasoning_effort", "input"]), JSON
).flatmap(
    lambda body: st.just(body) | (JSON | st.lists(MESSAGE, max_size=4)).map(lambda found: {**body, "messages": found})
)
DEPLOYMENTS = st.lists(
    st.builds(
        lambda key, order, weight, tier, price: deployment(key, order=order, weight=weight, tier=tier, price=price),
        st.text("abcdefgh", min_size=1, max_size=4),
        st.integers(-2, 3),
        st.integers(-1, 5),
        st.sampled_from([None, "fast", "smart", "best", "odd"]),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda one: one.id,
)


def deployment(key: str, *, price: int = 1, source: str = "config", **more: object) -> Deployment:
    priced = Price(input=price, output=price, source=source)
    return Deployment(key, "group", "openai", f"openai/{key}", Endpoint.CHAT, priced, **more)  # type: ignore[arg-type]


def signals(healthy: object, draw: float = 0.5, in_flight: Mapping[str, int] | None = None) -> Signals:
    return Signals(frozenset(healthy), in_flight or {}, {}, draw)  # type: ignore[call-overload]


def ids(policy: Policy, deployments: list[Deployment], given_signals: Signals, text: str = "hi") -> list[str]:
    plan = policy.rank({"messages": [{"role": "user", "content": text}]}, deployments, given_signals)
    return [candidate.deployment.id for candidate in plan.candidates]


@pytest.mark.parametrize("name", sorted(BUILT_IN))
@settings(max_examples=60, deadline=None)
@given(body=BODY, deployments=DEPLOYMENTS, data=st.data(), draw=st.floats(0, 1, exclude_max=True))
def test_every_deployment_is_ranked_once_with_the_unhealthy_last(name, body, deployments, data, draw):
    healthy = data.draw(st.sets(st.sampled_from([one.id for one in deployments])))
    given_signals = signals(healthy, draw, {one.id: index for index, one in enumerate(deployments)})
    plan = load(name).rank(body, deployments, given_signals)
    ranked = [candidate.deployment.id for candidate in plan.candidates]
    assert sorted(ranked) == sorted(one.id for one in deployments)
    assert all(key in healthy for key in ranked[: len(healthy)])
    assert plan == load(name).rank(body, deployments, given_signals)
    assert plan.policy == name
    assert plan.reason
    assert all("\n" not in reason for reason in (plan.reason, *(one.reason for one in plan.candidates)))


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_nothing_to_rank_gives_an_empty_plan(name):
    plan = load(name).rank({}, [], signals(()))
    assert plan.candidates == ()
    assert plan.reason == "no deployment to choose from"


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_an_unhealthy_deployment_says_so_and_is_counted(name):
    plan = load(name).rank({}, [deployment("a"), deployment("b")], signals({"b"}))
    assert [candidate.deployment.id for candidate in plan.candidates] == ["b", "a"]
    assert "unhealthy" in plan.candidates[1].reason
    assert "unhealthy" not in plan.candidates[0].reason
    assert plan.reason.startswith("b: ")
    assert plan.reason.endswith("(1 of 2 unhealthy)")


def test_priority_goes_by_order_and_then_by_the_config():
    three = [deployment("a", order=2), deployment("b", order=1), deployment("c", order=1)]
    assert ids(load("priority"), three, signals("abc")) == ["b", "c", "a"]
    assert ids(load("priority"), three, signals("ac")) == ["c", "a", "b"]


def test_weighted_is_first_in_proportion_to_weight_and_so_are_the_fallbacks():
    three = [deployment("a", weight=1), deployment("b", weight=2), deployment("c", weight=5)]
    rankings = [tuple(ids(load("weighted"), three, signals("abc", draw / 4000))) for draw in range(4000)]
    first = Counter(ranking[0] for ranking in rankings)
    assert first["a"] == pytest.approx(500, abs=80)
    assert first["b"] == pytest.approx(1000, abs=100)
    assert first["c"] == pytest.approx(2500, abs=120)
    after_c = Counter(ranking[1] for ranking in rankings if ranking[0] == "c")
    assert after_c["b"] / after_c["a"] == pytest.approx(2, rel=0.15)


def test_weighted_keeps_a_lower_order_first_and_no_weight_last():
    three = [deployment("none", weight=0), deployment("backup", order=2, weight=9), deployment("main", weight=1)]
    for draw in range(50):
        assert ids(load("weighted"), three, signals(["none", "backup", "main"], draw / 50)) == [
            "main",
            "none",
            "backup",
        ]


def test_complexity_takes_the_tier_asked_for_then_the_higher_then_the_lower_ones():
    three = [deployment("best", tier="best"), deployment("fast", tier="fast"), deployment("smart", tier="smart")]
    all_healthy = signals(["best", "fast", "smart"])
    assert ids(load("complexity"), three, all_healthy) == ["fast", "smart", "best"]
    assert ids(load("complexity", fast_below=0, best_from=1), three, all_healthy) == ["smart", "best", "fast"]
    assert ids(load("complexity", fast_below=0, best_from=0), three, all_healthy) == ["best", "smart", "fast"]


def test_complexity_prefers_in_a_tier_the_cheap_then_the_idle_and_the_unpriced_last():
    four = [
        deployment("unpriced", tier="fast", price=0, source="unknown"),
        deployment("dear", tier="fast", price=9),
        deployment("busy", tier="fast", price=2),
        deployment("idle", tier="fast", price=2),
    ]
    busy = signals(["unpriced", "dear", "busy", "idle"], in_flight={"busy": 3})
    assert ids(load("complexity"), four, busy) == ["idle", "busy", "dear", "unpriced"]


def test_complexity_treats_a_deployment_without_a_tier_as_smart():
    three = [deployment("fast", tier="fast"), deployment("plain"), deployment("best", tier="best")]
    assert ids(load("complexity", fast_below=0, best_from=1), three, signals(["fast", "plain", "best"]))[0] == "plain"


def test_complexity_tells_its_score_and_tier():
    plan = load("complexity").rank({"messages": [{"role": "user", "content": "hi"}]}, [deployment("a")], signals("a"))
    assert plan.score == 0
    assert plan.tier == "fast"
    assert plan.reason == "a: complexity 0.00 asks for fast (nothing hard in it)"


@pytest.mark.parametrize("name", sorted(BUILT_IN))
@settings(max_examples=60, deadline=None)
@given(body=BODY, deployments=DEPLOYMENTS, data=st.data(), draw=st.floats(0, 1, exclude_max=True))
def test_what_a_policy_does_not_say_it_reads_changes_nothing(name, body, deployments, data, draw):
    figures = st.dictionaries(st.sampled_from([one.id for one in deployments]), st.integers(0, 9))
    healthy = frozenset(one.id for one in deployments)
    known = {field: data.draw(figures) for field in ("in_flight", "latency", "requests", "tokens")}
    policy = load(name)
    reads = reads_of(type(policy))
    told = policy.rank(body, deployments, Signals(healthy, draw=draw, **known))
    spared = Signals(
        healthy,
        draw=draw if "draw" in reads else data.draw(st.floats(0, 1, exclude_max=True)),
        **{field: figure if field in reads else {} for field, figure in known.items()},
    )
    assert policy.rank(body if "body" in reads else {}, deployments, spared) == told
    if reads <= {"draw"}:
        alone = deployments[:1]
        assert policy.rank({}, alone, Signals(healthy, {}, {}, draw)) == policy.rank(body, alone, spared)
