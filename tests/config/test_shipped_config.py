"""The config.yaml that is shipped: it loads without a warning, and LiteLLM knows and prices every model in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Config, load
from gateway.config.deployments import Resolved, resolve
from gateway.providers.facts import model_facts
from gateway.types import Endpoint

SHIPPED = Path(__file__).parents[2] / "config.yaml"
FLEET = {"openai": "http://127.0.0.1:1", "anthropic": "http://127.0.0.1:2", "gemini": "http://127.0.0.1:3"}
PROVIDERS = {"OPENAI_API_KEY": "openai", "ANTHROPIC_API_KEY": "anthropic", "GEMINI_API_KEY": "gemini"}


@pytest.fixture(scope="module")
def config() -> Config:
    return load(SHIPPED, {})


@pytest.fixture(scope="module")
def simulated(config: Config) -> Resolved:
    return resolve(config, {}, model_facts, FLEET)


def test_it_loads_without_any_variable_and_without_a_warning(config: Config, simulated: Resolved) -> None:
    assert config.warnings == simulated.warnings == ()
    assert config.master_key is None
    assert simulated.simulated


def test_every_model_has_a_price_and_a_context_window(simulated: Resolved) -> None:
    for deployment in simulated.deployments:
        assert deployment.price.source == "litellm", deployment.id
        assert deployment.price.input > 0, deployment.id
        assert deployment.context_window, deployment.id
        assert deployment.endpoint is Endpoint.EMBEDDINGS or deployment.price.output > 0, deployment.id


def test_fast_smart_and_best_have_all_three_providers_and_grow_dearer(simulated: Resolved) -> None:
    dearest = []
    for group in ("fast", "smart", "best"):
        members = simulated.groups[group]
        assert {each.provider for each in members} == {"openai", "anthropic", "gemini"}
        assert {each.tier for each in members} == {group}
        dearest.append(max(each.price.output for each in members))
    assert dearest == sorted(dearest)


def test_every_model_can_be_asked_for_by_its_own_name(simulated: Resolved) -> None:
    names = {each.id.rpartition("/")[2] for each in simulated.deployments}

    assert names <= set(simulated.groups)


def test_auto_and_the_fallbacks_stand(config: Config) -> None:
    assert config.routing.models["auto"].tiers == {"fast": "fast", "smart": "smart", "best": "best"}
    assert config.fallback_groups("fast") == ("smart", "best")
    assert config.fallback_groups("best") == ()


@pytest.mark.parametrize("variable", PROVIDERS)
def test_with_one_key_only_that_provider_serves(variable: str) -> None:
    env = {variable: "sk-some-key"}
    resolved = resolve(load(SHIPPED, env), env, model_facts, FLEET)

    assert not resolved.simulated
    assert {each.provider for each in resolved.deployments} == {PROVIDERS[variable]}
    assert {each.variable for each in resolved.no_key} == set(PROVIDERS) - {variable}
    assert {"fast", "smart", "best"} <= set(resolved.groups)


def test_the_defaults_that_its_comments_show_are_the_defaults(tmp_path: Path) -> None:
    lines = SHIPPED.read_text(encoding="utf-8").split("# Everything below", 1)[1].splitlines()[1:]
    shown = "\n".join(line.removeprefix("# ") if line.startswith("# ") else "" for line in lines)
    shown = "\n".join(line for line in shown.splitlines() if not line.startswith("templates:"))
    path = tmp_path / "config.yaml"
    path.write_text("model_list: [{model_name: a, litellm_params: {model: openai/a}}]\n" + shown)
    plain = tmp_path / "plain.yaml"
    plain.write_text("model_list: [{model_name: a, litellm_params: {model: openai/a}}]\n")

    written, default = load(path, {}), load(plain, {})

    assert len(written.model_fields_set) > 8
    for name in (
        "server",
        "stream",
        "limits",
        "budgets",
        "prices",
        "alerts",
        "health",
        "retry",
        "queue",
        "cache",
        "telemetry",
        "simulation",
        "dashboard",
    ):
        assert getattr(written, name) == getattr(default, name), name
        assert name in shown
