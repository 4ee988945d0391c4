"""Members of a body and headers that hold what they must not: a 400 that names them, never a 5xx, nothing sent on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.shapes import HELLO, refused
from tests.harness import FleetThread, GatewayThread

CHAT = "/v1/chat/completions"
EMBEDDINGS = "/v1/embeddings"
TEXT = "words"
OBJECT: dict[str, Any] = {"a": 1}
MANY = {str(number): "x" for number in range(17)}
WRONG: dict[str, list[Any]] = {
    "model": [None, "", 3, True, [], OBJECT],
    "messages": [None, TEXT, 3, OBJECT, []],
    "messages[0]": [[None], [TEXT], [3], [[]]],
    "messages[0].role": [[{}], [{"role": 3}], [{"role": None, "content": TEXT}]],
    "messages[0].content": [
        *([{"role": "user", "content": content}] for content in (3, OBJECT, True, None)),
        [{"role": "tool", "tool_call_id": "a"}],
    ],
    "messages[0].content[0]": [[{"role": "user", "content": [part]}] for part in (TEXT, None, 3)],
    "messages[0].content[0].type": [[{"role": "user", "content": [part]}] for part in ({}, {"type": 3})],
    "messages[0].content[0].text": [[{"role": "user", "content": [{"type": "text", "text": 3}]}]],
    "messages[0].content[0].image_url.url": [
        [{"role": "user", "content": [{"type": "image_url", "image_url": image}]}]
        for image in (None, 3, {}, {"url": 3})
    ],
    "messages[0].tool_call_id": [[{"role": "tool", "content": TEXT}]],
    "messages[0].name": [[{"role": "user", "content": TEXT, "name": 3}], [{"role": "function", "content": TEXT}]],
    "messages[0].tool_calls": [[{"role": "assistant", "tool_calls": 3}]],
    "messages[0].tool_calls[0].id": [[{"role": "assistant", "tool_calls": [{"function": {}}]}]],
    "messages[0].tool_calls[0].function": [[{"role": "assistant", "tool_calls": [{"id": "a"}]}]],
    "messages[0].function_call.name": [[{"role": "assistant", "function_call": {}}]],
    "tools": [TEXT, 3, OBJECT],
    "tools[0]": [[3], [None]],
    "tools[0].type": [[{}], [{"type": 3}]],
    "tools[0].function": [[{"type": "function"}]],
    "tools[0].function.name": [
        [{"type": "function", "function": {}}],
        [{"type": "function", "function": {"name": ""}}],
    ],
    "tools[0].function.parameters": [[{"type": "function", "function": {"name": "f", "parameters": []}}]],
    "tool_choice": [3, [], True],
    "tool_choice.type": [{}],
    "tool_choice.function.name": [{"type": "function"}, {"type": "function", "function": {}}],
    "functions[0]": [[3]],
    "function_call.name": [{}],
    "response_format": [TEXT, 3, []],
    "response_format.type": [{"a": 1}],
    "response_format.json_schema": [{"type": "json_schema"}],
    "response_format.json_schema.name": [{"type": "json_schema", "json_schema": {"schema": {}}}],
    "stop": [3, OBJECT, [3], [[]]],
    "user": [3, [], OBJECT],
    "seed": [TEXT, 1.5, True],
    "logprobs": [3, TEXT],
    "parallel_tool_calls": [1, TEXT],
    "presence_penalty": [TEXT, True],
    "logit_bias": [3, []],
    "reasoning_effort": [3],
    "stream": [TEXT, 1, 0, [], OBJECT],
    "stream_options": [TEXT, 3, [], OBJECT],
    "n": [0, -1, 129, 1.5, TEXT, True, [], 10**30],
    "max_tokens": [0, -1, 1.5, TEXT, True, []],
    "max_completion_tokens": [0, -1, 1.5, TEXT, True, []],
    "top_logprobs": [-1, 21, 1.5, TEXT, True],
    "temperature": [-0.1, 2.1, TEXT, True, []],
    "top_p": [-0.1, 1.1, TEXT, True, []],
    "metadata": [TEXT, 3, [], MANY],
    "metadata.a": [{"a": 1}, {"a": "x" * 513}, {"a": None}],
    "prompt": [TEXT, 3, [], {}, {"id": ""}, {"id": 3}],
    "prompt.id": [{"id": "x" * 201}],
    "prompt.variables": [{"id": "summary", "variables": [1]}, {"id": "summary", "variables": TEXT}],
    "tags": [TEXT, 3, [3], OBJECT, ["x"] * 21],
    "fallbacks": [TEXT, 3, [3], OBJECT, [{"model": "gpt", "api_base": "http://elsewhere"}]],
    "num_retries": [-1, 1.5, TEXT, True, []],
    "timeout": [0, -1, TEXT, True, [], 1e9],
    "mock_response": [3, [], OBJECT, True, "x" * 10_001],
}
REQUIRED = {"model", "messages"}
WRONG_EMBEDDINGS: dict[str, list[Any]] = {
    "model": [None, "", 3],
    "input": [None, "", [], 3, OBJECT, True, [""], [True], ["a", 1], [[]], [["a"]], [1.5], ["a"] * 2049],
    "encoding_format": ["hex", 3, [], True],
    "dimensions": [0, -1, 1.5, TEXT, True],
    "user": [3, OBJECT],
}
WRONG_HEADERS = {
    "x-atelier-timeout": ["soon", "-1", "0", "nan", "inf"],
    "x-atelier-on-disconnect": ["stay", "1"],
    "x-atelier-policy": ["no-such-policy", "x" * 201],
}


def cases(table: dict[str, list[Any]]) -> list[tuple[str, Any]]:
    return [(name, value) for name, values in table.items() for value in values]


def member(name: str) -> str:
    return name.partition("[")[0].partition(".")[0]


@pytest.mark.parametrize(("name", "value"), cases(WRONG))
def test_chat_members_that_do_not_fit_are_named(
    gateway: GatewayThread, fleet: FleetThread, name: str, value: Any
) -> None:
    with gateway.http() as http:
        answer = http.post(CHAT, json={**HELLO, member(name): value})
        code = "missing_required_parameter" if value is None and name in REQUIRED else "invalid_value"
        refused(answer, 400, code, name)
    assert fleet.ended == []


@pytest.mark.parametrize(("name", "value"), cases(WRONG_EMBEDDINGS))
def test_embedding_members_that_do_not_fit_are_named(
    gateway: GatewayThread, fleet: FleetThread, name: str, value: Any
) -> None:
    with gateway.http() as http:
        answer = http.post(EMBEDDINGS, json={"model": "embed", "input": "x", name: value})
        refused(answer, 400, "missing_required_parameter" if value is None else "invalid_value", name)
    assert fleet.ended == []


@pytest.mark.parametrize(("name", "value"), cases(WRONG_HEADERS))
def test_headers_that_do_not_fit_are_named(gateway: GatewayThread, fleet: FleetThread, name: str, value: str) -> None:
    with gateway.http(headers={name: value}) as http:
        refused(http.post(CHAT, json=HELLO), 400, "invalid_value", name)
    assert fleet.ended == []


@pytest.mark.parametrize(
    "name", ["x-stainless-read-timeout", "x-stainless-retry-count", "traceparent", "x-atelier-cache"]
)
def test_headers_that_only_inform_never_refuse(gateway: GatewayThread, fleet: FleetThread, name: str) -> None:
    for value in ("nonsense", "-1", "9" * 30, ""):
        with gateway.http(headers={name: value}) as http:
            assert http.post(CHAT, json=HELLO).status_code == 200


def test_stream_options_without_a_stream(gateway: GatewayThread, fleet: FleetThread) -> None:
    with gateway.http() as http:
        for stream in ({}, {"stream": False}):
            body = {**HELLO, **stream, "stream_options": {"include_usage": True}}
            refused(http.post(CHAT, json=body), 400, "invalid_value", "stream_options")


def test_nulls_count_as_not_said(gateway: GatewayThread, fleet: FleetThread) -> None:
    names = [name for name in WRONG if name not in {"model", "messages"} and "." not in name and "[" not in name]
    with gateway.http() as http:
        answer = http.post(CHAT, json={**HELLO, **dict.fromkeys([*names, "tools", "tool_choice", "stop", "user"])})
        assert answer.status_code == 200, answer.text


def test_unknown_and_foreign_names_of_fallbacks(gateway: GatewayThread, fleet: FleetThread) -> None:
    with gateway.http(gateway.key(models=["echo"])) as http:
        refused(http.post(CHAT, json={**HELLO, "fallbacks": ["nowhere"]}), 404, "model_not_found", "fallbacks")
        refused(http.post(CHAT, json={**HELLO, "fallbacks": ["gpt"]}), 403, "model_not_allowed", "fallbacks")


def test_only_test_keys_may_ask_for_a_mock(gateway: GatewayThread, fleet: FleetThread) -> None:
    body = {**HELLO, "mock_response": "canned"}
    with gateway.http(gateway.key()) as http:
        refused(http.post(CHAT, json=body), 403, "insufficient_permissions", "mock_response")
    for key in (gateway.key(metadata={"test_key": True}), gateway.master):
        with gateway.http(key) as http:
            answer = http.post(CHAT, json=body).json()
            assert answer["choices"][0]["message"]["content"] == "canned"
            stream = http.post(CHAT, json={**body, "stream": True}).text
            assert "canned" in stream
            assert stream.endswith("data: [DONE]\n\n")
    assert fleet.ended == []


NAMES = [
    "model", "messages", "stream", "stream_options", "n", "max_tokens", "max_completion_tokens", "temperature", "top_p",
    "stop", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "response_format", "logprobs",
    "top_logprobs", "logit_bias", "seed", "user", "metadata", "store", "modalities", "audio", "prediction",
    "reasoning_effort", "verbosity", "service_tier", "web_search_options", "prompt", "prompt_id", "prompt_variables",
    "tags", "fallbacks", "num_retries", "timeout", "priority", "mock_response", "thinking", "safety_identifier", "zzz",
]  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PART = st.fixed_dictionaries(
    {},
    optional={"type": st.sampled_from(["text", "image_url", "input_audio", "file"]), "text": JSON, "image_url": JSON},
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "system", "assistant", "tool", "function", "developer"]) | st.text(max_size=5)},
    optional={"content": JSON | st.lists(PART, max_size=2), "tool_calls": JSON, "name": JSON, "tool_call_id": JSON},
)
QUIET = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@pytest.mark.parametrize("model", ["echo", "claude-echo", "gemini-echo"])
@QUIET
@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=3), st.lists(MESSAGE, max_size=3))
def test_no_body_makes_the_gateway_fail(
    gateway: GatewayThread, fleet: FleetThread, model: str, members: dict[str, Any], messages: list[Any]
) -> None:
    body = {"model": model, "messages": messages or HELLO["messages"], **members}
    with gateway.http() as http:
        answer = http.post(CHAT, json=body)
    assert answer.status_code < 500, (answer.text, body)
    if answer.status_code >= 400:
        assert {"message", "type", "param", "code"} <= set(answer.json()["error"])


@QUIET
@given(
    st.dictionaries(st.sampled_from(["model", "input", "encoding_format", "dimensions", "user", "x"]), JSON, max_size=3)
)
def test_no_embeddings_body_makes_the_gateway_fail(
    gateway: GatewayThread, fleet: FleetThread, members: dict[str, Any]
) -> None:
    with gateway.http() as http:
        answer = http.post(EMBEDDINGS, json={"model": "embed", "input": "x", **members})
    assert answer.status_code < 500, answer.text
