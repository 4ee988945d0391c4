"""Whose model a name means is told without LiteLLM, and as LiteLLM tells it, for everything that it knows."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from typing import Any

import pytest

from gateway.config.deployments import UnknownModelError
from gateway.providers import runtime
from gateway.providers.facts import model_facts
from gateway.providers.facts import whose as decided
from gateway.providers.price_map import price_map
from gateway.providers.runtime import load
from gateway.providers.whose import ASK, ASKED, PROVIDERS, whose
from tests.harness import ROOT, clean_environment

LOG_IN = ("chatgpt", "github_copilot")
UNKNOWN = [
    "nobodys-model",
    "gpt-99",
    "ft:gpt-4o:acme",
    "ft:gpt-3.5-turbo:acme",
    "claude-opus-9",
    "us.anthropic.claude-x",
]
UNKNOWN += ["nobody/model", "gpt-image-9", "amazon_nova-x", "*", "", "/", "claude-9", "ft:davinci-002", "openai", "a:b"]
NAMES = ["some-model", "a/b", "x:y", "claude-2", "claude-3", "command-a-03-2025", "mistral-large-latest", "gpt-4o", ""]
NAMES += ["openai/x", "azure/z"]
CERTAIN = ["openai/gpt-4o", "groq/llama", "hosted_vllm/x", "gpt-4o", "claude-opus-4-5", "anthropic/claude-9", "nobodys"]
ON_ITS_OWN = f"""
import sys
from gateway.config.deployments import UnknownModelError
from gateway.providers.facts import model_facts
for name in {CERTAIN!r}:
    try:
        model_facts(name, custom_llm_provider=None, base_model=None)
    except UnknownModelError:
        assert name == "nobodys"
assert "litellm" not in sys.modules
"""


def litellms(model: str, named: str | None = None) -> tuple[str, str] | None:
    try:
        name, provider, _, _ = load().get_llm_provider(model, named)
    except Exception:
        return None
    return name, provider


def names_it_knows() -> set[str]:
    """The map's, and those of all the sets that LiteLLM looks a bare name up in."""
    from litellm.litellm_core_utils import get_llm_provider_logic as logic

    sets = set(re.findall(r"litellm\.(\w+_models)\b", inspect.getsource(logic)))
    assert len(sets) > 25
    return set(price_map()).union(*(getattr(load(), each) for each in sets))


def test_every_model_is_whose_litellm_says() -> None:
    names = {*names_it_knows(), *UNKNOWN}
    names |= {name.partition("/")[2] for name in names}
    names = {name for name in names if not name.startswith(LOG_IN)}
    told = {name: whose(name, None, price_map()) for name in names}
    wrong = {name: (found, litellms(name)) for name, found in told.items() if found != ASK and found != litellms(name)}
    assert wrong == {}
    left = [name for name, found in told.items() if found == ASK]
    assert all(name.partition("/")[0] in {*ASKED, *PROVIDERS} or len(name) > 64 for name in left)


def test_every_provider_is_the_one_that_litellm_takes() -> None:
    from litellm.llms.openai_like.json_loader import JSONProviderRegistry

    listed = {getattr(each, "value", each) for each in load().provider_list}
    assert listed | set(JSONProviderRegistry.list_providers()) == PROVIDERS
    pairs = [(name, provider) for provider in PROVIDERS - set(LOG_IN) for name in (*NAMES, provider, f"{provider}/x")]
    asked: list[tuple[str, str | None]] = [*pairs, *((f"{provider}/{name}", None) for name, provider in pairs)]
    told = {each: whose(*each, price_map()) for each in asked}
    wrong = {
        each: (found, litellms(*each)) for each, found in told.items() if found != ASK and found != litellms(*each)
    }
    assert wrong == {}


@pytest.mark.parametrize("provider", ["openai", "groq", "mistral", "hosted_vllm", "xai", "deepseek", "together_ai"])
def test_what_the_fast_lanes_serve_is_never_asked(provider: str) -> None:
    assert whose(f"{provider}/some-model", None, price_map()) == ("some-model", provider)
    assert whose("some-model", provider, price_map()) == ("some-model", provider)


def test_the_map_is_litellms_own() -> None:
    known, theirs = price_map(), load().model_cost
    assert {name: known.get(name) for name in known} == theirs
    rules = [name for name in ("claude-newfamily-9", "eu.anthropic.claude-x", "nothing") if known.by_rule(name)]
    assert len(rules) == 2


def test_litellm_is_asked_where_more_than_a_name_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    assert decided("bedrock_mantle/us-gov-west-1/openai.gpt-5.4", None) == ("openai.gpt-5.4", "bedrock_mantle")
    assert decided("gpt-4o", None) == ("gpt-4o", "openai")
    monkeypatch.setenv("USE_LITELLM_PROXY", "true")
    assert decided("gpt-4o", None) == ("gpt-4o", "litellm_proxy")


async def test_an_event_loop_does_not_wait_for_litellm(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Any] = []
    monkeypatch.setattr(runtime, "state", lambda: "loading")
    monkeypatch.setattr(runtime, "begin", lambda: begun.append(1))
    with pytest.raises(UnknownModelError, match="not loaded yet"):
        model_facts("bedrock_mantle/x", custom_llm_provider=None, base_model=None)
    assert begun == [1]
    assert model_facts("openai/gpt-4o", custom_llm_provider=None, base_model=None).provider == "openai"


def test_litellm_is_not_imported_for_a_plain_name() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ON_ITS_OWN],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
