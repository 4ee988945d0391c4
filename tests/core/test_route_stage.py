"""Names become a plan: aliases, rights, rules, virtual models, fallbacks; a policy may order, never choose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.config.deployments import Facts, resolve
from gateway.config.loader import load
from gateway.errors import Fault, Forbidden, InvalidRequest, NotFound, ProviderError, Unavailable
from gateway.ports import Policy, Signals
from gateway.queue.places import Places
from gateway.routing import Routes
from gateway.stages.route import Route
from gateway.types import Call, Candidate, Deployment, Endpoint, Options, Plan, Price
from tests.core.fakes import FakeClock, SpyHealth, asking, person

CONFIG = """
model_list:
  - {model_name: fast, litellm_params: {model: openai/f1, api_key: sk-x, order: 1}, model_info: {id: f1}}
  - {model_name: fast, litellm_params: {model: openai/f2, api_key: sk-x, order: 2}, model_info: {id: f2}}
  - {model_name: smart, litellm_params: {model: anthropic/s1, api_key: sk-x}, model_info: {id: s1}}
  - {model_name: best, litellm_params: {model: anthropic/b1, api_key: sk-x}, model_info: {id: b1}}
  - {model_name: spare, litellm_params: {model: anthropic/p1, api_key: sk-x}, model_info: {id: p1}}
  - {model_name: keyless, litellm_params: {model: openai/k1, api_key: os.environ/NOT_SET}, model_info: {id: k1}}
  - {model_name: embed, litellm_params: {model: openai/e1, api_key: sk-x}, model_info: {id: e1, mode: embedding}}
routing:
  policy: priority
  models:
    auto: {policy: complexity, tiers: {fast: fast, smart: smart, best: best}}
  rules:
    - {name: legal, when: {team: legal}, use: {group: best}}
    - {name: drafts, when: {tags: [draft]}, use: {tier: fast, policy: weighted}}
    - {when: {brand: lumen}, use: {policy: weighted}}
groups:
  fast: {fallbacks: [smart]}
  smart: {fallbacks: [spare]}
router_settings:
  model_group_alias: {gpt-4: smart}
