"""Plans for single faults, by tags, by the size of the prompt, and without deployments that have spent their budgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.config.deployments import Facts, resolve
from gateway.config.loader import load
from gateway.errors import BudgetExhausted, Fault, InvalidRequest
from gateway.queue.places import Places
from gateway.routing import Routes
from gateway.stages.eligible import by_tags
from gateway.stages.route import Route
from gateway.stages.wait import front
from gateway.types import Call, Deployment, Endpoint, Options, Plan, Price
from tests.core.fakes import FakeClock, SpyHealth, asking, person

CONFIG = """
model_list:
  - {model_name: fast, litellm_params: {model: openai/f1, api_key: sk-x, tags: [free]}, model_info: {id: f1, max_input_tokens: 100}}
  - {model_name: fast, litellm_params: {model: openai/f2, api_key: sk-x, tags: [paid, eu]}, model_info: {id: f2}}
  - {model_name: smart, litellm_params: {model: openai/s1, api_key: sk-x}, model_info: {id: s1}}
  - {model_name: wide, litellm_params: {model: openai/w1, api_key: sk-x}, model_info: {id: w1}}
  - {model_name: open, litellm_params: {model: openai/o1, api_key: sk-x}, model_info: {id: o1}}
routing: {policy: priority, models: {auto: {policy: complexity, tiers: {fast: fast, smart: smart}}}, SETTINGS}
groups:
  fast: {fallbacks: [smart], context_window_fallbacks: [wide, smart], content_policy_fallbacks: [open]}
  smart: {context_window_fallbacks: [wide]}
