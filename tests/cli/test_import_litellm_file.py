"""`atelier import-litellm FILE`: our form means what LiteLLM's file means, and holds no value of the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import cli
from gateway.commands.litellm_file import meaning
from gateway.config.loader import load
from tests.harness import ROOT

KEY = "sk-of-the-environment-0123456789"
ENV = {
    "OPENAI_API_KEY": KEY,
    "ANTHROPIC_API_KEY": "sk-ant-of-the-environment",
    "LITELLM_MASTER_KEY": "sk-master-of-the-environment",
    "DATABASE_URL": "postgresql://litellm:hunter22@db.internal/litellm",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/hunter22",
    "OWN_FALLBACK": "claude",
    "RETRIES": "4",
}
SMALL = """\
# Which models there are. Ask Ida before you change it.
model_list:
  - model_name: gpt  # the cheap one
    litellm_params:
      model: openai/gpt-6-luna
      api_key: os.environ/OPENAI_API_KEY
  # the good one
  - model_name: claude
    litellm_params: {model: anthropic/claude-haiku-5-5, api_key: os.environ/ANTHROPIC_API_KEY}
"""
FULL = f"""{SMALL}
litellm_settings:
  num_retries: 4
  request_timeout: 60  # seconds
  fallbacks: [{{gpt: [claude]}}]
  context_window_fallbacks: [{{gpt: [claude]}}]
  drop_params: true
  callbacks: [langfuse]
  cache: true
  cache_params: {{type: local, ttl: 600}}
  max_budget: 100
  budget_duration: 30d
  default_internal_user_params: {{max_budget: 5, budget_duration: 7d}}
  json_logs: true
router_settings:
  routing_strategy: least-busy
  model_group_alias: {{gpt-4: gpt}}
  allowed_fails: 3
  cooldown_time: 30
  enable_tag_filtering: true
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
  database_url: os.environ/DATABASE_URL
  max_parallel_requests: 20
  global_max_parallel_requests: 300
  alerting: [slack]
  maximum_spend_logs_retention_period: 30d
guardrails:
  - {{guardrail_name: pii, litellm_params: {{guardrail: presidio}}}}
"""
FILES = {
    "nothing but models": SMALL,
    "everything": FULL,
    "router's fallbacks": SMALL
    + """
router_settings:
  fallbacks: [{"*": [claude]}]
  default_fallbacks: [claude]
  num_retries: 2
  timeout: 30
  stream_timeout: 12
litellm_settings:
  fallbacks: [{gpt: [claude]}]
""",
    "references in settings": SMALL
    + """
litellm_settings:
  num_retries: os.environ/RETRIES
  default_fallbacks: [os.environ/OWN_FALLBACK]
general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}
""",
    "our sections beside": SMALL
    + """
retry: {attempts: 5}  # ours
groups:
  gpt: {policy: priority}
router_settings:
  num_retries: 1
  fallbacks: [{gpt: [claude]}]
  disable_cooldowns: true
""",
    "credentials and anchors": """\
x-shared: &shared {max_parallel_requests: 3}
credential_list:
  - credential_name: main
    credential_values: {api_key: os.environ/OPENAI_API_KEY}
model_list:
  - model_name: gpt
    litellm_params: {model: openai/gpt-6-luna, litellm_credential_name: main, <<: *shared}
environment_variables: {REGION: eu}
litellm_settings: {set_verbose: true}
""",
    "wildcards and prices": """\
model_list:
  - {model_name: "openai/*", litellm_params: {model: "openai/*", api_key: os.environ/OPENAI_API_KEY}}
  - {model_name: "*", litellm_params: {model: "anthropic/*", api_key: os.environ/ANTHROPIC_API_KEY, rpm: 3}}
litellm_settings:
  cost_discount_config: {openai: 0.05}
  cost_margin_config: {global: 0.1}
  allowed_fails: 0