"""


def facts(model: str, *, custom_llm_provider: str | None, base_model: str | None) -> Facts:
    return Facts(model.partition("/")[0], Price(1, 2), context_window=1_000, max_output=500)


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Routes:
    path: Path = tmp_path_factory.mktemp("routes") / "config.yaml"
    path.write_text(CONFIG)
    config = load(path, {})
    return Routes(config, resolve(config, {}, facts, None))


@pytest.fixture
def health(clock: FakeClock) -> SpyHealth:
    return SpyHealth(clock)


@pytest.fixture
def stage(routes: Routes, health: SpyHealth, clock: FakeClock) -> Route:
    return Route(routes, health, Places(clock), draw=lambda: 0.0)


async def planned(stage: Route, clock: FakeClock, model: str, **changes: Any) -> list[str]:
    """Ids in the order of the plan."""
    call = asking(clock, **{**changes, "body": {"model": model, **changes.get("body", {})}})
    return order(await routed(stage, call))


async def routed(stage: Route, call: Call) -> Plan:
    await stage.enter(call)
    assert call.plan is not None
    return call.plan


def order(plan: Plan) -> list[str]:
    return [candidate.deployment.id for candidate in plan.candidates]


async def test_a_group_with_its_fallbacks_and_theirs(stage: Route, clock: FakeClock) -> None:
    plan = await routed(stage, asking(clock))
    assert order(plan) == ["f1", "f2", "s1", "p1"]
    assert [candidate.reason for candidate in plan.candidates][2:] == [
        "fallback group smart",
        "fallback group spare",
    ]
    assert plan.policy == "priority"


async def test_an_alias_means_its_group(stage: Route, clock: FakeClock) -> None:
    assert await planned(stage, clock, "gpt-4") == ["s1", "p1"]


@pytest.mark.parametrize("name", ["nothing", "embed", "FAST", "x" * 500])
async def test_an_unknown_name_is_not_found(stage: Route, clock: FakeClock, name: str) -> None:
    with pytest.raises(NotFound) as caught:
        await planned(stage, clock, name)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert len(caught.value.message) < 200


async def test_each_endpoint_has_its_own_models(stage: Route, clock: FakeClock) -> None:
    assert await planned(stage, clock, "embed", endpoint=Endpoint.EMBEDDINGS) == ["e1"]
    with pytest.raises(NotFound):
        await planned(stage, clock, "fast", endpoint=Endpoint.EMBEDDINGS)


async def test_a_model_that_the_key_may_not_use(stage: Route, clock: FakeClock) -> None:
    with pytest.raises(Forbidden) as caught:
        await planned(stage, clock, "smart", identity=person(models=frozenset({"fast"})))
    assert caught.value.code == "model_not_allowed"


@pytest.mark.parametrize("models", [{"smart"}, {"gpt-4"}])
async def test_a_key_may_name_a_group_or_its_alias(stage: Route, clock: FakeClock, models: set[str]) -> None:
    found = await planned(stage, clock, "gpt-4", identity=person(models=frozenset(models)))
    assert found == ["s1"]


async def test_fallbacks_are_only_those_that_the_key_may_use(stage: Route, clock: FakeClock) -> None:
    assert await planned(stage, clock, "fast", identity=person(models=frozenset({"fast"}))) == ["f1", "f2"]
    assert await planned(stage, clock, "fast", identity=person(models=frozenset({"fast", "spare"}))) == [
        "f1",
        "f2",
        "p1",
    ]


async def test_a_virtual_model_brings_its_tiers_and_fallbacks_along(stage: Route, clock: FakeClock) -> None:
    found = await planned(stage, clock, "auto", identity=person(models=frozenset({"auto"})))
    assert set(found) == {"f1", "f2", "s1", "b1", "p1"}
    assert found[-1] == "p1"


async def test_the_complexity_policy_says_score_and_tier(stage: Route, clock: FakeClock) -> None:
    plan = await routed(stage, asking(clock, body={"model": "auto"}))
    assert plan.policy == "complexity"
    assert plan.tier == "fast"
    assert plan.score is not None


@pytest.mark.parametrize(
    ("changes", "first", "reason"),
    [
        ({"identity": person(team="legal")}, "b1", "legal"),
        ({"options": Options(tags=("draft",))}, "f1", "drafts"),
        ({"identity": person(tags=("draft",))}, "f1", "drafts"),
        ({"brand": "lumen"}, "s1", "rule 3"),
    ],
)
async def test_the_first_rule_that_fits_counts(
    stage: Route, clock: FakeClock, changes: dict[str, Any], first: str, reason: str
) -> None:
    plan = await routed(stage, asking(clock, body={"model": "smart"}, **changes))
    assert order(plan)[0] == first
    assert plan.reason.startswith(reason)


async def test_where_a_rule_leads_counts_for_the_fallbacks_too(stage: Route, clock: FakeClock) -> None:
    assert await planned(stage, clock, "smart", identity=person(team="legal")) == ["b1"]
    assert await planned(stage, clock, "spare", options=Options(tags=("draft",))) == ["f1", "f2", "s1", "p1"]


async def test_a_requests_own_fallbacks_come_before_the_admins(stage: Route, clock: FakeClock) -> None:
    found = await planned(stage, clock, "fast", options=Options(fallbacks=("best", "gpt-4")))
    assert found == ["f1", "f2", "b1", "s1", "p1"]


async def test_a_virtual_model_can_be_a_fallback(stage: Route, clock: FakeClock) -> None:
    found = await planned(stage, clock, "spare", options=Options(fallbacks=("auto",)))
    assert found[0] == "p1"
    assert set(found) == {"p1", "f1", "f2", "s1", "b1"}


@pytest.mark.parametrize(
    ("fallback", "error"), [("nothing", NotFound), ("embed", NotFound), ("best", Forbidden), ("gpt-4", Forbidden)]
)
async def test_a_requests_fallbacks_must_be_its_keys(
    stage: Route, clock: FakeClock, fallback: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        await planned(
            stage, clock, "fast", identity=person(models=frozenset({"fast"})), options=Options(fallbacks=(fallback,))
        )
    assert getattr(caught.value, "param", None) == "fallbacks"


async def test_a_request_may_name_the_policy(stage: Route, clock: FakeClock) -> None:
    plan = await routed(stage, asking(clock, options=Options(policy="weighted")))
    assert plan.policy == "weighted"
    with pytest.raises(InvalidRequest) as caught:
        await planned(stage, clock, "fast", options=Options(policy="nothing"))
    assert caught.value.param == "x-atelier-policy"


async def test_unhealthy_deployments_come_last_and_stay(stage: Route, clock: FakeClock, health: SpyHealth) -> None:
    health.failed("f1", ProviderError(Fault.CREDENTIALS, "refused"))
    assert (await planned(stage, clock, "fast"))[:2] == ["f2", "f1"]


async def test_a_group_without_a_key_is_known_but_not_served(stage: Route, clock: FakeClock) -> None:
    with pytest.raises(Unavailable) as caught:
        await planned(stage, clock, "keyless")
    assert caught.value.code == "no_healthy_upstream"
    assert await planned(stage, clock, "keyless", options=Options(fallbacks=("best",))) == ["b1"]


class Choosy:
    """A policy that does what a policy must not."""

    name = "choosy"

    def __init__(self, kept: slice, invented: Sequence[Deployment] = ()) -> None:
        self.kept, self.invented = kept, tuple(invented)

    def rank(self, body: dict[str, Any], deployments: Sequence[Deployment], signals: Signals) -> Plan:
        chosen = (*deployments[self.kept], *self.invented)
        return Plan(tuple(Candidate(each, "mine") for each in chosen), self.name, "because")


@pytest.mark.parametrize("bad", [Choosy(slice(0, 1)), Choosy(slice(0, 0)), Choosy(slice(0, 2), ["twice"])])  # type: ignore[list-item]
async def test_a_policy_that_drops_or_doubles_a_deployment_is_a_bug(
    stage: Route, clock: FakeClock, routes: Routes, bad: Choosy, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bad.invented:
        bad.invented = tuple(routes.deployments(("fast",), Endpoint.CHAT)[:1])
    policies: dict[str, Policy] = {**routes._policies, "priority": bad}
    monkeypatch.setattr(routes, "_policies", policies)
    with pytest.raises(RuntimeError, match="choosy"):
        await planned(stage, clock, "fast")


async def test_a_policy_knows_health_load_and_latency(
    routes: Routes, clock: FakeClock, health: SpyHealth, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Signals] = []

    class Curious(Choosy):
        def rank(self, body: dict[str, Any], deployments: Sequence[Deployment], signals: Signals) -> Plan:
            told.append(signals)
            return super().rank(body, deployments, signals)

    places = Places(clock)
    await places.acquire([("f1", None)], 0)
    health.succeeded("f1", 0.5)
    health.failed("f2", ProviderError(Fault.CREDENTIALS, "refused"))
    monkeypatch.setattr(routes, "_policies", {**routes._policies, "priority": Curious(slice(None))})
    await routed(Route(routes, health, places, draw=lambda: 0.25), asking(clock))
    assert told[0] == Signals(frozenset({"f1"}), {"f1": 1}, {"f1": 0.5}, 0.25, {"f1": 1}, {"f1": 0})


def test_names_for_the_list_of_models(routes: Routes) -> None:
    assert routes.names == ["auto", "fast", "smart", "best", "spare", "embed", "keyless"]
    assert routes.endpoints("auto") == {Endpoint.CHAT}
    assert routes.endpoints("nothing") == frozenset()
