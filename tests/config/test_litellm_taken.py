"""What became of each key: nothing is left out, our own sections count first, values and the environment matter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.config import Config
from gateway.config.positions import Section
from gateway.config.problems import key_path
from gateway.config.taken import taken

Load = Callable[..., Config]
ONE = "model_list:\n  - {model_name: a, litellm_params: {model: openai/a}}\n"


def fates(config: Config) -> dict[str, tuple[str, str]]:
    return {key_path(each.path): (each.verdict, each.why) for each in taken(config)}


@pytest.mark.parametrize(
    ("text", "key", "verdict", "why"),
    [
        (
            "router_settings: {routing_strategy: usage-based-routing-v2}",
            "router_settings.routing_strategy",
            "taken",
            "usage",
        ),
        ("router_settings: {routing_strategy: lar1}", "router_settings.routing_strategy", "changed", "`weighted`"),
        ("litellm_settings: {callbacks: [prometheus]}", "litellm_settings.callbacks", "taken", "/metrics"),
        ("litellm_settings: {callbacks: otel}", "litellm_settings.callbacks", "taken", "set `telemetry.otel.endpoint`"),
        ("litellm_settings: {callbacks: [prometheus, s3]}", "litellm_settings.callbacks", "changed", "`s3`: no code"),
        ("litellm_settings: {callbacks: [s3, x.y]}", "litellm_settings.callbacks", "ignored", "`s3`, `x.y`: no code"),
        ("general_settings: {alerting: [slack]}", "general_settings.alerting", "ignored", "set SLACK_WEBHOOK_URL"),
        ("general_settings: {alerting: [email]}", "general_settings.alerting", "ignored", "`alerts.webhooks`"),
        ("litellm_settings: {timezone: Mars/Olympus}", "litellm_settings.timezone", "ignored", "no time zone"),
        ("litellm_settings: {budget_duration: 36h}", "litellm_settings.budget_duration", "changed", "rounded up"),
        ("litellm_settings: {budget_duration: 7d}", "litellm_settings.budget_duration", "taken", "budgets.total"),
        (
            "litellm_settings: {cache_params: {type: qdrant-semantic}}",
            "litellm_settings.cache_params.type",
            "changed",
            "equal",
        ),
        (
            "litellm_settings: {cache_params: {port: 1}}",
            "litellm_settings.cache_params.port",
            "ignored",
            "store.redis_url",
        ),
        (
            "litellm_settings: {default_team_params: {max_budget: 1}}",
            "litellm_settings.default_team_params.max_budget",
            "taken",
            "new_teams",
        ),
        ("environment_variables: {A: b}", "environment_variables.A", "taken", "os.environ/A"),
        ("x-shared: {a: 1}", "x-shared", "ignored", "others refer to"),
    ],
)
def test_the_value_decides(text: str, key: str, verdict: str, why: str, load_text: Load) -> None:
    found = fates(load_text(ONE + text + "\n"))[key]

    assert found[0] == verdict
    assert why in found[1]


@pytest.mark.parametrize(
    ("text", "key", "counts"),
    [
        ("retry: {per_group: 2}\nrouter_settings: {num_retries: 1}", "router_settings.num_retries", "retry.per_group"),
        (
            "health: {open_for: 2}\nrouter_settings: {cooldown_time: 1}",
            "router_settings.cooldown_time",
            "health.open_for",
        ),
        (
            "budgets: {total: {limit: 1}}\nlitellm_settings: {max_budget: 5}",
            "litellm_settings.max_budget",
            "budgets.total",
        ),
        (
            "router_settings: {num_retries: 1}\nlitellm_settings: {num_retries: 2}",
            "litellm_settings.num_retries",
            "router_settings.num_retries",
        ),
        (
            "router_settings: {timeout: 1}\nlitellm_settings: {request_timeout: 2}",
            "litellm_settings.request_timeout",
            "router_settings.timeout",
        ),
    ],
)
def test_what_another_place_says_first_is_ignored(text: str, key: str, counts: str, load_text: Load) -> None:
    verdict, why = fates(load_text(ONE + text + "\n"))[key]

    assert verdict == "ignored"
    assert f"`{counts}`" in why


def test_no_retries_count_but_no_timeout_does_not(load_text: Load) -> None:
    text = "router_settings: {num_retries: 0, timeout: 0}\nlitellm_settings: {num_retries: 5, request_timeout: 9}\n"
    config = load_text(ONE + text)

    assert (config.retry.per_group, config.timeouts.total) == (1, 9)
    assert fates(config)["litellm_settings.num_retries"] == ("ignored", "`router_settings.num_retries` counts")
    assert fates(config)["litellm_settings.request_timeout"][0] == "taken"


def test_what_is_overruled_is_also_without_effect(load_text: Load) -> None:
    config = load_text(
        ONE + "budgets: {total: {limit: 1}}\nhealth: {failures: 7}\nrouting: {policy: cost}\ncache: {enabled: false}\n"
        "router_settings: {allowed_fails: 1, routing_strategy: least-busy}\nlitellm_settings: {max_budget: 5, cache: true}\n"
    )

    assert config.budgets.total is not None
    assert (config.budgets.total.limit, config.health.failures, config.routing.policy) == (1, 7, "cost")
    assert not config.cache.enabled


def keys_of(root: Any, path: tuple[str | int, ...] = ()) -> set[str]:
    """Every key of the settings blocks, and of each entry's two parts."""
    found = {key_path((block, key)) for block in ("router_settings", "general_settings") for key in root.get(block, ())}
    for index, entry in enumerate(root["model_list"]):
        found |= {
            key_path(("model_list", index, part, key))
            for part in ("litellm_params", "model_info")
            for key in entry.get(part, ())
        }
    return found


