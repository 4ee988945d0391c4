"""A budget or a price of a provider that nobody uses is a warning; it would change nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Config
from gateway.config.deployments import ModelFacts, resolve
from gateway.config.provider_names import unused_providers

Load = Callable[..., Config]
MODEL = "model_list: [{model_name: fast, litellm_params: {model: openai/x}}]\n"


def warned(text: str, load_text: Load, facts: ModelFacts) -> list[str]:
    config = load_text(text)
    return [
        str(each).partition("config.yaml:")[2] for each in unused_providers(config, resolve(config, {}, facts, None))
    ]


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("budgets: {providers: {opnai: {limit: 5}}}", "2:30: budgets.providers.opnai"),
        ("prices: {discounts: {opnai: 5}}", "2:29: prices.discounts.opnai"),
        ("prices: {margins: {opnai: 5}}", "2:27: prices.margins.opnai"),
    ],
)
def test_a_provider_that_no_deployment_has_is_doubtful(
    section: str, key: str, load_text: Load, facts: ModelFacts
) -> None:
    assert warned(MODEL + section, load_text, facts) == [
        f"{key}: no deployment is of this provider; did you mean `openai`?"
    ]


def test_a_provider_that_is_used_and_everybody_are_fine(load_text: Load, facts: ModelFacts) -> None:
    text = MODEL + "budgets: {providers: {openai: {limit: 5}}}\nprices: {discounts: {openai: 5}, margins: {'*': 3}}"

    assert warned(text, load_text, facts) == []


def test_behind_a_wildcard_for_everything_there_may_be_any_provider(load_text: Load, facts: ModelFacts) -> None:
    text = "model_list: [{model_name: '*', litellm_params: {model: '*'}}]\nprices: {discounts: {mistral: 5}}"

    assert warned(text, load_text, facts) == []
