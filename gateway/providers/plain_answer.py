"""Chat completions that are already in the client's shape, read without making a dictionary of them.

Most are: they have the members that OpenAI sends, no other ones, and nothing where a client expects something. What is not
certain to need no change is no plain answer, and is read by who knows the others; nothing here raises.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from gateway.types import Completion, Usage

Count = Annotated[int, msgspec.Meta(ge=0)]


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Nothing but these members."""


class Given(Known, frozen=True):
    """Of what was read."""

    cached_tokens: Count = 0
    cache_write_tokens: Count = 0
    audio_tokens: Count = 0
    text_tokens: Count = 0
    image_tokens: Count = 0


class Made(Known, frozen=True):
    """Of what was written."""

    reasoning_tokens: Count = 0
    audio_tokens: Count = 0
    text_tokens: Count = 0
    image_tokens: Count = 0
    accepted_prediction_tokens: Count = 0
    rejected_prediction_tokens: Count = 0


class Used(Known, frozen=True):
    """Tokens."""

    prompt_tokens: Count
    completion_tokens: Count
    total_tokens: Count
    prompt_tokens_details: Given = Given()
    completion_tokens_details: Made = Made()


class Message(Known, frozen=True):
    """What was said, in words alone."""

    role: str
    content: str | None
    refusal: str | None
    annotations: list[Any] | UnsetType = UNSET


class Choice(Known, frozen=True):
    """One of them."""

    index: int
    message: Message
    logprobs: dict[str, Any] | None
    finish_reason: str | None


class Answer(Known, frozen=True):
    """All of it."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Used
    service_tier: str | UnsetType = UNSET
    system_fingerprint: str | UnsetType = UNSET


_decode = msgspec.json.Decoder(Answer).decode


def plain(data: bytes) -> Completion | None:
    """The answer, to be passed on as it came; None where it is not a plain one."""
    try:
        answer = _decode(data)
    except (ValueError, RecursionError):
        return None
    if not answer.choices:
        return None
    return Completion(None, usage_of(answer.usage), answer.choices[0].finish_reason, data)


def usage_of(used: Used) -> Usage:
    """Token classes, as in every lane."""
    given, made = used.prompt_tokens_details, used.completion_tokens_details
    return Usage(
        used.prompt_tokens,
        used.completion_tokens,
        given.cached_tokens,
        given.cache_write_tokens,
        made.reasoning_tokens,
        given.audio_tokens,
        made.audio_tokens,
    )
