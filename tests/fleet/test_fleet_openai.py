"""OpenAI's wire, read by OpenAI's own SDK."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from gateway.fleet import tokenizer

HELLO: list[Any] = [{"role": "user", "content": "Write about lighthouses"}]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
            "required": ["city", "unit"],
        },
    },
}
TIMER: Any = {"type": "function", "function": {"name": "start_timer", "parameters": {"type": "object"}}}


async def test_an_answer_has_every_member_that_openai_sends(openai_client: openai.AsyncOpenAI) -> None:
    raw = await openai_client.chat.completions.with_raw_response.create(model="gpt-4.1", messages=HELLO)
    body = json.loads(raw.content)
    assert set(body) == {
        "id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint",
    }  # fmt: skip
    [choice] = body["choices"]
    assert set(choice) == {"index", "message", "logprobs", "finish_reason"}
    assert set(choice["message"]) == {"role", "content", "refusal", "annotations"}
    assert raw.headers["x-sim"] == "1"
    parsed = raw.parse()
    assert parsed.usage
    assert parsed.usage.prompt_tokens == tokenizer.count("Write about lighthouses") + tokenizer.MESSAGE_TOKENS
    assert parsed.usage.completion_tokens == tokenizer.count(parsed.choices[0].message.content or "")
    assert "ighthouse" in (parsed.choices[0].message.content or "")


async def test_a_stream_says_the_same_as_a_whole_answer_one_token_a_chunk(openai_client: openai.AsyncOpenAI) -> None:
    whole = await openai_client.chat.completions.create(model="gpt-4.1", messages=HELLO)
    stream = await openai_client.chat.completions.create(
        model="gpt-4.1", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    first, *tokens, last, usage = chunks
    assert first.choices[0].delta.role == "assistant"
    assert tuple(chunk.choices[0].delta.content for chunk in tokens) == tokenizer.split(
        whole.choices[0].message.content or ""
    )
    assert all(chunk.choices[0].delta.role is None and chunk.usage is None for chunk in tokens)
    assert last.choices[0].finish_reason == "stop"
    assert usage.choices == []
    assert usage.usage == whole.usage
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1


async def test_usage_is_told_in_a_stream_only_when_asked_for(openai_client: openai.AsyncOpenAI) -> None:
    stream = await openai_client.chat.completions.create(model="gpt-4.1", messages=HELLO, stream=True)
    assert [chunk.usage async for chunk in stream if chunk.usage or not chunk.choices] == []


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
async def test_a_limit_ends_the_answer_with_length(openai_client: openai.AsyncOpenAI, limit: str) -> None:
    answer = await openai_client.chat.completions.create(model="gpt-4.1", messages=HELLO, extra_body={limit: 5})
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage
    assert answer.usage.completion_tokens == 5


async def test_a_stop_sequence_ends_the_answer_before_it(openai_client: openai.AsyncOpenAI) -> None:
    answer = await openai_client.chat.completions.create(
        model="echo", messages=[{"role": "user", "content": "one two three"}], stop=["three", " two"]
    )
    assert answer.choices[0].message.content == "one"
    assert answer.choices[0].finish_reason == "stop"


async def test_choices_differ_and_are_all_counted(openai_client: openai.AsyncOpenAI) -> None:
    one = await openai_client.chat.completions.create(model="gpt-4.1", messages=HELLO)
    three = await openai_client.chat.completions.create(model="gpt-4.1", messages=HELLO, n=3)
    texts = [choice.message.content or "" for choice in three.choices]
    assert texts[0] == one.choices[0].message.content
    assert len(set(texts)) == 3
    assert three.usage
    assert three.usage.completion_tokens == sum(map(tokenizer.count, texts))


async def test_streamed_choices_come_side_by_side(openai_client: openai.AsyncOpenAI) -> None:
    stream = await openai_client.chat.completions.create(model="gpt-4.1", messages=HELLO, n=2, stream=True)
    order = [chunk.choices[0].index async for chunk in stream if chunk.choices[0].delta.content]
    assert order[:6] == [0, 1, 0, 1, 0, 1]


async def test_logprobs_cover_every_token(openai_client: openai.AsyncOpenAI) -> None:
    answer = await openai_client.chat.completions.create(
        model="gpt-4.1", messages=HELLO, logprobs=True, top_logprobs=3, max_tokens=4
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs
    assert logprobs.content
    assert "".join(item.token for item in logprobs.content) == answer.choices[0].message.content
    assert all(len(item.top_logprobs) == 3 and item.top_logprobs[0].token == item.token for item in logprobs.content)


async def test_the_model_thinks_as_long_as_its_effort_says(openai_client: openai.AsyncOpenAI) -> None:
    thought = {}
    for effort in ("none", "low", "high"):
        answer = await openai_client.chat.completions.create(
            model="gpt-6-luna", messages=HELLO, extra_body={"reasoning_effort": effort}
        )
        assert answer.usage
        assert answer.usage.completion_tokens_details
        thought[effort] = answer.usage.completion_tokens_details.reasoning_tokens or 0
        text = tokenizer.count(answer.choices[0].message.content or "")
        assert answer.usage.completion_tokens == text + thought[effort]
    assert 0 == thought["none"] < thought["low"] < thought["high"]


async def test_a_tool_that_the_prompt_speaks_of_is_called_for_each_name(openai_client: openai.AsyncOpenAI) -> None:
    asked: list[Any] = [{"role": "user", "content": "What is the weather in Oslo and New Delhi, in celsius?"}]
    answer = await openai_client.chat.completions.create(model="gpt-4.1", messages=asked, tools=[WEATHER, TIMER])
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert message.content is None
    calls = message.tool_calls or []
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls if call.type == "function"] == [
        ("get_weather", {"city": "Oslo", "unit": "celsius"}),
        ("get_weather", {"city": "New Delhi", "unit": "celsius"}),
    ]
    result: list[Any] = [{"role": "tool", "tool_call_id": call.id, "content": '{"degrees": 7}'} for call in calls]
    answered: list[Any] = [message.model_dump(exclude_none=True)]
    told = await openai_client.chat.completions.create(
        model="gpt-4.1", messages=[*asked, *answered, *result], tools=[WEATHER]
    )
    assert "degrees 7" in (told.choices[0].message.content or "")


async def test_one_call_at_most_when_parallel_calls_are_off(openai_client: openai.AsyncOpenAI) -> None:
    answer = await openai_client.chat.completions.create(
        model="gpt-4.1",
        messages=[{"role": "user", "content": "The weather in Oslo and Bergen?"}],
        tools=[WEATHER],
        parallel_tool_calls=False,
    )
    assert len(answer.choices[0].message.tool_calls or []) == 1


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("none", []),
        ("auto", []),
        ("required", ["get_weather"]),
        ({"type": "function", "function": {"name": "start_timer"}}, ["start_timer"]),
    ],
)
async def test_the_tool_choice_decides(openai_client: openai.AsyncOpenAI, choice: Any, called: list[str]) -> None:
    answer = await openai_client.chat.completions.create(
        model="gpt-4.1",
        messages=[{"role": "user", "content": "Nothing of the kind"}],
        tools=[WEATHER, TIMER],
        tool_choice=choice,
    )
    assert [
        call.function.name for call in answer.choices[0].message.tool_calls or [] if call.type == "function"
    ] == called


async def test_streamed_calls_add_up_to_the_whole_ones(openai_client: openai.AsyncOpenAI) -> None:
    asked: list[Any] = [{"role": "user", "content": "The weather in Oslo and Bergen?"}]
    whole = await openai_client.chat.completions.create(model="gpt-4.1", messages=asked, tools=[WEATHER])
    stream = await openai_client.chat.completions.create(model="gpt-4.1", messages=asked, tools=[WEATHER], stream=True)
    calls: dict[int, list[str]] = {}
    async for chunk in stream:
        for call in chunk.choices[0].delta.tool_calls or []:
            assert call.function
            calls.setdefault(call.index, []).append(call.function.arguments or "")
    expected = [
        call.function.arguments for call in whole.choices[0].message.tool_calls or [] if call.type == "function"
    ]
    assert ["".join(parts) for parts in calls.values()] == expected
    assert list(calls) == [0, 1]


async def test_the_old_functions_still_work(openai_client: openai.AsyncOpenAI) -> None:
    arguments: Any = {
        "model": "gpt-4.1",
        "messages": [{"role": "user", "content": "The weather in Oslo?"}],
        "functions": [WEATHER["function"]],
    }
    whole = await openai_client.chat.completions.create(**arguments)
    assert whole.choices[0].finish_reason == "function_call"
    called = whole.choices[0].message.function_call
    assert called
    assert json.loads(called.arguments)["city"] == "Oslo"
    stream = await openai_client.chat.completions.create(**arguments, stream=True)
    deltas = [chunk.choices[0].delta.function_call async for chunk in stream]
    assert "".join(delta.arguments or "" for delta in deltas if delta) == called.arguments


class Person(BaseModel):
    name: str
    age: int


class Meeting(BaseModel):
    title: str
    people: list[Person]
    place: Person | None


async def test_a_json_schema_is_met_and_parsed(openai_client: openai.AsyncOpenAI) -> None:
    answer = await openai_client.chat.completions.parse(
        model="gpt-4.1", messages=[{"role": "user", "content": "Plan a meeting about bread"}], response_format=Meeting
    )
    parsed = answer.choices[0].message.parsed
    assert parsed
    assert len(parsed.people) == 3
    assert "read" in parsed.title


async def test_json_mode_wants_the_word_json_and_answers_with_an_object(openai_client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="must contain the word 'json'"):
        await openai_client.chat.completions.create(
            model="gpt-4.1", messages=HELLO, response_format={"type": "json_object"}
        )
    answer = await openai_client.chat.completions.create(
        model="gpt-4.1",
        messages=[{"role": "user", "content": "Lighthouses, as JSON"}],
        response_format={"type": "json_object"},
    )
    assert set(json.loads(answer.choices[0].message.content or "")) == {"title", "summary", "points"}


async def test_an_image_is_seen_and_counted(openai_client: openai.AsyncOpenAI) -> None:
    part: Any = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    answer = await openai_client.chat.completions.create(
        model="gpt-4.1", messages=[{"role": "user", "content": [{"type": "text", "text": "See?"}, part]}]
    )
    assert "PNG image of 1 × 1 pixels" in (answer.choices[0].message.content or "")  # noqa: RUF001
    assert answer.usage
    assert answer.usage.prompt_tokens == tokenizer.count("See?") + tokenizer.MESSAGE_TOKENS + tokenizer.IMAGE_TOKENS


async def test_a_seed_decides_the_text(openai_client: openai.AsyncOpenAI) -> None:
    async def text(seed: int) -> str | None:
        answer = await openai_client.chat.completions.create(model="gpt-4.1", messages=HELLO, seed=seed)
        return answer.choices[0].message.content

    assert await text(1) == await text(1) != await text(2)


async def test_an_echo_model_repeats_the_last_user_message_byte_for_byte(openai_client: openai.AsyncOpenAI) -> None:
    text = '  Zeile 1\r\n\n\t"ä" 漢字 \u2028 </end> [[x]]  '
    answer = await openai_client.chat.completions.create(model="my-echo", messages=[{"role": "user", "content": text}])
    assert answer.choices[0].message.content == text
