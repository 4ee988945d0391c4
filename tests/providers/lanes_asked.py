"""Requests of clients, one line each: every member of OpenAI's chat API, alone; and whom they are sent to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.ports import ProviderRequest
from gateway.providers.facts import model_facts
from gateway.types import Deployment, Endpoint, JsonObject, Price
from tests.providers.asking import ANSWER, ANSWERS, KEY, VECTORS

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "data:application/pdf;base64,JVBERi0xLjQKJSVFT0YK"
TEXT = {"type": "text", "text": "What is this?"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
NESTED = {
    "type": "object",
    "properties": {"list": {"type": "array", "items": {"$ref": "#/$defs/item"}}, "kind": {"enum": ["a", "b"]}},
    "$defs": {"item": {"type": "object", "properties": {"n": {"type": ["integer", "null"]}}}},
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather at a place",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}
STRICT = {"type": "function", "function": {**WEATHER["function"], "strict": True, "parameters": SCHEMA}}  # type: ignore[dict-item]
BARE = {"type": "function", "function": {"name": "now"}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"place":"Oslo"}'}}
OTHER_CALL = {"id": "call_2", "type": "function", "function": {"name": "now", "arguments": ""}}


def user(content: Any, **members: Any) -> JsonObject:
    return {"role": "user", "content": content, **members}


def talk(*messages: JsonObject, **members: Any) -> JsonObject:
    return {"messages": [*messages], **members}


HI = user("Hello")
MEMBERS: dict[str, JsonObject] = {
    "nothing": {},
    "temperature": {"temperature": 0.7},
    "temperature-zero": {"temperature": 0},
    "temperature-one": {"temperature": 1},
    "temperature-two": {"temperature": 2.0},
    "temperature-null": {"temperature": None},
    "top-p": {"top_p": 0.5},
    "top-p-one": {"top_p": 1},
    "n-one": {"n": 1},
    "n-two": {"n": 2},
    "stop": {"stop": "END"},
    "stops": {"stop": ["END", "\n\n"]},
    "stop-null": {"stop": None},
    "stops-empty": {"stop": []},
    "max-tokens": {"max_tokens": 100},
    "max-completion-tokens": {"max_completion_tokens": 100},
    "both-maxima": {"max_tokens": 100, "max_completion_tokens": 50},
    "modalities-text": {"modalities": ["text"]},
    "modalities-audio": {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    "prediction": {"prediction": {"type": "content", "content": "Hello there"}},
    "presence-penalty": {"presence_penalty": 0.5},
    "presence-penalty-zero": {"presence_penalty": 0},
    "frequency-penalty": {"frequency_penalty": 0.5},
    "frequency-penalty-zero": {"frequency_penalty": 0.0},
    "logit-bias": {"logit_bias": {"1": 2}},
    "logit-bias-empty": {"logit_bias": {}},
    "format-text": {"response_format": {"type": "text"}},
    "format-object": {"response_format": {"type": "json_object"}},
    "format-schema": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}}
    },
    "format-schema-loose": {"response_format": {"type": "json_schema", "json_schema": {"name": "b", "schema": NESTED}}},
    "seed": {"seed": 7},
    "tools": {"tools": [WEATHER]},
    "tools-strict": {"tools": [STRICT, BARE]},
    "tools-none": {"tools": []},
    "tool-choice-auto": {"tools": [WEATHER], "tool_choice": "auto"},
    "tool-choice-none": {"tools": [WEATHER], "tool_choice": "none"},
    "tool-choice-required": {"tools": [WEATHER], "tool_choice": "required"},
    "tool-choice-named": {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "weather"}}},
    "tool-choice-alone": {"tool_choice": "auto"},
    "parallel": {"tools": [WEATHER], "parallel_tool_calls": True},
    "parallel-off": {"tools": [WEATHER], "parallel_tool_calls": False},
    "parallel-alone": {"parallel_tool_calls": False},
    "logprobs": {"logprobs": True},
    "logprobs-off": {"logprobs": False},
    "top-logprobs": {"logprobs": True, "top_logprobs": 3},
    "effort-none": {"reasoning_effort": "none"},
    "effort-minimal": {"reasoning_effort": "minimal"},
    "effort-low": {"reasoning_effort": "low"},
    "effort-high": {"reasoning_effort": "high"},
    "effort-xhigh": {"reasoning_effort": "xhigh"},
    "effort-with-tools": {"reasoning_effort": "low", "tools": [WEATHER]},
    "verbosity": {"verbosity": "low"},
    "verbosity-medium": {"verbosity": "medium"},
    "tier-auto": {"service_tier": "auto"},
    "tier-default": {"service_tier": "default"},
    "tier-flex": {"service_tier": "flex"},
    "tier-priority": {"service_tier": "priority"},
    "thinking": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048},
    "thinking-off": {"thinking": {"type": "disabled"}},
    "web-search": {"web_search_options": {"search_context_size": "low"}},
    "functions": {"functions": [WEATHER["function"]], "function_call": "auto"},
    "user": {"user": "bob"},
    "safety-identifier": {"safety_identifier": "bob"},
    "user-and-safety": {"user": "bob", "safety_identifier": "alice"},
    "store": {"store": True},
    "metadata": {"metadata": {"a": "b"}},
    "cache-key": {"prompt_cache_key": "k", "prompt_cache_retention": "24h"},
    "stream-options": {"stream_options": {"include_usage": True, "include_obfuscation": False}},
    "unknown": {"top_k": 40, "min_p": 0.1, "own": {"a": [1, None, True]}},
    "unknown-null": {"own": None},
    "named-as-litellms": {"api_base": "http://elsewhere.invalid", "api_key": "k", "mock_response": "x", "timeout": 1},
    "extra-body": {"extra_body": {"a": 1}, "extra_headers": {"x-a": "1"}, "extra_query": {"q": "1"}},
    "everything-mild": {
        "temperature": 0.2, "top_p": 0.9, "n": 1, "stop": ["END"], "max_tokens": 50, "seed": 3, "user": "bob",
        "presence_penalty": 0.1, "frequency_penalty": 0.1, "tools": [WEATHER, BARE], "tool_choice": "auto",
        "parallel_tool_calls": True, "metadata": {"a": "b"}, "store": False,
    },
}  # fmt: skip
MESSAGES: dict[str, JsonObject] = {
    "system": talk({"role": "system", "content": "Be brief."}, HI),
    "system-parts": talk({"role": "system", "content": [{"type": "text", "text": "Be brief."}]}, HI),
    "system-twice": talk({"role": "system", "content": "Be brief."}, HI, {"role": "system", "content": "Be kind."}, HI),
    "system-alone": talk({"role": "system", "content": "Be brief."}),
    "developer": talk({"role": "developer", "content": "Be brief."}, HI),
    "two-turns": talk(HI, {"role": "assistant", "content": "Hi!"}, user("And now?")),
    "assistant-last": talk(HI, {"role": "assistant", "content": "Well, "}),
    "assistant-first": talk({"role": "assistant", "content": "Hi!"}, user("And now?")),
    "users-in-a-row": talk(HI, user("And?"), user("Well?")),
    "names": talk({**HI, "name": "bob"}, {"role": "assistant", "content": "Hi", "name": "amy"}, HI),
    "empty-user": talk(user("")),
    "blank-assistant": talk(HI, {"role": "assistant", "content": "  "}, HI),
    "nulls": talk({**HI, "name": None}, {"role": "assistant", "content": "Hi", "refusal": None, "audio": None}, HI),
    "parts": talk(user([TEXT, {"type": "text", "text": " And that?"}])),
    "image": talk(user([TEXT, {"type": "image_url", "image_url": {"url": PIXEL}}])),
    "image-detail": talk(user([TEXT, {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}}])),
    "image-short": talk(user([TEXT, {"type": "image_url", "image_url": PIXEL}])),
    "image-address": talk(user([TEXT, {"type": "image_url", "image_url": {"url": "https://elsewhere.invalid/a.png"}}])),
    "file": talk(user([TEXT, {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}}])),
    "file-id": talk(user([TEXT, {"type": "file", "file": {"file_id": "file-1"}}])),
    "audio": talk(user([TEXT, {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}])),
    "cache-control": talk(user([{**TEXT, "cache_control": {"type": "ephemeral", "ttl": "1h"}}])),
    "cache-control-message": talk({"role": "system", "content": "S", "cache_control": {"type": "ephemeral"}}, HI),
    "call": talk(
        HI,
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "4 degrees"},
        tools=[WEATHER],
    ),
    "call-absent-content": talk(
        HI,
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "4 degrees"}]},
        tools=[WEATHER],
    ),
    "calls": talk(
        HI,
        {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL, OTHER_CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "4 degrees", "name": "weather"},
        {"role": "tool", "tool_call_id": "call_2", "content": ""},
        user("So?"),
        tools=[WEATHER, BARE],
    ),
    "call-without-tools": talk(
        HI,
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "4 degrees"},
    ),
    "function-call": talk(
        HI,
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "function", "name": "weather", "content": "4 degrees"},
    ),
    "thoughts": talk(HI, {"role": "assistant", "content": "Hi!", "reasoning_content": "A greeting."}, HI),
    "thinking-blocks": talk(
        HI,
        {
            "role": "assistant",
            "content": "Hi!",
            "thinking_blocks": [{"type": "thinking", "thinking": "A greeting.", "signature": "c2ln"}],
        },
        HI,
        thinking={"type": "enabled", "budget_tokens": 1024},
        max_tokens=2048,
    ),
    "refused-before": talk(HI, {"role": "assistant", "content": None, "refusal": "No."}, HI),
    "unicode": talk(user("Dîner à huit heures, 約束だよ 🍜 \u2028\u0000")),
    "own-member": talk({**HI, "own": {"a": 1}}),
}
EMBEDDINGS: dict[str, JsonObject] = {
    "one": {"input": "Hello"},
    "list": {"input": ["Hello", "there"]},
    "tokens": {"input": [1, 2, 3]},
    "dimensions": {"input": "Hello", "dimensions": 256},
    "user": {"input": "Hello", "user": "bob"},
    "floats": {"input": "Hello", "encoding_format": "float"},
    "base64": {"input": "Hello", "encoding_format": "base64"},
    "unknown": {"input": "Hello", "own": 1, "truncate": "END"},
    "null": {"input": "Hello", "dimensions": None, "user": None},
}


@dataclass(frozen=True, slots=True)
class Target:
    """A model with LiteLLM's prefix, and what its api_base ends with. `params`: of its deployment."""

    model: str
    suffix: str = ""
    params: JsonObject = field(default_factory=dict)
    endpoint: Endpoint = Endpoint.CHAT
    lane: str = "wire"

    @property
    def provider(self) -> str:
        return self.model.partition("/")[0]

    @property
    def answer(self) -> JsonObject:
        return VECTORS if self.endpoint is Endpoint.EMBEDDINGS else ANSWERS.get(self.provider, ANSWER)

    def deployment(self, url: str, *, drops: bool = False, **members: Any) -> Deployment:
        """As a configuration makes it, at `url`."""
        facts = model_facts(self.model, custom_llm_provider=None, base_model=None)
        return Deployment(
            id=f"{self.model}{'-dropping' if drops else ''}",
            group="g",
            provider=facts.provider,
            model=self.model,
            endpoint=self.endpoint,
            price=Price(input=1_000, output=2_000, cached_input=100),
            api_base=url + self.suffix,
            api_key=KEY,
            params={**self.params, **({"drop_params": True} if drops else {})},
            reasoning=facts.reasoning,
            **members,
        )


