"""The published JSON schema: kept, loadable, and of one mind with the loader about what a file may hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from gateway.config import Config, Problem, json_schema

ROOT = Path(__file__).parents[2]
SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
MODEL = "model_list: [{model_name: fast, litellm_params: {model: openai/x}}]\n"


def findings(text: str) -> list[str]:
    return [".".join(map(str, each.path)) for each in VALIDATOR.iter_errors(YAML(typ="safe", pure=True).load(text))]


def test_the_published_schema_is_this_one() -> None:
    published = (ROOT / "docs" / "config.schema.json").read_text(encoding="utf-8")

    assert json.loads(published) == SCHEMA, "run: atelier schema > docs/config.schema.json"
    VALIDATOR.check_schema(SCHEMA)


def test_the_shipped_file_names_it_and_fits_it() -> None:
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    named = text.partition("$schema=")[2].split()[0]

    assert (ROOT / named).is_file()
    assert text.startswith("# yaml-language-server: ")
    assert findings(text) == []


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "litellm_files").glob("*.yaml")), ids=lambda path: path.name)
def test_litellm_s_files_fit_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if "model_list" in text:
        assert findings(text) == []


@pytest.mark.parametrize(
    "section",
    [
        "server: {port: os.environ/PORT, cors: }",
        "telemetry: {log_level: os.environ/LEVEL, redact: [os.environ/X]}",
        "retry: {attempts: os.environ/N, by_error: {timeout: os.environ/N}}",
        "groups: {fast: {fallbacks: smart}}",
        "routing: {rules: [{when: {team: a, days: sat, input_tokens: {max: 5}}, use: {group: fast}}]}",
        "routing:\n  rules:\n  models:\n",
        "prices: {margins: {openai: 10, anthropic: {percent: 5}}, discounts: {openai: 100}}",
        "cache: {enabled: os.environ/CACHE}",
        "general_settings: {master_key: os.environ/KEY, anything: [1]}",
        "router_settings: {num_retries: '3', unheard_of: {a: 1}}",
        "x-common: {a: 1}",
        "guardrails: [{guardrail_name: a}]",
    ],
)
def test_what_loads_fits(section: str, load_text: Callable[..., Config]) -> None:
    two = MODEL.replace("]\n", ", {model_name: smart, litellm_params: {model: openai/y}}]\n")
    env = {"PORT": "8080", "LEVEL": "debug", "X": "some-secret", "N": "2", "CACHE": "true", "KEY": "sk-master"}

    assert load_text(two + section, env)
    assert findings(two + section) == []


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("sever: {}", ""),
        ("server: {prot: 1}", "server"),
        ("server: {port: http}", "server.port"),
        ("server: {port: 70000}", "server.port"),
        ("telemetry: {log_level: infos}", "telemetry.log_level"),
        ("telemetry: {otel: {sampel: 1}}", "telemetry.otel"),
        ("retry: {by_error: {timeouts: 1}}", "retry.by_error"),
        ("prices: {discounts: {openai: 101}}", "prices.discounts"),
        ("routing: {rules: [{when: {days: friday}, use: {group: fast}}]}", "routing.rules"),
        ("policies: {pth: mine}", "policies"),
    ],
)
def test_what_does_not_load_does_not_fit(section: str, key: str, refused: Callable[..., list[Problem]]) -> None:
    assert refused(MODEL + section)
    assert [found for found in deepest(section) if found.startswith(key)]


def deepest(section: str) -> list[str]:
    """The places of all findings, those of a choice's alternatives included."""
    found: list[str] = []

    def walk(errors: Any) -> None:
        for each in errors:
            found.append(".".join(map(str, each.absolute_path)))
            walk(each.context)

    walk(VALIDATOR.iter_errors(YAML(typ="safe", pure=True).load(MODEL + section)))
    return found


def test_every_key_has_a_description_for_the_editor() -> None:
    own = {name: each for name, each in SCHEMA["$defs"].items() if each.get("additionalProperties") is False}

    lacking = [
        f"{name}.{key}"
        for name, section in own.items()
        for key, value in section["properties"].items()
        if "description" not in value
    ]
    assert len(own) > 25
    assert lacking == []
