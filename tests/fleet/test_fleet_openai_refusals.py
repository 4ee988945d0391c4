"""What OpenAI's wire refuses, and that it says why in OpenAI's own error object."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from gateway.fleet import RunningFleet, Settings

HELLO: list[Any] = [{"role": "user", "content": "Write about lighthouses"}]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].image_url.url"),
        ({"model": None}, "model"),
        ({"temperature": 3}, "temperature"),
        ({"top_p": "a"}, "top_p"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"max_tokens": True}, "max_tokens"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema.schema"),
        ({"reasoning_effort": "utmost"}, "reasoning_effort"),
    ],
)
async def test_a_bad_parameter_is_named(
    fleet: RunningFleet, http: httpx.AsyncClient, changes: dict[str, Any], param: str
) -> None:
    body = {"model": "gpt-4.1", "messages": HELLO, **changes}
    answer = await http.post(f"{fleet.urls['openai']}/chat/completions", json=body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == ("invalid_request_error", param)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"model": "m", "messages": [{"role": "user", "content": "x", "tool_calls": "abc"}]}',
        b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [1]}',
        b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "array", "minItems": "many"}}}}',
        b"\xff",
    ],
)
async def test_a_misshapen_body_is_refused_not_stumbled_over(
    fleet: RunningFleet, http: httpx.AsyncClient, body: bytes
) -> None:
    answer = await http.post(f"{fleet.urls['openai']}/chat/completions", content=body)
    assert answer.status_code == 400
    assert answer.headers["x-sim"] == "1"
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("header", [None, "Basic x", "Bearer", "Bearer bad", "Bearer sk-bad-1"])
async def test_a_missing_or_bad_key_is_refused(fleet: RunningFleet, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
        answer = await client.post(f"{fleet.urls['openai']}/chat/completions", json={"model": "m", "messages": HELLO})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"


async def test_an_unknown_address_is_not_found(fleet: RunningFleet, http: httpx.AsyncClient) -> None:
    answer = await http.get(f"{fleet.urls['openai']}/nothing")
    assert answer.status_code == 404


async def test_models_are_those_that_are_known(openai_client: openai.AsyncOpenAI, fleet: RunningFleet) -> None:
    fleet.configure(Settings(speed=0, known_models=("gpt-4.1", "gpt-6-luna")))
    assert [model.id async for model in openai_client.models.list()] == ["gpt-4.1", "gpt-6-luna"]
    with pytest.raises(openai.NotFoundError) as caught:
        await openai_client.chat.completions.create(model="gpt-9", messages=HELLO)
    assert caught.value.code == "model_not_found"