TARGETS = (
    Target("openai/gpt-4o-mini", "/v1"),
    Target("openai/gpt-6-luna", "/v1"),
    Target("openai/house", "/v1"),
    Target("groq/llama-3.3-70b-versatile", "/openai/v1"),
    Target("groq/openai/gpt-oss-120b", "/openai/v1"),
    Target("mistral/mistral-small-latest", "/v1"),
    Target("mistral/magistral-medium-latest", "/v1", lane="sdk"),
    Target("deepseek/deepseek-chat", "/v1"),
    Target("deepseek/deepseek-reasoner"),
    Target("openrouter/anthropic/claude-haiku-4.5", "/api/v1"),
    Target("openrouter/openai/gpt-4o-mini", "/api/v1"),
    Target("together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo", "/v1"),
    Target("fireworks_ai/accounts/fireworks/models/llama-v3p3-70b-instruct", "/inference/v1"),
    Target("xai/grok-4", "/v1"),
    Target("xai/grok-3-mini", "/v1"),
    Target("perplexity/sonar"),
    Target("perplexity/sonar-reasoning-pro"),
    Target("hosted_vllm/own-model", "/v1"),
    Target("azure/gpt-4o", params={"api_version": "2024-10-21"}),
    Target("azure/house", params={"api_version": "v1"}),
    Target("ollama/llama3.2", lane="sdk"),
    Target("ollama_chat/llama3.2", lane="sdk"),
    Target("anthropic/claude-haiku-4-5", lane="translate"),
    Target("anthropic/claude-haiku-5-5", lane="translate"),
    Target("anthropic/house", lane="translate"),
    Target("gemini/gemini-2.5-flash", "/v1beta", lane="translate"),
    Target("gemini/gemini-3.5-flash-lite", "/v1beta", lane="translate"),
    Target("gemini/house", "/v1beta", lane="translate"),
)
EMBEDDERS = (
    Target("openai/text-embedding-3-small", "/v1", endpoint=Endpoint.EMBEDDINGS),
    Target("openai/house-embedding", "/v1", endpoint=Endpoint.EMBEDDINGS),
    Target("mistral/mistral-embed", "/v1", endpoint=Endpoint.EMBEDDINGS, lane="sdk"),
    Target("together_ai/BAAI/bge-base-en-v1.5", "/v1", endpoint=Endpoint.EMBEDDINGS, lane="sdk"),
    Target("hosted_vllm/bge-m3", "/v1", endpoint=Endpoint.EMBEDDINGS),
    Target("azure/text-embedding-3-small", "", {"api_version": "2024-10-21"}, Endpoint.EMBEDDINGS),
    Target("gemini/text-embedding-004", "/v1beta", endpoint=Endpoint.EMBEDDINGS, lane="sdk"),
)


def asked(deployment: Deployment, members: JsonObject, *, stream: bool = False) -> ProviderRequest:
    """One attempt with these members of the client's body."""
    usual = {"model": "g"} | ({"stream": stream, **talk(HI)} if deployment.endpoint is Endpoint.CHAT else {})
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    return ProviderRequest(deployment, {**usual, **members}, "gen-1:1", 20.0, include_usage=True, traceparent=trace)
