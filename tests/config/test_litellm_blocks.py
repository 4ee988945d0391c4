"""LiteLLM's blocks: what is taken, how it reads in our sections, and what is only warned about."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Config

Load = Callable[..., Config]
THREE = """model_list:
  - {model_name: fast, litellm_params: {model: openai/x}}
  - {model_name: smart, litellm_params: {model: openai/y}}
  - {model_name: best, litellm_params: {model: openai/z}}
"""


def test_settings_of_the_router_become_ours(load_text: Load) -> None:
    config = load_text(
        THREE
        + "router_settings: {num_retries: 1, allowed_fails: 2, cooldown_time: 400, disable_cooldowns: true, timeout: 90,"
        " stream_timeout: 7, routing_strategy: simple-shuffle}\n"
    )

    assert config.retry.attempts == 2
    assert (config.health.failures, config.health.open_for, config.health.max_open) == (3, 400, 400)
    assert not config.health.enabled
    assert (config.timeouts.total, config.stream.ttft_timeout) == (90, 7)
    assert config.routing.policy == "weighted"
    assert config.warnings == ()


def test_our_own_sections_count_before_litellms(load_text: Load) -> None:
    config = load_text(
        THREE + "retry: {attempts: 4}\nhealth: {failures: 9}\nrouting: {policy: priority}\ntimeouts: {total: 100}\n"
        "router_settings: {num_retries: 1, allowed_fails: 2, cooldown_time: 8, routing_strategy: simple-shuffle}\n"
        "litellm_settings: {request_timeout: 50}\n"
    )

    assert (config.retry.attempts, config.health.failures, config.timeouts.total) == (4, 9, 100)
    assert config.health.open_for == 8
    assert config.routing.policy == "priority"


def test_the_router_counts_before_litellm_settings(load_text: Load) -> None:
    config = load_text(
        THREE + "router_settings: {num_retries: 0}\nlitellm_settings: {num_retries: 50, allowed_fails: 0}\n"
    )

    assert config.retry.attempts == 1
    assert config.health.failures == 1


def test_fallbacks_of_all_blocks_come_together_each_group_once(load_text: Load) -> None:
    config = load_text(
        THREE + "groups: {fast: {fallbacks: [smart]}}\n"
        "router_settings: {fallbacks: [{smart: [best, fast]}]}\n"
        "litellm_settings: {fallbacks: [{'*': [fast]}], default_fallbacks: [best]}\n"
    )

    assert config.fallback_groups("fast") == ("smart", "best")
    assert config.fallback_groups("smart") == ("best", "fast")
    assert config.fallback_groups("best") == ("fast",)


def test_groups_that_stand_in_for_each_other_are_a_warning_in_litellms_blocks(load_text: Load) -> None:
    config = load_text(THREE + "router_settings: {fallbacks: [{fast: [smart]}, {smart: [fast]}]}\n")

    assert [warning.what for warning in config.warnings] == ["the fallbacks go round in a circle: fast → smart → fast"]
    assert config.fallback_groups("fast") == ("smart",)


def test_an_alias_means_its_group_everywhere(load_text: Load) -> None:
    config = load_text(
        THREE + "router_settings: {model_group_alias: {gpt-4: smart, gpt-5: {model: best, hidden: true}}}\n"
        "groups: {fast: {fallbacks: [gpt-4]}, gpt-4: {fallbacks: [gpt-5], policy: priority}}\n"
        "litellm_settings: {default_fallbacks: [gpt-5]}\n"
        "routing: {models: {auto: {tiers: {best: gpt-5}}}, rules: [{when: {team: a}, use: {group: gpt-4}}]}\n"
    )

    assert config.group_of("gpt-4") == config.group_of("smart") == "smart"
    assert config.group_of("auto") is None
    assert config.fallback_groups("fast") == ("smart", "best")
    assert config.policy_of("smart") == "priority"
    assert config.routing.models["auto"].tiers == {"best": "best"}
    assert config.routing.rules[0].use.group == "smart"


def test_what_is_not_taken_is_warned_about_with_its_place_and_reason(load_text: Load) -> None:
    config = load_text(
        "model_list:\n"
        "  - model_name: fast\n"
        "    litellm_params: {model: openai/x, max_retries: 3, temperatur: 1, temperature: 1, aws_region_name: eu}\n"
        "    model_info: {supports_vision: true, access_groups: [a]}\n"
        "    api_key: sk-in-the-wrong-place\n"
        "router_settings: {routing_strategy: least-busy, redis_host: h}\n"
        "litellm_settings: {callbacks: [x], reqest_timeout: 4}\n"
        "general_settings: {custom_auth: my.auth}\n"
        "guardrails: []\n"
    )

    told = {f"{warning.mark.line} {warning.path[-1]}: {warning.what}; {warning.mend}" for warning in config.warnings}
    assert told == {
        "3 max_retries: is not taken; `retry.attempts` counts for every deployment",
        "3 temperatur: is not read by this gateway; take it out, or look it up in docs/configuration.md",
        "3 temperature: is not taken; it is for the caller to say; a prompt template can say it too",
        "4 access_groups: is read, but has no effect yet; nothing needs to be done",
        "5 api_key: has no effect here; move it below `litellm_params`",
        "6 routing_strategy: this strategy is not built in; `weighted` is used; see `routing.policy`",
        "6 redis_host: is not taken; see `store.redis_url` of our own",
        "7 callbacks: is not taken; no callback code runs here; see `telemetry`",
        "7 reqest_timeout: is not read by this gateway; did you mean `request_timeout`?",
        "8 custom_auth: is not taken; no code of the file's choice runs here",
        "9 guardrails: this block of LiteLLM's has no meaning here; nothing needs to be done",
    }


def test_the_same_deployment_twice_is_a_warning(load_text: Load) -> None:
    entry = "  - {model_name: fast, litellm_params: {model: openai/x, api_key: sk-one-key}}\n"
    other = "  - {model_name: fast, litellm_params: {model: openai/x, api_key: sk-other-key}}\n"
    config = load_text("model_list:\n" + entry + other + entry)

    assert [(warning.mark.line, warning.what) for warning in config.warnings] == [
        (4, "the same deployment stands above already")
    ]


@pytest.mark.parametrize(("key", "known"), [("sk-1234567", True), (None, False)])
def test_the_master_key_may_be_absent(key: str | None, *, known: bool, load_text: Load) -> None:
    config = load_text(
        THREE + "general_settings: {master_key: os.environ/ATELIER_MASTER_KEY}\n",
        {"ATELIER_MASTER_KEY": key} if key else {},
    )

    assert (config.master_key is not None) is known
