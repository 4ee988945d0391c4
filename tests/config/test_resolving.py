"""Who serves: real deployments or simulated ones, never both; ids, prices, times and addresses."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config import Config, ConfigError
from gateway.config.deployments import ModelFacts, Resolved, pico_dollars, resolve
from gateway.types import Deployment, Endpoint

Load = Callable[..., Config]
FLEET = {"openai": "http://127.0.0.1:1/v1", "anthropic": "http://127.0.0.1:2", "gemini": "http://127.0.0.1:3"}
THREE = """model_list:
  - {model_name: fast, litellm_params: {model: openai/x, api_key: os.environ/OPENAI_API_KEY}}
  - {model_name: fast, litellm_params: {model: anthropic/y, api_key: os.environ/ANTHROPIC_API_KEY}}
  - {model_name: smart, litellm_params: {model: gemini/z, api_key: os.environ/GEMINI_API_KEY}}
"""
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")


def entry(**params: Any) -> str:
    inner = ", ".join(f"{name}: {value}" for name, value in params.items())
    return f"  - {{model_name: fast, litellm_params: {{{inner}}}}}\n"


def resolved_from(load_text: Load, facts: ModelFacts, text: str, env: Mapping[str, str] | None = None) -> Resolved:
    config = load_text(text if text.startswith("model_list") else "model_list:\n" + text, env or {})
    return resolve(config, env or {}, facts, FLEET)


def only(resolved: Resolved) -> Deployment:
    (deployment,) = resolved.deployments
    return deployment


@pytest.mark.parametrize("present", [set(keys) for size in range(4) for keys in itertools.combinations(KEYS, size)])
def test_without_a_key_all_are_simulated_and_with_one_only_those_with_a_key_are_left(
    present: set[str], load_text: Load, facts: ModelFacts
) -> None:
    resolved = resolved_from(load_text, facts, THREE, dict.fromkeys(present, "sk-some-key"))

    assert resolved.simulated is not bool(present)
    assert all(deployment.simulated is resolved.simulated for deployment in resolved.deployments)
    assert len(resolved.deployments) == (len(present) or 3)
    assert {each.variable for each in resolved.no_key} == (set(KEYS) - present if present else set())
    assert {each.id for members in resolved.groups.values() for each in members} == {d.id for d in resolved.deployments}


ENTRIES = st.sampled_from(
    [
        entry(model="openai/a", api_key="os.environ/OPENAI_API_KEY"),
        entry(model="openai/a"),
        entry(model="openai/a", api_base="'http://gpu:1/v1'"),
        entry(model="openai/a", api_base="'http://gpu:1/v1'", api_key="os.environ/GPU_KEY"),
        entry(model="ollama/a"),
        entry(model="mistral/a"),
        entry(model="bedrock/a", aws_region_name="eu"),
        entry(model="bedrock/a", aws_access_key_id="os.environ/AWS_ACCESS_KEY_ID"),
        entry(model="openai/a", mock_response="hello"),
        entry(model="openai/image-1", api_key="os.environ/OPENAI_API_KEY"),
        entry(model="openai/embedding-1", api_key="sk-literal"),
    ]
)
VARIABLES = st.sets(st.sampled_from(["OPENAI_API_KEY", "MISTRAL_API_KEY", "GPU_KEY", "AWS_ACCESS_KEY_ID"]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(ENTRIES, min_size=1, max_size=6), present=VARIABLES, fleet=st.booleans(), off=st.booleans())
def test_no_plan_ever_mixes_real_and_simulated(
    load_text: Load, facts: ModelFacts, entries: list[str], present: set[str], fleet: bool, off: bool
) -> None:
    env = dict.fromkeys(present, "sk-some-key")
    config = load_text("model_list:\n" + "".join(entries) + ("simulation: {mode: 'off'}\n" if off else ""), env)
    resolved = resolve(config, env, facts, FLEET if fleet else None)

    assert {each.simulated for each in resolved.deployments} <= {resolved.simulated}
    assert not (resolved.simulated and resolved.no_key)
    assert not (resolved.simulated and (off or not fleet))
    simulated = [each for each in resolved.deployments if each.simulated]
    assert all(each.api_key == "simulated" and each.api_base in FLEET.values() for each in simulated)
    real = [each for each in resolved.deployments if not each.simulated]
    assert all(each.api_base not in FLEET.values() for each in real)
    ids = [each.id for each in resolved.deployments] + [each.deployment.id for each in resolved.no_key]
    assert len(ids) == len(set(ids))
    assert "some-key" not in "".join(ids) + repr(resolved)


@pytest.mark.parametrize(
    "params",
    [
        {"model": "openai/a", "api_key": "sk-literal"},
        {"model": "openai/a", "api_base": "'http://gpu:1/v1'"},
        {"model": "hosted_vllm/a", "api_base": "'http://gpu:1/v1'"},
        {"model": "ollama/a"},
    ],
    ids=["literal key", "own address", "vLLM", "Ollama"],
)
def test_what_needs_no_variable_is_real_and_switches_the_fleet_off(
    params: dict[str, str], load_text: Load, facts: ModelFacts
) -> None:
    resolved = resolved_from(load_text, facts, entry(**params) + entry(model="mistral/m"))

    assert not resolved.simulated
    assert not resolved.wants_fleet
    assert only(resolved).group == "fast"
    assert [each.variable for each in resolved.no_key] == ["MISTRAL_API_KEY"]


def test_a_provider_s_usual_variable_counts_where_the_file_names_none(load_text: Load, facts: ModelFacts) -> None:
    env = {"TOGETHERAI_API_KEY": "sk-together"}
    resolved = resolved_from(load_text, facts, entry(model="together_ai/m") + entry(model="perplexity/p"), env)

    assert only(resolved).api_key == "sk-together"
    assert [each.variable for each in resolved.no_key] == ["PERPLEXITYAI_API_KEY"]


def test_a_key_of_the_environment_is_never_sent_to_an_address_of_the_file(load_text: Load, facts: ModelFacts) -> None:
    env = {"OPENAI_API_KEY": "sk-openai"}

    assert (
        only(resolved_from(load_text, facts, entry(model="openai/a", api_base="'https://else/v1'"), env)).api_key
        is None
    )


def test_azure_s_key_goes_to_the_address_of_the_file(load_text: Load, facts: ModelFacts) -> None:
    env = {"AZURE_API_KEY": "sk-azure"}

    assert (
        only(resolved_from(load_text, facts, entry(model="azure/a", api_base="'https://mine/'"), env)).api_key
        == "sk-azure"
    )


@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN"])
def test_a_cloud_account_counts_as_a_key(variable: str, load_text: Load, facts: ModelFacts) -> None:
    text = entry(model="bedrock/a", aws_session_token="os.environ/AWS_SESSION_TOKEN")

    assert only(resolved_from(load_text, facts, text, {variable: "x"})).provider == "bedrock"
    assert resolved_from(load_text, facts, text).simulated


def test_a_fixed_answer_needs_no_key_and_does_not_switch_the_fleet_off(load_text: Load, facts: ModelFacts) -> None:
    text = entry(model="openai/a", mock_response="hi", api_key="os.environ/NONE") + entry(model="openai/b")

    simulated = resolved_from(load_text, facts, text)
    assert simulated.simulated
    assert simulated.deployments[0].params["mock_response"] == "hi"
    real = resolved_from(load_text, facts, text, {"OPENAI_API_KEY": "sk-real-key"})
    assert [each.simulated for each in real.deployments] == [False, False]


def test_the_fleet_is_wanted_before_it_runs_but_not_when_simulation_is_off(load_text: Load, facts: ModelFacts) -> None:
    config = load_text(THREE)
    waiting = resolve(config, {}, facts, None)
    assert (waiting.wants_fleet, waiting.simulated, len(waiting.no_key)) == (True, False, 3)

    config = load_text(THREE + "simulation: {mode: 'off'}\n")
    off = resolve(config, {}, facts, FLEET)
    assert (off.wants_fleet, off.simulated, off.deployments) == (False, False, ())


def test_the_fleet_speaks_a_provider_s_own_format_where_it_can(load_text: Load, facts: ModelFacts) -> None:
    text = "".join(
        entry(model=name) for name in ("anthropic/c", "gemini/g", "gemini/embedding-1", "mistral/m", "openai/o")
    )
    served = resolved_from(load_text, facts, text).deployments

    assert [(each.provider, each.model, each.api_base) for each in served] == [
        ("anthropic", "anthropic/c", FLEET["anthropic"]),
        ("gemini", "gemini/g", FLEET["gemini"]),
        ("openai", "openai/embedding-1", FLEET["openai"]),
        ("openai", "openai/m", FLEET["openai"]),
        ("openai", "openai/o", FLEET["openai"]),
    ]
    assert [each.id for each in served][3] == "fast/mistral/m"


def test_no_credential_of_the_file_goes_to_the_fleet(load_text: Load, facts: ModelFacts) -> None:
    text = entry(model="bedrock/a", aws_secret_access_key="os.environ/NONE", aws_role_name="r", extra_headers="{x: y}")
    deployment = only(resolved_from(load_text, facts, text))

    assert deployment.simulated
    assert deployment.params == {}


def test_ids_are_readable_unique_and_the_same_each_time(load_text: Load, facts: ModelFacts) -> None:
    text = (
        entry(model="openai/a")
        + entry(model="openai/a", api_key="sk-other-key")
        + "  - {model_name: 'fast ü', litellm_params: {model: openai/a}}\n"
        + "  - {model_name: b, litellm_params: {model: openai/b}, model_info: {id: fast/openai/a#2}}\n"
    )
    served = resolved_from(load_text, facts, text, {"OPENAI_API_KEY": "sk-some-key"}).deployments

    assert [each.id for each in served] == ["fast/openai/a", "fast/openai/a#3", "fast-/openai/a", "fast/openai/a#2"]
    assert served == resolved_from(load_text, facts, text, {"OPENAI_API_KEY": "sk-some-key"}).deployments


def test_prices_of_the_file_win_class_by_class(load_text: Load, facts: ModelFacts) -> None:
    text = (
        "  - model_name: fast\n"
        "    litellm_params: {model: ollama/a, input_cost_per_token: 0.0000025}\n"
        "    model_info: {input_cost_per_token: 0.001, cache_read_input_token_cost: 1e-12}\n"
    )
    price = only(resolved_from(load_text, facts, text)).price

    assert (price.input, price.cached_input, price.source) == (2_500_000, 1, "config")
    assert (price.output, price.reasoning) == (400, 500)


def test_a_new_price_is_not_mixed_with_the_old_price_of_its_parts(load_text: Load, facts: ModelFacts) -> None:
    price = only(
        resolved_from(load_text, facts, entry(model="ollama/a", input_cost_per_token=0, output_cost_per_token=0))
    ).price

    assert (price.input, price.cached_input, price.output, price.reasoning) == (0, None, 0, None)


def test_an_unknown_price_is_a_warning(load_text: Load, facts: ModelFacts) -> None:
    resolved = resolved_from(load_text, facts, entry(model="ollama/unpriced"))

    assert [warning.what for warning in resolved.warnings] == ["no price is known, so it counts as free"]
    assert resolved.warnings[0].mark.line == 2
    assert resolved.warnings[0].mend == "set input_cost_per_token, output_cost_per_token"


def test_behind_a_name_of_azure_s_the_model_is_asked_for_first(load_text: Load, facts: ModelFacts) -> None:
    (warning,) = resolved_from(load_text, facts, entry(model="azure/unpriced")).warnings

    assert warning.mend.startswith("set `model_info.base_model` to the model behind this name")
    assert warning.mend.endswith("or input_cost_per_token, output_cost_per_token")


@pytest.mark.parametrize(
    "budgets", ["{total: {limit: 9}}", "{providers: {ollama: {limit: 9}}}", "{new_keys: {limit: 9}}"]
)
def test_an_unknown_price_beside_a_budget_says_what_it_costs(budgets: str, load_text: Load, facts: ModelFacts) -> None:
    (warning,) = resolved_from(load_text, facts, entry(model="ollama/unpriced") + f"budgets: {budgets}\n").warnings

    assert warning.what == "no price is known, so it counts as free, and no budget sees it"


def test_an_unknown_price_beside_a_deployment_s_own_budget_says_so_too(load_text: Load, facts: ModelFacts) -> None:
    own = entry(model="ollama/unpriced", max_budget=9, budget_duration="1d")
    (warning,) = resolved_from(load_text, facts, own).warnings

    assert "no budget sees it" in warning.what


@pytest.mark.parametrize(
    ("dollars", "pico"), [(0.0, 0), (1e-7, 100_000), (2.5e-06, 2_500_000), (3e-12, 3), (1e-13, 1), (1e-6 / 3, 333_334)]
)
def test_dollars_become_whole_pico_dollars_rounded_up(dollars: float, pico: int) -> None:
    assert pico_dollars(dollars) == pico


def test_settings_reach_the_deployment(load_text: Load, facts: ModelFacts) -> None:
    config = load_text(
        "model_list:\n"
        "  - model_name: fast\n"
        "    litellm_params: {model: ollama/think, weight: 0, order: 2, max_parallel_requests: 7, timeout: 11,"
        " stream_timeout: 3, drop_params: false, organization: org, extra_headers: {a: b}, made_up: 1}\n"
        "    model_info: {max_input_tokens: 9, max_output_tokens: 8, tier: best, base_model: openai/base, mode: embedding}\n"
        "  - {model_name: smart, litellm_params: {model: ollama/plain}}\n"
        "litellm_settings: {drop_params: true}\n"
        "router_settings: {default_max_parallel_requests: 5}\n"
        "routing: {models: {auto: {tiers: {smart: smart}}}}\n"
        "stream: {ttft_timeout: 4, idle_timeout: 6}\ntimeouts: {total: 44}\n"
    )
    one, two = resolve(config, {}, facts, None).deployments

    assert (one.weight, one.order, one.max_parallel, one.tier, one.endpoint) == (1, 2, 7, "best", Endpoint.EMBEDDINGS)
    assert (one.timeout, one.ttft_timeout, one.idle_timeout, one.reasoning) == (11, 3, 6, True)
    assert (one.context_window, one.max_output) == (9, 8)
    assert one.params == {
        "organization": "org",
        "base_model": "openai/base",
        "drop_params": False,
        "extra_headers": {"a": "b"},
    }
    assert (two.weight, two.order, two.max_parallel, two.tier, two.endpoint) == (1, 1, 5, "smart", Endpoint.CHAT)
    assert (two.timeout, two.ttft_timeout, two.params) == (44, 4, {"drop_params": True})
    assert (two.context_window, two.max_output, two.reasoning) == (128_000, 16_000, False)


def test_a_provider_that_is_named_apart_becomes_part_of_the_model(load_text: Load, facts: ModelFacts) -> None:
    deployment = only(resolved_from(load_text, facts, entry(model="llama", custom_llm_provider="ollama")))

    assert (deployment.model, deployment.provider, deployment.model_name) == ("ollama/llama", "ollama", "llama")


def test_unknown_models_are_told_all_at_once_with_their_lines(load_text: Load, facts: ModelFacts) -> None:
    config = load_text(
        "model_list:\n" + entry(model="gpt-9") + entry(model="openai/a") + entry(model="gpt-10") + "server: {}\n"
    )

    with pytest.raises(ConfigError) as caught:
        resolve(config, {}, facts, FLEET)

    assert [problem.mark.line for problem in caught.value.problems] == [2, 4]
    assert caught.value.problems[0].what == "nobody knows gpt-9"
    assert caught.value.problems[0].mend == "write its provider before it, for example `openai/gpt-9`"


def test_other_kinds_of_models_are_left_out_with_a_warning(load_text: Load, facts: ModelFacts) -> None:
    text = "  - {model_name: paint, litellm_params: {model: openai/image-1, api_key: sk-key}}\n" + entry(
        model="openai/a"
    )
    resolved = resolved_from(load_text, facts, text)

    assert [warning.mark.line for warning in resolved.warnings] == [2]
    assert resolved.deployments == ()
    assert not resolved.wants_fleet  # one key is set, even though what it is for is not served
    assert [each.deployment.model for each in resolved.no_key] == ["openai/a"]
