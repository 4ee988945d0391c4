"""What `atelier check` says, for a person and for a program."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config import Config
from gateway.config.check import Checked, refusal_json, report_json
from gateway.config.check_text import report
from gateway.config.deployments import ModelFacts, resolve
from gateway.config.price_words import dollars
from gateway.config.problems import Mark, Problem
from gateway.types import Card, JsonObject

Load = Callable[..., Config]
TEXT = """model_list:
  - {model_name: fast, litellm_params: {model: openai/x, api_key: os.environ/OPENAI_API_KEY}}
  - {model_name: fast, litellm_params: {model: mistral/y, input_cost_per_token: 0.00000125, weight: 2}}
  - {model_name: smart, litellm_params: {model: openai/unpriced, max_retries: 1}}
groups: {fast: {fallbacks: [smart], policy: priority}}
routing: {models: {auto: {tiers: {fast: fast, best: smart}}}}
router_settings: {model_group_alias: {small: fast}}
"""
KEY = {"OPENAI_API_KEY": "sk-some-key"}


def checked(text: str, load_text: Load, facts: ModelFacts, env: Mapping[str, str] | None = None) -> JsonObject:
    config = load_text(text, env)
    return report_json(Checked(config, resolve(config, env or {}, facts, None), lambda _: {"vision", "tools"}))


def test_every_group_is_told_with_its_deployments_states_and_prices(load_text: Load, facts: ModelFacts) -> None:
    found = checked(TEXT, load_text, facts, KEY)

    fast, smart = found["groups"]
    assert (fast["name"], fast["aliases"], fast["policy"], fast["fallbacks"]) == (
        "fast",
        ["small"],
        "priority",
        ["smart"],
    )
    one, two = fast["deployments"]
    assert (one["id"], one["state"], one["set"], one["lane"], one["context_window"]) == (
        "fast/openai/x",
        "ready",
        None,
        "sdk",
        128_000,
    )
    assert one["price"] == {"input": 0.0001, "output": 0.0004, "cached_input": 0.00001, "source": "litellm"}
    assert (two["state"], two["set"], two["weight"]) == ("no key", "MISTRAL_API_KEY", 2)
    assert two["price"]["input"] == pytest.approx(1.25)
    assert two["price"]["source"] == "config"
    assert [each["state"] for each in smart["deployments"]] == ["ready"]
    assert found["virtual_models"] == [
        {"name": "auto", "policy": "complexity", "tiers": {"fast": "fast", "best": "smart"}}
    ]
    assert len(found["warnings"]) == 2
    assert json.loads(json.dumps(found)) == found


def test_the_text_says_plainly_that_answers_are_simulated(load_text: Load, facts: ModelFacts) -> None:
    found = checked(TEXT, load_text, facts)
    text = report(found)

    assert {each["state"] for group in found["groups"] for each in group["deployments"]} == {"simulated"}
    assert "is fine: 2 model groups, 3 simulated" in text
    assert "no provider key is set: every answer is SIMULATED until one is" in text
    assert "not set: MISTRAL_API_KEY, OPENAI_API_KEY" in text
    assert "there is no master key" in text


def test_a_variable_that_wins_over_the_file_is_told_without_its_value(load_text: Load, facts: ModelFacts) -> None:
    found = checked(TEXT + "server: {port: 4001}\n", load_text, facts, KEY | {"ATELIER_PORT": "4002"})

    assert found["overridden"] == {"ATELIER_PORT": "server.port"}
    assert "listens on http://127.0.0.1:4002" in report(found)
    assert "ATELIER_PORT wins over server.port of the file" in report(found)


def test_the_text_has_a_line_for_each_deployment_and_each_warning(load_text: Load, facts: ModelFacts) -> None:
    lines = report(
        checked(TEXT + "general_settings: {master_key: sk-master-key}\n", load_text, facts, KEY)
    ).splitlines()

    (fast,) = [line for line in lines if line.startswith("fast · ")]
    assert fast == "fast · policy priority · also called small · falls back to smart"
    (keyless,) = [line for line in lines if "set MISTRAL_API_KEY" in line]
    assert "$1.25 in, $0.0004 out /1M (config)" in keyless
    assert "auto · picked by complexity: fast → fast, best → smart" in lines
    assert "no price is known" in lines[-1]
    assert "SIMULATED" not in "".join(lines)


def test_limits_budget_tags_and_what_a_model_can_do_have_a_second_line(load_text: Load, facts: ModelFacts) -> None:
    text = """model_list:
  - model_name: fast
    litellm_params: {model: openai/x, api_key: sk-x, rpm: 60, tpm: 90000, max_parallel_requests: 4, order: 2,
      weight: 3, tags: [eu], max_budget: 20, budget_duration: 30d, api_base: "https://u:pass@h.example/v1?key=hidden"}
    model_info: {access_groups: [staff]}
