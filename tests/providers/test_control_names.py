"""No name in a request's body, at whatever depth, moves a call, its credentials or its headers (S1)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ports import Provider
from gateway.providers import runtime
from gateway.providers.params import CHAT, DEPLOYMENT, arguments, dropped
from gateway.types import JsonObject
from tests.providers.asking import ANSWER, ANSWERS, HELLO, KEY, TOOL, WIRES, deployment, request
from tests.providers.clientside import completed
from tests.providers.lanes_sent import UNTOLD
from tests.providers.replay import Canary, Recorded, ReplayServer

OURS = frozenset(
    {
        "model", "api_base", "api_key", "drop_params", "headers", "max_retries", "num_retries", "_skip_mcp_handler",
        "_skip_responses_api_bridge", "extra_body", "allowed_openai_params", "additional_drop_params",
    }
)  # fmt: skip
FURTHER = (
    "base_url", "user_config", "extra_headers", "extra_body", "extra_query", "organization", "deployment_id", "timeout",
    "stream_timeout", "context_window_fallbacks", "litellm_params", "model_alias_map", "proxy_auth", "http_client",
    "callbacks", "success_callback", "failure_callback", "hooks", "aws_bedrock_runtime_endpoint", "vertex_credentials",
    "default_headers", "azure_endpoint", "_litellm_params", "litellm_embedding_config", "_skip_mcp_handler",
)  # fmt: skip
CANARY = "http://canary.invalid"


def controls() -> list[str]:
    """Every name that LiteLLM itself lists as its own, and those that it reads besides."""
    runtime.load()
    from litellm.types.router import GenericLiteLLMParams
    from litellm.types.utils import all_litellm_params

    return sorted({*all_litellm_params, *GenericLiteLLMParams.model_fields, *FURTHER} - CHAT)


def laden(address: str) -> JsonObject:
    """A body with every control name at every level, each naming `address`."""
    names: JsonObject = dict.fromkeys(controls(), address)
    names |= {"extra_headers": {"authorization": address}, "fallbacks": [{"model": "openai/x", "api_base": address}]}
    names |= {"metadata": {"langfuse_host": address, "headers": {"host": address}}, "headers": {"host": address}}
    names |= {"extra_body": {"model": "evil", "api_base": address, "stream": True}, "mock_response": "evil"}
    (message,) = HELLO["messages"]
    part = {"type": "text", "text": "Hello", **names}
    tool = {**TOOL, **names, "function": {**TOOL["function"], **names}}
    return {**HELLO, **names, "messages": [{**message, **names, "content": [part]}], "tools": [tool]}


def test_litellm_lists_the_names_that_matter() -> None:
    found = controls()
    assert len(found) > 300
    assert {"api_base", "api_key", "custom_llm_provider", "fallbacks", "headers", "langfuse_host", "model_list"} <= {
        *found
    }


@pytest.mark.parametrize("model", ["openai/m", "anthropic/m", "gemini/m", "mistral/m", "cohere_chat/m"])
def test_no_control_name_becomes_an_argument(model: str) -> None:
    made = arguments(request(model, "http://provider.invalid", laden(CANARY)))
    assert made.keys() <= CHAT | OURS
    plain = arguments(request(model, "http://provider.invalid"))
    same = ("model", "api_base", "api_key", "headers", "drop_params", "max_retries", "num_retries")
    assert {name: made[name] for name in same} == {name: plain[name] for name in same}
    assert made.get("extra_body", {}).keys().isdisjoint({"model", "messages", "stream", "stream_options"})


@pytest.mark.parametrize("wire", [*WIRES, "mistral", "openrouter"])
async def test_a_laden_body_changes_neither_address_nor_credentials_nor_headers(
    lane: Provider, replay: ReplayServer, canary: Canary, wire: str
) -> None:
    replay.seen.clear()
    replay.answer = Recorded(json.dumps(ANSWERS.get(wire, ANSWER)).encode())
    body = laden(canary.url)
    await completed(lane, request(f"{wire}/m", replay.url, {**HELLO, "tools": [TOOL]}))
    reading, _ = await completed(lane, request(f"{wire}/m", replay.url, body))
    assert canary.came == 0
    plain, *others = replay.seen
    assert len(others) <= 1  # LiteLLM may also refuse it
    assert others or reading.fault is not None
    for seen in others:
        changed = {name for name in plain.headers | seen.headers if plain.headers.get(name) != seen.headers.get(name)}
        assert (seen.target, changed - UNTOLD.keys()) == (plain.target, set())  # another lane may have sent it
        assert KEY in str(seen.headers)
        if wire != "gemini":
            assert seen.json["model"] == "m"
        assert seen.json.get("stream") in (None, False)


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(sorted(CHAT | DEPLOYMENT | {*FURTHER} | {"model", "stream", "metadata", "store"}))


@settings(deadline=None)
@given(
    st.dictionaries(NAMES | st.text(max_size=8), TREES, max_size=8),
    st.sampled_from(["openai/m", "anthropic/m", "zai/m"]),
)
def test_whatever_a_body_holds_the_arguments_are_ours(body: JsonObject, model: str) -> None:
    made = arguments(request(model, "http://provider.invalid", body))
    assert made.keys() <= CHAT | OURS
    assert (made["api_base"], made["api_key"], made["model"]) == ("http://provider.invalid", KEY, model)
    assert isinstance(dropped(deployment(model, ""), body), tuple)
