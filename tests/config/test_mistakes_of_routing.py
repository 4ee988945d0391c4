"""Mistakes in rules, groups and the list of models that could be told twice or at the wrong key: once, in their lines."""

from __future__ import annotations

import pytest

from tests.config.mistakes import MODEL, TWO, Mistake, Refused, is_told_once

WHERE = "`groups.<name>.fallbacks`"
RULES = TWO + "routing:\n  models: {auto: {tiers: {fast: fast}}}\n  rules:\n"


def rule(when: str, key: str, what: str, mend: str) -> Mistake:
    text = RULES + f"    - when: {when} #!\n      use: {{group: fast}}\n"
    return Mistake(f"rule {when}", text, f"routing.rules[0].when{key}", what, mend)


MISTAKES = [
    rule("{after: '25:00'}", ".after", "time of day", "in quotes"),
    rule("{after: 18}", ".after", "time of day", "in quotes"),
    rule("{before: 6pm}", ".before", "time of day", "in quotes"),
    rule("{after: '18:00', before: '18:00'}", ".before", "empty", "at least a minute"),
    rule("{after: '24:00'}", ".after", "no time", '"00:00"'),
    rule("{before: '00:00'}", ".before", "no time", '"24:00"'),
    rule("{days: []}", ".days", "empty list", "at least one"),
    rule("{team: []}", ".team", "empty list", "at least one"),
    rule("{days: friday}", ".days[0]", "one of mon, tue", "`fri`"),
    rule("{input_tokens: 500}", ".input_tokens", "a section", "indented"),
    rule("{input_tokens: {min: 9, max: 8}}", ".input_tokens.min", "more than `max`", "lower it"),
    rule("{input_tokens: {}}", ".input_tokens", "no bound", "`min`"),
    rule("{input_tokens: {max: -5}}", ".input_tokens.max", "at least 1", "raise it"),
    rule("{input_token: {max: 5}}", ".input_token", "no such key", "`input_tokens`"),
    rule("{model: fats}", ".model[0]", "`fats`", "`fast`"),
    rule("{model: 'gpt-*'}", ".model[0]", "cannot fit", "known here"),
    rule("{team: Team A}", ".team[0]", "cannot be an id", "`atelier teams list`"),
    rule("{user: [u_1, ada@example.com]}", ".user[1]", "cannot be an id", "`atelier users list`"),
    rule("{brand: '*'}", ".brand[0]", "cannot be an id", "`atelier brands list`"),
    rule("{}", "", "no condition", "at least one"),
    Mistake(
        "a misspelt key that is wanted",
        RULES + "    - wen: {team: a} #!\n      use: {group: fast}\n",
        "routing.rules[0].wen",
        "no such key",
        "`when`",
    ),
    Mistake(
        "fallbacks of everybody", TWO + "routing:\n  fallbacks: [smart] #!", "routing.fallbacks", "no such key", WHERE
    ),
    Mistake("a fallback alone", TWO + "routing:\n  fallback: smart #!", "routing.fallback", "no such key", WHERE),
    Mistake(
        "a misspelt list of fallbacks",
        TWO + "groups:\n  fast: {fallback: [smart]} #!",
        "groups.fast.fallback",
        "no such key",
        "did you mean `fallbacks`?",
    ),
    Mistake(
        "a tier for a plain model",
        RULES + "    - when: {model: smart}\n      use: {tier: fast} #!\n",
        "routing.rules[0].use.tier",
        "`smart`, which the rule is for, is no virtual model",
        "`group`",
    ),
    Mistake(
        "a misspelt key of LiteLLM's that is wanted",
        "model_list:\n  - model_nam: fast #!\n    litellm_params: {model: openai/x}\n",
        "model_list[0].model_name",
        "missing",
        "`model_nam`",
    ),
    Mistake(
        "time zone", MODEL + "routing:\n  timezone: Europe/Berln #!", "routing.timezone", "time zone", "`Europe/Berlin`"
    ),
    Mistake("time zone by offset", MODEL + "routing:\n  timezone: '+1' #!", "routing.timezone", "time zone", "a name"),
    Mistake(
        "fallback twice",
        TWO + "groups:\n  fast:\n    fallbacks: [smart, smart] #!",
        "groups.fast.fallbacks[1]",
        "above already",
        "take it out",
    ),
    Mistake(
        "itself for what is too long",
        TWO + "groups:\n  fast:\n    context_window_fallbacks: [fast] #!",
        "groups.fast.context_window_fallbacks[0]",
        "the group itself",
        "take it out",
    ),
    Mistake(
        "unknown group for what is refused",
        TWO + "groups:\n  fast:\n    content_policy_fallbacks: [smrt] #!",
        "groups.fast.content_policy_fallbacks[0]",
        "`smrt`",
        "`smart`",
    ),
    Mistake(
        "a list of models that stands twice",
        MODEL + "model_list: [{model_name: smart, litellm_params: {model: openai/y}}] #!\ngroups: {smart: {}}",
        "model_list",
        "twice",
        "keep one",
    ),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_told_once_where_it_is(mistake: Mistake, refused: Refused) -> None:
    is_told_once(mistake, refused)
