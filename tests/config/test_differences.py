"""What a change would do, in words: every kind of change has its sentence, and no sentence has a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gateway.config import Config
from gateway.config.deployments import ModelFacts, Resolved, resolve
from gateway.config.diff import AT_START, Difference, differences

Load = Callable[..., Config]
Told = Callable[..., list[Difference]]
FAST = "  - {model_name: fast, litellm_params: {model: openai/x, api_key: sk-old-key}, model_info: {id: x}}\n"
SMART = "  - {model_name: smart, litellm_params: {model: openai/y, api_key: sk-old-key}, model_info: {id: y}}\n"
MODELS = "model_list:\n" + FAST + SMART
RULES = MODELS + "routing:\n  rules:\n"
A, B, C = (f"    - {{name: {name}, when: {{team: {name}}}, use: {{group: fast}}}}\n" for name in "abc")


@pytest.fixture
def told(load_text: Load, facts: ModelFacts) -> Told:
    def between(old: str, new: str, env: Mapping[str, str] | None = None) -> list[Difference]:
        pairs: list[tuple[Config, Resolved]] = []
        for text in (old, new):
            config = load_text(text, env)
            pairs.append((config, resolve(config, env or {}, facts, None)))
        (old_config, old_resolved), (new_config, new_resolved) = pairs
        return list(differences(old_config, new_config, old_resolved, new_resolved))

    return between


def replaced(text: str, new: str) -> str:
    assert text in MODELS
    return MODELS.replace(text, new)


@pytest.mark.parametrize(
    ("new", "what", "key"),
    [
        (
            MODELS + "  - {model_name: best, litellm_params: {model: openai/z, api_key: sk-old-key}}\n",
            "the group `best` is new, with 1 deployment: `best/openai/z` ($0.0001 in, $0.0004 out for a million tokens)",
            "model_list",
        ),
        ("model_list:\n" + FAST, "the group `smart` is taken out, with 1 deployment", "model_list"),
        (
            MODELS + "  - {model_name: fast, litellm_params: {model: openai/z, api_key: sk-old-key}}\n",
            "the deployment `fast/openai/z` ($0.0001 in, $0.0004 out for a million tokens) is new in the group `fast`",
            "model_list",
        ),
        (
            replaced("model: openai/x,", "model: openai/x, input_cost_per_token: 0.000002, weight: 3,"),
            (
                "the deployment `x`: weight 1 → 3; price of input $0.0001 → $2.00 for a million tokens; price of "
                "cached input $0.00001 → as usual for a million tokens; prices come from config instead of litellm"
            ),
            "model_list",
        ),
        (
            replaced("model: openai/x,", "model: openai/x, order: 2, timeout: 9, max_parallel_requests: 4,"),
            "the deployment `x`: order 1 → 2; requests at once none → 4; timeout 300 → 9",
            "model_list",
        ),
        (replaced("openai/x", "openai/z"), "the deployment `x`: model openai/x → openai/z", "model_list"),
        (
            replaced(
                "model: openai/x,", "model: openai/x, api_base: 'https://user:pass-word@h.example:8/v1?key=se-cret',"
            ),
            "the deployment `x`: address the provider's own → https://h.example:8/v1",
            "model_list",
        ),
        (
            MODELS.replace(FAST, FAST.replace("sk-old-key", "sk-new-key")),
            "the deployment `x`: its key is replaced",
            "model_list",
        ),
        (
            replaced("model: openai/x,", "model: openai/x, extra_headers: {authorization: se-cret},"),
            "the deployment `x`: extra_headers changes",
            "model_list",
        ),
        (
            MODELS + "groups: {fast: {fallbacks: [smart]}}",
            "`fast` goes on with `smart` instead of nothing",
            "groups.fast.fallbacks",
        ),
        (
            MODELS + "router_settings: {fallbacks: [{fast: [smart]}]}",
            "`fast` goes on with `smart` instead of nothing",
            "groups.fast.fallbacks",
        ),
        (
            MODELS + "groups: {fast: {context_window_fallbacks: [smart]}}",
            "`fast` goes on (context window) with `smart` instead of nothing",
            "groups.fast.context_window_fallbacks",
        ),
        (
            MODELS + "groups: {fast: {policy: priority}}",
            "groups.fast.policy: none → priority",
            "groups.fast.policy",
        ),
        (
            MODELS + "router_settings: {model_group_alias: {small: fast}}",
            "the alias `small` is new: it means `fast`",
            "router_settings.model_group_alias.small",
        ),
        (
            MODELS + "litellm_settings: {default_fallbacks: [smart]}",
            "every group goes on at last with `smart`",
            "router_settings.default_fallbacks",
        ),
        (
            MODELS + "routing: {models: {auto: {tiers: {fast: fast}}}}",
            "the model `auto` is new: complexity picks from {fast: fast}",
            "routing.models.auto",
        ),
        (MODELS + "routing: {timezone: Europe/Berlin}", "routing.timezone: UTC → Europe/Berlin", "routing.timezone"),
        (MODELS + "timeouts: {total: 100}", "timeouts.total: 300 → 100", "timeouts.total"),
        (MODELS + "limits: {rpm: 60}", "limits.rpm: none → 60", "limits.rpm"),
        (MODELS + "router_settings: {disable_cooldowns: true}", "health.enabled: true → false", "health.enabled"),
        (MODELS + "cache: {enabled: true}", "cache.enabled: false → true", "cache.enabled"),
        (
            MODELS + "budgets: {providers: {openai: {limit: 20, days: 30}}}",
            "budgets.providers.openai: none → $20.00 in 30 days",
            "budgets.providers.openai",
        ),
        (
            MODELS + "alerts: {webhooks: [{url: 'https://h.example/se-cret'}]}",
            "alerts.webhooks is set",
            "alerts.webhooks",
        ),
        (
            MODELS + "general_settings: {master_key: sk-master-key}",
            "general_settings.master_key is set",
            "general_settings.master_key",
        ),
        (
            MODELS + "environment_variables: {SOME: se-cret}",
            "environment_variables.SOME is set",
            "environment_variables.SOME",
        ),
    ],
)
def test_a_change_is_one_sentence(new: str, what: str, key: str, told: Told) -> None:
    assert told(MODELS, new) == [Difference(what, key, restart=False)]


def test_nothing_is_different_in_the_same_file_with_other_comments(told: Told) -> None:
    assert told(MODELS, "# another comment\n" + MODELS + "server: {port: 4000}\n") == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (A + B, A + C + B, ["rule 2 (`c`) is new: team c → group fast"]),
        (A + B + C, A + C, ["rule 2 (`b`) is taken out: team b → group fast"]),
        (A + B + C, C + A + B, ["rule 3 (`c`) moves from place 3 to place 1"]),
        (A + B + C, B + C + A, ["rule 1 (`a`) moves from place 1 to place 3"]),
        (
            A + B,
            A.replace("team: a", "team: a, after: '18:00', input_tokens: {max: 500}") + B,
            [
                "rule 1 (`a`) changes: team a, at most 500 input tokens, 18:00 to 24:00 → group fast, instead of team a → group fast"
            ],
        ),
        (
            A,
            C,
            ["rule 1 (`a`) is taken out: team a → group fast", "rule 1 (`c`) is new: team c → group fast"],
        ),
        (
            A.replace("name: a, ", ""),
            C.replace("name: c, ", ""),
            ["rule 1 changes: team c → group fast, instead of team a → group fast"],
        ),
        (A, A.replace("name: a,", "name: first,"), ["rule 1 (`a`) changes: it is called `first`"]),
        (
            A + B,
            B + A.replace("group: fast", "group: smart"),
            [
                "rule 2 (`b`) moves from place 2 to place 1",
                "rule 1 (`a`) changes: team a → group smart, instead of team a → group fast",
            ],
        ),
    ],
)
def test_rules_are_new_gone_moved_or_changed(old: str, new: str, said: list[str], told: Told) -> None:
    assert [each.what for each in told(RULES + old, RULES + new)] == said


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("{}", "{total: {limit: 1}}", "budgets.total: none → $1.00 in all"),
        ("{total: {limit: 1}}", "{total: {limit: 1.5, days: 1}}", "budgets.total: $1.00 in all → $1.50 a day"),
        ("{new_keys: {limit: 20, days: 30}}", "{}", "budgets.new_keys: $20.00 in 30 days → none"),
    ],
)
def test_a_budget_is_told_as_money(old: str, new: str, what: str, told: Told) -> None:
    (difference,) = told(f"{MODELS}budgets: {old}\n", f"{MODELS}budgets: {new}\n")

    assert difference.what == what


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("server: {port: 4001}", "server.port"),
        ("server: {cors: {allow_origins: ['https://a.example']}}", "server.cors.allow_origins"),
        ("admin: {listen: '127.0.0.1:4009'}", "admin.listen"),
        ("dashboard: {port: 8502}", "dashboard.port"),
        ("simulation: {speed: 2}", "simulation.speed"),
        ("telemetry: {log_format: console}", "telemetry.log_format"),
        ("telemetry: {otel: {sample: 0.5}}", "telemetry.otel.sample"),
    ],
)
def test_what_needs_a_restart_says_so(section: str, key: str, told: Told) -> None:
    (difference,) = told(MODELS, MODELS + section)

    assert (difference.key, difference.restart) == (key, True)


@pytest.mark.parametrize("section", ["limits: {max_n: 3}", "telemetry: {log_level: debug}"])
def test_what_needs_none_does_not(section: str, told: Told) -> None:
    assert [each.restart for each in told(MODELS, MODELS + section)] == [False]


def test_the_page_on_operations_lists_what_needs_a_restart() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    (sentence,) = re.findall(r"\*\*A restart is needed\*\* for (.*?)\. The rest", page, re.DOTALL)

    assert {*re.findall(r"`([^`]+)`", sentence)} == {key for key in AT_START if not key.startswith("environment.")}


def test_secrets_are_never_told(told: Told) -> None:
    old = MODELS + (
        "store: {database_url: 'postgresql://u:first-secret@h/d', redis_url: 'redis://:second-secret@h'}\n"
        "telemetry: {redact: [third-secret], otel: {headers: {authorization: fourth-secret}}}\n"
        "accounts: {oidc: {issuer: 'https://id.example', client_id: a, client_secret: fifth-secret}}\n"
        "alerts: {webhooks: [{url: 'https://h.example/sixth-secret'}]}\n"
        "policies: {parameters: {cost: {api_key: seventh-secret}}}\n"
    )
    new = old.replace("-secret", "-hidden")

    found = told(old, new)

    keys = {each.key for each in found}
    assert {"store.database_url", "store.redis_url", "telemetry.redact", "alerts.webhooks[0].url"} <= keys
    assert {"telemetry.otel.headers.authorization", "accounts.oidc.client_secret"} <= keys
    assert not any("secret" in each.what.replace("client_secret", "") or "hidden" in each.what for each in found)
    assert {each.key for each in found if each.restart} >= {"store.database_url", "store.redis_url"}


def test_another_order_in_a_group_is_told_and_a_lost_key_is_no_other_order(
    told: Told, load_text: Load, facts: ModelFacts
) -> None:
    one, two = (
        f"  - {{model_name: fast, litellm_params: {{model: {model}}}}}\n" for model in ("openai/x", "mistral/y")
    )
    keys = {"OPENAI_API_KEY": "sk-one-key", "MISTRAL_API_KEY": "sk-two-key"}
    config = load_text("model_list:\n" + one + two)
    both, second = (resolve(config, env, facts, None) for env in (keys, {"MISTRAL_API_KEY": "sk-two-key"}))

    assert [each.what for each in told("model_list:\n" + one + two, "model_list:\n" + two + one, keys)] == [
        "the deployments of the group `fast` stand in another order: fast/mistral/y, fast/openai/x"
    ]
    assert not any("order" in each.what for each in differences(config, config, both, second))


def test_a_key_that_is_missing_now_and_one_that_is_there_again(load_text: Load, facts: ModelFacts) -> None:
    config = load_text("model_list:\n  - {model_name: fast, litellm_params: {model: openai/x}}\n" + SMART)
    without = resolve(config, {}, facts, None)
    having = resolve(config, {"OPENAI_API_KEY": "sk-now-there"}, facts, None)

    gone = [each.what for each in differences(config, config, having, without)]
    back = [each.what for each in differences(config, config, without, having)]

    name = "the deployment `fast/openai/x`"
    assert gone == [f"{name}: its key is taken out", f"{name} can no longer be called: OPENAI_API_KEY is not set"]
    assert back == [f"{name}: its key is set", f"{name} can be called now"]


def test_leaving_the_simulated_fleet_is_one_sentence(load_text: Load, facts: ModelFacts) -> None:
    config = load_text("model_list:\n  - {model_name: fast, litellm_params: {model: openai/x}}\n")
    fleet = resolve(config, {}, facts, {"openai": "http://127.0.0.1:1"})
    real = resolve(config, {"OPENAI_API_KEY": "sk-now-there"}, facts, None)

    assert [each.what for each in differences(config, config, fleet, real)] == [
        "real providers serve instead of the simulated fleet"
    ]