"""


def facts(model: str, *, custom_llm_provider: str | None, base_model: str | None) -> Facts:
    return Facts(model.partition("/")[0], Price(1, 2), context_window=10_000, max_output=500)


Make = Callable[..., Route]


@pytest.fixture
def make(tmp_path: Path, clock: FakeClock) -> Make:
    def made(settings: str = "tag_filter: false", **more: Any) -> Route:
        path = tmp_path / "config.yaml"
        path.write_text(CONFIG.replace("SETTINGS", settings))
        config = load(path, {})
        routes = Routes(config, resolve(config, {}, facts, None))
        return Route(routes, SpyHealth(clock), Places(clock), draw=lambda: 0.0, **more)

    return made


async def planned(stage: Route, clock: FakeClock, model: str = "fast", **changes: Any) -> Plan:
    call: Call = asking(clock, **{**changes, "body": {"model": model, **changes.get("body", {})}})
    await stage.enter(call)
    assert call.plan is not None
    return call.plan


def told(plan: Plan) -> list[tuple[str, str | None, list[Fault]]]:
    return [(each.deployment.id, each.group, sorted(each.after)) for each in plan.candidates]


def order(plan: Plan) -> list[str]:
    return [each.deployment.id for each in plan.candidates if not each.after]


async def test_what_is_for_single_faults_stands_behind_its_group(make: Make, clock: FakeClock) -> None:
    assert told(await planned(make(), clock)) == [
        ("f1", "fast", []),
        ("f2", "fast", []),
        ("w1", "wide", [Fault.CONTEXT_WINDOW]),
        ("s1", "smart", [Fault.CONTEXT_WINDOW]),
        ("o1", "open", [Fault.CONTENT_POLICY]),
        ("s1", "smart", []),
        ("w1", "wide", [Fault.CONTEXT_WINDOW]),
    ]


async def test_a_virtual_model_has_the_fallbacks_of_its_tiers(make: Make, clock: FakeClock) -> None:
    plan = await planned(make(), clock, "auto", identity=person(models=frozenset({"auto"})))
    assert {each.group for each in plan.candidates if not each.after} == {"auto"}
    assert [(each.deployment.id, sorted(each.after)) for each in plan.candidates if each.after] == [
        ("w1", [Fault.CONTEXT_WINDOW]),
        ("s1", [Fault.CONTEXT_WINDOW]),
        ("o1", [Fault.CONTENT_POLICY]),
        ("w1", [Fault.CONTEXT_WINDOW]),
    ]


async def test_they_too_are_only_those_that_the_key_may_use(make: Make, clock: FakeClock) -> None:
    plan = await planned(make(), clock, identity=person(models=frozenset({"fast", "wide"})))
    assert [(each.deployment.id, bool(each.after)) for each in plan.candidates] == [
        ("f1", False),
        ("f2", False),
        ("w1", True),
    ]


async def test_the_one_with_a_place_comes_first_with_its_group_behind_it(make: Make, clock: FakeClock) -> None:
    plan = await planned(make(), clock)
    moved = front(plan, "s1")
    assert [name for name, _, _ in told(moved)] == ["s1", "w1", "f1", "f2", "w1", "s1", "o1"]
    assert not moved.candidates[0].after
    assert [name for name, _, _ in told(front(plan, "f2"))][:3] == ["f2", "f1", "w1"]


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ((), ["f1", "f2", "s1"]),
        (("paid",), ["f2"]),
        (("free", "paid"), ["f1", "f2"]),
        (("!free",), ["f2", "s1"]),
        (("&paid", "&eu"), ["f2"]),
    ],
)
async def test_tags_choose_the_deployments(
    make: Make, clock: FakeClock, tags: tuple[str, ...], found: list[str]
) -> None:
    stage = make("tag_filter: true")
    assert order(await planned(stage, clock, options=Options(tags=tags))) == found
    assert order(await planned(stage, clock, identity=person(tags=tags))) == found
    assert order(await planned(make(), clock, options=Options(tags=tags))) == ["f1", "f2", "s1"]


async def test_tags_that_nobody_has_are_refused(make: Make, clock: FakeClock) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await planned(make("tag_filter: true"), clock, options=Options(tags=("gold",)))
    assert (caught.value.code, caught.value.param) == ("no_deployment_for_tags", "tags")
    assert "'gold'" in caught.value.message


def tagged(name: str, *tags: str) -> Deployment:
    return Deployment(name, "g", "openai", f"openai/{name}", Endpoint.CHAT, Price(), tags=frozenset(tags))


FREE, PAID, EU, USUAL, PLAIN = (
    tagged("free", "free"),
    tagged("paid", "paid"),
    tagged("eu", "paid", "eu"),
    tagged("usual", "default"),
    tagged("plain"),
)


@pytest.mark.parametrize(
    ("deployments", "tags", "found"),
    [
        ([FREE, PAID, PLAIN], [], ["free", "paid", "plain"]),
        ([FREE, PAID, USUAL], [], ["usual"]),
        ([FREE, PAID, USUAL], ["paid"], ["paid"]),
        ([FREE, PAID, USUAL], ["gold"], ["usual"]),
        ([FREE, PAID, PLAIN], ["gold"], []),
        ([FREE, PAID, EU], ["free", "paid"], ["free", "paid", "eu"]),
        ([FREE, PAID, EU, USUAL], ["&paid"], ["paid", "eu"]),
        ([PAID, EU, USUAL], ["&paid", "!eu"], ["paid"]),
        ([PAID, EU, USUAL], ["paid", "&eu"], ["eu"]),
        ([PAID, EU, USUAL], ["free", "!default"], []),
        ([FREE, USUAL], ["free", "!free"], []),
        ([FREE, PAID, PLAIN], ["!paid"], ["free", "plain"]),
        ([FREE, PAID, USUAL], ["!default"], []),
        ([FREE, PLAIN], ["&", "!"], ["free", "plain"]),
    ],
)
def test_tags_mean_what_they_mean_in_litellm(deployments: list[Deployment], tags: list[str], found: list[str]) -> None:
    assert [each.id for each in by_tags(deployments, tags)] == found


@pytest.mark.parametrize(
    ("words", "found"), [(10, ["f1", "f2", "s1"]), (400, ["f2", "s1"]), (50_000, ["f1", "f2", "s1"])]
)
async def test_a_prompt_goes_where_it_fits(make: Make, clock: FakeClock, words: int, found: list[str]) -> None:
    body = {"messages": [{"role": "user", "content": "word " * words}]}
    assert order(await planned(make("check_context: true"), clock, body=body)) == found
    assert order(await planned(make(), clock, body=body)) == ["f1", "f2", "s1"]


async def test_a_deployment_without_money_is_left_out(make: Make, clock: FakeClock) -> None:
    stage = make(spent_out=lambda deployment: deployment.id in {"f1", "w1"})
    plan = await planned(stage, clock)
    assert [each.deployment.id for each in plan.candidates] == ["f2", "s1", "o1", "s1"]


async def test_when_all_their_budgets_are_spent_the_answer_says_so(make: Make, clock: FakeClock) -> None:
    with pytest.raises(BudgetExhausted) as caught:
        await planned(make(spent_out=lambda _: True), clock)
    assert (caught.value.code, caught.value.should_retry) == ("insufficient_quota", False)
    assert "deployments of 'fast'" in caught.value.message
