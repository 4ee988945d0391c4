"""The newest `openai` package, unmodified: tools, legacy functions and structured output."""

from __future__ import annotations

import json
from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel

WIRES = ["gpt", "claude", "gemini"]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["c", "f"]}},
            "required": ["city"],
        },
    },
}
STOCK = {
    "type": "function",
    "function": {
        "name": "find_stock_price",
        "description": "The price of a share.",
        "parameters": {"type": "object", "properties": {"symbol": {"type": "string"}}, "required": ["symbol"]},
    },
}
TWO_CITIES = [{"role": "user", "content": "What is the weather in Boston and New Delhi?"}]
ONE_CITY = [{"role": "user", "content": "What is the weather in Boston?"}]


@pytest.fixture
def client(gateway: Any) -> Any:
    with openai.OpenAI(base_url=gateway.base_url, api_key=gateway.api_key, max_retries=0) as made:
        yield made


def create(client: Any, model: str, messages: Any, **members: Any) -> Any:
    return client.chat.completions.create(model=model, messages=messages, **members)


@pytest.mark.parametrize("model", WIRES)
def check_a_tool_is_called_and_its_result_is_used(client: Any, model: str) -> None:
    first = create(client, model, ONE_CITY, tools=[WEATHER, STOCK])
    [choice] = first.choices
    assert choice.finish_reason == "tool_calls"
    [call] = choice.message.tool_calls
    assert (call.type, call.function.name) == ("function", "get_weather")
    assert "Boston" in json.loads(call.function.arguments)["city"]
    result = {"role": "tool", "tool_call_id": call.id, "content": json.dumps({"temperature": 21})}
    second = create(client, model, [*ONE_CITY, choice.message, result], tools=[WEATHER, STOCK])
    assert second.choices[0].finish_reason == "stop"
    assert "21" in second.choices[0].message.content


@pytest.mark.parametrize("model", WIRES)
def check_parallel_calls(client: Any, model: str) -> None:
    calls = create(client, model, TWO_CITIES, tools=[WEATHER]).choices[0].message.tool_calls
    cities = [json.loads(call.function.arguments)["city"] for call in calls]
    assert cities == ["Boston", "New Delhi"]
    assert len({call.id for call in calls}) == 2


@pytest.mark.parametrize("model", ["gpt", "claude"])
def check_one_call_at_a_time(client: Any, model: str) -> None:
    answer = create(client, model, TWO_CITIES, tools=[WEATHER], parallel_tool_calls=False)
    assert len(answer.choices[0].message.tool_calls) == 1


@pytest.mark.parametrize("model", WIRES)
def check_choices_of_tools(client: Any, model: str) -> None:
    hello = [{"role": "user", "content": "Hello!"}]
    assert create(client, model, hello, tools=[WEATHER, STOCK], tool_choice="auto").choices[0].message.content
    required = create(client, model, hello, tools=[WEATHER, STOCK], tool_choice="required").choices[0]
    assert required.message.tool_calls
    named = {"type": "function", "function": {"name": "find_stock_price"}}
    forced = create(client, model, hello, tools=[WEATHER, STOCK], tool_choice=named).choices[0]
    assert [call.function.name for call in forced.message.tool_calls] == ["find_stock_price"]
    assert not create(client, model, ONE_CITY, tools=[WEATHER], tool_choice="none").choices[0].message.tool_calls


@pytest.mark.parametrize("model", WIRES)
def check_calls_in_a_stream(client: Any, model: str) -> None:
    chunks = list(create(client, model, TWO_CITIES, tools=[WEATHER], stream=True))
    calls: dict[int, dict[str, str]] = {}
    for chunk in chunks:
        for piece in chunk.choices[0].delta.tool_calls or ():
            call = calls.setdefault(piece.index, {"id": "", "name": "", "arguments": ""})
            call["id"] += piece.id or ""
            call["name"] += piece.function.name or ""
            call["arguments"] += piece.function.arguments or ""
    assert sorted(calls) == [0, 1]
    assert [json.loads(calls[at]["arguments"])["city"] for at in (0, 1)] == ["Boston", "New Delhi"]
    assert all(call["name"] == "get_weather" and call["id"] for call in calls.values())
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == ["tool_calls"]