""",
}


def run(file: Path, *options: str, env: Mapping[str, str] = ENV) -> Result:
    clean = {name: None for name in os.environ if name.startswith("ATELIER_") or name.endswith("_API_KEY")}
    return CliRunner(env={**clean, **env}).invoke(cli, ["import-litellm", str(file), *options])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "litellm.yaml"
    path.write_text(FULL)
    return path


@pytest.mark.parametrize("text", FILES.values(), ids=[*FILES])
def test_our_form_means_the_same(file: Path, text: str) -> None:
    file.write_text(text)
    result = run(file)
    assert result.exit_code == 0, result.output
    ours = file.with_name("atelier.yaml")
    assert meaning(load(ours, ENV), ENV) == meaning(load(file, ENV), ENV)
    assert file.read_text() == text


@pytest.mark.parametrize("text", FILES.values(), ids=[*FILES])
def test_no_value_of_the_environment_is_written(file: Path, text: str) -> None:
    file.write_text(text)
    result = run(file, "--output", "-")
    assert result.exit_code == 0, result.output
    assert not any(value in result.output for name, value in ENV.items() if name not in {"OWN_FALLBACK", "RETRIES"})


def test_a_key_that_stands_twice_is_told_with_its_line(file: Path) -> None:
    file.write_text(f"{SMALL}litellm_settings:\n  num_retries: 1\n  num_retries: 2\n")
    result = run(file)

    assert result.exit_code == 1
    assert ":12: a key stands twice; keep one of them" in result.output
    assert not file.with_name("atelier.yaml").exists()


TWELVE = sorted(path for path in (ROOT / "tests" / "litellm_files").glob("*.yaml") if path.stem != "11_models")


@pytest.mark.parametrize("original", TWELVE, ids=[path.stem for path in TWELVE])
def test_files_of_every_kind_mean_the_same_in_our_form(original: Path, tmp_path: Path) -> None:
    for path in original.parent.glob("*.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    text = (tmp_path / original.name).read_text()
    addresses = {name: f"http://127.0.0.1:9/{name.lower()}" for name in re.findall(r"os\.environ/(\w+_API_BASE)", text)}
    keys = {name: f"sk-of-{name.lower()}-0123456789" for name in re.findall(r"os\.environ/(\w+_KEY)", text)}
    env = {**dict.fromkeys(re.findall(r"os\.environ/(\w+)", text), "3"), **addresses, **keys}
    result = run(tmp_path / original.name, env=env)
    assert result.exit_code == 0, result.output
    ours = tmp_path / "atelier.yaml"
    assert meaning(load(ours, env), env) == meaning(load(tmp_path / original.name, env), env)
    assert not any(value in ours.read_text() for value in (*addresses.values(), *keys.values()))
    left = next((line for line in result.stdout.splitlines() if line.startswith("Left as LiteLLM writes it")), "")
    assert "num_retries" not in left
    assert "allowed_fails" not in left


def test_settings_become_sections_of_ours_and_comments_stay(file: Path) -> None:
    run(file)
    text = file.with_name("atelier.yaml").read_text()
    assert text.startswith("# Which models there are. Ask Ida before you change it.\nmodel_list:\n")
    assert "- model_name: gpt # the cheap one" in text.replace("  #", " #")
    assert "# the good one" in text
    for gone in (
        "callbacks",
        "guardrails",
        "database_url",
        "num_retries",
        "allowed_fails",
        "max_budget",
        "context_window_fallbacks: [",
    ):
        assert gone not in text
    config = load(file.with_name("atelier.yaml"), ENV)
    assert "fallbacks" in text
    assert {"retry", "health", "budgets", "limits", "cache", "alerts", "groups"} <= config.model_fields_set
    assert "url: os.environ/SLACK_WEBHOOK_URL" in text
    assert "master_key: os.environ/LITELLM_MASTER_KEY" in text
    assert "host:" not in text  # what is our default anyway is not written


def test_only_what_no_section_of_ours_can_say_stays_litellms(file: Path) -> None:
    said = run(file).stdout
    (line,) = [line for line in said.splitlines() if line.startswith("Left as LiteLLM writes it")]
    kept = {name.strip(" .") for name in line.partition("is: ")[2].split(",")}
    assert {"general_settings.master_key", "router_settings.model_group_alias"} <= kept
    assert kept <= {
        "general_settings.master_key",
        "router_settings.model_group_alias",
        "litellm_settings.request_timeout",
        "litellm_settings.drop_params",
    }


def test_the_report_says_what_became_of_each_key(file: Path) -> None:
    said = run(file, "--check").stdout
    lines = {line.split()[3].rstrip(":"): line for line in said.splitlines() if line.split()[1:2] == ["line"]}
    assert lines["litellm_settings.callbacks"].startswith("ignored ")
    assert lines["guardrails"].startswith("ignored ")
    assert lines["litellm_settings.max_budget"].startswith("taken ")
    assert lines["router_settings.allowed_fails"].startswith("changed ")
    assert "line 10" not in lines["model_list[].model_name"]
    assert "(2 times)" in lines["model_list[].model_name"]
    assert "keys taken" in said


def test_check_writes_nothing(file: Path) -> None:
    result = run(file, "--check")
    assert (result.exit_code, [path.name for path in file.parent.iterdir()]) == (0, ["litellm.yaml"])


def test_nothing_is_overwritten_without_force(file: Path) -> None:
    target = file.with_name("atelier.yaml")
    target.write_text("mine: 1\n")
    refused = run(file)
    assert (refused.exit_code, refused.stdout, target.read_text()) == (1, "", "mine: 1\n")
    assert "--force" in refused.stderr
    assert run(file, "--force").exit_code == 0
    assert "model_list" in target.read_text()
    assert target.stat().st_mode & 0o777 == 0o600
    again = run(file)
    assert "says so already" in again.stdout
    assert run(file, "--output", str(file), "--force").exit_code == 1
    assert file.read_text() == FULL
    assert run(file, "--output", str(file.parent / "nowhere" / "a.yaml")).exit_code == 1


def test_included_files_are_laid_into_one(file: Path) -> None:
    (file.parent / "more.yaml").write_text(
        "model_list:\n  # from the other file\n  - {model_name: extra, litellm_params: {model: openai/x, api_key: k}}\n"
        "litellm_settings: {num_retries: 1}\n"
    )
    file.write_text(f"include: [more.yaml]\n{SMALL}")
    run(file)
    ours = file.with_name("atelier.yaml")
    assert meaning(load(ours, ENV), ENV) == meaning(load(file, ENV), ENV)
    assert load(ours, ENV).group_names == ("gpt", "claude", "extra")
    assert "include" not in ours.read_text()


def test_what_the_environment_lays_over_the_file_is_no_part_of_it(file: Path) -> None:
    said = run(file, "--output", "-", env={**ENV, "ATELIER_PORT": "8081", "ATELIER_LOG_LEVEL": "debug"}).stdout
    assert "8081" not in said
    assert "debug" not in said


def test_a_file_that_cannot_be_read_is_told_with_its_line(file: Path) -> None:
    file.write_text(FULL.replace("num_retries: 4", "num_retries: many"))
    refused = run(file)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "litellm.yaml:12" in refused.stderr
    assert not file.with_name("atelier.yaml").exists()
    missing = run(file.with_name("none.yaml"))
    assert missing.exit_code == 1
    assert "none.yaml" in missing.stderr


def test_keys_alone_need_a_database(file: Path) -> None:
    refused = run(file, "--keys-only")
    assert refused.exit_code == 1
    assert "--database-url" in refused.stderr
