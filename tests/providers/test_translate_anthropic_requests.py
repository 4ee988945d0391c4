"""What the translate lane posts to Anthropic equals what the sdk lane posts: target, headers, body; or it is the same refusal."""

from __future__ import annotations

import importlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import Fault
from gateway.providers import runtime
from gateway.providers.anthropic_request import why_not
from gateway.providers.dialect import Once
from gateway.types import JsonObject
from tests.providers.asking import HELLO, deployment
from tests.providers.replay import Canary, replaying
from tests.providers.translating import Pair

SONNET, OPUS, OLD, UNKNOWN = (
    f"anthropic/{name}" for name in ("claude-sonnet-4-5", "claude-opus-4-7", "claude-3-haiku-20240307", "m")
)
PIXEL = "data:image/png;base64,iVBORw0KGgo="
HI: JsonObject = {"role": "user", "content": "Hi"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"q": 1}'}}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "found"}
CACHE = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 2_000}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": {
    "type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}, "required": ["a"]}}}  # fmt: skip


def says(*messages: Any, **members: Any) -> JsonObject:
    return {"messages": list(messages), **members}


def shows(*parts: Any) -> JsonObject:
    return says({"role": "user", "content": list(parts)})


def tool(name: str = "look_up", **members: Any) -> JsonObject:
    parameters = {"type": "object", "properties": {"q": {"type": "string"}}}
    return {"type": "function", "function": {"name": name, "description": "d", "parameters": parameters}, **members}


def hello(**members: Any) -> JsonObject:
    return {**HELLO, **members}


def called(*more: Any, **members: Any) -> JsonObject:
    return {"role": "assistant", "content": None, "tool_calls": [CALL, *more], **members}