@pytest.mark.parametrize("model", WIRES)
def check_calls_assembled_by_the_stream_helper(client: Any, model: str) -> None:
    with client.chat.completions.stream(model=model, messages=TWO_CITIES, tools=[WEATHER]) as stream:
        final = stream.get_final_completion()
    cities = [json.loads(call.function.arguments)["city"] for call in final.choices[0].message.tool_calls]
    assert cities == ["Boston", "New Delhi"]


@pytest.mark.parametrize("stream", [False, True])
def check_legacy_functions(client: Any, stream: bool) -> None:
    answer = create(client, "gpt", ONE_CITY, functions=[WEATHER["function"]], stream=stream)
    if stream:
        pieces = [chunk.choices[0] for chunk in answer]
        called = [piece.delta.function_call for piece in pieces if piece.delta.function_call]
        name = "".join(piece.name or "" for piece in called)
        arguments = "".join(piece.arguments or "" for piece in called)
        finish = pieces[-1].finish_reason
    else:
        [choice] = answer.choices
        name, arguments = choice.message.function_call.name, choice.message.function_call.arguments
        finish = choice.finish_reason
    assert (name, finish) == ("get_weather", "function_call")
    assert "Boston" in json.loads(arguments)["city"]


def check_a_legacy_function_with_its_result(client: Any) -> None:
    call = {"name": "get_weather", "arguments": '{"city": "Boston"}'}
    messages = [
        *ONE_CITY,
        {"role": "assistant", "content": None, "function_call": call},
        {"role": "function", "name": "get_weather", "content": '{"temperature": 21}'},
    ]
    answer = create(client, "gpt", messages, functions=[WEATHER["function"]])
    assert "temperature 21" in answer.choices[0].message.content


class Section(BaseModel):
    heading: str
    words: int


class Outline(BaseModel):
    title: str
    tone: Literal["formal", "playful"]
    sections: list[Section]
    subtitle: str | None


ASK = [{"role": "user", "content": "Outline a blog post about sourdough bread."}]


@pytest.mark.parametrize("model", WIRES)
def check_parse_into_a_model(client: Any, model: str) -> None:
    answer = client.chat.completions.parse(model=model, messages=ASK, response_format=Outline)
    outline = answer.choices[0].message.parsed
    assert isinstance(outline, Outline)
    assert outline.title
    assert all(section.words for section in outline.sections)


@pytest.mark.parametrize("model", WIRES)
def check_parse_in_a_stream(client: Any, model: str) -> None:
    with client.chat.completions.stream(model=model, messages=ASK, response_format=Outline) as stream:
        final = stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Outline)


async def check_parse_with_the_async_client(gateway: Any) -> None:
    async with openai.AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.api_key) as client:
        answer = await client.chat.completions.parse(model="gpt", messages=ASK, response_format=Outline)
    assert isinstance(answer.choices[0].message.parsed, Outline)


class GetWeather(BaseModel):
    city: str


@pytest.mark.parametrize("model", WIRES)
def check_parse_of_a_tools_arguments(client: Any, model: str) -> None:
    tool = openai.pydantic_function_tool(GetWeather)
    answer = client.chat.completions.parse(model=model, messages=ONE_CITY, tools=[tool])
    [call] = answer.choices[0].message.tool_calls
    assert isinstance(call.function.parsed_arguments, GetWeather)
    assert "Boston" in call.function.parsed_arguments.city


@pytest.mark.parametrize("model", WIRES)
def check_json_schema_and_json_object_by_hand(client: Any, model: str) -> None:
    schema = {
        "type": "object",
        "properties": {"title": {"type": "string"}, "points": {"type": "array", "items": {"type": "string"}}},
        "required": ["title", "points"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "list", "schema": schema, "strict": True}}
    value = json.loads(create(client, model, ASK, response_format=wanted).choices[0].message.content)
    assert set(value) == {"title", "points"}


def check_json_object(client: Any) -> None:
    messages = [{"role": "user", "content": "Answer as JSON: three facts about salt."}]
    answer = create(client, "gpt", messages, response_format={"type": "json_object"})
    assert isinstance(json.loads(answer.choices[0].message.content), dict)


def check_a_parsed_answer_that_was_cut_says_so(client: Any) -> None:
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model="claude", messages=ASK, response_format=Outline, max_completion_tokens=4)
