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

    assert (config.retry.per_group, config.retry.attempts) == (2, 2)
    assert (config.health.failures, config.health.open_for, config.health.max_open) == (3, 400, 400)
    assert not config.health.enabled
    assert (config.timeouts.total, config.stream.ttft_timeout) == (180, 7)  # each of two attempts has 90 s
    assert config.routing.policy == "weighted"
    assert [(warning.path[-1], warning.what) for warning in config.warnings] == [
        ("allowed_fails", "means something else here")
    ]


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

    assert (config.retry.per_group, config.retry.attempts) == (1, 1)
    assert config.health.failures == 1


def test_of_fallbacks_in_both_blocks_the_router_s_count_as_a_whole(load_text: Load) -> None:
    config = load_text(
        THREE + "groups: {fast: {fallbacks: [smart]}}\n"
        "router_settings: {fallbacks: [{smart: [best, fast]}]}\n"
        "litellm_settings: {fallbacks: [{best: [smart]}, {'*': [fast]}], default_fallbacks: [best]}\n"
    )

    assert config.fallback_groups("fast") == ("smart", "best")
    assert config.fallback_groups("smart") == ("best", "fast")
    assert config.fallback_groups("best") == ()


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
        "    model_info: {supports_vision: true, team_id: a}\n"
        "    api_key: sk-in-the-wrong-place\n"
        "router_settings: {routing_strategy: lar1, redis_host: h}\n"
        "litellm_settings: {callbacks: [langfuse], reqest_timeout: 4}\n"
        "general_settings: {custom_auth: my.auth}\n"
        "guardrails: []\n"
    )

    told = {f"{warning.mark.line} {warning.path[-1]}: {warning.mend}" for warning in config.warnings}
    assert told == {
        "3 max_retries: retries are counted in one place: `retry.per_group`",
        "3 temperatur: is not known here: did you mean `temperature`?",
        "3 temperature: it is for the caller to say; a prompt template can say it too",
        "4 team_id: everybody whose key may use the group may call it; name it in the keys' `models` instead",
        "5 api_key: move it below `litellm_params`",
        "6 routing_strategy: there is no such policy here, `weighted` is used; see docs/routing.md",
        "6 redis_host: LiteLLM's own Redis is left alone; `store.redis_url` is ours, and must be another database",
        "7 callbacks: `langfuse`: no code of others runs here; see `telemetry` and docs/observability.md",
        "7 reqest_timeout: is not known here: did you mean `request_timeout`?",
        "8 custom_auth: no code of the file's choice runs here; see `pipeline.stages` for stages of your own",
        "9 guardrails: no guardrail of LiteLLM's runs here; see `pipeline.stages`",
    }
    assert {warning.what for warning in config.warnings} == {"has no effect here", "means something else here"}


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
