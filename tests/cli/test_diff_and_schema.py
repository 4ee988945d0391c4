"""`atelier diff` ends as diff(1) does; `atelier check` for CI; `atelier schema` is the published one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import cli
from tests.cli.conftest import BROKEN, GOOD
from tests.harness import ROOT, clean_environment

Config = Callable[[str], Path]
NEXT = len(GOOD.splitlines()) + 1  # the first line after GOOD's


@dataclass(frozen=True)
class Finished:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def atelier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Finished]:
    """The command in this process: LiteLLM is loaded once for all tests here."""
    monkeypatch.chdir(tmp_path)
    env = dict.fromkeys(os.environ.keys() - clean_environment().keys())

    def run(*arguments: str) -> Finished:
        result = CliRunner(env=env).invoke(cli, arguments)
        return Finished(result.exit_code, result.stdout, result.stderr)

    return run


Atelier = Callable[..., Finished]


def other(tmp_path: Path, text: str) -> str:
    (tmp_path / "new.yaml").write_text(text)
    return "new.yaml"


def test_a_change_is_told_in_words_with_exit_code_1(atelier: Atelier, config: Config, tmp_path: Path) -> None:
    config(GOOD)
    new = other(tmp_path, GOOD + "limits: {rpm: 60}\nserver: {port: 4002}\n")
    told = atelier("diff", "config.yaml", new)
    as_json = atelier("diff", "config.yaml", new, "--json")

    assert (told.returncode, told.stderr) == (1, "")
    assert told.stdout.splitlines() == [
        "server.port: 4000 → 4002 (at the next start)",
        "limits.rpm: none → 60",
    ]
    assert as_json.returncode == 1
    assert json.loads(as_json.stdout) == [
        {"what": "server.port: 4000 → 4002", "key": "server.port", "restart": True},
        {"what": "limits.rpm: none → 60", "key": "limits.rpm", "restart": False},
    ]


def test_no_change_is_exit_code_0_and_a_broken_file_2(atelier: Atelier, config: Config, tmp_path: Path) -> None:
    config(GOOD)
    same = atelier("diff", "config.yaml", other(tmp_path, "# a comment\n" + GOOD))
    broken = atelier("diff", "config.yaml", other(tmp_path, BROKEN))

    assert (same.returncode, same.stdout) == (0, "Both mean the same.\n")
    assert (broken.returncode, broken.stdout) == (2, "")
    assert len(broken.stderr.splitlines()) == 2


def test_mistakes_are_json_too_where_json_is_asked_for(atelier: Atelier, config: Config) -> None:
    config(BROKEN)
    finished = atelier("check", "--json")
    found = json.loads(finished.stdout)

    assert (finished.returncode, finished.stderr, found["ok"]) == (1, "", False)
    assert [(each["line"], each["key"]) for each in found["problems"]] == [
        (4, "server.prot"),
        (6, "groups.fast.fallbacks[0]"),
    ]


def test_strict_makes_warnings_errors(atelier: Atelier, config: Config) -> None:
    config(GOOD + "router_settings: {unheard_of: 1}\n")
    lenient = atelier("check", "--offline")
    strict = atelier("check", "--offline", "--strict")
    as_json = atelier("check", "--offline", "--strict", "--json")

    assert (lenient.returncode, strict.returncode, as_json.returncode) == (0, 1, 1)
    assert "router_settings.unheard_of" in lenient.stdout
    assert strict.stderr == "--strict: 1 warning\n"
    found = json.loads(as_json.stdout)
    assert (found["ok"], [each["key"] for each in found["problems"]]) == (False, ["router_settings.unheard_of"])


def test_a_parameter_that_no_policy_knows_is_told_where_it_stands(atelier: Atelier, config: Config) -> None:
    path = config(GOOD + "policies:\n  parameters:\n    complexity:\n      fast_blow: 0.2\n")
    finished = atelier("check", "--config", str(path))

    assert finished.returncode == 1
    assert finished.stderr.startswith(f"{path}:{NEXT + 3}:18: policies.parameters.complexity.fast_blow: ")
    assert len(finished.stderr.splitlines()) == 1


def test_every_broken_template_and_stage_is_told_at_its_key(atelier: Atelier, config: Config, tmp_path: Path) -> None:
    (tmp_path / "mine" / "prompts").mkdir(parents=True)
    (tmp_path / "mine" / "prompts" / "a.yaml").write_text("id: [\n")
    (tmp_path / "mine" / "prompts" / "b.yaml").write_text("id: [\n")
    path = config(GOOD + "templates: {path: mine}\n")
    templates = atelier("check", "--config", str(path)).stderr.splitlines()
    path = config(GOOD + "pipeline:\n  stages:\n    - {name: audit, class: 'no.such:Stage', after: prompt}\n")
    stages = atelier("check", "--config", str(path)).stderr.splitlines()

    assert len(templates) == 2
    assert all(line.startswith(f"{path}:{NEXT}:19: templates.path: ") for line in templates), templates
    assert len(stages) == 1
    assert stages[0].startswith(f"{path}:{NEXT + 2}:7: pipeline.stages[0]: The stage 'audit'")


def test_a_file_that_is_not_there_is_named_and_no_option_that_diff_has_not(atelier: Atelier, config: Config) -> None:
    config(GOOD)
    finished = atelier("diff", "config.yaml", "nosuch.yaml")

    assert finished.returncode == 2
    assert "'nosuch.yaml' does not exist" in finished.stderr
    assert "--config" not in finished.stderr


def test_a_rule_that_is_never_reached_ends_the_check(atelier: Atelier, config: Config) -> None:
    rule = "{when: {team: a}, use: {group: fast}}"
    config(GOOD + f"routing:\n  rules:\n    - {rule}\n    - {rule}\n")
    finished = atelier("check", "--offline")

    assert finished.returncode == 1
    assert (
        f"config.yaml:{NEXT + 3}:7: routing.rules[1]: is never reached: `routing.rules[0]` fits wherever this one does"
        in finished.stderr
    )


def test_what_each_model_can_do_is_shown(atelier: Atelier, config: Config) -> None:
    config(GOOD)
    found = json.loads(atelier("check", "--json").stdout)

    assert {"vision", "tools"} <= set(found["groups"][0]["deployments"][0]["capabilities"])


def test_the_schema_is_the_published_one(atelier: Atelier) -> None:
    printed = atelier("schema")

    assert printed.returncode == 0
    assert printed.stdout == (ROOT / "docs" / "config.schema.json").read_text(encoding="utf-8")


def test_check_tells_the_lane_of_each_deployment_and_what_keeps_it_from_a_faster_one(
    atelier: Atelier, config: Config
) -> None:
    params = {
        "fast": "model: openai/gpt-4o-mini, api_key: sk-some-key",
        "own": "model: hosted_vllm/m, api_base: http://127.0.0.1:9/v1",
        "claude": "model: anthropic/claude-haiku-4-5, api_key: sk-some-key",
        "aws": "model: bedrock/anthropic.claude-3-haiku-20240307-v1:0, aws_access_key_id: a, aws_secret_access_key: b",
    }
    listed = (f"  - {{model_name: {name}, litellm_params: {{{given}}}}}\n" for name, given in params.items())
    config("model_list:\n" + "".join(listed))
    found = json.loads(atelier("check", "--offline", "--json").stdout)

    lanes = {group["name"]: group["deployments"][0] for group in found["groups"]}
    assert {name: each["lane"] for name, each in lanes.items()} == {
        "fast": "wire", "own": "wire", "claude": "translate", "aws": "sdk",
    }  # fmt: skip
    assert [name for name, each in lanes.items() if each["lane_reason"]] == ["aws"]
    assert f"in the sdk lane: {lanes['aws']['lane_reason']}" in atelier("check", "--offline").stdout
