"""Rules that are no mistake and yet do less than they seem to: told as warnings of `atelier check`, in their lines."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Config
from gateway.config.deployments import ModelFacts, resolve
from gateway.config.served_warnings import doubtful_rules

Load = Callable[..., Config]
MODELS = """model_list:
  - {model_name: fast, litellm_params: {model: openai/f}}
  - {model_name: smart, litellm_params: {model: openai/s}}
  - {model_name: long, litellm_params: {model: openai/l}, model_info: {max_input_tokens: 900000}}
  - {model_name: unknown, litellm_params: {model: openai/f}, model_info: {max_input_tokens: 64000}}
  - {model_name: vectors, litellm_params: {model: openai/embedding}}
  - {model_name: "many-*", litellm_params: {model: "openai/*"}}
groups: {smart: {context_window_fallbacks: [long]}}
routing:
  models: {auto: {tiers: {fast: fast, best: long}}}
  rules:
"""


def told(rule: str, load_text: Load, facts: ModelFacts) -> list[str]:
    config = load_text(f"{MODELS}    - {rule}\n")
    return [str(each).partition(": ")[2] for each in doubtful_rules(config, resolve(config, {}, facts, None))]


@pytest.mark.parametrize("use", ["{group: fast}", "{tier: fast}", "{group: unknown}"])
def test_a_prompt_that_fits_no_window_that_the_rule_can_reach_is_told(
    use: str, load_text: Load, facts: ModelFacts
) -> None:
    (said,) = told(f"{{when: {{input_tokens: {{min: 200000}}}}, use: {use}}}", load_text, facts)

    window = "64,000" if "unknown" in use else "128,000"
    assert said == (
        f"routing.rules[0].when.input_tokens.min: is more than the largest context window behind the rule ({window} "
        "tokens); name a group with a larger one"
    )


@pytest.mark.parametrize(
    "use",
    ["{group: long}", "{group: smart}", "{tier: best}", "{group: many-words}", "{policy: cost}"],
)
def test_a_prompt_that_fits_one_of_them_is_fine(use: str, load_text: Load, facts: ModelFacts) -> None:
    assert told(f"{{when: {{input_tokens: {{min: 200000}}}}, use: {use}}}", load_text, facts) == []


def test_the_model_that_was_asked_for_counts_where_the_rule_only_orders(load_text: Load, facts: ModelFacts) -> None:
    small = told("{when: {model: fast, input_tokens: {min: 200000}}, use: {policy: cost}}", load_text, facts)
    large = told("{when: {model: [fast, auto], input_tokens: {min: 200000}}, use: {policy: cost}}", load_text, facts)

    any_of_a_wildcard = told(
        "{when: {model: many-x, input_tokens: {min: 200000}}, use: {policy: cost}}", load_text, facts
    )
    assert (len(small), large, any_of_a_wildcard) == (1, [], [])


def test_a_rule_that_chat_requests_pass_over_is_told(load_text: Load, facts: ModelFacts) -> None:
    (said,) = told("{when: {team: a}, use: {group: vectors}}", load_text, facts)

    assert said == (
        "routing.rules[0].use.group: has embedding models only, so chat requests pass the rule over; "
        "name a group of chat models, or the embedding models that are meant in `when.model`"
    )
    assert told("{when: {team: a, model: vectors}, use: {group: vectors}}", load_text, facts) == []
    assert told("{when: {team: a}, use: {group: fast}}", load_text, facts) == []
