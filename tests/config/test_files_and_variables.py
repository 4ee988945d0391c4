"""Several files, the environment, and YAML's own ways of saying things twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Config, Problem, config_path, load
from gateway.config.environment import data_dir

Load = Callable[..., Config]
Refused = Callable[..., list[Problem]]
MODEL = "model_list: [{model_name: fast, litellm_params: {model: openai/x}}]\n"


def test_included_lists_are_joined_and_sections_merged(load_text: Load) -> None:
    config = load_text(
        "include: [models.yaml, more.yaml]\n" + MODEL + "server: {port: 1}\n",
        models="model_list: [{model_name: smart, litellm_params: {model: openai/y}}]\nserver: {host: h}\n",
        more="model_list: [{model_name: best, litellm_params: {model: openai/z}}]\n",
    )

    assert config.group_names == ("fast", "smart", "best")
    assert (config.server.port, config.server.host) == (1, "h")


def test_an_included_file_may_include_and_each_is_read_once(load_text: Load) -> None:
    config = load_text(
        "include: a.yaml\n",
        a="include: [b.yaml, c.yaml]\n" + MODEL,
        b="include: [c.yaml]\nmodel_list: [{model_name: smart, litellm_params: {model: openai/y}}]\n",
        c="server: {port: 1}\n",
    )

    assert config.group_names == ("fast", "smart")


def test_a_mistake_in_an_included_file_names_that_file_and_its_line(refused: Refused) -> None:
    problems = refused("include: [more.yaml]\n" + MODEL, more="\nserver:\n  port: x\n")

    assert [(Path(problem.mark.file).name, problem.mark.line) for problem in problems] == [("more.yaml", 3)]


def test_entries_of_joined_lists_keep_their_own_places(refused: Refused) -> None:
    problems = refused(
        "include: [more.yaml]\n" + MODEL,
        more="model_list:\n  - {model_name: smart, litellm_params: {model: openai/y, weight: -1}}\n",
    )

    assert [(Path(each.mark.file).name, each.mark.line, each.path[1]) for each in problems] == [("more.yaml", 2, 1)]


def test_a_value_in_two_files_is_a_mistake(refused: Refused) -> None:
    problems = refused("include: [more.yaml]\nserver: {port: 1}\n" + MODEL, more="server: {port: 2}\n")

    assert len(problems) == 1
    assert problems[0].path == ("server", "port")
    assert "config.yaml:2:10 too" in problems[0].what


def test_aliases_and_merge_keys_work_and_the_own_value_wins(load_text: Load) -> None:
    config = load_text(
        "environment_variables: {}\n"
        "model_list:\n"
        "  - model_name: fast\n"
        "    litellm_params: &base {model: openai/x, weight: 3, rpm: 9}\n"
        "  - model_name: smart\n"
        "    litellm_params: {<<: *base, model: openai/y}\n"
    )

    params = config.model_list[1].litellm_params
    assert (params.model, params.weight, params.rpm) == ("openai/y", 3, 9)


def test_numbers_and_dates_are_read_as_yaml_1_2_means_them(load_text: Load) -> None:
    config = load_text(
        "model_list:\n"
        "  - model_name: fast\n"
        "    litellm_params: {model: azure/x, api_version: 2024-05-01, input_cost_per_token: 1e-6, rpm: 1_000}\n"
        "server: {port: 0x1F90, trusted_hosts: ['*.example.com', a.example], host: !!int abc}\n"
    )

    params = config.model_list[0].litellm_params
    assert (params.api_version, params.input_cost_per_token, params.rpm) == ("2024-05-01", 1e-6, 1000)
    assert (config.server.port, config.server.host) == (8080, "abc")
    assert config.server.trusted_hosts == ("*.example.com", "a.example")


def test_escapes_as_json_writes_them_are_one_character(load_text: Load) -> None:
    config = load_text('model_list: [{model_name: "\\ud83d\\ude00", litellm_params: {model: openai/x}}]\n')

    assert config.group_names == ("\N{GRINNING FACE}",)


def test_references_are_resolved_anywhere_and_fit_the_type(load_text: Load) -> None:
    config = load_text(
        "model_list: [{model_name: os.environ/NAME, litellm_params: {model: openai/x, tags: [os.environ/TAG]}}]\n"
        "server: {port: os.environ/PORT}\n",
        {"NAME": "fast", "TAG": "eu", "PORT": "81"},
    )

    assert config.group_names == ("fast",)
    assert config.model_list[0].litellm_params.tags == ("eu",)
    assert config.server.port == 81


def test_a_variable_with_a_wrong_value_is_told_without_the_value(refused: Refused) -> None:
    problems = refused(MODEL + "server: {port: os.environ/PORT}\n", {"PORT": "eighty"})

    assert [problem.what for problem in problems] == ["must be a whole number"]
    assert "eighty" not in str(problems[0])


def test_the_files_own_variables_win_and_may_refer_to_the_environment(load_text: Load) -> None:
    config = load_text(
        "environment_variables: {A: one, B: os.environ/C, D: os.environ/NONE, E: 5, F: true}\n"
        "model_list:\n"
        "  - {model_name: os.environ/A, litellm_params: {model: os.environ/B, weight: os.environ/E}}\n",
        {"A": "other", "C": "openai/x"},
    )

    entry = config.model_list[0]
    assert (entry.model_name, entry.litellm_params.model, entry.litellm_params.weight) == ("one", "openai/x", 5)
    assert config.environment_variables["F"].get_secret_value() == "True"
    assert "D" not in config.environment_variables


def test_an_absent_key_is_no_mistake_and_is_remembered(load_text: Load) -> None:
    config = load_text(
        "model_list: [{model_name: fast, litellm_params: {model: openai/x, api_key: os.environ/OPENAI_API_KEY}}]\n"
        "general_settings: {master_key: os.environ/ATELIER_MASTER_KEY}\n"
        "telemetry: {redact: [os.environ/NONE, os.environ/SOME]}\n",
        {"SOME": "a secret"},
    )

    assert config.model_list[0].litellm_params.api_key is None
    assert config.absent_variable(("model_list", 0, "litellm_params", "api_key")) == "OPENAI_API_KEY"
    assert config.master_key is None
    assert [each.get_secret_value() for each in config.telemetry.redact] == ["a secret"]


def test_our_variables_win_over_the_file(load_text: Load) -> None:
    config = load_text(
        MODEL + "server: {host: a, port: 1}\n",
        {"ATELIER_HOST": "b", "ATELIER_PORT": "2", "ATELIER_LOG_FORMAT": "console", "ATELIER_SIMULATION": "off"},
    )

    assert (config.server.host, config.server.port) == ("b", 2)
    assert (config.telemetry.log_format, config.simulation.mode) == ("console", "off")


def test_an_empty_variable_counts_as_not_set(load_text: Load) -> None:
    config = load_text(MODEL, {"ATELIER_HOST": "", "ATELIER_SECRET": "", "ATELIER_DATA_DIR": ""})

    assert config.server.host == "127.0.0.1"
    assert config.secret is None
    assert config.data_dir == Path("data")


def test_a_wrong_variable_is_named_instead_of_a_line(refused: Refused) -> None:
    problems = refused(MODEL, {"ATELIER_PORT": "x"})

    assert [str(problem) for problem in problems] == [
        "ATELIER_PORT: server.port: must be a whole number; write one, without quotes"
    ]


def test_stores_by_variables_are_checked_like_those_of_the_file(refused: Refused) -> None:
    problems = refused(MODEL, {"ATELIER_REDIS_URL": "redis://:hunter2@h"})

    assert len(problems) == 1
    assert str(problems[0]).startswith("ATELIER_REDIS_URL: store.redis_url: Redis without PostgreSQL is no set-up;")


def test_a_misspelt_variable_of_ours_is_a_warning(load_text: Load) -> None:
    config = load_text(
        MODEL + "general_settings: {master_key: os.environ/ATELIER_ADMIN}\n",
        {"ATELIER_PROT": "2", "ATELIER_ADMIN": "sk-admin-key", "ATELIER_SECRET": "0123456789"},
    )

    assert [str(warning) for warning in config.warnings] == [
        "ATELIER_PROT: no such environment variable; it has no effect; did you mean `ATELIER_PORT`?"
    ]


def test_a_variable_that_wins_over_another_value_of_the_file_is_remembered(load_text: Load) -> None:
    text = MODEL + "server: {port: 4001, host: os.environ/ATELIER_HOST, workers: 1}\ntelemetry: {log_level: info}\n"
    env = {"ATELIER_PORT": "4002", "ATELIER_HOST": "::1", "ATELIER_WORKERS": "1", "ATELIER_LOG_FORMAT": "console"}

    assert load_text(text, env).overridden == {"ATELIER_PORT": "server.port"}


def test_what_all_variables_begin_with_makes_none_of_them_alike(load_text: Load) -> None:
    (warning,) = load_text(MODEL, {"ATELIER_FOO": "2"}).warnings

    assert "did you mean" not in warning.mend
    assert "docs/configuration.md" in warning.mend


def test_paths_of_the_file_are_relative_to_it(load_text: Load, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    config = load_text(MODEL + "templates: {path: mine}\npolicies: {path: mine}\n")

    assert config.templates.path == tmp_path / "mine"
    assert config.policies.path == tmp_path / "mine"


def test_a_policy_of_the_own_folder_is_known(load_text: Load, tmp_path: Path) -> None:
    (tmp_path / "fair.py").write_text("")
    config = load_text(MODEL + "policies: {path: ., parameters: {fair: {share: 3}}}\ngroups: {fast: {policy: fair}}\n")

    assert config.policy_of("fast") == "fair"
    assert config.policies.parameters["fair"] == {"share": 3}


@pytest.mark.parametrize(
    ("env", "file", "folder"),
    [({}, "config.yaml", "data"), ({"ATELIER_CONFIG": "c", "ATELIER_DATA_DIR": "d"}, "c", "d")],
)
def test_the_file_and_the_data_folder_come_from_the_environment(env: dict[str, str], file: str, folder: str) -> None:
    assert config_path(env) == Path(file)
    assert data_dir(env) == Path(folder)


def test_loading_leaves_the_environment_alone(tmp_path: Path) -> None:
    env = {"ATELIER_PORT": "5"}
    (tmp_path / "config.yaml").write_text("environment_variables: {A: b}\n" + MODEL)

    load(tmp_path / "config.yaml", env)

    assert env == {"ATELIER_PORT": "5"}
