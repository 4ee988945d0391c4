"""LiteLLM, as it is installed, talks to all three families: `RunningFleet.urls` are what it wants as `api_base`."""

from __future__ import annotations

import json
import os
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ.setdefault("LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "True")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import litellm
import pytest

from gateway.fleet import RunningFleet

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # LiteLLM's own, about pydantic
MODELS = ("openai/gpt-6-luna", "anthropic/claude-haiku-5-5", "gemini/gemini-3.5-flash-lite")
HELLO = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Write about lighthouses"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
every_model = pytest.mark.parametrize("model", MODELS)


async def ask(fleet: RunningFleet, model: str, **more: Any) -> Any:
    arguments = {"messages": HELLO, "api_key": "sim", "max_retries": 0, "num_retries": 0, "_skip_mcp_handler": True}
    return await litellm.acompletion(
        model=model, api_base=fleet.urls[model.split("/", maxsplit=1)[0]], **(arguments | more)
    )


@every_model
async def test_a_whole_and_a_streamed_answer_are_equal_in_text_and_usage(fleet: RunningFleet, model: str) -> None:
    whole = await ask(fleet, model)
    stream = await ask(fleet, model, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    usage = next(chunk.usage for chunk in chunks if getattr(chunk, "usage", None))
    first, second = fleet.journal.ended
    for told, record in ((whole.usage, first), (usage, second)):
        assert (told.prompt_tokens, told.completion_tokens) == (record.billed.input, record.billed.output)
        assert record.outcome == "completed"


@every_model
@pytest.mark.parametrize("stream", [False, True])
async def test_tools_are_called(fleet: RunningFleet, model: str, stream: bool) -> None:
    asked = [{"role": "user", "content": "The weather in Oslo and New Delhi?"}]
    answer = await ask(fleet, model, messages=asked, tools=[WEATHER], stream=stream)
    if stream:
        answer = litellm.stream_chunk_builder([chunk async for chunk in answer], messages=asked)
    calls = answer.choices[0].message.tool_calls
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Oslo"}, {"city": "New Delhi"}]
    assert answer.choices[0].finish_reason == "tool_calls"


@every_model
async def test_a_json_schema_is_met(fleet: RunningFleet, model: str) -> None:
    schema = {
        "type": "object",
        "properties": {"title": {"type": "string"}, "stars": {"type": "integer"}},
        "required": ["title", "stars"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "review", "strict": True, "schema": schema}}
    answer = await ask(fleet, model, response_format=wanted)
    assert set(json.loads(answer.choices[0].message.content)) == {"title", "stars"}


@pytest.mark.parametrize("model", ["openai/text-embedding-3-small", "gemini/gemini-embedding-001"])
async def test_texts_are_embedded(fleet: RunningFleet, model: str) -> None:
    answer = await litellm.aembedding(
        model=model,
        input=["a lighthouse", "a tax form"],
        dimensions=16,
        api_base=fleet.urls[model.split("/", maxsplit=1)[0]],
        api_key="sim",
        max_retries=0,
    )
    assert [len(item["embedding"]) for item in answer.data] == [16, 16]
    [record] = fleet.journal.ended
    assert (record.endpoint, record.outcome) == ("embeddings", "completed")


@every_model
@pytest.mark.parametrize(
    ("marker", "error"),
    [
        ("401", litellm.AuthenticationError),
        ("404", litellm.NotFoundError),
        ("429 retry_after=3", litellm.RateLimitError),
        ("503", litellm.ServiceUnavailableError),
        ("context_length_exceeded", litellm.ContextWindowExceededError),
        ("content_policy", litellm.ContentPolicyViolationError),
    ],
)
async def test_refusals_become_litellms_own_errors(
    fleet: RunningFleet, model: str, marker: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        await ask(fleet, model, messages=[{"role": "user", "content": f"x [[sim:{marker}]]"}])
    if "retry_after" in marker:
        assert getattr(caught.value, "litellm_response_headers", {})["retry-after"] == "3"
    assert len(fleet.journal.ended) == 1
