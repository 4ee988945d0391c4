"""What is read without a dictionary is read as if there were one."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.plain_answer import plain
from gateway.providers.scan import document_in
from gateway.providers.wire import completion
from gateway.types import Completion, JsonObject, Usage

ANSWER: JsonObject = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi 🍜", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 11,
        "completion_tokens": 12,
        "total_tokens": 23,
        "prompt_tokens_details": {"cached_tokens": 5, "audio_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 7, "audio_tokens": 2, "accepted_prediction_tokens": 0},
    },
    "service_tier": "default",
    "system_fingerprint": "fp_1",
}
PLACES: tuple[tuple[str | int, ...], ...] = (
    (),
    ("usage",),
    ("usage", "prompt_tokens_details"),
    ("usage", "completion_tokens_details"),
    ("choices", 0),
    ("choices", 0, "message"),
)
NAMES = (
    "annotations", "audio_tokens", "cache_creation_tokens", "cache_read_input_tokens", "cache_write_tokens",
    "cached_tokens", "choices", "completion_tokens", "completion_tokens_details", "content", "cost", "error",
    "finish_reason", "id", "index", "logprobs", "message", "object", "prompt_tokens", "prompt_tokens_details",
    "provider_specific_fields", "reasoning", "reasoning_tokens", "refusal", "role", "service_tier",
    "system_fingerprint", "tool_calls", "usage", "x",
)  # fmt: skip
VALUES: tuple[Any, ...] = (None, True, -1, 0, 3, 2.0, "", "tool", [], ["x"], {}, {"x": None}, {"content": []})


def written(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def within(answer: Any, path: tuple[str | int, ...]) -> Any:
    """What is there; None where nothing is."""
    try:
        for step in path:
            answer = answer[step]
    except (LookupError, TypeError):
        return None
    return answer


def test_what_openai_says_is_read_plainly_and_passed_on_as_it_came() -> None:
    data = written(ANSWER)
    found = plain(data)
    assert found is not None
    assert (found.data, found.finish, found.body) == (data, "stop", ANSWER)
    assert found.usage == Usage(11, 12, 5, 0, 7, 1, 2)


@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=2))
def test_what_is_read_plainly_is_read_alike_otherwise(changes: list[tuple[tuple[str | int, ...], str, Any]]) -> None:
    answer = copy.deepcopy(ANSWER)
    for path, name, value in changes:
        place = within(answer, path)
        if isinstance(place, dict):
            place[name] = copy.deepcopy(value)
    data = written(answer)
    found = plain(data)
    if found is not None:
        slowly = completion(document_in(data), data)
        assert (found, found.data) == (slowly, slowly.data)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"created"', b'"x": 1, "created"'),
        (b'"fp_1"', b"null"),
        (b'"chat.completion"', b'"list"'),
        (b'"annotations": []', b'"annotations": null'),
        (b'"prompt_tokens": 11', b'"prompt_tokens": 11.0'),
        (b'"stop"', b'"st\xffop"'),
        (b"}", b""),
        (b'"total_tokens": 23', b'"total_tokens": NaN'),
    ],
)
def test_what_might_need_a_change_is_not_read_plainly(before: bytes, after: bytes) -> None:
    data = written(ANSWER)
    changed = data.replace(before, after, 1)
    assert changed != data
    assert plain(changed) is None


def test_an_answer_without_choices_is_no_plain_one() -> None:
    assert plain(written({**ANSWER, "choices": []})) is None


def test_a_body_is_decoded_when_it_is_asked_for() -> None:
    whole = Completion(None, Usage(1), "stop", b'{"a": 1}')
    assert whole.body == {"a": 1}
    assert whole.body is whole.body
    assert whole == Completion({"a": 1}, Usage(1), "stop")
    assert whole != Completion({"a": 2}, Usage(1), "stop")
    assert "words" not in repr(Completion(None, data=b'{"a": "words"}'))