def test_no_key_is_left_out(load_text: Load) -> None:
    text = (
        "model_list:\n  - {model_name: a, litellm_params: {model: openai/a, made_up: 1, rpm: 3, api_key: os.environ/NOT_SET},"
        " model_info: {id: x, supports_vision: true, nobody: 2}}\n"
        "router_settings: {num_retries: 1, nobody: 2, redis_host: null}\ngeneral_settings: {master_key: os.environ/NOT_SET, nobody: 1}\n"
    )
    config = load_text(text)
    root = config._root

    assert isinstance(root, Section)
    assert keys_of(root) <= fates(config).keys()


def test_a_guardrail_policy_of_litellms_is_not_taken_for_our_section(load_text: Load) -> None:
    config = load_text(ONE + "policies: {strict: {guardrails: {add: [pii]}}}\n")

    assert fates(config)["policies"][0] == "ignored"
    assert load_text(ONE + "policies: {parameters: {complexity: {fast_below: 0.2}}}\n").policies.parameters


def test_alerts_and_traces_come_from_the_environment(load_text: Load) -> None:
    env = {
        "SLACK_WEBHOOK_URL": "https://hooks.example/abcdef",
        "OTEL_ENDPOINT": "http://collector:4318/v1/traces",
        "OTEL_HEADERS": "authorization=Bearer abcdef, x=y",
        "OTEL_SERVICE_NAME": "house",
    }
    config = load_text(
        ONE + "litellm_settings: {callbacks: [otel]}\ngeneral_settings: {alerting: [slack, slack]}\n", env
    )

    (webhook,) = config.alerts.webhooks
    assert (webhook.format, webhook.url.get_secret_value()) == ("slack", env["SLACK_WEBHOOK_URL"])
    otel = config.telemetry.otel
    assert (otel.endpoint, otel.service_name) == ("http://collector:4318", "house")
    assert {name: value.get_secret_value() for name, value in otel.headers.items()} == {
        "authorization": "Bearer abcdef",
        "x": "y",
    }
    assert config.warnings == ()
    assert {env["SLACK_WEBHOOK_URL"], "Bearer abcdef"} <= config.secrets()


def test_a_collector_that_speaks_grpc_is_not_taken(load_text: Load) -> None:
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317", "OTEL_EXPORTER": "otlp_grpc"}

    assert load_text(ONE + "general_settings: {otel: true}\n", env).telemetry.otel.endpoint is None
