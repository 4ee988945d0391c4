"""Everything that is wrong is said in one go, in the order of the file, and nothing that only follows from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Config, ConfigError, Problem, load

Load = Callable[..., Config]
Refused = Callable[..., list[Problem]]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(refused: Refused) -> None:
    problems = refused(
        "server: {prot: 1}\n"
        "retry: {attempts: none}\n"
        "model_list:\n"
        "  - {model_name: fast, litellm_params: {model: openai/x, api_base: os.environ/BASE}}\n"
        "groups: {fast: {fallbacks: [slow]}}\n"
        "store: {redis_url: 'redis://h'}\n"
        "router_settings: {fallbacks: [{fast: [none]}]}\n"
    )

    assert [(problem.mark.line, ".".join(map(str, problem.path))) for problem in problems] == [
        (1, "server.prot"),
        (2, "retry.attempts"),
        (4, "model_list.0.litellm_params.api_base"),
        (5, "groups.fast.fallbacks.0"),
        (6, "store.redis_url"),
        (7, "router_settings.fallbacks.0.fast"),
    ]


def test_mistakes_of_many_kinds_are_told_once_each(refused: Refused) -> None:
    problems = refused(
        "model_list:\n"
        "  - {model_name: fast, litellm_params: {model: openai/x, input_cost_per_token: -1}}\n"
        "server: {workers: 2, max_body_mb: 64, trusted_hosts: ['^a$']}\n"
        "store: {database_url: os.environ/DB}\n"
        "retry: {by_error: {timeouts: 1}, by_error: {}}\n"
        "routing: {timezone: Berlin, rules: [{wen: {team: a}, use: {}}]}\n"
        "alerts: {webhooks: [{url: h, kinds: budgets}]}\n"
        "telemetry: {log_level: loud}\n"
        "include: [config.yaml]\n"
    )

    assert [(problem.mark.line, ".".join(map(str, problem.path))) for problem in problems] == [
        (2, "model_list.0.litellm_params.input_cost_per_token"),
        (3, "server.trusted_hosts.0"),
        (4, "store.database_url"),
        (5, "retry.by_error.timeouts"),
        (5, "retry.by_error"),
        (6, "routing.timezone"),
        (6, "routing.rules.0.wen"),
        (7, "alerts.webhooks.0.url"),
        (7, "alerts.webhooks.0.kinds.0"),
        (8, "telemetry.log_level"),
        (9, "include.0"),
    ]


def test_a_broken_model_list_does_not_make_every_name_unknown(refused: Refused) -> None:
    problems = refused(
        "model_list: [{model_name: fast, litellm_params: {}}]\n"
        "groups: {fast: {}}\n"
        "routing: {rules: [{when: {team: a}, use: {group: fast}}]}\n"
    )

    assert [str(problem.path[-1]) for problem in problems] == ["model"]


def test_a_broken_included_file_does_not_make_every_name_unknown(refused: Refused) -> None:
    problems = refused("include: [more.yaml]\n" + "groups: {fast: {}}\n", more="model_list: [\n")

    assert [Path(problem.mark.file).name for problem in problems] == ["more.yaml"]


def test_an_absent_variable_is_told_once_and_not_as_a_missing_key_too(refused: Refused) -> None:
    problems = refused("model_list: [{model_name: fast, litellm_params: {model: os.environ/MODEL}}]\n")

    assert [problem.what for problem in problems] == ["the environment variable MODEL is not set"]


def test_a_variable_that_many_keys_ask_for_is_told_once_at_the_first(refused: Refused) -> None:
    entries = "".join(
        f"  - {{model_name: {name}, litellm_params: {{model: os.environ/MODEL, api_base: os.environ/BASE}}}}\n"
        for name in "abc"
    )
    problems = refused("model_list:\n" + entries + "groups: {a: {fallbacks: [b, b]}}\n")

    assert [(problem.mark.line, problem.what) for problem in problems] == [
        (2, "the environment variable MODEL is not set"),
        (2, "the environment variable BASE is not set"),
    ]
    assert problems[0].mend == "set MODEL, or write the value here (2 more keys ask for it)"


def test_the_column_is_that_of_the_value_or_of_the_unknown_key(refused: Refused) -> None:
    problems = refused(
        "model_list: [{model_name: fast, litellm_params: {model: openai/x}}]\nserver: {port: 'x', prot: 1}\n"
    )

    assert [(problem.mark.line, problem.mark.column) for problem in problems] == [(2, 16), (2, 21)]


def test_a_missing_file_says_how_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no file .*none\.yaml; name it with --config or ATELIER_CONFIG"):
        load(tmp_path / "none.yaml", {})


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path, {})


def test_a_file_that_is_not_utf_8_names_the_line_and_the_column(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"# ok\nserver: {host: '\xff'}\n")

    with pytest.raises(ConfigError, match=r"config\.yaml:2:17: a character that is not UTF-8 stands here; save"):
        load(path, {})


def test_a_huge_file_is_not_even_parsed(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"#" * 4_000_001)

    with pytest.raises(ConfigError, match="larger than 4 MB"):
        load(path, {})


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 20_000,
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{name}: &{name} [{','.join(['*' + before] * 10)}]\n"
            for before, name in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "a: &a [*a]\n",
        "a: &a {b: *a}\n",
        "a: &a {<<: *a}\n",
        "a: {<<: [1, 2]}\n",
    ],
    ids=["deep", "aliases of aliases", "list in itself", "section in itself", "merged into itself", "merged numbers"],
)
def test_a_bomb_is_a_problem_and_not_a_crash(text: str, refused: Refused) -> None:
    assert refused(text)


def test_an_empty_file_asks_for_models(refused: Refused) -> None:
    assert [problem.what for problem in refused("# nothing yet\n")] == ["is missing"]


def test_sections_without_any_value_are_sections_with_their_defaults(load_text: Load) -> None:
    config = load_text(
        "model_list: [{model_name: fast, litellm_params: {model: openai/x, rpm:}, model_info:}]\n"
        "server:\n  cors:\nrouting:\n  rules:\n  models:\ngroups:\n  fast:\n    fallbacks:\nrouter_settings:\n"
    )

    assert config.server.port == 4000
    assert config.routing.rules == ()
    assert config.groups["fast"].fallbacks == ()