BODIES: dict[str, JsonObject] = {
    "text": HELLO,
    "no bound": says(HI),
    "system": says({"role": "system", "content": "S"}, HI),
    "developer": says({"role": "developer", "content": "S"}, HI),
    "system in parts": says({"role": "system", "content": [{"type": "text", "text": "S", **CACHE}]}, HI),
    "system between": says(HI, {"role": "system", "content": "S"}, HI),
    "system alone": says({"role": "system", "content": "S"}),
    "assistant first": says({"role": "assistant", "content": "A"}, HI),
    "to be continued": says(HI, {"role": "assistant", "content": "A "}),
    "prefix": says(HI, {"role": "assistant", "content": "A", "prefix": True}),
    "two users": says(HI, {**HI, "name": "bob"}),
    "no role": says({"content": "x"}, HI),
    "empty": says({"role": "user", "content": ""}),
    "no messages": says(),
    "unicode": says({"role": "user", "content": "Dîner, 約束だよ 🍜 \u2028"}),
    "image": shows({"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": PIXEL}}),
    "image as text": shows({"type": "image_url", "image_url": PIXEL}),
    "image by address": shows({"type": "image_url", "image_url": {"url": "https://images.example.invalid/a.png"}}),
    "document": shows({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0x"}}),
    "document by address": shows({"type": "file", "file": {"file_id": "https://files.example.invalid/a.pdf"}}),
    "document by id": shows({"type": "file", "file": {"file_id": "file_abc"}}),
    "document of theirs": shows({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}),
    "cached part": shows({"type": "text", "text": "x", **CACHE}),
    "cached message": says({**HI, **CACHE}),
    "tool": hello(tools=[tool()]),
    "tools": hello(tools=[tool(), tool("b")], tool_choice="required", parallel_tool_calls=False),
    "parallel": hello(tools=[tool()], parallel_tool_calls=True),
    "parallel without tools": hello(parallel_tool_calls=False),
    "choice auto": hello(tools=[tool()], tool_choice="auto"),
    "choice none": hello(tools=[tool()], tool_choice="none"),
    "choice by name": hello(tools=[tool()], tool_choice={"type": "function", "function": {"name": "look_up"}}),
    "choice by type": hello(tools=[tool()], tool_choice={"type": "required"}),
    "cached tool": hello(tools=[tool(**CACHE)]),
    "native tool": hello(tools=[{"name": "x", "input_schema": {"type": "object"}}]),
    "names that anthropic refuses": says(
        HI, called({**CALL, "id": "call_2", "function": {"name": "a/b", "arguments": "{}"}}), RESULT,
        tools=[tool("a/b"), tool("a_b")], tool_choice={"type": "function", "function": {"name": "a/b"}}),
    "results": says(HI, called({**CALL, "id": "call_2"}), RESULT, {**RESULT, "tool_call_id": "call_2"}, tools=[tool()]),
    "results without tools": says(HI, called(), RESULT),
    "no result": says(HI, called(), HI),
    "image as result": says(HI, called(), {**RESULT, "content": [{"type": "image_url", "image_url": {"url": PIXEL}}]}),
    "web search": hello(tools=[{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}]),
    "web search options": hello(web_search_options={"search_context_size": "low"}),
    "web fetch": hello(tools=[{"type": "web_fetch_20250910", "name": "web_fetch"}]),
    "code": hello(tools=[{"type": "code_execution_20250825", "name": "code_execution"}]),
    "memory": hello(tools=[{"type": "memory_20250818", "name": "memory"}]),
    "tool search": hello(tools=[{"type": "tool_search_tool_regex_20251119", "name": "t"}, tool(defer_loading=True)]),
    "mcp": hello(tools=[{"type": "mcp", "server_label": "l", "server_url": "https://x.example", "require_approval": "never"}]),
    "json": hello(response_format={"type": "json_object"}),
    "schema": hello(response_format=SCHEMA),
    "schema and tools": hello(response_format=SCHEMA, tools=[tool()]),
    "text format": hello(response_format={"type": "text"}),
    "thoughts kept": says(HI, called(thinking_blocks=[{"type": "thinking", "thinking": "t", "signature": "s"}]), RESULT,
                          tools=[tool()]),
    "hidden thoughts kept": says(HI, {"role": "assistant", "content": "x",
                                      "thinking_blocks": [{"type": "redacted_thinking", "data": "d"}]}, HI),
    "thoughts as text": says(HI, {"role": "assistant", "content": "x", "reasoning_content": "t"}, HI),
    "stop": hello(stop="x"),
    "stops": hello(stop=["a", "b", "c", "d", "e"]),
    "blank stops": hello(stop=["\n", " "]),
    "user": hello(user="ada@example.com"),
    "safety": hello(safety_identifier="x"),
    "max_tokens": says(HI, max_tokens=100),
    "both bounds": says(HI, max_tokens=10, max_completion_tokens=20),
    "bound as float": says(HI, max_completion_tokens=10.5),
    "bound beyond": says(HI, max_completion_tokens=10_000_000),
    "neutral": hello(n=1, presence_penalty=0, modalities=["text"], logprobs=False),
    "hints": hello(service_tier="flex", prediction={"type": "content", "content": "x"}),
    "unlisted": hello(top_k=5, metadata={"user_id": "x"}, store=True, frobnicate=1),
}  # fmt: skip
OF_REASONING: dict[str, JsonObject] = {
    "effort": hello(max_completion_tokens=9_000, reasoning_effort="medium"),
    "high effort": says(HI, reasoning_effort="high"),
    "no effort": hello(reasoning_effort="none"),
    "most effort": says(HI, reasoning_effort="xhigh"),
    "schema and effort": hello(max_completion_tokens=4_000, response_format=SCHEMA, reasoning_effort="low"),
    "thinking": says(HI, **THINKING),
    "thinking in camels": hello(thinking={"type": "enabled", "budgetTokens": 2_000}),
    "thinking true": says(HI, thinking=True),
    "thinking off": hello(thinking={"type": "disabled"}),
    "thinking as it likes": hello(thinking={"type": "adaptive"}, max_completion_tokens=4_000),
    "thinking with results": says(HI, called(), RESULT, tools=[tool()], **THINKING),
}
REFUSED: dict[str, JsonObject] = {
    "no content": says({"role": "user", "content": None}),
    "nonsense as image": shows({"type": "image_url", "image_url": {"url": "nonsense"}}),
    "image by open address": shows({"type": "image_url", "image_url": {"url": "http://images.example.invalid/a"}}),
    "nonsense as choice": hello(tools=[tool()], tool_choice={"type": "nope"}),
    "nonsense as tool": hello(tools=[{"type": "nope"}]),
    "nonsense as effort": hello(reasoning_effort="ultra"),
    "custom tool": hello(tools=[{"type": "custom", "custom": {"name": "x"}}]),
    "message as text": says("Hi"),
    "content as number": says({"role": "user", "content": 5}),
    "bound as text": says(HI, max_tokens="10"),
}
UNSUPPORTED: dict[str, JsonObject] = {
    "n": hello(n=2),
    "seed": hello(seed=1),
    "presence_penalty": hello(presence_penalty=1),
    "logprobs": hello(logprobs=True),
    "verbosity": hello(verbosity="low"),
    "functions": hello(functions=[{"name": "x", "parameters": {}}]),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def pair() -> AsyncIterator[Pair]:
    async with replaying() as server:
        made = Pair(server)
        yield made
        await made.http.close()
        await runtime.close()


async def same(
    pair: Pair, model: str, body: JsonObject, *, handed: bool = False, stream: bool = False, **members: Any
) -> Any:
    """What both lanes sent, or how both refused; the request is left as it was."""
    before = json.dumps(body)
    one, two, was_handed = await pair.sent(pair.asked(model, body, **members), stream=stream)
    assert json.dumps(body) == before
    assert (two, json.dumps(two.body)) == (one, json.dumps(one.body))
    assert was_handed is handed
    return two


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", BODIES)
async def test_the_lanes_post_the_same(pair: Pair, name: str, stream: bool) -> None:
    for model in (SONNET, UNKNOWN):
        sent = await same(pair, model, BODIES[name], stream=stream, reasoning=model == SONNET)
        assert sent.body.get("stream", False) is stream


@pytest.mark.parametrize("model", [SONNET, OPUS, "anthropic/claude-opus-4-5-20251101"])
@pytest.mark.parametrize("name", OF_REASONING)
async def test_the_lanes_ask_for_the_same_thoughts(pair: Pair, name: str, model: str) -> None:
    assert (await same(pair, model, OF_REASONING[name], reasoning=True)).body


@pytest.mark.parametrize("drops", [False, True], ids=["refused", "dropped"])
@pytest.mark.parametrize("name", UNSUPPORTED)
async def test_what_anthropic_does_not_take_is_dropped_or_refused_alike(pair: Pair, name: str, drops: bool) -> None:
    sent = await same(pair, UNKNOWN, UNSUPPORTED[name], handed=not drops, params={"drop_params": drops})
    if drops:
        assert name not in sent.body
        assert name in pair.lane.dropped(deployment(UNKNOWN, "", params={"drop_params": True}), UNSUPPORTED[name])
    else:
        assert sent.error[0] is Fault.CALLER
        assert sent.error[2:5] == (400, "unsupported_parameter", name)


@pytest.mark.parametrize("name", REFUSED)
async def test_what_litellm_refuses_is_refused_in_its_words(pair: Pair, name: str) -> None:
    by_us = name == "image by open address"
    sent = await same(pair, SONNET, REFUSED[name], handed=not by_us, reasoning=True)
    assert (sent.error[0], sent.error[2]) == (Fault.CALLER, 400)


async def test_a_temperature_that_a_model_does_not_take_is_litellms_to_judge(pair: Pair) -> None:
    warm = hello(temperature=0.5, top_p=0.9)
    assert (await same(pair, SONNET, warm)).body["temperature"] == 0.5
    assert (await same(pair, OPUS, warm, handed=True)).error[0] is Fault.CALLER
    assert "temperature" not in (await same(pair, OPUS, warm, params={"drop_params": True})).body


@pytest.mark.parametrize("path", ["", "/v1/messages", "/proxy", "/proxy/v1/messages"])
async def test_the_lanes_complete_an_address_alike(pair: Pair, path: str) -> None:
    assert (await same(pair, UNKNOWN, HELLO, path=path)).target.endswith("/v1/messages")


@pytest.mark.parametrize("path", ["", "/v1", "/v1/"])
async def test_an_address_with_half_the_path_is_not_mended(pair: Pair, path: str) -> None:
    assert (await same(pair, UNKNOWN, HELLO, path=path)).target == f"{path}/v1/messages"


async def test_headers_of_the_deployment_and_betas_go_along(pair: Pair) -> None:
    body = hello(tools=[{"type": "web_fetch_20250910", "name": "web_fetch"}])
    headers = {"x-team": "a", "anthropic-beta": "context-1m-2025-08-07"}
    sent = await same(pair, SONNET, body, params={"extra_headers": headers})
    assert sent.headers["x-team"] == "a"
    assert {"context-1m-2025-08-07"} < set(sent.headers["anthropic-beta"].split(","))


async def test_a_token_in_place_of_a_key_travels_as_one(pair: Pair) -> None:
    sent = await same(pair, SONNET, HELLO, api_key="sk-ant-oat01-abc")
    assert sent.headers["authorization"] == "Bearer sk-ant-oat01-abc"


async def test_the_variable_s_key_serves_a_deployment_without_one(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-of-the-variable")
    assert (await same(pair, SONNET, HELLO, api_key=None)).headers["x-api-key"] == "sk-of-the-variable"


# --- what is left to the sdk lane ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "bound", "handed"),
    [
        (SONNET, 64_000, False),
        (SONNET, 64_001, True),  # lowered to what the model can put out
        (SONNET, 10.5, True),
        (UNKNOWN, 10_000_000, False),
    ],
)
async def test_a_bound_that_litellm_would_lower_is_left_to_it(
    pair: Pair, model: str, bound: float, handed: bool
) -> None:
    sent = await same(pair, model, says(HI, max_tokens=bound), handed=handed)
    assert sent.body["max_tokens"] == (64_000 if bound == 64_001 else round(bound))


async def test_settings_that_litellm_acts_on_are_left_to_it(pair: Pair) -> None:
    assert (await same(pair, SONNET, HELLO, handed=True, params={"region_name": "eu"})).body


async def test_half_a_character_is_left_to_litellm(pair: Pair) -> None:
    body = says({"role": "user", "content": "a\ud800b"})
    assert (await same(pair, SONNET, body, handed=True)).error[0] is Fault.CALLER
    assert (await same(pair, SONNET, body, handed=True, stream=True)).body


def test_what_was_found_out_of_a_deployment_is_found_out_once() -> None:
    asked: list[str] = []
    once = Once(lambda each: asked.append(each.model))
    one = deployment(SONNET, "")
    for each in (one, one, deployment(SONNET, ""), deployment(SONNET, "", api_key="sk-other"), deployment(OPUS, "")):
        once(each)
    assert asked == [SONNET, SONNET, OPUS]


def test_what_keeps_a_deployment_from_the_lane_is_told() -> None:
    def told(model: str = SONNET, **members: Any) -> str | None:
        return why_not(deployment(model, "", **members))

    assert told() is None
    assert told(params={"extra_headers": {}, "drop_params": True}) is None
    assert "key" in str(told(api_key=None))
    assert "settings" in str(told(params={"organization": "o"}))
    assert "prefix" in str(told("claude-sonnet-4-5"))
    assert "chat" in str(told("anthropic/embed"))


async def test_nothing_is_fetched_that_a_request_names(pair: Pair, canary: Canary) -> None:
    for address in (canary.url.replace("http", "https"), "https://localhost:1/a.png"):
        sent = await same(pair, SONNET, shows({"type": "image_url", "image_url": {"url": f"{address}/a.png"}}))
        assert sent.body["messages"][0]["content"][0]["source"] == {"type": "url", "url": f"{address}/a.png"}
    assert canary.came == 0


async def test_no_name_in_a_body_moves_a_call(pair: Pair, canary: Canary) -> None:
    names = dict.fromkeys(
        ("api_base", "base_url", "api_key", "custom_llm_provider", "model_list", "fallbacks"), canary.url
    )
    names |= {"extra_headers": {"authorization": canary.url}, "headers": {"host": canary.url}, "mock_response": "evil"}
    message = {**HI, **names, "content": [{"type": "text", "text": "Hi", **names}]}
    plain = await same(pair, SONNET, hello(tools=[tool()]))
    laden = await same(pair, SONNET, {**hello(tools=[tool(**names)]), **names, "messages": [message]})
    assert (laden.target, laden.headers, laden.body["model"]) == (plain.target, plain.headers, plain.body["model"])
    assert canary.came == 0


# --- by strategy -----------------------------------------------------------------------------------------------------

WORDS = st.text("ab é🍜\n", max_size=4)
PARTS = st.lists(
    st.builds(lambda text: {"type": "text", "text": text}, WORDS)
    | st.sampled_from([{"type": "text", "text": "x", **CACHE}, {"type": "image_url", "image_url": {"url": PIXEL}}]),
    max_size=3,
)
MESSAGES = st.lists(
    st.builds(lambda role, content: {"role": role, "content": content}, st.sampled_from(["user", "system", "developer"]), WORDS | PARTS)
    | st.builds(lambda text: {"role": "assistant", "content": text}, WORDS | st.none())
    | st.sampled_from([HI, called(), RESULT, called({**CALL, "id": "call_2"}), {**RESULT, "tool_call_id": "call_2"}]),
    max_size=5,
)  # fmt: skip
MEMBERS = st.fixed_dictionaries(
    {"messages": MESSAGES},
    optional={
        "temperature": st.sampled_from([0, 0.5, 1]),
        "top_p": st.sampled_from([0.5, 1]),
        "max_tokens": st.integers(1, 9_000),
        "max_completion_tokens": st.integers(1, 9_000),
        "stop": WORDS | st.lists(WORDS, max_size=6),
        "tools": st.lists(st.sampled_from([tool(), tool("a/b"), tool(**CACHE)]), max_size=2),
        "tool_choice": st.sampled_from(["auto", "none", "required", {"type": "function", "function": {"name": "a/b"}}]),
        "parallel_tool_calls": st.booleans(),
        "response_format": st.sampled_from([SCHEMA, {"type": "json_object"}, {"type": "text"}]),
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "high", None]),
        "thinking": st.sampled_from([THINKING["thinking"], {"type": "adaptive"}, {"type": "disabled"}]),
        "user": WORDS,
        "seed": st.integers(0, 1),
        "n": st.just(1),
        "frobnicate": st.integers(),
    },
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(MEMBERS, st.sampled_from([SONNET, OPUS, OLD, UNKNOWN]), st.booleans(), st.booleans())
async def test_any_request_is_posted_alike(pair: Pair, body: JsonObject, model: str, drops: bool, stream: bool) -> None:
    before = json.dumps(body)
    asked = pair.asked(model, body, params={"drop_params": drops}, reasoning=model in {SONNET, OPUS})
    one, two, handed = await pair.sent(asked, stream=stream)
    assert (two, json.dumps(two.body)) == (one, json.dumps(one.body))
    assert json.dumps(body) == before
    assert handed is bool(one.error) or not one.body


# --- what is remembered of models ------------------------------------------------------------------------------------


def test_what_is_remembered_of_a_model_is_what_litellm_would_find() -> None:
    models: Any = importlib.import_module("litellm.llms.anthropic.common_utils").AnthropicModelInfo
    config: Any = importlib.import_module("litellm.llms.anthropic.chat.transformation")
    for model in ("claude-sonnet-4-5", "claude-opus-4-7", "claude-3-haiku-20240307", "m"):
        for key in ("supports_adaptive_thinking", "supports_native_structured_output"):
            remembered = models._supports_model_capability
            assert remembered(model, key, "anthropic") is remembered.__wrapped__(model, key, "anthropic")
        for remembered in (config.AnthropicConfig.get_max_tokens_for_model, config.supports_mid_conversation_system):
            assert remembered(model) == remembered.__wrapped__(model)
