"""Anthropic's wire, read by Anthropic's own SDK."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx
import pytest

from gateway.fleet import RunningFleet, Settings, tokenizer
from tests.fleet.fleet_clients import KEYS, Asker

HELLO: list[Any] = [{"role": "user", "content": "Write about lighthouses"}]
WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def text_of(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


async def test_an_answer_has_text_usage_and_a_request_id(anthropic_client: anthropic.AsyncAnthropic) -> None:
    raw = await anthropic_client.messages.with_raw_response.create(model="claude", max_tokens=900, messages=HELLO)
    body = json.loads(await raw.text())
    assert set(body) == {
        "id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details", "usage",
    }  # fmt: skip
    message = await raw.parse()
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens == tokenizer.count("Write about lighthouses") + tokenizer.MESSAGE_TOKENS
    assert message.usage.output_tokens == tokenizer.count(text_of(message))
    assert raw.headers["request-id"].startswith("req_")
    assert raw.headers["x-sim"] == "1"


async def test_the_events_come_in_anthropics_order(asker: Asker) -> None:
    answer = await asker.send("anthropic", "two words", stream=True, model="echo")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    names = [line.removeprefix("event: ") for line in answer.text.splitlines() if line.startswith("event: ")]
    tokens = len(tokenizer.split("two words"))
    assert names == [
        "message_start",
        "content_block_start",
        "ping",
        *["content_block_delta"] * tokens,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


async def test_a_stream_adds_up_to_the_whole_answer(anthropic_client: anthropic.AsyncAnthropic) -> None:
    arguments: Any = {"model": "claude", "max_tokens": 3_000, "messages": HELLO}
    arguments["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    whole = await anthropic_client.messages.create(**arguments)
    async with anthropic_client.messages.stream(**arguments) as stream:
        streamed = await stream.get_final_message()
    assert [block.type for block in whole.content] == ["thinking", "text"]
    assert [block.model_dump(exclude={"parsed_output"}) for block in streamed.content] == [
        block.model_dump() for block in whole.content
    ]
    assert streamed.usage.output_tokens == whole.usage.output_tokens


async def test_tools_are_called_and_their_results_told(anthropic_client: anthropic.AsyncAnthropic) -> None:
    asked: list[Any] = [{"role": "user", "content": "The weather in Oslo and Bergen?"}]
    arguments: Any = {"model": "claude", "max_tokens": 900, "tools": [WEATHER]}
    message = await anthropic_client.messages.create(messages=asked, **arguments)
    calls = [block for block in message.content if block.type == "tool_use"]
    assert message.stop_reason == "tool_use"
    assert [call.input for call in calls] == [{"city": "Oslo"}, {"city": "Bergen"}]
    async with anthropic_client.messages.stream(messages=asked, **arguments) as stream:
        streamed = await stream.get_final_message()
    assert [block.input for block in streamed.content if block.type == "tool_use"] == [call.input for call in calls]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "seven degrees"} for call in calls]
    asked += [{"role": "assistant", "content": calls}, {"role": "user", "content": results}]
    told = await anthropic_client.messages.create(messages=asked, **arguments)
    assert text_of(told).count("Weather: seven degrees") == 2


@pytest.mark.parametrize(
    ("choice", "calls"),
    [({"type": "any"}, 1), ({"type": "tool", "name": "get_weather"}, 1), ({"type": "none"}, 0), ({"type": "auto"}, 0)],
)
async def test_the_tool_choice_decides(anthropic_client: anthropic.AsyncAnthropic, choice: Any, calls: int) -> None:
    message = await anthropic_client.messages.create(
        model="claude",
        max_tokens=900,
        messages=[{"role": "user", "content": "Nothing of the kind"}],
        tools=[WEATHER],
        tool_choice=choice,
    )
    assert sum(block.type == "tool_use" for block in message.content) == calls


async def test_a_schema_is_met(asker: Asker) -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    answer = await asker.send("anthropic", "A dog", output_config={"format": {"type": "json_schema", "schema": schema}})
    assert list(json.loads(answer.json()["content"][0]["text"])) == ["age"]


async def test_length_and_stop_sequences_end_the_answer(anthropic_client: anthropic.AsyncAnthropic) -> None:
    short = await anthropic_client.messages.create(model="claude", max_tokens=4, messages=HELLO)
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 4)
    stopped = await anthropic_client.messages.create(
        model="echo", max_tokens=90, messages=[{"role": "user", "content": "a b c"}], stop_sequences=[" c"]
    )
    assert (stopped.stop_reason, stopped.stop_sequence, text_of(stopped)) == ("stop_sequence", " c", "a b")


async def test_a_limit_can_cut_a_call_or_spare_the_text(anthropic_client: anthropic.AsyncAnthropic) -> None:
    cut = await anthropic_client.messages.create(
        model="claude",
        max_tokens=2,
        messages=[{"role": "user", "content": "The weather in Oslo?"}],
        tools=[WEATHER],
    )
    assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", 2)
    assert [block.input for block in cut.content if block.type == "tool_use"] == [{}]
    spared = await anthropic_client.messages.create(
        model="echo",
        max_tokens=40,
        messages=[{"role": "user", "content": "word " * 15 + "end"}],
        thinking={"type": "adaptive"},
    )
    assert (spared.stop_reason, text_of(spared)) == ("end_turn", "word " * 15 + "end")


async def test_what_is_marked_for_the_cache_is_written_once_and_read_then(
    anthropic_client: anthropic.AsyncAnthropic,
) -> None:
    system: Any = [{"type": "text", "text": "A long brand voice", "cache_control": {"type": "ephemeral"}}]
    marked = tokenizer.count("A long brand voice") + tokenizer.MESSAGE_TOKENS
    usages = []
    for _ in range(2):
        message = await anthropic_client.messages.create(model="claude", max_tokens=9, system=system, messages=HELLO)
        usages.append(message.usage)
    assert [usage.cache_creation_input_tokens for usage in usages] == [marked, 0]
    assert [usage.cache_read_input_tokens for usage in usages] == [0, marked]
    plain = tokenizer.count("Write about lighthouses") + tokenizer.MESSAGE_TOKENS
    assert [usage.input_tokens for usage in usages] == [plain, plain]


async def test_tokens_can_be_counted(anthropic_client: anthropic.AsyncAnthropic, fleet: RunningFleet) -> None:
    counted = await anthropic_client.messages.count_tokens(model="claude", messages=HELLO)
    assert counted.input_tokens == tokenizer.count("Write about lighthouses") + tokenizer.MESSAGE_TOKENS
    assert fleet.journal.ended[-1].billed.input == 0


async def test_an_image_is_seen(anthropic_client: anthropic.AsyncAnthropic) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    blocks: Any = [{"type": "image", "source": source}, {"type": "text", "text": "See?"}]
    message = await anthropic_client.messages.create(
        model="claude", max_tokens=90, messages=[{"role": "user", "content": blocks}]
    )
    assert "PNG image" in text_of(message)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": []}, "at least one message"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": ""}]}, "non-empty"),
        ({"temperature": 1.5}, "temperature"),
        ({"thinking": {"type": "enabled", "budget_tokens": 100}}, "budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, "must be greater"),
        ({"messages": [{"role": "assistant", "content": "Once "}]}, "trailing whitespace"),
        ({"messages": [{"role": "user", "content": [7]}]}, "messages.0"),
        ({"messages": [{"role": "user", "content": [{"type": "{x} {0}"}]}]}, "{x} {0}"),
    ],
)
async def test_a_bad_parameter_is_named(asker: Asker, changes: dict[str, Any], told: str) -> None:
    answer = await asker.send("anthropic", "x", **changes)
    assert answer.status_code == 400
    body = answer.json()
    assert (body["type"], body["error"]["type"]) == ("error", "invalid_request_error")
    assert told in body["error"]["message"]
    assert body["request_id"] == answer.headers["request-id"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-api-key": ""}, 401),
        ({"x-api-key": "sk-ant-bad"}, 401),
        ({"x-api-key": "", "authorization": "Bearer good"}, 200),
    ],
)
async def test_keys_are_checked(fleet: RunningFleet, headers: dict[str, str], status: int) -> None:
    usual = {"x-api-key": KEYS["x-api-key"], "anthropic-version": KEYS["anthropic-version"]}
    async with httpx.AsyncClient(headers=usual | headers, trust_env=False) as client:
        body = {"model": "m", "max_tokens": 9, "messages": HELLO}
        answer = await client.post(f"{fleet.urls['anthropic']}/v1/messages", json=body)
    assert answer.status_code == status


async def test_the_version_header_is_required(fleet: RunningFleet) -> None:
    async with httpx.AsyncClient(headers={"x-api-key": "sim"}, trust_env=False) as client:
        body = {"model": "m", "max_tokens": 9, "messages": HELLO}
        answer = await client.post(f"{fleet.urls['anthropic']}/v1/messages", json=body)
    assert "anthropic-version" in answer.json()["error"]["message"]


async def test_models_are_those_that_are_known(anthropic_client: anthropic.AsyncAnthropic, fleet: RunningFleet) -> None:
    fleet.configure(Settings(speed=0, known_models=("claude-haiku-5-5",)))
    assert [model.id async for model in anthropic_client.models.list()] == ["claude-haiku-5-5"]
    with pytest.raises(anthropic.NotFoundError, match="model: claude-9"):
        await anthropic_client.messages.create(model="claude-9", max_tokens=9, messages=HELLO)
