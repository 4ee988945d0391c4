"""LiteLLM's retries, timeouts and cooldowns as ours: wide enough for every group a request can go through."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Config

Load = Callable[..., Config]
FOUR = "model_list:\n" + "".join(
    f"  - {{model_name: {name}, litellm_params: {{model: openai/{name}}}}}\n" for name in ("a", "b", "c", "d")
)
CHAIN = "fallbacks: [{a: [b]}, {b: [c]}]"


@pytest.mark.parametrize(
    ("settings", "per_group", "attempts"),
    [
        ("num_retries: 2", 3, 3),
        ("num_retries: 0", 1, 1),
        (f"num_retries: 0, {CHAIN}", 1, 3),
        (f"num_retries: 1, {CHAIN}", 2, 6),
        (f"num_retries: 5, {CHAIN}", 6, 10),
        ("num_retries: 1, default_fallbacks: [d]", 2, 4),
        ("num_retries: 1, context_window_fallbacks: [{a: [d]}]", 2, 4),
        ("num_retries: 40", 10, 10),
        ("retry_policy: {TimeoutErrorRetries: 4}", 3, 5),
        ("retry_policy: {DefaultRetries: 1}, num_retries: 7", 2, 2),
    ],
)
def test_attempts_in_a_group_and_in_all(settings: str, per_group: int, attempts: int, load_text: Load) -> None:
    retry = load_text(FOUR + f"router_settings: {{{settings}}}\n").retry

    assert (retry.per_group, retry.attempts) == (per_group, attempts)


def test_without_a_word_of_retries_ours_stay_as_they_are(load_text: Load) -> None:
    retry = load_text(FOUR + f"router_settings: {{{CHAIN}}}\n").retry

    assert (retry.per_group, retry.attempts) == (None, 3)


def test_each_order_of_a_group_has_its_attempts(load_text: Load) -> None:
    text = FOUR + "  - {model_name: a, litellm_params: {model: openai/e, order: 2}}\n"

    assert load_text(text + "litellm_settings: {num_retries: 1}\n").retry.attempts == 4


def test_policies_by_kind_of_error(load_text: Load) -> None:
    config = load_text(
        FOUR + "router_settings:\n"
        "  retry_policy: {TimeoutErrorRetries: 3, RateLimitErrorRetries: 0, InternalServerErrorRetries: 1,"
        " ServiceUnavailableErrorRetries: 4, AuthenticationErrorRetries: null, NotFoundErrorRetries: 2}\n"
        "  allowed_fails_policy: {ContentPolicyViolationErrorAllowedFails: 1000, BadRequestErrorAllowedFails: 0}\n"
    )

    assert config.retry.by_error == {"timeout": 4, "rate_limited": 1, "server": 5}
    assert config.health.failures_by_error == {"content_policy": 1001, "bad_request": 1}


@pytest.mark.parametrize(
    ("settings", "total"),
    [
        ("router_settings: {timeout: 20, num_retries: 2}\n", 60),
        ("litellm_settings: {request_timeout: 600}\n", 1800),
        ("litellm_settings: {request_timeout: 6000}\n", 6000),
        ("litellm_settings: {request_timeout: 9000}\n", 9000),
        ("router_settings: {timeout: 20}\nlitellm_settings: {request_timeout: 600}\nretry: {attempts: 2}\n", 40),
        ("timeouts: {total: 100}\nrouter_settings: {timeout: 20}\n", 100),
        ("retry: {attempts: 1}\n", 300),
    ],
)
def test_a_request_has_time_for_all_its_attempts(settings: str, total: float, load_text: Load) -> None:
    assert load_text(FOUR + settings).timeouts.total == total


def test_a_deployment_may_take_the_time_that_it_is_given(load_text: Load) -> None:
    text = FOUR + "  - {model_name: slow, litellm_params: {model: openai/slow, timeout: 900}}\n"

    assert load_text(text).timeouts.total == 900


@pytest.mark.parametrize(
    ("settings", "open_for", "max_open"),
    [
        ("router_settings: {cooldown_time: 30}\n", 30, 30),
        ("router_settings: {cooldown_time: 400}\n", 400, 400),
        ("router_settings: {cooldown_time: 30}\nhealth: {max_open: 60}\n", 30, 60),
        ("router_settings: {cooldown_time: 30}\nhealth: {open_for: 2}\n", 2, 300),
    ],
)
def test_a_cooldown_is_as_long_each_time(settings: str, open_for: float, max_open: float, load_text: Load) -> None:
    health = load_text(FOUR + settings).health

    assert (health.open_for, health.max_open) == (open_for, max_open)
