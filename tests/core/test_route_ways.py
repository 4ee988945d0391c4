"""What the route stage remembers never shows: a plan is the one that a stage without any memory would make."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.deployments import Facts, resolve
from gateway.config.loader import load
from gateway.errors import Fault, Forbidden, GatewayError, NotFound, ProviderError
from gateway.ports import Policy, Signals
from gateway.queue.places import Places
from gateway.routing import Routes
from gateway.stages.route import Route
from gateway.types import Call, Deployment, Options, Plan, Price
from routing_policies import weighted
from tests.core.fakes import FakeClock, SpyHealth, asking, person

CONFIG = """
model_list:
  - {model_name: one, litellm_params: {model: openai/o1, api_key: sk-x}, model_info: {id: o1}}
  - {model_name: two, litellm_params: {model: openai/t1, api_key: sk-x, weight: 2, tags: [paid]}, model_info: {id: t1, max_input_tokens: 9}}
  - {model_name: two, litellm_params: {model: openai/t2, api_key: sk-x, weight: 3}, model_info: {id: t2}}
  - {model_name: spare, litellm_params: {model: openai/s1, api_key: sk-x}, model_info: {id: s1}}
  - {model_name: "any/*", litellm_params: {model: openai/*, api_key: sk-x}}
routing:
  models: {auto: {tiers: {fast: one, best: two}}}
  SETTINGS
groups:
  one: {fallbacks: [two], context_window_fallbacks: [any/wide]}
  two: {fallbacks: [spare], policy: POLICY}
"""
PLAIN = "rules: []"
RULES = "rules: [{when: {tags: [draft]}, use: {group: two}}, {when: {team: legal}, use: {policy: priority}}]"
DEPLOYMENTS = ("o1", "t1", "t2", "s1")
NAMES = ("one", "two", "auto", "any/wide", "any/small")


def facts(model: str, *, custom_llm_provider: str | None, base_model: str | None) -> Facts:
    return Facts(model.partition("/")[0], Price(1, 2), max_output=500)


def routes(folder: Path, setting: str = PLAIN, policy: str = "weighted") -> Routes:
    path = folder / "config.yaml"
    path.write_text(CONFIG.replace("SETTINGS", setting).replace("POLICY", policy))
    config = load(path, {})
    return Routes(config, resolve(config, {}, facts, None))


class Bench:
    """A stage that remembers, and what it asks."""

    def __init__(self, routes: Routes, clock: FakeClock) -> None:
        self.routes = routes
        self.clock = clock
        self.health = SpyHealth(clock, failures=1, open_for=10)
        self.places = Places(clock)
        self.spent: set[str] = set()
        self.draws: Iterator[float] = cycle([0.25])
        self.stage = self.fresh()

    def fresh(self) -> Route:
        return Route(
            self.routes, self.health, self.places, lambda: next(self.draws), lambda each: each.id in self.spent
        )

    async def plan(self, model: str = "one", stage: Route | None = None, **changes: Any) -> Plan:
        call: Call = asking(self.clock, **{**changes, "body": {"model": model}})
        await (stage or self.stage).enter(call)
        assert call.plan is not None
        return call.plan


@pytest.fixture
def bench(tmp_path: Path, clock: FakeClock) -> Bench:
    return Bench(routes(tmp_path, policy="priority"), clock)


def order(plan: Plan) -> list[str]:
    return [each.deployment.id for each in plan.candidates if not each.after]


async def test_a_plan_is_made_once_while_all_is_well(bench: Bench) -> None:
    first = await bench.plan()
    assert await bench.plan() is first
    assert await bench.plan("two") is not first


async def test_health_is_asked_each_time(bench: Bench) -> None:
    well = await bench.plan("two")
    bench.health.failed("t1", ProviderError(Fault.CONNECT, "gone"))
    assert order(await bench.plan("two"))[:2] == ["t2", "t1"]
    bench.clock.advance(10)
    assert await bench.plan("two") == well
    bench.health.failed("o1", ProviderError(Fault.RATE_LIMITED, "enough", retry_after=5))
    assert "unhealthy" in (await bench.plan("one")).reason
    bench.clock.advance(5)
    assert await bench.plan("two") == well


async def test_budgets_of_deployments_are_asked_each_time(bench: Bench) -> None:
    well = await bench.plan("two")
    bench.spent.add("t1")
    assert order(await bench.plan("two")) == ["t2", "s1"]
    bench.spent.clear()
    assert await bench.plan("two") == well


async def test_what_one_key_may_call_says_nothing_about_another(bench: Bench) -> None:
    assert order(await bench.plan()) == ["o1", "t1", "t2", "s1"]
    assert order(await bench.plan(identity=person(models=frozenset({"one"})))) == ["o1"]
    with pytest.raises(Forbidden):
        await bench.plan(identity=person(models=frozenset({"two"})))
    assert order(await bench.plan()) == ["o1", "t1", "t2", "s1"]


async def test_a_requests_own_fallbacks_and_policy_are_its_own(bench: Bench) -> None:
    await bench.plan("two")
    assert order(await bench.plan("any/small", options=Options(fallbacks=("two",))))[1:] == ["t1", "t2"]
    assert len(order(await bench.plan("any/small"))) == 1
    assert (await bench.plan("two", options=Options(policy="cost"))).policy == "cost"
    assert (await bench.plan("two")).policy == "priority"


async def test_rules_are_asked_each_time(tmp_path: Path, clock: FakeClock) -> None:
    bench = Bench(routes(tmp_path, RULES, "priority"), clock)
    for _ in range(2):
        assert order(await bench.plan()) == ["o1", "t1", "t2", "s1"]
        assert order(await bench.plan(options=Options(tags=("draft",)))) == ["t1", "t2", "s1"]
        assert (await bench.plan(identity=person(team="legal"))).policy == "priority"
        with pytest.raises(NotFound):
            await bench.plan("nothing", options=Options(tags=("draft",)))


async def test_tags_are_asked_each_time(tmp_path: Path, clock: FakeClock) -> None:
    bench = Bench(routes(tmp_path, "tag_filter: true", "priority"), clock)
    for _ in range(2):
        assert order(await bench.plan("two")) == ["t1", "t2", "s1"]
        assert order(await bench.plan("two", options=Options(tags=("paid",)))) == ["t1"]


async def test_the_prompts_size_is_asked_each_time(tmp_path: Path, clock: FakeClock) -> None:
    bench = Bench(routes(tmp_path, "check_context: true", "priority"), clock)
    for words, found in ((1, ["t1", "t2"]), (100, ["t2"]), (1, ["t1", "t2"])):
        call = asking(clock, body={"model": "two", "messages": [{"role": "user", "content": "word " * words}]})
        await bench.stage.enter(call)
        assert call.plan is not None
        assert order(call.plan)[:-1] == found


async def test_the_load_is_spread_by_a_draw_for_each_request(tmp_path: Path, clock: FakeClock) -> None:
    bench = Bench(routes(tmp_path), clock)
    bench.draws = (number / 80 for number in range(80))  # one for the group, one for its fallback
    assert {order(await bench.plan("two"))[0] for _ in range(40)} == {"t1", "t2"}


class Curious:
    """A policy of one's own that says nothing of what it reads."""

    name = "curious"

    def __init__(self) -> None:
        self.told: list[Signals] = []

    def rank(self, body: dict[str, Any], deployments: Sequence[Deployment], signals: Signals) -> Plan:
        self.told.append(signals)
        return weighted.Policy().rank(body, deployments, signals)


class Heir(weighted.Policy):
    """One that inherits from a policy that says it, and ranks anew."""

    told: list[Signals]

    def __init__(self) -> None:
        self.told = []

    def rank(self, body: dict[str, Any], deployments: Sequence[Deployment], signals: Signals) -> Plan:
        self.told.append(signals)
        return super().rank(body, deployments, signals)


@pytest.mark.parametrize("policy", [Curious(), Heir()])
async def test_a_policy_of_ones_own_is_asked_each_time_and_told_everything(
    bench: Bench, policy: Curious | Heir, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies: dict[str, Policy] = {**bench.routes._policies, "weighted": policy}
    monkeypatch.setattr(bench.routes, "_policies", policies)
    bench.health.succeeded("s1", 0.5)
    for count in (1, 2):
        await bench.places.acquire([("s1", None)], 0)
        await bench.plan("spare")
        everything = Signals(frozenset({"s1"}), {"s1": count}, {"s1": 0.5}, 0.25, {"s1": count}, {"s1": 0})
        assert policy.told[-1] == everything
    assert len(policy.told) == 2


async def test_names_of_wildcards_do_not_fill_the_memory(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.stages.ways.MOST_WAYS", 10)
    for number in range(50):
        assert len(order(await bench.plan(f"any/{number}"))) == 1
        assert len(bench.stage._ways) <= 10
    for _ in range(3):
        with pytest.raises(NotFound):
            await bench.plan("nothing")
    assert len(bench.stage._ways) <= 10


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("fail"), st.sampled_from(DEPLOYMENTS)),
        st.tuples(st.just("spend"), st.sampled_from(DEPLOYMENTS)),
        st.tuples(st.just("pass"), st.sampled_from(["3", "10"])),
        st.tuples(
            st.just("ask"),
            st.tuples(
                st.sampled_from(NAMES),
                st.sampled_from([None, frozenset({"one"}), frozenset({"auto", "two"})]),
                st.sampled_from([Options(), Options(tags=("draft",)), Options(tags=("paid",)), Options(policy="cost")]),
                st.sampled_from([None, "legal"]),
            ),
        ),
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> list[Routes]:
    folder = tmp_path_factory.mktemp("ways")
    return [
        routes(folder, setting, policy)
        for setting in (PLAIN, RULES, "tag_filter: true")
        for policy in ("weighted", "priority", "usage")
    ]


@settings(max_examples=150, deadline=None)
@given(acts=ACTS, which=st.integers(0, 8))
async def test_it_plans_as_if_it_remembered_nothing(
    acts: list[tuple[str, Any]], which: int, several: list[Routes]
) -> None:
    bench = Bench(several[which], FakeClock())
    for act, what in acts:
        if act == "fail":
            bench.health.failed(what, ProviderError(Fault.CONNECT, "gone"))
        elif act == "spend":
            bench.spent ^= {what}
        elif act == "pass":
            bench.clock.advance(float(what))
        else:
            model, models, options, team = what
            changes = {"identity": person(models=models, team=team), "options": options}
            assert await told(bench, bench.stage, model, changes) == await told(bench, bench.fresh(), model, changes)


async def told(bench: Bench, stage: Route, model: str, changes: dict[str, Any]) -> Plan | str:
    try:
        return copy.copy(await bench.plan(model, stage, **changes))
    except GatewayError as error:
        return error.message
