"""Deployments and requests that the wire lane is compared on: what LiteLLM would send is what it has to send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.types import JsonObject
from tests.providers.asking import TOOL

# LiteLLM's model string, what api_base ends with, further parameters.
SPOKEN_TO: tuple[tuple[str, str, JsonObject], ...] = (
    ("openai/gpt-4o", "/v1", {}),
    ("openai/gpt-4o", "/v1/", {"drop_params": True}),
    ("openai/house-model", "", {"organization": "org-1", "extra_headers": {"x-tenant": "blue"}}),
    ("openai/gpt-6-luna", "/v1", {}),
    ("openai/gpt-5.2", "/v1", {"drop_params": True}),
    ("openai/gpt-5-mini", "/v1", {}),
    ("openai/o3", "/v1", {}),
    ("custom_openai/house-model", "/v1", {}),
    ("azure/gpt-4o", "", {"api_version": "2024-10-21"}),
    ("azure/house-model", "", {}),
    ("azure/gpt-4o", "", {"api_version": "v1"}),
    ("litellm_proxy/house-model", "", {}),
    ("hosted_vllm/house-model", "/v1", {}),
    ("openrouter/anthropic/claude-haiku-4.5", "/api/v1", {}),
    ("openrouter/openai/gpt-4o", "/api/v1", {"drop_params": True}),
    ("groq/llama-3.3-70b-versatile", "/openai/v1", {}),
    ("mistral/mistral-large-latest", "", {}),
    ("mistral/mistral-large-latest", "/v1", {"drop_params": True}),
    ("deepseek/deepseek-chat", "", {}),
    ("together_ai/house-model", "/v1", {}),
    ("perplexity/sonar", "", {}),
    ("zai/glm-4.6", "/api/paas/v4", {}),
    ("huggingface/house/model", "/novita/v3/openai", {}),
    ("huggingface/house/model", "/v1", {"drop_params": True}),
    ("xai/grok-4", "/v1", {}),
    ("xai/grok-3", "/v1", {"drop_params": True}),
    ("fireworks_ai/house-model", "/inference/v1", {}),
    ("fireworks_ai/routers/house", "/inference/v1", {"drop_params": True}),
)
EMBEDDED_BY: tuple[tuple[str, str, JsonObject], ...] = (
    ("openai/text-embedding-3-small", "/v1", {}),
    ("openai/house-embed", "", {"drop_params": True}),
    ("azure/text-embedding-3-small", "", {"api_version": "2024-10-21"}),
    ("litellm_proxy/house-embed", "/v1", {}),
    ("hosted_vllm/house-embed", "/v1", {}),
    ("openrouter/house-embed", "/api/v1", {}),
)
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
PATTERNED: JsonObject = {
    "type": "function",
    "function": {
        "name": "f",
        "parameters": {"type": "object", "properties": {"a": {"type": "string", "pattern": r"\p{L}"}}},
    },
}
COMBINED: JsonObject = {"type": "function", "function": {"name": "f", "parameters": {"anyOf": [SCHEMA]}}}
STRICT: JsonObject = {"type": "function", "function": {"name": "f", "strict": True, "parameters": SCHEMA}}
MARK = {"type": "ephemeral", "ttl": "1h"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
USER: JsonObject = {"role": "user", "content": "Hi"}
IMAGE: JsonObject = {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}


def says(*messages: JsonObject) -> JsonObject:
    return {"messages": list(messages)}


MESSAGES: Mapping[str, JsonObject] = {
    "plain": says({"role": "system", "content": "Be kind"}, USER, {"role": "assistant", "content": "Yes"}, USER),
    "developer": says({"role": "developer", "content": "Be kind"}, USER),
    "named": says({"role": "user", "name": "bob", "content": "Hi"}),
    "nulls": says({"role": "user", "name": None, "content": "Hi", "x": None}),
    "texts": says({"role": "user", "content": [{"type": "text", "text": "Hi"}]}),
    "image": says({"role": "user", "content": [{"type": "text", "text": "Hi"}, IMAGE]}),
    "image text": says({"role": "user", "content": [{"type": "image_url", "image_url": "https://example.com/a.png"}]}),
    "image format": says(
        {
            "role": "user",
            "content": [{**IMAGE, "image_url": {"url": "data:image/png;base64,aaaa", "format": "image/png"}}],
        }
    ),
    "file": says({"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}),
    "audio": says(
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "a", "format": "mp3"}}]}
    ),
    "odd part": says({"role": "user", "content": [{"type": "thinking", "thinking": "a"}]}),
    "called": says(
        USER,
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "42"},
        {"role": "assistant", "content": ""},
        USER,
    ),
    "tool parts": says(
        USER,
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "42"}]},
    ),
    "tool image": says(
        USER,
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": [IMAGE]},
    ),
    "system parts": says({"role": "system", "content": [{"type": "text", "text": "Be kind"}]}, USER),
    "said parts": says(USER, {"role": "assistant", "content": [{"type": "text", "text": "Yes"}]}, USER),
    "thought": says(USER, {"role": "assistant", "content": "Yes", "reasoning_content": "Well"}, USER),
    "thinking blocks": says(
        USER, {"role": "assistant", "content": "Yes", "thinking_blocks": [{"type": "thinking"}]}, USER
    ),
    "marked": says({"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": MARK}]}),
    "marked whole": says({"role": "user", "content": "Hi", "cache_control": MARK}),
    "legacy": says(USER, {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}),
    "empty content": says({"role": "user", "content": ""}),
}
MEMBERS: Mapping[str, JsonObject] = {
    "nothing": {},
    "null": {"temperature": None, "tools": None, "unknown": None},
    "usual": {"temperature": 0.5, "top_p": 0.9, "max_tokens": 9},
    "default": {"temperature": 1, "top_p": 1, "n": 1, "presence_penalty": 0, "logprobs": False},
    "max_completion_tokens": {"max_completion_tokens": 9},
    "both bounds": {"max_tokens": 8, "max_completion_tokens": 9},
    "stop": {"stop": "a"},
    "stops": {"stop": ["a", "b", "c", "d", "e"]},
    "seed": {"seed": 1},
    "n": {"n": 2},
    "penalties": {"presence_penalty": 1, "frequency_penalty": 1},
    "logit_bias": {"logit_bias": {"1": 2}},
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "json": {"response_format": {"type": "json_object"}},
    "json schema": {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}},
    "tools": {"tools": [TOOL], "tool_choice": "auto"},
    "tools required": {"tools": [TOOL], "tool_choice": "required"},
    "tools named": {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "look_up"}}},
    "tools odd choice": {"tools": [TOOL], "tool_choice": {"type": "auto"}},
    "tools alone": {"tools": [TOOL], "parallel_tool_calls": False},
    "no tools": {"tools": [], "tool_choice": "auto"},
    "strict tools": {"tools": [STRICT]},
    "patterned tools": {"tools": [PATTERNED]},
    "combined tools": {"tools": [COMBINED]},
    "marked tools": {"tools": [{**TOOL, "cache_control": MARK}]},
    "custom tools": {"tools": [{"type": "custom", "custom": {"name": "f"}}]},
    "functions": {"functions": [TOOL["function"]], "function_call": "auto"},
    "user": {"user": "bob"},
    "safety_identifier": {"safety_identifier": "bob"},
    "both people": {"user": "bob", "safety_identifier": "eve"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "effort low": {"reasoning_effort": "low"},
    "effort minimal": {"reasoning_effort": "minimal"},
    "effort and tools": {"reasoning_effort": "low", "tools": [TOOL]},
    "effort high": {"reasoning_effort": "high"},
    "effort max": {"reasoning_effort": "max"},
    "effort none": {"reasoning_effort": "none"},
    "thinking": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    "verbosity": {"verbosity": "low"},
    "modalities": {"modalities": ["text"]},
    "audio": {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    "prediction": {"prediction": {"type": "content", "content": "a"}},
    "web search": {"web_search_options": {}},
    "stored": {"store": True, "metadata": {"a": "b"}, "prompt_cache_key": "k"},
    "unknown": {"top_k": 3, "provider": {"order": ["a"]}, "safe_prompt": True},
    "unknown marked": {"extra": {"cache_control": MARK}},
    "usage": {"usage": {"include": False}},
    "streamed": {"stream": True, "stream_options": {"include_usage": False, "include_obfuscation": False}},
}
INPUTS: Mapping[str, JsonObject] = {
    "text": {"input": "Hi"},
    "texts": {"input": ["Hi", "there"]},
    "tokens": {"input": [1, 2, 3]},
    "dimensions": {"input": "Hi", "dimensions": 3},
    "user": {"input": "Hi", "user": "bob"},
    "base64": {"input": "Hi", "encoding_format": "base64"},
    "unknown": {"input": "Hi", "truncate": True},
}


@dataclass(frozen=True, slots=True)
class Case:
    """One deployment and one body."""

    name: str
    model: str
    suffix: str
    params: JsonObject = field(default_factory=dict)
    body: JsonObject = field(default_factory=dict)
    stream: bool = False


def cases() -> list[Case]:
    bodies: dict[str, JsonObject] = {f"members {name}": {**says(USER), **each} for name, each in MEMBERS.items()}
    bodies |= {f"messages {name}": dict(each) for name, each in MESSAGES.items()}
    made = [
        Case(f"{model} {at} {name}", model, suffix, params, body)
        for at, (model, suffix, params) in enumerate(SPOKEN_TO)
        for name, body in bodies.items()
    ]
    made += [
        Case(f"{model} {at} stream", model, suffix, params, says(USER), stream=True)
        for at, (model, suffix, params) in enumerate(SPOKEN_TO)
    ]
    return made + [
        Case(f"{model} {at} {name}", model, suffix, params, body)
        for at, (model, suffix, params) in enumerate(EMBEDDED_BY)
        for name, body in INPUTS.items()
    ]


def unlike(first: Any, second: Any) -> bool:
    """Whether two JSON values differ; true is not 1."""
    return type(first) is not type(second) or first != second