"""
    found = checked(text, load_text, facts)
    (one,) = found["groups"][0]["deployments"]

    assert (one["key"], one["budget"], one["capabilities"]) == ("set", {"limit": 20, "days": 30}, ["tools", "vision"])
    assert (
        "      tools, vision · at https://h.example/v1 · 60 requests a minute · 90,000 tokens a minute · 4 at once · "
        "$20.00 in 30 days · order 2 · weight 3 · tags eu · access groups staff"
    ) in report(found).splitlines()
    assert "hidden" not in json.dumps(found)


def test_rules_are_read_back_in_words(load_text: Load, facts: ModelFacts) -> None:
    rules = """
  timezone: Europe/Berlin
  rules:
    - {name: evenings, when: {team: a, input_tokens: {max: 500}, after: "18:00"}, use: {group: fast}}
    - {when: {model: [fast, auto], tags: [draft], input_tokens: {min: 9}, days: [sat]}, use: {tier: fast, policy: cost}}
    - {when: {key: ci, input_tokens: {min: 5, max: 9}, before: "6:00"}, use: {policy: latency}}
"""
    text = (
        TEXT.replace("routing: {models: {auto: {tiers: {fast: fast, best: smart}}}}", "routing:" + rules)
        .replace("rules:", "models: {auto: {tiers: {fast: fast, best: smart}}}\n  rules:")
        .replace("model: [fast, auto]", "model: auto")
    )
    lines = report(checked(text, load_text, facts)).splitlines()

    at = lines.index("rules · the first that fits counts; times are Europe/Berlin")
    assert lines[at + 1 : at + 4] == [
        "  1  evenings: team a, at most 500 input tokens, 18:00 to 24:00 → group fast",
        "  2  model auto, tag draft, at least 9 input tokens, on sat → tier fast, ordered by cost",
        "  3  key ci, 5 to 9 input tokens, 00:00 to 06:00 → ordered by latency",
    ]


def test_a_group_that_nobody_can_serve_and_a_wildcard_say_so(load_text: Load, facts: ModelFacts) -> None:
    text = """model_list:
  - {model_name: pictures, litellm_params: {model: openai/image}}
  - {model_name: "openai/*", litellm_params: {model: "openai/unpriced-*"}}
"""
    lines = report(checked(text, load_text, facts)).splitlines()

    assert lines[lines.index("pictures · policy weighted") + 1] == "  no deployment of it can be served"
    assert "openai/* · policy weighted · every model whose name fits" in lines
    assert any("each model's own price" in line for line in lines)


def test_what_litellm_s_keys_became_is_counted_and_told(load_text: Load, facts: ModelFacts) -> None:
    text = TEXT + "litellm_settings: {set_verbose: true, num_retries: 2}\n"
    found = checked(text, load_text, facts)
    lines = report(found).splitlines()

    counts = found["litellm"]["counts"]
    assert sum(counts.values()) == len(found["litellm"]["keys"]) > 10
    assert f"LiteLLM's keys: {counts['taken']} taken, {counts['changed']} changed, {counts['ignored']} ignored" in lines
    (told,) = [line for line in lines if "litellm_settings.set_verbose" in line]
    assert "(line 8)" in told


def test_a_mistake_as_json_says_where_what_and_how() -> None:
    problem = Problem(Mark("config.yaml", 3, 5), ("groups", "fast", "fallbacks", 0), "no such group", "mend it")

    assert refusal_json([problem]) == {
        "ok": False,
        "problems": [
            {
                "file": "config.yaml",
                "line": 3,
                "column": 5,
                "key": "groups.fast.fallbacks[0]",
                "what": "no such group",
                "mend": "mend it",
            }
        ],
    }


def test_the_page_describes_every_member_of_the_json(load_text: Load, facts: ModelFacts) -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    table = page.partition("## Checking, comparing, completing")[2].partition("**`atelier diff")[0]
    found = checked(TEXT, load_text, facts)
    group = found["groups"][0]
    words = set(re.findall(r"\w+", table))

    assert {*found, *group, *group["deployments"][0], *group["deployments"][0]["price"]} <= words
    assert {
        *found["litellm"],
        *found["litellm"]["keys"][0],
        *found["virtual_models"][0],
        *found["warnings"][0],
    } <= words


@pytest.mark.parametrize(
    ("amount", "shown"), [(0, "0.00"), (0.1, "0.10"), (10, "10.00"), (1.25, "1.25"), (0.0375, "0.0375"), (0.02, "0.02")]
)
def test_prices_show_as_many_decimals_as_they_need(amount: float, shown: str) -> None:
    assert dollars(amount) == shown


def test_a_deployments_lane_is_told_and_what_keeps_it_from_a_faster_one(load_text: Load, facts: ModelFacts) -> None:
    config = load_text(TEXT, KEY)
    resolved = resolve(config, KEY, facts, None)
    cards = {"x": Card("wire"), "unpriced": Card("sdk", "it asks OpenAI's Responses API")}
    carded = tuple(
        replace(each, lane=card.lane, card=card)
        for each in resolved.deployments
        for card in (cards[each.model.partition("/")[2]],)
    )
    found = report_json(Checked(config, replace(resolved, deployments=carded)))

    told = {
        each["id"]: (each["lane"], each["lane_reason"]) for group in found["groups"] for each in group["deployments"]
    }
    assert told["fast/openai/x"] == ("wire", None)
    assert told["smart/openai/unpriced"] == ("sdk", "it asks OpenAI's Responses API")
    lines = report(found).splitlines()
    assert any(line.endswith("in the sdk lane: it asks OpenAI's Responses API") for line in lines)
    assert any(line.startswith("  fast/openai/x") and line.endswith("  wire") for line in lines)
    assert not any("in the wire lane" in line for line in lines)
