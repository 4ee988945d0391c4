"""An upper bound of a request's input tokens, and the text that a tokenizer is to count in its place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.measure import (
    AUDIO_BYTES_PER_TOKEN,
    IMAGE_TOKENS,
    MESSAGE_OVERHEAD,
    choices,
    measure,
    output_limit,
    plain_text,
)

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 5_000}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "A" * 5_000, "format": "wav"}}
FILE = {"type": "file", "file": {"file_data": "A" * 5_000}}
LEAST = measure({}).token_bound()


def user(content: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": content}]}


@settings(deadline=None)
@given(st.lists(st.text(max_size=50), max_size=5))
def test_bytes_bound_tokens_from_above(contents: list[str]) -> None:
    body = {"messages": [{"role": "user", "content": text} for text in contents]}
    size = measure(body)
    assert size.text_bytes >= sum(len(text.encode()) for text in contents)
    assert size.token_bound() == LEAST + size.text_bytes + MESSAGE_OVERHEAD * len(contents)
    assert size.text_bytes <= len(plain_text(body).encode())


@pytest.mark.parametrize(
    ("part", "tokens"),
    [(IMAGE, IMAGE_TOKENS), (AUDIO, 5_000 // AUDIO_BYTES_PER_TOKEN), (FILE, 5_000)],
)
def test_media_are_counted_besides_and_not_as_text(part: dict[str, object], tokens: int) -> None:
    body = user([{"type": "text", "text": "look"}, part])
    size = measure(body)
    assert size.text_bytes < 100
    assert LEAST + tokens <= size.token_bound() < LEAST + tokens + 200
    assert "AAAA" not in plain_text(body)


@pytest.mark.parametrize(
    "part",
    [{"type": "tool_result", "content": "long story"}, {"type": 7, "content": "long story"}, "long story", {}, None],
)
def test_unknown_parts_count_as_text(part: object) -> None:
    body = user([part])
    assert measure(body).text_bytes >= (10 if part else 2)
    assert part is None or part == {} or "long story" in plain_text(body)


@pytest.mark.parametrize("name", ["tools", "functions", "response_format", "prediction", "input"])
def test_what_stands_beside_the_messages_counts(name: str) -> None:
    body = {name: [{"description": "a very long description"}]}
    assert measure(body).token_bound() >= LEAST + len("a very long description")
    assert "a very long description" in plain_text(body)


@pytest.mark.parametrize("member", ["tool_calls", "thinking_blocks", "refusal", "name"])
def test_everything_in_a_message_counts(member: str) -> None:
    body = {"messages": [{"role": "assistant", "content": None, member: "something that was said"}]}
    assert measure(body).text_bytes >= len("something that was said")
    assert "something that was said" in plain_text(body)


def test_a_counted_text_replaces_only_the_text() -> None:
    size = measure(user([{"type": "text", "text": "word " * 1_000}, IMAGE]))
    assert size.token_bound() - size.token_bound(1_000) == size.text_bytes - 1_000


@pytest.mark.parametrize("body", [{"messages": "no list"}, {"messages": [7, None]}, {"messages": None}, {}])
def test_a_body_of_another_shape_is_no_error(body: dict[str, object]) -> None:
    assert measure(body).text_bytes == 0
    assert plain_text(body) == ""


@pytest.mark.parametrize(("n", "count"), [(None, 1), (1, 1), (5, 5), (0, 1), ("many", 1)])
def test_choices(n: object, count: int) -> None:
    assert choices({"n": n}) == count


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_tokens": 5, "max_completion_tokens": 9}, 9),
        ({"max_completion_tokens": None, "max_tokens": 5}, 5),
        ({"max_tokens": "5"}, None),
    ],
)
def test_output_limit(body: dict[str, object], limit: int | None) -> None:
    assert output_limit(body) == limit
