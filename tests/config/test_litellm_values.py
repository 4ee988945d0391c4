"""Values as LiteLLM reads them: numbers as texts, durations, floats; weights, orders and prices that follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.config import Config, Problem
from gateway.config.deployment_prices import adjusted, price_of
from gateway.config.deployments import ModelFacts, resolve
from gateway.config.litellm_kinds import days, seconds
from gateway.config.litellm_models import Costs
from gateway.config.money_models import Margin, Prices
from gateway.types import Price

Load = Callable[..., Config]
Refused = Callable[..., list[Problem]]
ONE = "model_list:\n  - {model_name: a, litellm_params: {model: openai/a, api_key: sk-a-key}}\n"


def entries(*params: str) -> str:
    rows = (f"  - {{model_name: a, litellm_params: {{model: ollama/m{n}, {each}}}}}\n" for n, each in enumerate(params))
    return "model_list:\n" + "".join(rows)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("30s", 30),
        ("15m", 900),
        ("24h", 86400),
        ("30d", 2592000),
        ("2w", 1209600),
        ("1mo", 2592000),
        ("90", 90),
        ("1 d", 86400),
    ],
)
def test_durations(text: str, found: int) -> None:
    assert seconds(text) == found


@pytest.mark.parametrize("text", ["", "d", "1y", "-1d", "1.5h", "soon", "0", "0d"])
def test_what_is_no_duration(text: str) -> None:
    assert seconds(text) is None


def test_days_are_rounded_up() -> None:
    assert [days(each) for each in ("1s", "24h", "25h", "1mo")] == [1, 1, 2, 30]


@pytest.mark.parametrize(
    ("params", "shares"),
    [
        (("weight: 0.5", "weight: 0.25"), [2, 1]),
        (("weight: 3", "weight: 1"), [3, 1]),
        (("weight: 3", "rpm: 900"), [3, 0]),
        (("rpm: 600", "rpm: '200'"), [600, 200]),
        (("rpm: 600, tpm: 1", "tpm: 5"), [600, 0]),
        (("tpm: 100", "tpm: 50"), [100, 50]),
        (("weight: 0", "weight: 0"), [1, 1]),
        (("timeout: 1", "timeout: 1"), [1, 1]),
        (("weight: 9, order: 2", "rpm: 5, order: 1", "order: 1"), [9, 5, 0]),
    ],
)
def test_shares_follow_weight_then_rpm_then_tpm(
    params: tuple[str, ...], shares: list[int], load_text: Load, facts: ModelFacts
) -> None:
    found = resolve(load_text(entries(*params)), {}, facts, None).deployments

    assert [each.weight for each in found] == shares


def test_who_has_no_order_comes_after_those_that_have_one(load_text: Load, facts: ModelFacts) -> None:
    text = entries("order: 2", "timeout: 3", "order: 5") + "  - {model_name: b, litellm_params: {model: ollama/b}}\n"

    assert [each.order for each in resolve(load_text(text), {}, facts, None).deployments] == [2, 6, 5, 1]


def test_numbers_and_switches_may_be_texts_and_nought_may_mean_none(load_text: Load, facts: ModelFacts) -> None:
    config = load_text(
        entries(
            "rpm: '100', tpm: 0, timeout: '30', max_parallel_requests: 0, drop_params: 'true', api_base: '', tags: []"
        )
        + "router_settings: {num_retries: '2', timeout: 0, cooldown_time: 0, enable_pre_call_checks: 'true'}\n"
        + "litellm_settings: {request_timeout: '600', cache: 'False', num_retries: null}\n"
        + "general_settings: {global_max_parallel_requests: 0, max_parallel_requests: '7', alerting: slack}\n"
    )
    (deployment,) = resolve(config, {}, facts, None).deployments

    assert (deployment.rpm, deployment.tpm, deployment.timeout, deployment.max_parallel) == (100, None, 30, None)
    assert deployment.params["drop_params"] is True
    assert (config.retry.per_group, config.timeouts.total, config.health.open_for) == (3, 1800, 5)
    assert (config.limits.max_parallel, config.limits.max_parallel_total) == (7, None)
    assert config.routing.check_context
    assert not config.cache.enabled


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ("litellm_settings: {budget_duration: soon}\n", "litellm_settings.budget_duration"),
        ("litellm_settings: {cost_discount_config: {openai: 5}}\n", "litellm_settings.cost_discount_config.openai"),
        ("router_settings: {num_retries: many}\n", "router_settings.num_retries"),
        ("general_settings: {max_request_size_mb: -1}\n", "general_settings.max_request_size_mb"),
    ],
)
def test_what_makes_no_sense_to_litellm_either_is_a_mistake(settings: str, key: str, refused: Refused) -> None:
    (problem,) = refused(ONE + settings)

    assert ".".join(map(str, problem.path)) == key
    assert problem.mark.line == 3


def test_a_missing_variable_matters_only_where_its_value_is_read(load_text: Load, refused: Refused) -> None:
    unread = (
        "router_settings: {redis_host: os.environ/NONE_1}\n"
        "general_settings: {database_url: os.environ/NONE_2}\n"
        "guardrails: [{guardrail_name: g, litellm_params: {api_key: os.environ/NONE_3}}]\n"
        "litellm_settings: {cache_params: {host: os.environ/NONE_4}}\n"
    )

    assert load_text(ONE + unread).group_names == ("a",)
    assert [each.path[-1] for each in refused(ONE + "router_settings: {num_retries: os.environ/NONE_5}\n")] == [
        "num_retries"
    ]


def test_credentials_are_lent_by_name_and_an_entry_s_own_values_count(load_text: Load, facts: ModelFacts) -> None:
    config = load_text(
        "model_list:\n"
        "  - {model_name: a, litellm_params: {model: openai/a, litellm_credential_name: main}}\n"
        "  - {model_name: b, litellm_params: {model: openai/b, litellm_credential_name: main, api_key: sk-own-key}}\n"
        "  - {model_name: c, litellm_params: {model: openai/c, litellm_credential_name: absent}}\n"
        "credential_list:\n"
        "  - {credential_name: main, credential_values: {api_key: os.environ/MAIN, api_base: 'http://gpu:1/v1'}}\n"
        "  - {credential_name: absent, credential_values: {api_key: os.environ/NOT_THERE}}\n",
        {"MAIN": "sk-main-key"},
    )
    resolved = resolve(config, {"MAIN": "sk-main-key"}, facts, None)

    assert [(each.api_key, each.api_base) for each in resolved.deployments] == [
        ("sk-main-key", "http://gpu:1/v1"),
        ("sk-own-key", "http://gpu:1/v1"),
    ]
    assert [each.variable for each in resolved.no_key] == ["NOT_THERE"]
    assert "sk-main-key" in config.secrets()


def test_dearer_prices_for_long_inputs_are_taken() -> None:
    costs = Costs(
        input_cost_per_token=1e-6,
        output_cost_per_token=2e-6,
        input_cost_per_token_above_200k_tokens=3e-6,
        output_cost_per_token_above_200k_tokens="4e-6",
        input_cost_per_token_above_500k_tokens=9e-6,
    )
    price = price_of(Price(), costs)

    assert (price.long_from, price.for_input(200_000).input) == (200_000, 1_000_000)
    assert (price.for_input(200_001).input, price.for_input(200_001).output) == (3_000_000, 4_000_000)


@pytest.mark.parametrize(
    ("prices", "provider", "expected"),
    [
        (Prices(), "openai", (100, 400, 0)),
        (Prices(discounts={"openai": 5}), "openai", (95, 380, 0)),
        (Prices(discounts={"openai": 5}), "groq", (100, 400, 0)),
        (Prices(discounts={"*": 50}), "groq", (50, 200, 0)),
        (Prices(margins={"*": Margin(percent=10)}, discounts={"openai": 50}), "openai", (55, 220, 0)),
        (Prices(margins={"*": Margin(percent=10), "openai": Margin(per_request=0.001)}), "openai", (100, 400, 10**9)),
        (Prices(discounts={"openai": 0.333}), "openai", (100, 399, 0)),
    ],
)
def test_discounts_come_before_margins_and_are_rounded_up(prices: Prices, provider: str, expected: Any) -> None:
    price = adjusted(Price(100, 400, long_from=9, long=Price(200, 400)), provider, prices)

    assert (price.input, price.output, price.request) == expected
    assert price.long.input == pytest.approx(2 * price.input, abs=1)
