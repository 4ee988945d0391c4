"""What `atelier check` says, for a person and for a program."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from gateway.config import Config
from gateway.config.check import dollars, report, report_json
from gateway.config.deployments import ModelFacts, resolve

Load = Callable[..., Config]
TEXT = """model_list:
  - {model_name: fast, litellm_params: {model: openai/x, api_key: os.environ/OPENAI_API_KEY}}
  - {model_name: fast, litellm_params: {model: mistral/y, input_cost_per_token: 0.00000125, weight: 2}}
  - {model_name: smart, litellm_params: {model: openai/unpriced, max_retries: 1}}
groups: {fast: {fallbacks: [smart], policy: priority}}
routing: {models: {auto: {tiers: {fast: fast, best: smart}}}}
router_settings: {model_group_alias: {small: fast}}
"""
FLEET = {"openai": "http://127.0.0.1:1"}


def test_every_group_is_told_with_its_deployments_states_and_prices(load_text: Load, facts: ModelFacts) -> None:
    config = load_text(TEXT, {"OPENAI_API_KEY": "sk-some-key"})
    found = report_json(config, resolve(config, {}, facts, FLEET))

    fast, smart = found["groups"]
    assert (fast["name"], fast["aliases"], fast["policy"], fast["fallbacks"]) == (
        "fast",
        ["small"],
        "priority",
        ["smart"],
    )
    one, two = fast["deployments"]
    assert (one["id"], one["state"], one["set"], one["lane"], one["context_window"]) == (
        "fast/openai/x",
        "ready",
        None,
        "sdk",
        128_000,
    )
    assert one["price"] == {"input": 0.0001, "output": 0.0004, "source": "litellm"}
    assert (two["state"], two["set"], two["weight"]) == ("no key", "MISTRAL_API_KEY", 2)
    assert two["price"]["input"] == pytest.approx(1.25)
    assert two["price"]["source"] == "config"
    assert [each["state"] for each in smart["deployments"]] == ["no key"]
    assert found["virtual_models"] == [
        {"name": "auto", "policy": "complexity", "tiers": {"fast": "fast", "best": "smart"}}
    ]
    assert len(found["warnings"]) == 2
    assert json.loads(json.dumps(found)) == found


def test_the_text_says_plainly_that_answers_are_simulated(load_text: Load, facts: ModelFacts) -> None:
    config = load_text(TEXT)
    text = report(config, resolve(config, {}, facts, FLEET))

    assert "is fine: 2 model groups, 3 simulated" in text
    assert "no provider key is set: every answer is SIMULATED until one is" in text
    assert "there is no master key" in text


def test_the_text_has_a_line_for_each_deployment_and_each_warning(load_text: Load, facts: ModelFacts) -> None:
    config = load_text(TEXT + "general_settings: {master_key: sk-master-key}\n", {"OPENAI_API_KEY": "sk-some-key"})
    lines = report(config, resolve(config, {"OPENAI_API_KEY": "sk-some-key"}, facts, None)).splitlines()

    (fast,) = [line for line in lines if line.startswith("fast · ")]
    assert fast == "fast · policy priority · also called small · falls back to smart"
    (keyless,) = [line for line in lines if "no key  " in line]
    assert "$1.25 in, $0.0004 out /1M (config)" in keyless
    assert keyless.endswith("set MISTRAL_API_KEY")
    assert "auto · picked by complexity: fast → fast, best → smart" in lines
    assert "max_retries" in lines[-2]
    assert "no price is known" in lines[-1]
    assert "SIMULATED" not in "".join(lines)


@pytest.mark.parametrize(
    ("amount", "shown"), [(0, "0.00"), (0.1, "0.10"), (10, "10.00"), (1.25, "1.25"), (0.0375, "0.0375"), (0.02, "0.02")]
)
def test_prices_show_as_many_decimals_as_they_need(amount: float, shown: str) -> None:
    assert dollars(amount) == shown
