"""Names that stand for many: wildcards, and what a key's models may hold beside the names of groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.config.deployments import Facts, UnknownModelError, resolve
from gateway.config.loader import load
from gateway.errors import Forbidden, NotFound
from gateway.queue.places import Places, Spot, place_of
from gateway.routing import Expansions, Routes
from gateway.stages.route import Route
from gateway.types import Call, Endpoint, Price
from tests.core.fakes import FakeClock, SpyHealth, asking, person

CONFIG = """
model_list:
  - {model_name: fast, litellm_params: {model: openai/gpt-6-luna, api_key: sk-x}, model_info: {id: f1, access_groups: [basic]}}
  - {model_name: gpt-6-luna, litellm_params: {model: openai/gpt-6-luna, api_key: sk-x}, model_info: {id: g1}}
  - {model_name: smart, litellm_params: {model: anthropic/s1, api_key: sk-x}, model_info: {id: s1, access_groups: [basic, dear]}}
  - {model_name: "openai/*", litellm_params: {model: "openai/*", api_key: sk-1, rpm: 9}, model_info: {id: one, access_groups: [wild]}}
  - {model_name: "openai/*", litellm_params: {model: "openai/*", api_key: sk-2}, model_info: {id: two}}
  - {model_name: "openai/gpt-*", litellm_params: {model: "azure/gpt-*", api_key: sk-x, api_base: "https://a.example"}, model_info: {id: az}}
groups:
  "openai/*": {fallbacks: [smart], policy: priority, context_window_fallbacks: [fast]}
  openai/own: {fallbacks: [fast]}
router_settings:
  model_group_alias: {luna: openai/luna, cheap: fast}
"""


def facts(model: str, *, custom_llm_provider: str | None, base_model: str | None) -> Facts:
    provider, slash, name = model.partition("/")
    if not slash or name == "unknown":
        raise UnknownModelError("nobody's; write it otherwise")
    return Facts(provider, Price(1, 2), mode="embedding" if name == "embed" else "chat")


@pytest.fixture
def routes(tmp_path: Path) -> Routes:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    config = load(path, {})
    return Routes(config, resolve(config, {}, facts, None))


@pytest.fixture
def stage(routes: Routes, clock: FakeClock) -> Route:
    return Route(routes, SpyHealth(clock), Places(clock), draw=lambda: 0.0)


async def planned(stage: Route, clock: FakeClock, model: str, **changes: Any) -> list[tuple[str, str | None]]:
    call: Call = asking(clock, **{**changes, "body": {"model": model}})
    await stage.enter(call)
    assert call.plan is not None
    return [(each.deployment.model, each.group) for each in call.plan.candidates if not each.after]


async def test_a_wildcard_serves_what_fits_it_with_its_own_settings(stage: Route, clock: FakeClock) -> None:
    mine = ("openai/luna", "openai/luna")
    assert await planned(stage, clock, "openai/luna") == [mine, mine, ("anthropic/s1", "smart")]
    assert await planned(stage, clock, "luna") == [mine, mine, ("anthropic/s1", "smart")]


async def test_settings_of_the_very_name_come_before_the_patterns(stage: Route, clock: FakeClock) -> None:
    mine = ("openai/own", "openai/own")
    assert await planned(stage, clock, "openai/own") == [mine, mine, ("openai/gpt-6-luna", "fast")]


async def test_the_most_specific_pattern_counts(stage: Route, clock: FakeClock) -> None:
    assert await planned(stage, clock, "openai/gpt-7") == [("azure/gpt-7", "openai/gpt-7")]


@pytest.mark.parametrize(
    "name", ["anthropic/x", "openai/unknown", "openai/*", "openai/" + "x" * 300, "openai/embed", "*", ""]
)
async def test_what_fits_no_wildcard_is_not_found(stage: Route, clock: FakeClock, name: str) -> None:
    with pytest.raises(NotFound):
        await planned(stage, clock, name)


async def test_a_wildcards_embeddings_are_for_embeddings(stage: Route, clock: FakeClock) -> None:
    found = await planned(stage, clock, "openai/embed", endpoint=Endpoint.EMBEDDINGS)
    assert found == [("openai/embed", "openai/embed")] * 2


def test_the_list_of_models_has_no_patterns(routes: Routes) -> None:
    assert routes.names == ["fast", "gpt-6-luna", "smart"]
    assert routes.patterns == ("openai/*", "openai/gpt-*")


def test_all_models_of_a_wildcards_entry_share_its_limits(routes: Routes) -> None:
    first, second = routes.deployments(("openai/luna",), Endpoint.CHAT)
    other = routes.deployments(("openai/sol",), Endpoint.CHAT)[0]
    assert first.id != other.id
    assert Spot.of(first) == Spot.of(other)
    assert Spot.of(first).rpm == 9
    assert place_of(first) != place_of(second)
    assert "sk-1" not in place_of(first)
    (plain,) = routes.deployments(("fast",), Endpoint.CHAT)
    assert place_of(plain) == "f1"


def test_only_so_many_names_are_remembered(routes: Routes) -> None:
    found = Expansions(routes._wildcards._wildcards, most=3)
    for number in range(10):
        assert found.of(f"openai/m{number % 5}") is not None
        assert found.of("openai/m0") is not None
    assert found.of("nothing") is None
    assert len(found._found) == 3
    assert "openai/m0" in found._found


@pytest.mark.parametrize(
    ("models", "name", "may"),
    [
        (None, "fast", True),
        ({"fast"}, "fast", True),
        ({"fast"}, "cheap", True),  # an alias's group
        ({"cheap"}, "cheap", True),
        ({"cheap"}, "fast", False),
        ({"basic"}, "fast", True),  # an access group
        ({"basic"}, "cheap", True),
        ({"dear"}, "fast", False),
        ({"dear", "other"}, "smart", True),
        ({"wild"}, "openai/luna", True),
        ({"*"}, "smart", True),
        ({"all-proxy-models"}, "openai/luna", True),
        ({"openai/*"}, "openai/luna", True),
        ({"openai/*"}, "luna", True),
        ({"openai/l*a"}, "openai/luna", True),
        ({"openai/l*a"}, "openai/lunas", False),
        ({"openai.*"}, "openai/luna", False),
        ({"openai/*"}, "gpt-6-luna", True),  # the provider's own name, without the provider
        ({"openai/*"}, "fast", False),
        ({"openai/*"}, "smart", False),
        ({"s*"}, "smart", True),
        ({"openai/*"}, "anthropic/openai/x", False),
        (set(), "fast", False),
    ],
)
def test_what_a_key_may_ask_for(routes: Routes, models: set[str] | None, name: str, may: bool) -> None:
    identity = person(models=None if models is None else frozenset(models))
    assert routes.allowed(identity, name) is may


async def test_a_wildcards_model_that_the_key_may_not_use(stage: Route, clock: FakeClock) -> None:
    with pytest.raises(Forbidden):
        await planned(stage, clock, "openai/luna", identity=person(models=frozenset({"fast"})))


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("fast", True),
        ("cheap", True),
        ("basic", True),
        ("wild", True),
        ("openai/*", True),
        ("mistral/*", True),
        ("all-proxy-models", True),
        ("openai/luna", True),
        ("fsat", False),
        ("", False),
    ],
)
def test_what_a_keys_models_may_hold(routes: Routes, name: str, fits: bool) -> None:
    assert routes.nameable(name) is fits
