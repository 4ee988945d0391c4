"""Planted secrets: the redactor is told each of them, and none shows in a repr, an error or a report (S8)."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Config, ConfigError, Problem, load
from gateway.config.check import Checked, report_json
from gateway.config.check_text import report
from gateway.config.deployments import ModelFacts, resolve
from gateway.config.diff import differences

Load = Callable[..., Config]
Refused = Callable[..., list[Problem]]
ENV = {
    "OPENAI_API_KEY": "canary-01-openai",
    "MISTRAL_API_KEY": "canary-02-implicit",
    "ATELIER_MASTER_KEY": "canary-03-master",
    "ATELIER_SECRET": "canary-04-secret",
    "AWS_KEY": "canary-05-aws",
    "SOME": "canary-06-redact",
    "HF_TOKEN": "canary-07-token",
}
TEXT = """
model_list:
  - {model_name: a, litellm_params: {model: openai/a, api_key: os.environ/OPENAI_API_KEY}}
  - {model_name: b, litellm_params: {model: openai/b, api_key: canary-08-literal, mock_response: x}}
  - {model_name: c, litellm_params: {model: mistral/c}}
  - {model_name: d, litellm_params: {model: bedrock/d, aws_access_key_id: AKIA, aws_secret_access_key: os.environ/AWS_KEY}}
  - model_name: e
    litellm_params:
      model: openai/e
      api_base: "https://u:canary-09%2Fbase@h/v1?key=canary-10-query"
      extra_headers: {x-tenant: canary-11-header, Authorization: Bearer canary-12-bearer}
general_settings: {master_key: os.environ/ATELIER_MASTER_KEY, database_url: "postgresql://u:canary-13-dsn@h/d"}
telemetry: {redact: [os.environ/SOME], otel: {headers: {x-tenant: canary-18-otel}}}
alerts: {webhooks: [{url: "https://hooks.example.com/services/canary-17-hook", format: slack}]}
environment_variables: {DATADOG_API_KEY: canary-14-own}
callback_settings: {endpoint: "https://[canary-16"}
litellm_settings: {cache_params: {password: canary-15-cache}}
routing: {rules: [{when: {key: marketing}, use: {group: a}}]}
"""
CANARIES = {f"canary-{number:02}" for number in range(1, 19)}


def seen_in(text: str) -> set[str]:
    return {canary for canary in CANARIES if canary in text}


def test_every_planted_secret_is_told_to_the_redactor(load_text: Load) -> None:
    secrets = load_text(TEXT, ENV).secrets()

    assert {canary for canary in CANARIES if any(canary in secret for secret in secrets)} == CANARIES
    assert {"canary-09%2Fbase", "canary-09/base", "canary-10-query", "canary-12-bearer"} <= secrets


def test_what_is_no_secret_is_not_blotted_out(load_text: Load) -> None:
    secrets = load_text(TEXT, ENV | {"SHORT_API_KEY": "none"}).secrets()

    assert secrets.isdisjoint({"marketing", "none", "openai/a", "h", "AKIA", "https://u:canary-09%2Fbase@h/v1"})


def test_no_secret_shows_in_a_repr_or_a_dump_of_the_configuration(load_text: Load) -> None:
    config = load_text(TEXT, ENV)

    assert seen_in(f"{config!r} {config} {config.model_list!r} {config.general_settings!r}") == set()
    assert seen_in(repr(config.warnings) + "".join(map(str, config.warnings))) == set()


def test_no_secret_shows_in_the_report(load_text: Load, facts: ModelFacts) -> None:
    config = load_text(TEXT, ENV)
    resolved = resolve(config, ENV, facts, None)

    assert {deployment.api_key for deployment in resolved.deployments} >= {"canary-01-openai", "canary-02-implicit"}
    found = report_json(Checked(config, resolved))
    assert seen_in(report(found) + repr(found)) == set()


def test_no_secret_shows_in_what_a_change_does(load_text: Load, facts: ModelFacts) -> None:
    old = load_text(TEXT, ENV)
    new = load_text(TEXT.replace("canary-", "canary-9"), {name: f"{value}-9" for name, value in ENV.items()})
    resolved = [resolve(config, ENV, facts, None) for config in (old, new)]

    for found in (differences(old, new, *resolved), differences(new, old, *reversed(resolved))):
        assert len(found) > 3
        assert seen_in(repr(found)) == set()


@pytest.mark.parametrize(
    "text",
    [
        "model_list: canary-01",
        "model_list: [{model_name: a, litellm_params: {model: openai/x, api_key: [canary-01]}}]",
        "model_list: [{model_name: a, litellm_params: {model: openai/x, api_base: canary-01, timeout: canary-02}}]",
        "general_settings: {master_key: {canary-01: 1}}",
        "store: {database_url: [canary-01], redis_url: 'redis://:canary-02@h'}",
        "telemetry: {redact: canary-01, log_level: canary-02, log_format: [canary-03]}",
        "environment_variables: canary-01",
        "general_settings: {master_key: 'canary-01}",
        "general_settings: {master_key: @canary-01}",
        "general_settings: {master_key: *canary-01}",
        "general_settings: {master_key: !canary-01 x}",
        'general_settings: {master_key: "canary-01\\q"}',
        "server: {host: 'http://canary-01', trusted_hosts: ['canary-02:1'], port: canary-03}",
        "pipeline: {stages: [{name: a, class: canary-01}]}",
    ],
)
def test_no_value_of_the_file_shows_in_an_error_or_its_traceback(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)

    with pytest.raises(ConfigError) as caught:
        load(path, {})

    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(caught.value.problems)
    assert seen_in(shown) == set()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
