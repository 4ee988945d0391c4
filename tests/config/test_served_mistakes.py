"""What shows only once it is known what each model can do: told in its line (the one marked `#!`), once, with a mend."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from gateway.config import Config, Problem
from gateway.config.deployments import ModelFacts, resolve
from gateway.config.served_checks import check_served

Load = Callable[..., Config]
MODELS = """model_list:
  - {model_name: fast, litellm_params: {model: openai/f}}
  - {model_name: smart, litellm_params: {model: openai/s}}
  - {model_name: vectors, litellm_params: {model: openai/embedding}}
router_settings: {model_group_alias: {small: fast}}
"""
RULES = MODELS + "routing:\n  rules:\n"
TEMPLATES = ("blog-post", "press-release")


class Mistake(NamedTuple):
    name: str
    text: str
    key: str
    what: str
    mend: str


def rules(first: str, second: str) -> str:
    return (
        RULES
        + f"    - name: first\n      when: {first}\n      use: {{group: fast}}\n"
        + f"    - when: {second} #!\n      use: {{group: smart}}\n"
    )


HIDDEN = [
    ("the same", "{team: a}", "{team: a}"),
    ("fewer values", "{team: [a, b]}", "{team: b}"),
    ("a further condition", "{team: a}", "{team: a, brand: x}"),
    ("an alias", "{model: fast}", "{model: small}"),
    ("a pattern", "{model: 's*'}", "{model: [smart, small]}"),
    ("a smaller prompt", "{input_tokens: {max: 500}}", "{input_tokens: {min: 10, max: 400}}"),
    ("a shorter time", '{after: "18:00"}', '{after: "19:00", before: "20:00"}'),
    ("a day of them", "{days: [mon, tue]}", "{days: mon, team: a}"),
    ("a night's second half", '{days: fri, after: "22:00", before: "06:00"}', '{days: sat, before: "05:00"}'),
]
OPEN = [
    ("another value", "{team: a}", "{team: [a, b]}"),
    ("no such condition", "{team: a}", "{brand: x}"),
    ("the group of an alias", "{model: small}", "{model: fast}"),
    ("a larger prompt", "{input_tokens: {max: 500}}", "{input_tokens: {max: 501}}"),
    ("any prompt", "{input_tokens: {max: 500}}", "{team: a}"),
    ("a longer time", '{after: "18:00"}', '{after: "17:59"}'),
    ("the night's other half", '{days: fri, after: "22:00", before: "06:00"}', '{days: fri, before: "05:00"}'),
    ("another day", "{days: mon}", "{days: [mon, tue]}"),
]
MISTAKES = [
    *(
        Mistake(
            f"hidden: {name}",
            rules(first, second),
            "routing.rules[1]",
            "`routing.rules[0]` (`first`) fits wherever",
            "above",
        )
        for name, first, second in HIDDEN
    ),
    Mistake(
        "unknown template",
        RULES + "    - when: {template: [blog-post, pres-release]} #!\n      use: {group: fast}\n",
        "routing.rules[0].when.template[1]",
        "no prompt template `pres-release`",
        "`press-release`",
    ),
    Mistake(
        "a rule for embeddings to chat models",
        RULES + "    - when: {model: vectors}\n      use: {group: fast} #!\n",
        "routing.rules[0].use.group",
        "serves no embedding requests",
        "that kind",
    ),
    Mistake(
        "a tier of embedding models",
        MODELS + "routing:\n  models:\n    auto:\n      tiers:\n        fast: fast\n        best: vectors #!\n",
        "routing.models.auto.tiers.best",
        "embedding models only",
        "group of those",
    ),
    Mistake(
        "a fallback that cannot serve",
        MODELS + "groups:\n  fast:\n    fallbacks: [smart, vectors] #!\n",
        "groups.fast.fallbacks[1]",
        "serves no chat requests",
        "same kind",
    ),
    Mistake(
        "a typing mistake that a wildcard could hide",
        MODELS.replace(
            "router_settings", "  - {model_name: 'openai/*', litellm_params: {model: 'openai/*'}}\nrouter_settings"
        )
        + "groups:\n  fast: {fallbacks: [smrt]} #!\n",
        "groups.fast.fallbacks[0]",
        "`smrt`: no model group",
        "`smart`",
    ),
    Mistake(
        "a tier that nobody serves",
        MODELS.replace("openai/s}", "openai/image}")
        + "routing:\n  models:\n    auto:\n      tiers: {fast: fast, smart: smart} #!\n",
        "routing.models.auto.tiers.smart",
        "no deployment of `smart`",
        "chat models",
    ),
]


def problems(text: str, load_text: Load, facts: ModelFacts) -> list[Problem]:
    config = load_text(text)
    return check_served(config, resolve(config, {}, facts, None), TEMPLATES)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_told_once_in_its_line(mistake: Mistake, load_text: Load, facts: ModelFacts) -> None:
    found = problems(mistake.text, load_text, facts)

    assert len(found) == 1, [str(problem) for problem in found]
    marked = next(number for number, line in enumerate(mistake.text.splitlines(), 1) if "#!" in line)
    place, _, said = str(found[0]).partition(": ")
    assert place.rpartition("/")[2].startswith(f"config.yaml:{marked}:")
    assert said.startswith(f"{mistake.key}: ")
    assert mistake.what in found[0].what
    assert mistake.mend in found[0].mend


@pytest.mark.parametrize(("first", "second"), [each[1:] for each in OPEN], ids=[each[0] for each in OPEN])
def test_a_rule_that_something_still_reaches_is_fine(
    first: str, second: str, load_text: Load, facts: ModelFacts
) -> None:
    assert problems(rules(first, second), load_text, facts) == []


def test_an_earlier_rule_for_another_kind_of_request_hides_nothing(load_text: Load, facts: ModelFacts) -> None:
    text = RULES + "    - {when: {team: a}, use: {group: fast}}\n    - {when: {team: a}, use: {group: vectors}}\n"

    assert problems(text, load_text, facts) == []


def test_a_wildcard_s_models_may_be_of_any_kind(load_text: Load, facts: ModelFacts) -> None:
    text = (
        "model_list:\n  - {model_name: fast, litellm_params: {model: openai/f}}\n"
        "  - {model_name: 'openai/*', litellm_params: {model: 'openai/*'}}\n"
        "groups: {fast: {fallbacks: openai/new}}\n"
        "routing: {rules: [{when: {model: openai/embedding}, use: {group: openai/other}}]}\n"
    )

    assert problems(text, load_text, facts) == []
