"""Hosts that the file names are looked up by name, never called, and never for longer than patience lasts."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from gateway.config import Config
from gateway.config.addresses import addresses, plain, unknown_hosts
from gateway.config.deployments import ModelFacts, resolve

Load = Callable[..., Config]
TEXT = """model_list:
  - {model_name: a, litellm_params: {model: openai/x, api_key: k, api_base: "http://gpu.example:8000/v1"}}
  - {model_name: b, litellm_params: {model: openai/y, api_key: k, api_base: "http://127.0.0.1:8000/v1"}}
  - {model_name: c, litellm_params: {model: openai/z, api_key: k, api_base: "http://localhost:8000/v1"}}
store:
  database_url: postgresql://u:pass-word@db.example/atelier
  redis_url: redis://[::1]:6379/0
alerts:
  webhooks: [{url: "https://hooks.example/hidden-path"}]
telemetry: {otel: {endpoint: "http://collector.example:4318"}}
accounts: {oidc: {issuer: "https://id.example", client_id: x}}
"""


def lookup(host: str) -> str:
    if host in {"gpu.example", "collector.example"}:
        return "10.0.0.1"
    raise OSError


def test_every_name_of_a_host_is_found_with_its_key(load_text: Load, facts: ModelFacts) -> None:
    config = load_text(TEXT)

    assert {host for _, host in addresses(config, resolve(config, {}, facts, None))} == {
        "gpu.example",
        "db.example",
        "hooks.example",
        "collector.example",
        "id.example",
    }


def test_names_that_are_not_known_are_warnings_in_their_lines(load_text: Load, facts: ModelFacts) -> None:
    config = load_text(TEXT)
    found = unknown_hosts(config, resolve(config, {}, facts, None), lookup)

    assert [(each.mark.line, each.what) for each in found] == [
        (9, "the name hooks.example is not known here"),
        (6, "the name db.example is not known here"),
        (11, "the name id.example is not known here"),
    ]
    assert not any("hidden" in str(each) or "pass-word" in str(each) for each in found)


def test_a_name_server_that_never_answers_is_not_waited_for(load_text: Load, facts: ModelFacts) -> None:
    config = load_text(TEXT)
    answered = threading.Event()
    try:
        found = unknown_hosts(config, resolve(config, {}, facts, None), lambda _: answered.wait(60), patience=0.05)
    finally:
        answered.set()

    assert len(found) == 5


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pass@h.example:8443/v1?key=hidden#x", "https://h.example:8443/v1"),
        ("http://h.example", "http://h.example"),
        ("http://[bad", "an address"),
        ("http://h.example:port/x", "an address"),
    ],
)
def test_what_is_shown_of_an_address_holds_no_credential(url: str, shown: str) -> None:
    assert plain(url) == shown
