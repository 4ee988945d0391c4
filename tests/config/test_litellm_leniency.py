"""What LiteLLM starts with starts here too: a warning in the right place, and the meaning that LiteLLM gives it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Config, ConfigError, Problem
from gateway.config.deployments import resolve
from gateway.config.problems import key_path
from tests.config.mistakes import MODEL, TWO, Mistake

Load = Callable[..., Config]
Refused = Callable[..., list[Problem]]
KEYED = "model_list: [{model_name: fast, litellm_params: {model: openai/x, api_key: sk-one}}]\n"
ENTRY = "model_list:\n  - model_name: a\n    litellm_params:\n      model: openai/x\n"
DOUBTFUL = (
    Mistake("an address without scheme", ENTRY + "      api_base: gpu:8000 #!", "model_list[0].litellm_params.api_base",
            "not an address", "https://"),
    Mistake("an unknown fallback", TWO + "router_settings:\n  fallbacks:\n    - fast: [smart, none] #!",
            "router_settings.fallbacks[0].fast[1]", "`none`: no model group", "known here: fast, smart"),
    Mistake("fallbacks of nothing", TWO + "litellm_settings:\n  fallbacks:\n    - slow: [smart] #!",
            "litellm_settings.fallbacks[0].slow", "`slow`: no model group", "known here"),
    Mistake("an unknown default fallback", TWO + "litellm_settings:\n  default_fallbacks: [fats] #!",
            "litellm_settings.default_fallbacks[0]", "`fats`: no model group", "`fast`"),
    Mistake("an alias of nothing known", MODEL + "router_settings:\n  model_group_alias:\n    gpt-4: fats #!",
            "router_settings.model_group_alias.gpt-4", "no model group `fats`", "`fast`"),
    Mistake("an alias of an alias", MODEL + "router_settings:\n  model_group_alias:\n    b: fast\n    a: b #!",
            "router_settings.model_group_alias.a", "no model group `b`", "known here: fast"),
    Mistake("an alias like a group", TWO + "router_settings:\n  model_group_alias:\n    fast: smart #!",
            "router_settings.model_group_alias.fast", "model group too, and hides it", "rename"),
    Mistake("two lists of fallbacks", TWO + "litellm_settings:\n  fallbacks:\n    - fast: [smart]\n    - fast: [fast] #!",
            "litellm_settings.fallbacks[1].fast", "too: those count", "keep one"),
    Mistake("a key twice", MODEL + "litellm_settings:\n  num_retries: 1\n  num_retries: 2 #!",
            "litellm_settings.num_retries", "stands twice, first in line 3; the last one counts", "keep one"),
    Mistake("a block twice", MODEL + "general_settings: {master_key: sk-1}\ngeneral_settings: {master_key: sk-2} #!",
            "general_settings", "stands twice", "keep one"),
    Mistake("a block that nobody reads", MODEL + "teams: [] #!", "teams", "no effect", "LiteLLM"),
)  # fmt: skip


@pytest.mark.parametrize("doubt", DOUBTFUL, ids=lambda doubt: doubt.name)
def test_it_starts_and_one_warning_names_the_place(doubt: Mistake, load_text: Load) -> None:
    found = [each for each in load_text(doubt.text).warnings if key_path(each.path) == doubt.key]

    marked = next(number for number, line in enumerate(doubt.text.splitlines(), 1) if "#!" in line)
    assert [each.mark.line for each in found] == [marked]
    told = f"{found[0].what}; {found[0].mend}"
    assert doubt.what in told
    assert doubt.mend in told


def test_names_that_mean_nothing_are_passed_over(load_text: Load) -> None:
    config = load_text(
        TWO + "router_settings:\n  fallbacks: [{fast: [none, smart]}, {slow: [fast]}, {smart: [none]}]\n"
        "  model_group_alias: {gpt: smart, lost: none, lost2: gpt, fast: smart}\n"
    )

    assert config.aliases == {"gpt": "smart", "fast": "smart"}
    assert config.group_of("fast") == "smart"
    assert config.group_of("lost") is config.group_of("lost2") is None
    assert "slow" not in config.groups
    assert load_text(TWO + "litellm_settings: {default_fallbacks: [none, smart]}").fallback_groups("fast") == ("smart",)


def test_of_a_key_that_stands_twice_the_last_value_counts(load_text: Load) -> None:
    config = load_text(MODEL + "general_settings: {master_key: sk-1}\ngeneral_settings: {master_key: sk-2}\n")

    assert config.master_key
    assert config.master_key.get_secret_value() == "sk-2"


def test_two_deployments_of_one_id_both_serve(load_text: Load, facts) -> None:
    entry = "{model_name: a, litellm_params: {model: openai/%s, api_key: sk-one}, model_info: {id: one}}"
    config = load_text(f"model_list: [{entry % 'x'}, {entry % 'y'}, {entry % '*'}]\n".replace("a, l", "'a', l"))

    assert [each.id for each in resolve(config, {}, facts, None).deployments] == ["one", "one#2", "one#3"]
    assert [key_path(each.path) for each in config.warnings] == [f"model_list[{at}].model_info.id" for at in (1, 2)]


def test_a_model_that_nobody_knows_is_left_out_of_a_file_of_litellms(load_text: Load, facts) -> None:
    found = resolve(
        load_text(KEYED.replace("}}]", "}}, {model_name: b, litellm_params: {model: y}}]")), {}, facts, None
    )

    assert [each.group for each in found.deployments] == ["fast"]
    assert ["nobody knows y, so it is left out" in each.what for each in found.warnings] == [True]


@pytest.mark.parametrize("ours", ["", "server: {}\n"])
def test_it_is_a_mistake_where_nothing_else_is_served_or_the_file_is_in_our_form(
    ours: str, load_text: Load, facts
) -> None:
    known = "{model_name: fast, litellm_params: {model: openai/x}}, " if ours else ""

    with pytest.raises(ConfigError, match="nobody knows y"):
        resolve(
            load_text(f"model_list: [{known}{{model_name: b, litellm_params: {{model: y}}}}]\n{ours}"), {}, facts, None
        )


@pytest.mark.parametrize("text", ["teams: []\nserver: {}\n", "routnig: {}\n", "server: {port: 1}\nserver: {port: 2}\n"])
def test_in_our_form_it_stays_a_mistake(text: str, refused: Refused) -> None:
    assert len(refused(MODEL + text)) == 1


def test_models_in_litellms_database_are_missed_in_words(refused: Refused) -> None:
    (problem,) = refused("general_settings:\n  store_model_in_db: true\n")

    assert problem.what == "is missing"
    assert "LiteLLM's database" in problem.mend


def test_further_forms_of_fallbacks_and_aliases_are_read(load_text: Load) -> None:
    config = load_text(
        TWO + "router_settings:\n  fallbacks: [{fast: [{model: smart, messages: []}]}]\n"
        "  model_group_alias: {both: [fast, smart], gpt: {model: smart, hidden: true}}\n"
    )

    assert config.fallback_groups("fast") == ("smart",)
    assert config.aliases == {"gpt": "smart"}
    assert "no model group `fast, smart`" in config.warnings[0].what


def test_vertex_by_its_older_names_is_passed_on(load_text: Load, facts) -> None:
    text = "model_list: [{model_name: a, litellm_params: {model: vertex_ai/x, vertex_ai_project: p, vertex_ai_location: l}}]"
    found = resolve(load_text(text), {"GOOGLE_APPLICATION_CREDENTIALS": "/x"}, facts, None)

    assert found.deployments[0].params == {"vertex_project": "p", "vertex_location": "l"}


@pytest.mark.parametrize(
    ("router", "verdict"),
    [
        ("{}", "changed"),
        ("{routing_strategy: usage-based-routing-v2}", "taken"),
        ("{enable_pre_call_checks: true}", "taken"),
        ("{optional_pre_call_checks: [enforce_model_rate_limits]}", "taken"),
    ],
)
def test_a_rate_that_litellm_would_not_enforce_is_listed_as_changed_without_a_warning(
    router: str, verdict: str, load_text: Load
) -> None:
    config = load_text(ENTRY + f"      rpm: 2\nrouter_settings: {router}\n")

    assert [each.verdict for each in config.taken if each.path[-1] == "rpm"] == [verdict]
    assert [each.path for each in config.warnings if each.path[-1] == "rpm"] == []
