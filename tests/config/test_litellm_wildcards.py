"""Entries with a `*`: which pattern fits, what its model becomes, keys, simulation; ranked as LiteLLM's router ranks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Config
from gateway.config.deployments import ModelFacts, Resolved, resolve
from gateway.config.wildcards import best_match
from gateway.types import Endpoint

Load = Callable[..., Config]
FLEET = {"openai": "http://127.0.0.1:1/v1", "anthropic": "http://127.0.0.1:2", "gemini": "http://127.0.0.1:3"}
TEXT = """model_list:
  - {model_name: '*', litellm_params: {model: '*', api_key: sk-for-all}}
  - {model_name: 'openai/*', litellm_params: {model: 'openai/*', api_key: sk-one, rpm: 30}}
  - {model_name: 'openai/*', litellm_params: {model: 'openai/eu-*', api_key: sk-two, rpm: 10}, model_info: {id: eu}}
  - {model_name: 'openai/gpt-*', litellm_params: {model: 'azure/gpt-*', api_key: sk-three, api_base: 'https://a/'}}
  - {model_name: 'a-*-b-*', litellm_params: {model: 'openai/*.*', api_key: sk-four}}
  - {model_name: 'claude-*', litellm_params: {model: anthropic/fixed, api_key: sk-five}}
  - {model_name: 'two-*-stars-*', litellm_params: {model: 'openai/*', api_key: sk-six}}
"""


def resolved_from(load_text: Load, facts: ModelFacts, text: str = TEXT, **env: str) -> Resolved:
    return resolve(load_text(text, env), env, facts, FLEET)


@pytest.mark.parametrize(
    ("name", "pattern", "models"),
    [
        ("openai/o9", "openai/*", ["openai/o9", "openai/eu-o9"]),
        ("openai/gpt-6", "openai/gpt-*", ["azure/gpt-6"]),
        ("a-x-b-y", "a-*-b-*", ["openai/x.y"]),
        ("claude-9", "claude-*", ["anthropic/fixed"]),
        ("mistral/large", "*", ["mistral/large"]),
    ],
)
def test_the_most_specific_pattern_serves(
    name: str, pattern: str, models: list[str], load_text: Load, facts: ModelFacts
) -> None:
    found = best_match(resolved_from(load_text, facts).wildcards, name)
    deployments = [each.deployment(name) for each in found]

    assert {each.pattern for each in found} == {pattern}
    assert [each.model for each in deployments if each] == models
    assert {each.group for each in deployments if each} == {pattern}


def test_patterns_match_and_rank_as_litellms_router_does(load_text: Load, facts: ModelFacts) -> None:
    from litellm.router_utils.pattern_match_deployments import PatternMatchRouter

    wildcards = resolved_from(load_text, facts).wildcards
    router = PatternMatchRouter()
    for each in wildcards:
        router.add_pattern(each.pattern, {"litellm_params": {"model": each.model}})
    names = [
        "openai/x",
        "openai/gpt-1",
        "a--b-",
        "a-b-b-b",
        "claude-",
        "two-1-stars-2",
        "x/y",
        "openai/",
        "a-x-b",
        "é/*",
    ]

    for name in names:
        theirs = [each["litellm_params"]["model"] for each in router.route(name) or []]
        ours = [each.deployment(name) for each in best_match(wildcards, name)]
        assert [each.model if each else None for each in ours] == [
            model if "/" in model else None
            for model in theirs  # a name without a provider is nobody's here
        ], name


def test_a_bare_name_is_tried_with_its_provider(load_text: Load) -> None:
    from gateway.providers.facts import model_facts

    text = "model_list:\n  - {model_name: 'openai/*', litellm_params: {model: 'openai/*', api_key: sk-one-key}}\n"
    wildcards = resolve(load_text(text), {}, model_facts, None).wildcards

    assert [each.deployment("gpt-6-luna").model for each in best_match(wildcards, "gpt-6-luna")] == [
        "openai/gpt-6-luna"
    ]
    assert best_match(wildcards, "claude-haiku-5-5") == ()
    assert best_match(wildcards, "nobody-knows-this") == ()


def test_deployments_have_ids_of_their_own_and_the_entry_s_settings(load_text: Load, facts: ModelFacts) -> None:
    first, second = best_match(resolved_from(load_text, facts).wildcards, "openai/o9")
    one, two = first.deployment("openai/o9"), second.deployment("openai/o9")

    assert (one.id, two.id) == ("openai/any/openai/o9", "eu/openai/eu-o9")
    assert (one.rpm, two.rpm, one.weight, two.weight) == (30, 10, 30, 10)
    assert (one.api_key, one.endpoint, one.price.input) == ("sk-one", Endpoint.CHAT, 100)
    assert first.deployment("openai/o9") == one
    assert first.deployment("openai/embedding-1").endpoint is Endpoint.EMBEDDINGS
    assert first.deployment("openai/image-1") is None
    assert first.deployment("mistral/x") is None


def test_without_a_key_it_serves_nothing_and_is_listed_with_its_variable(load_text: Load, facts: ModelFacts) -> None:
    text = (
        "model_list:\n"
        "  - {model_name: 'openai/*', litellm_params: {model: 'openai/*', api_key: os.environ/OPENAI_API_KEY}}\n"
        "  - {model_name: 'mistral/*', litellm_params: {model: 'mistral/*'}}\n"
        "  - {model_name: '*', litellm_params: {model: '*'}}\n"
    )
    resolved = resolved_from(load_text, facts, text, MISTRAL_API_KEY="sk-mistral-key")

    assert [(each.deployment.group, each.variable) for each in resolved.no_key] == [("openai/*", "OPENAI_API_KEY")]
    openai, mistral, rest = resolved.wildcards
    assert not resolved.wants_fleet
    assert openai.deployment("openai/x") is None
    assert mistral.deployment("mistral/x").api_key == "sk-mistral-key"
    assert rest.deployment("mistral/x").api_key == "sk-mistral-key"
    assert rest.deployment("groq/x") is None


def test_with_the_fleet_everything_that_fits_is_simulated(load_text: Load, facts: ModelFacts) -> None:
    text = "model_list:\n  - {model_name: '*', litellm_params: {model: '*'}}\n"
    resolved = resolved_from(load_text, facts, text)
    (wildcard,) = resolved.wildcards
    served = [wildcard.deployment(name) for name in ("anthropic/c", "groq/g")]

    assert (resolved.simulated, resolved.no_key, resolved.deployments) == (True, (), ())
    assert [(each.model, each.api_base, each.api_key, each.simulated) for each in served] == [
        ("anthropic/c", FLEET["anthropic"], "simulated", True),
        ("openai/g", FLEET["openai"], "simulated", True),
    ]
    assert wildcard.shown.simulated


def test_a_wildcard_with_a_key_switches_the_fleet_off(load_text: Load, facts: ModelFacts) -> None:
    text = "model_list:\n  - {model_name: '*', litellm_params: {model: '*', api_key: sk-a-key}}\n  - {model_name: m, litellm_params: {model: mistral/m}}\n"
    resolved = resolved_from(load_text, facts, text)

    assert (resolved.simulated, resolved.wants_fleet) == (False, False)
    assert [each.variable for each in resolved.no_key] == ["MISTRAL_API_KEY"]
