"""The newest `openai` package, unmodified: chat completions, whole and streamed, on all three wires."""

from __future__ import annotations

import asyncio
import struct
import zlib
from base64 import b64encode
from typing import Any

import openai
import pytest

ECHOES = ["echo", "claude-echo", "gemini-echo"]
WIRES = ["gpt", "claude", "gemini"]
TEXT = 'Schöne Grüße: 日本語 🙂 "quoted" \\ back\n\n  new\tline\u2028odd line end\r\nand <|im_start|> {"json": [1, 2]}'


@pytest.fixture
def client(gateway: Any) -> Any:
    with openai.OpenAI(base_url=gateway.base_url, api_key=gateway.api_key, max_retries=0) as made:
        yield made


@pytest.fixture
async def aclient(gateway: Any) -> Any:
    async with openai.AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.api_key, max_retries=0) as made:
        yield made


def user(content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


def joined(chunks: list[Any], index: int = 0) -> str:
    return "".join(c.delta.content or "" for chunk in chunks for c in chunk.choices if c.index == index)


@pytest.mark.parametrize("model", ECHOES)
def check_a_whole_answer(client: Any, model: str) -> None:
    answer = client.chat.completions.create(model=model, messages=user(TEXT))
    [choice] = answer.choices
    assert (choice.index, choice.finish_reason, choice.logprobs) == (0, "stop", None)
    assert (choice.message.role, choice.message.content, choice.message.refusal) == ("assistant", TEXT, None)
    assert choice.message.tool_calls is None
    assert (answer.object, answer.model) == ("chat.completion", "echo")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer.id
    assert answer.created > 1_700_000_000
    assert answer._request_id.startswith("req_")


@pytest.mark.parametrize("model", ECHOES)
def check_a_stream(client: Any, model: str) -> None:
    with client.chat.completions.create(model=model, messages=user(TEXT), stream=True) as stream:
        chunks = list(stream)
    assert joined(chunks) == TEXT
    assert len(chunks) > 5
    assert len({(c.id, c.created, c.model, c.object) for c in chunks}) == 1
    assert chunks[0].object == "chat.completion.chunk"
    assert [c.choices[0].delta.role for c in chunks] == ["assistant"] + [None] * (len(chunks) - 1)
    assert [c.choices[0].finish_reason for c in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert all(c.usage is None for c in chunks)


@pytest.mark.parametrize("model", ECHOES)
def check_usage_in_a_stream(client: Any, model: str) -> None:
    messages = user("count me in")
    whole = client.chat.completions.create(model=model, messages=messages)
    chunks = list(
        client.chat.completions.create(
            model=model, messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )
    last = chunks[-1]
    assert last.choices == []
    assert last.usage.total_tokens == whole.usage.total_tokens
    assert (last.id, last.created, last.model) == (chunks[0].id, chunks[0].created, chunks[0].model)
    assert all(c.usage is None and "usage" in c.model_fields_set for c in chunks[:-1])
    assert float(last.x_atelier["cost"]) > 0


async def check_async_clients_side_by_side(aclient: Any) -> None:
    async def streamed(text: str) -> str:
        stream = await aclient.chat.completions.create(model="echo", messages=user(text), stream=True)
        return joined([chunk async for chunk in stream])

    async def whole(text: str) -> str:
        answer = await aclient.chat.completions.create(model="claude-echo", messages=user(text))
        return answer.choices[0].message.content

    texts = [f"number {n} of the crowd" for n in range(8)]
    assert await asyncio.gather(*map(streamed, texts)) == texts
    assert await asyncio.gather(*map(whole, texts)) == texts


def check_a_stream_that_is_left_early(client: Any, gateway: Any) -> None:
    with client.chat.completions.create(model="slow-echo", messages=user("word " * 200), stream=True) as stream:
        for chunk in stream:
            if chunk.choices[0].delta.content:
                break
    assert client.chat.completions.create(model="echo", messages=user("still here")).choices


@pytest.mark.parametrize("model", ["gpt", "gemini"])
def check_several_choices(client: Any, model: str) -> None:
    messages = user("Write a slogan for a bakery.")
    whole = client.chat.completions.create(model=model, messages=messages, n=3)
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    assert all(choice.finish_reason == "stop" for choice in whole.choices)
    texts = [choice.message.content for choice in whole.choices]
    chunks = list(client.chat.completions.create(model=model, messages=messages, n=3, stream=True))
    assert [joined(chunks, index) for index in range(3)] == texts
    ends = [c.index for chunk in chunks for c in chunk.choices if c.finish_reason]
    assert sorted(ends) == [0, 1, 2]
    for index in range(3):
        roles = [c.delta.role for chunk in chunks for c in chunk.choices if c.index == index]
        assert roles[0] == "assistant"
        assert not any(roles[1:])


def check_logprobs(client: Any) -> None:
    whole = client.chat.completions.create(model="echo", messages=user("one two three"), logprobs=True, top_logprobs=2)
    content = whole.choices[0].logprobs.content
    assert "".join(token.token for token in content) == "one two three"
    assert all(len(token.top_logprobs) == 2 and token.logprob <= 0 for token in content)
    chunks = list(
        client.chat.completions.create(model="echo", messages=user("one two three"), logprobs=True, stream=True)
    )
    tokens = [t.token for c in chunks if c.choices and c.choices[0].logprobs for t in c.choices[0].logprobs.content]
    assert "".join(tokens) == "one two three"


def png(width: int, height: int) -> str:
    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress((b"\0" + b"\x7f" * width) * height)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", pixels) + part(b"IEND", b"")
    return f"data:image/png;base64,{b64encode(data).decode()}"


@pytest.mark.parametrize("model", WIRES)
def check_an_image_inline(client: Any, model: str) -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": png(7, 5), "detail": "low"}},
    ]
    answer = client.chat.completions.create(model=model, messages=user(parts))
    assert "I see a PNG image of 7" in answer.choices[0].message.content


@pytest.mark.parametrize("model", WIRES)
@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def check_limits_of_length(client: Any, model: str, limit: str) -> None:
    messages = user("Write a blog post about sourdough in 400 words.")
    answer = client.chat.completions.create(model=model, messages=messages, **{limit: 20})
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 20
    chunks = list(client.chat.completions.create(model=model, messages=messages, stream=True, **{limit: 20}))
    assert chunks[-1].choices[0].finish_reason == "length"


@pytest.mark.parametrize("model", ECHOES)
def check_stop_sequences(client: Any, model: str) -> None:
    answer = client.chat.completions.create(model=model, messages=user("alpha beta STOP gamma"), stop=["STOP"])
    assert answer.choices[0].message.content == "alpha beta "
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", WIRES)
def check_a_conversation_with_system_messages(client: Any, model: str) -> None:
    messages = [
        {"role": "system", "content": "You are brief."},
        *user("Write a summary: Bread needs time. Time needs bread."),
        {"role": "assistant", "content": "Bread and time."},
        *user("Write a summary: Salt is old. Salt is good."),
    ]
    answer = client.chat.completions.create(model=model, messages=messages)
    assert "Salt" in answer.choices[0].message.content
    assert "Bread" not in answer.choices[0].message.content


@pytest.mark.parametrize("model", WIRES)
def check_members_that_change_no_text(client: Any, model: str) -> None:
    answer = client.chat.completions.create(
        model=model,
        messages=[{"role": "developer", "content": "Be kind."}, *user("Say something nice.")],
        metadata={"project": "spring", "desk": "3"},
        user="person-17",
        store=False,
        temperature=1,
        reasoning_effort="low",
    )
    assert answer.choices[0].message.content


def check_every_further_member_of_openais(client: Any) -> None:
    answer = client.chat.completions.create(
        model="echo",
        messages=user("Say something nice."),
        top_p=0.9,
        safety_identifier="person-17",
        prompt_cache_key="desk-3",
        service_tier="flex",
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=0.1,
        logit_bias={"50256": -100},
        verbosity="low",
        modalities=["text"],
        prediction={"type": "content", "content": "Something nice."},
        parallel_tool_calls=None,
        response_format={"type": "text"},
    )
    assert answer.choices[0].message.content
    assert answer.service_tier == "flex"


def check_unknown_members_reach_the_provider_untouched(client: Any, gateway: Any) -> None:
    extra = {"repetition_penalty": 1.1, "guided": {"regex": "[a-z]+", "deep": [{"é": None, "n": 12345678901234567890}]}}
    client.chat.completions.create(model="recorder", messages=user("hi"), extra_body=extra, seed=3)
    body = gateway.recorded()["body"]
    assert {name: body[name] for name in extra} == extra
    assert body["seed"] == 3
    assert body["messages"] == user("hi")
    assert body["model"] == "recorder-1"


def check_a_template_with_its_variables(client: Any) -> None:
    prompt = {"id": "blog_post", "variables": {"topic": "sourdough bread"}}
    answer = client.chat.completions.with_raw_response.create(
        model="claude", messages=[], extra_body={"prompt": prompt}
    )
    assert answer.headers["x-atelier-prompt-version"].startswith("blog_post@")
    assert "ourdough" in answer.parse().choices[0].message.content
    stream = client.chat.completions.create(model="gpt", messages=[], stream=True, extra_body={"prompt": prompt})
    assert "ourdough" in joined(list(stream))


@pytest.mark.parametrize("stream", [False, True])
def check_headers_of_an_answer(client: Any, stream: bool) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="claude-echo", messages=user("hi"), stream=stream, extra_headers={"X-Request-ID": "my-own.id_1"}
    )
    headers = raw.headers
    assert raw.request_id == headers["x-request-id"] == "my-own.id_1"
    assert headers["x-atelier-generation-id"].startswith("gen-")
    assert headers["x-atelier-model-requested"] == "claude-echo"
    assert (headers["x-atelier-model"], headers["x-atelier-provider"]) == ("echo", "anthropic")
    assert (headers["x-atelier-attempts"], headers["x-atelier-fallbacks"]) == ("1", "0")
    assert headers["x-atelier-route-reason"]
    assert float(headers["x-atelier-overhead-ms"]) >= 0
    if stream:
        assert headers["content-type"].startswith("text/event-stream")
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-cache", "no")
        assert joined(list(raw.parse())) == "hi"
    else:
        assert float(headers["x-atelier-cost"]) > 0
        assert raw.parse().choices[0].message.content == "hi"


@pytest.mark.parametrize("model", ECHOES)
def check_the_stream_helper(client: Any, model: str) -> None:
    with client.chat.completions.stream(model=model, messages=user(TEXT)) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert final.choices[0].message.content == TEXT
    assert final.choices[0].finish_reason == "stop"
    assert {"chunk", "content.delta", "content.done"} <= kinds


async def check_the_async_stream_helper(aclient: Any) -> None:
    options = {"include_usage": True}
    async with aclient.chat.completions.stream(model="echo", messages=user(TEXT), stream_options=options) as stream:
        final = await stream.get_final_completion()
    assert final.choices[0].message.content == TEXT
    assert final.usage.total_tokens > 0


def check_a_streaming_response_object(client: Any) -> None:
    with client.chat.completions.with_streaming_response.create(
        model="echo", messages=user("line by line"), stream=True
    ) as response:
        lines = [line for line in response.iter_lines() if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"


def check_the_model_auto(client: Any) -> None:
    raw = client.chat.completions.with_raw_response.create(model="auto", messages=user("Hello!"))
    assert raw.headers["x-atelier-model-requested"] == "auto"
    assert raw.parse().choices[0].message.content


def check_a_model_whose_name_has_slashes(client: Any) -> None:
    answer = client.chat.completions.create(model="vendor/house/large", messages=user("Hello!"))
    assert answer.model == "house-large"
