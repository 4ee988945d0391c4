"""Every kind of mistake is found: in its line (the one marked `#!`), under its key, with a way to mend it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest

from gateway.config import Problem

Refused = Callable[..., list[Problem]]
MODEL = "model_list: [{model_name: fast, litellm_params: {model: openai/x}}]\n"
TWO = """model_list:
  - {model_name: fast, litellm_params: {model: openai/x}}
  - {model_name: smart, litellm_params: {model: openai/y}}
"""


class Mistake(NamedTuple):
    name: str
    text: str
    key: str
    what: str
    mend: str
    env: Mapping[str, str] = {}
    line: int = 0  # where no comment can mark it


MISTAKES = [
    Mistake("unknown key", MODEL + "server:\n  prot: 1 #!", "server.prot", "no such key", "did you mean `port`?"),
    Mistake("unknown section", MODEL + "sever: {} #!", "sever", "no such key", "did you mean `server`?"),
    Mistake("nothing like it", MODEL + "retry:\n  zzz: 1 #!", "retry.zzz", "no such key", "known here: attempts"),
    Mistake(
        "deep unknown key",
        MODEL + "server:\n  cors:\n    origins: [] #!",
        "server.cors.origins",
        "no such key",
        "allow_origins",
    ),
    Mistake("a word for a number", MODEL + "server:\n  port: http #!", "server.port", "whole number", "without quotes"),
    Mistake("a fraction", MODEL + "retry:\n  attempts: 2.5 #!", "retry.attempts", "whole number", "without quotes"),
    Mistake("true for a number", MODEL + "server:\n  port: true #!", "server.port", "true or false", "write a number"),
    Mistake(
        "a number for true", MODEL + "cache:\n  enabled: 7 #!", "cache.enabled", "true or false", "`true` or `false`"
    ),
    Mistake("not a number", MODEL + "queue:\n  max_wait: .nan #!", "queue.max_wait", "finite", "plain number"),
    Mistake("a number for a text", MODEL + "routing:\n  policy: 7 #!", "routing.policy", "a text", "in quotes"),
    Mistake("too small", MODEL + "timeouts:\n  total: 0 #!", "timeouts.total", "greater than 0", "raise it"),
    Mistake("negative", MODEL + "queue:\n  max_length: -1 #!", "queue.max_length", "at least 0", "raise it"),
    Mistake("too large", MODEL + "server:\n  port: 70000 #!", "server.port", "at most 65535", "lower it"),
    Mistake("a proxy would cut", MODEL + "stream:\n  heartbeat: 40 #!", "stream.heartbeat", "at most 15", "lower it"),
    Mistake(
        "not one of the words",
        MODEL + "telemetry:\n  log_level: infos #!",
        "telemetry.log_level",
        "one of debug, info",
        "`info`",
    ),
    Mistake("a text for a section", MODEL + "server: all #!", "server", "a section", "indented"),
    Mistake("a list for a section", MODEL + "health: [1] #!", "health", "a section", "indented"),
    Mistake("a section for a list", MODEL + "routing:\n  rules: {when: x} #!", "routing.rules", "a list", "`- `"),
    Mistake("an empty text", MODEL + "routing:\n  policy: '' #!", "routing.policy", "is empty", "write a value"),
    Mistake(
        "key twice",
        MODEL + "retry:\n  attempts: 2\n  attempts: 3 #!",
        "retry.attempts",
        "twice, first in line 3",
        "keep one",
    ),
    Mistake("section twice", MODEL + "retry: {}\nretry: {} #!", "retry", "twice, first in line 2", "keep one"),
    Mistake("tab", MODEL + "server:\n\tport: 1", "", "tab", "spaces", line=3),
    Mistake("indentation", MODEL + "server:\n    port: 1\n  host: x", "", "indentation", "alike", line=4),
    Mistake("open bracket", MODEL + "server: {port: 1\nretry: {}", "", "bracket", "close it", line=2),
    Mistake("open quote", MODEL + "routing: {policy: 'x}\n", "", "quote", "close it", line=2),
    Mistake("stray colon", MODEL + "routing: policy: x", "", "`:`", "indentation", line=2),
    Mistake("at sign", MODEL + "routing: {policy: @x}", "", "means something", "quotes", line=2),
    Mistake("alias of nothing", MODEL + "server: *base", "", "`*name`", "quotes", line=2),
    Mistake("second document", MODEL + "---\nserver: {}", "", "second document", "`---`", line=2),
    Mistake("control character", MODEL + "server: {host: a\x07}", "", "control character", "take it out", line=2),
    Mistake("a list at the top", "- model_list", "", "`key: value`", "model_list", line=1),
    Mistake("a key that is a list", MODEL + "? [a]\n: b", "", "plain word", "`key: value`", line=2),
    Mistake("merge of a text", MODEL + "retry:\n  <<: many #!", "retry.<<", "only sections", "`<<: *name`"),
    Mistake("python tag", MODEL + "retry: !!python/object/apply:os.getcwd [] #!", "retry", "tag", "never run"),
    Mistake("own tag", MODEL + "retry:\n  attempts: !vault x #!", "retry.attempts", "tag", "never run"),
    Mistake("no models", "server: {} #!", "model_list", "is missing", "add `model_list: …`"),
    Mistake("an empty list of models", "model_list: [] #!", "model_list", "is empty", "at least one"),
    Mistake(
        "no model name",
        "model_list:\n  - litellm_params: {model: openai/x} #!",
        "model_list[0].model_name",
        "missing",
        "add `model_name",
    ),
    Mistake(
        "no model",
        "model_list:\n  - model_name: a\n    litellm_params: {} #!",
        "model_list[0].litellm_params.model",
        "missing",
        "add",
    ),
    Mistake("no params", "model_list:\n  - model_name: a #!", "model_list[0].litellm_params", "missing", "add"),
    Mistake(
        "negative weight",
        "model_list:\n  - model_name: a\n    litellm_params:\n      model: openai/x\n      weight: -1 #!",
        "model_list[0].litellm_params.weight",
        "at least 0",
        "raise it",
    ),
    Mistake(
        "negative price",
        "model_list:\n  - model_name: a\n    litellm_params:\n      model: openai/x\n      input_cost_per_token: -0.1 #!",
        "model_list[0].litellm_params.input_cost_per_token",
        "at least 0",
        "raise it",
    ),
    Mistake(
        "price per million",
        "model_list:\n  - model_name: a\n    litellm_params: {model: openai/x}\n    model_info:\n      output_cost_per_token: 10 #!",
        "model_list[0].model_info.output_cost_per_token",
        "single token",
        "divide",
    ),
    Mistake(
        "address without scheme",
        "model_list:\n  - model_name: a\n    litellm_params:\n      model: openai/x\n      api_base: gpu:8000 #!",
        "model_list[0].litellm_params.api_base",
        "not an address",
        "https://",
    ),
    Mistake(
        "id with a space",
        "model_list:\n  - model_name: a\n    litellm_params: {model: openai/x}\n    model_info: {id: my id} #!",
        "model_list[0].model_info.id",
        "characters",
        "letters",
    ),
    Mistake(
        "id twice",
        "model_list:\n  - {model_name: a, litellm_params: {model: openai/x}, model_info: {id: one}}\n"
        "  - {model_name: b, litellm_params: {model: openai/x}, model_info: {id: one}} #!",
        "model_list[1].model_info.id",
        "another deployment",
        "unique",
    ),
    Mistake(
        "variable not set",
        "model_list:\n  - model_name: a\n    litellm_params:\n      model: openai/x\n      api_base: os.environ/BASE #!",
        "model_list[0].litellm_params.api_base",
        "BASE is not set",
        "set BASE",
    ),
    Mistake(
        "empty variable",
        MODEL + "server:\n  host: os.environ/HOST #!",
        "server.host",
        "HOST is not set",
        "set HOST",
        {"HOST": ""},
    ),
    Mistake("unknown group", MODEL + "groups:\n  fsat: {} #!", "groups.fsat", "no model group", "`fast`"),
    Mistake(
        "a group by two names",
        TWO + "groups:\n  smart: {}\n  gpt: {} #!\nrouter_settings: {model_group_alias: {gpt: smart}}",
        "groups.gpt",
        "another name of `smart`",
        "keep one",
    ),
    Mistake(
        "fallbacks twice by an alias",
        TWO
        + "groups: {smart: {fallbacks: fast}}\n"
        + "router_settings:\n  model_group_alias: {gpt: smart}\n  fallbacks:\n    - gpt: fast #!",
        "router_settings.fallbacks[0].gpt",
        "given in `groups` too",
        "keep one",
    ),
    Mistake(
        "a circle by an alias",
        TWO + "groups:\n  smart: {fallbacks: gpt} #!\nrouter_settings: {model_group_alias: {gpt: smart}}",
        "groups.smart.fallbacks",
        "smart → smart",
        "take one",
    ),
    Mistake("half a character", MODEL + 'server: {host: "\\ud83d"} #!', "server.host", "no characters", "themselves"),
    Mistake("a NUL", MODEL + 'server: {host: "a\\0"} #!', "server.host", "no characters", "themselves"),
    Mistake("a tag before it all", "!!python/object:os.x {model_list: []} #!", "", "tag", "never run"),
    Mistake(
        "a tag before a key", MODEL + "? !!python/name:os.x server\n: {}", "", "plain word", "`key: value`", line=2
    ),
    Mistake(
        "unknown fallback",
        TWO + "groups:\n  fast:\n    fallbacks:\n      - smrt #!",
        "groups.fast.fallbacks[0]",
        "`smrt`",
        "`smart`",
    ),
    Mistake(
        "unknown fallback of LiteLLM's",
        TWO + "router_settings:\n  fallbacks:\n    - fast: [smart, none] #!",
        "router_settings.fallbacks[0].fast[1]",
        "`none`",
        "known here: fast, smart",
    ),
    Mistake(
        "fallbacks of nothing",
        TWO + "litellm_settings:\n  fallbacks:\n    - slow: [smart] #!",
        "litellm_settings.fallbacks[0].slow",
        "`slow`",
        "known here",
    ),
    Mistake(
        "unknown default fallback",
        TWO + "litellm_settings:\n  default_fallbacks: [fats] #!",
        "litellm_settings.default_fallbacks[0]",
        "`fats`",
        "`fast`",
    ),
    Mistake(
        "fallbacks twice",
        TWO + "groups: {fast: {fallbacks: [smart]}}\nrouter_settings:\n  fallbacks:\n    - fast: [smart] #!",
        "router_settings.fallbacks[0].fast",
        "given in `groups` too",
        "keep one",
    ),
    Mistake(
        "a circle of fallbacks",
        TWO + "groups:\n  fast: {fallbacks: [smart]} #!\n  smart: {fallbacks: [fast]}",
        "groups.fast.fallbacks",
        "fast → smart → fast",
        "take one",
    ),
    Mistake(
        "its own fallback",
        MODEL + "groups:\n  fast: {fallbacks: fast} #!",
        "groups.fast.fallbacks",
        "fast → fast",
        "take one",
    ),
    Mistake(
        "alias of nothing known",
        MODEL + "router_settings:\n  model_group_alias:\n    gpt-4: fats #!",
        "router_settings.model_group_alias.gpt-4",
        "no model group `fats`",
        "`fast`",
    ),
    Mistake(
        "alias like a group",
        TWO + "router_settings:\n  model_group_alias:\n    fast: smart #!",
        "router_settings.model_group_alias.fast",
        "model group too",
        "rename",
    ),
    Mistake(
        "virtual model like a group",
        MODEL + "routing:\n  models:\n    fast: {tiers: {fast: fast}} #!",
        "routing.models.fast",
        "model group or alias too",
        "rename",
    ),
    Mistake(
        "tier to nothing",
        MODEL + "routing:\n  models:\n    auto:\n      tiers:\n        fast: fasst #!",
        "routing.models.auto.tiers.fast",
        "`fasst`",
        "`fast`",
    ),
    Mistake(
        "tier that complexity does not know",
        MODEL + "routing:\n  models:\n    auto:\n      tiers:\n        bset: fast #!",
        "routing.models.auto.tiers.bset",
        "no tier `bset`",
        "`best`",
    ),
    Mistake(
        "unknown policy",
        MODEL + "routing:\n  policy: wieghted #!",
        "routing.policy",
        "no policy `wieghted`",
        "`weighted`",
    ),
    Mistake(
        "unknown policy of a group",
        MODEL + "groups:\n  fast:\n    policy: best #!",
        "groups.fast.policy",
        "no policy",
        "known here",
    ),
    Mistake(
        "parameters of no policy",
        MODEL + "policies:\n  parameters:\n    complex: {} #!",
        "policies.parameters.complex",
        "no policy",
        "`complexity`",
    ),
    Mistake(
        "rule to an unknown group",
        MODEL + "routing:\n  rules:\n    - when: {team: x}\n      use: {group: slow} #!",
        "routing.rules[0].use.group",
        "`slow`",
        "known here: fast",
    ),
    Mistake(
        "rule to an unknown tier",
        MODEL + "routing:\n  rules:\n    - when: {team: x}\n      use: {tier: hard} #!",
        "routing.rules[0].use.tier",
        "no tier `hard`",
        "take it out",
    ),
    Mistake(
        "rule to an unknown policy",
        MODEL + "routing:\n  rules:\n    - when: {team: x}\n      use: {policy: fair} #!",
        "routing.rules[0].use.policy",
        "no policy `fair`",
        "known here",
    ),
    Mistake(
        "rule without a condition",
        MODEL + "routing:\n  rules:\n    - when: {} #!\n      use: {group: fast}",
        "routing.rules[0].when",
        "no condition",
        "at least one",
    ),
    Mistake(
        "rule without a use",
        MODEL + "routing:\n  rules:\n    - when: {team: x}\n      use: {} #!",
        "routing.rules[0].use",
        "nothing to use",
        "name a `group`",
    ),
    Mistake(
        "rule with two uses",
        MODEL
        + "routing:\n  models: {auto: {tiers: {fast: fast}}}\n  rules:\n    - when: {team: x}\n      use: {group: fast, tier: fast} #!",
        "routing.rules[0].use",
        "a group and a tier",
        "keep one",
    ),
    Mistake(
        "unknown condition",
        MODEL + "routing:\n  rules:\n    - when: {teams: x} #!\n      use: {group: fast}",
        "routing.rules[0].when.teams",
        "no such key",
        "`team`",
    ),
    Mistake(
        "stage without a place",
        MODEL + "pipeline:\n  stages:\n    - {name: audit, class: 'a.b:C'} #!",
        "pipeline.stages[0]",
        "either `after` or `before`",
        "name the stage",
    ),
    Mistake(
        "stage beside an unknown one",
        MODEL + "pipeline:\n  stages:\n    - {name: audit, class: 'a.b:C', after: promt} #!",
        "pipeline.stages[0].after",
        "no stage `promt`",
        "`prompt`",
    ),
    Mistake(
        "stage like a built-in one",
        MODEL + "pipeline:\n  stages:\n    - {name: route, class: 'a.b:C', after: prompt} #!",
        "pipeline.stages[0].name",
        "another stage `route`",
        "its own",
    ),
    Mistake(
        "stage that is no class",
        MODEL + "pipeline:\n  stages:\n    - {name: audit, class: a.b.C, after: prompt} #!",
        "pipeline.stages[0].class",
        "name a class",
        "package.module:Class",
    ),
    Mistake(
        "only Redis",
        MODEL + "store:\n  redis_url: redis://h #!",
        "store.redis_url",
        "without PostgreSQL",
        "take it out",
    ),
    Mistake(
        "only PostgreSQL",
        MODEL + "store:\n  database_url: postgresql://h/d #!",
        "store.database_url",
        "without Redis",
        "take it out",
    ),
    Mistake(
        "SQLite by address",
        MODEL + "store:\n  database_url: sqlite:///a.db #!",
        "store.database_url",
        "no address",
        "ATELIER_DATA_DIR",
    ),
    Mistake(
        "many workers on one file",
        MODEL + "server: {workers: 3} #!",
        "server.workers",
        "needs PostgreSQL and Redis",
        "store.redis_url",
    ),
    Mistake(
        "an issuer without TLS",
        MODEL + "accounts:\n  oidc:\n    client_id: a\n    issuer: http://id.example.com #!",
        "accounts.oidc.issuer",
        "not an issuer",
        "https://",
    ),
    Mistake("admin without a port", MODEL + "admin:\n  listen: localhost #!", "admin.listen", "host:port", "4001"),
    Mistake("host with a port", MODEL + "server:\n  host: 0.0.0.0:80 #!", "server.host", "plain host", "`port`"),
    Mistake(
        "trusted host with a port",
        MODEL + "server:\n  trusted_hosts: ['a.example:80'] #!",
        "server.trusted_hosts[0]",
        "not a host",
        "port",
    ),
    Mistake(
        "origin with a path",
        MODEL + "server:\n  cors:\n    allow_origins: https://a.example/x #!",
        "server.cors.allow_origins[0]",
        "origin",
        "path",
    ),
    Mistake(
        "cookies for everybody",
        MODEL + "server:\n  cors:\n    allow_origins: '*'\n    allow_credentials: true #!",
        "server.cors.allow_credentials",
        "browsers refuse",
        "list the origins",
    ),
    Mistake(
        "media smaller than text",
        MODEL + "server:\n  max_media_body_mb: 1 #!",
        "server.max_media_body_mb",
        "smaller than",
        "raise it",
    ),
    Mistake("one port for two", MODEL + "dashboard:\n  port: 4000 #!", "dashboard.port", "gateway's own", "another"),
    Mistake(
        "first chunk after the end",
        MODEL + "stream:\n  ttft_timeout: 900 #!",
        "stream.ttft_timeout",
        "longer than",
        "timeouts.total",
    ),
    Mistake(
        "open for longer than the longest",
        MODEL + "health: {open_for: 9, max_open: 8} #!",
        "health.max_open",
        "shorter than",
        "raise it",
    ),
    Mistake(
        "no such folder",
        MODEL + "templates:\n  path: nowhere #!",
        "templates.path",
        "no such folder",
        "relative to this file",
    ),
    Mistake(
        "no such policies",
        MODEL + "policies:\n  path: nowhere #!",
        "policies.path",
        "no such folder",
        "relative to this file",
    ),
    Mistake("no such include", "include:\n  - more.yaml #!\n" + MODEL, "", "no file", "check the name"),
    Mistake(
        "a word in LiteLLM's block",
        MODEL + "router_settings:\n  num_retries: many #!",
        "router_settings.num_retries",
        "whole number",
        "write one",
    ),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_found_in_its_line_under_its_key_with_a_way_to_mend_it(mistake: Mistake, refused: Refused) -> None:
    problems = refused(mistake.text, mistake.env)

    assert len(problems) == 1, [str(problem) for problem in problems]
    marked = next((number for number, line in enumerate(mistake.text.splitlines(), 1) if "#!" in line), mistake.line)
    place, _, said = str(problems[0]).partition(": ")
    assert place.rpartition("/")[2].startswith(f"config.yaml:{marked}:")
    assert not mistake.key or said.startswith(f"{mistake.key}: ")
    assert mistake.what in problems[0].what
    assert mistake.mend in problems[0].mend
