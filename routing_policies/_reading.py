"""Gets the text out of a request's body, whatever is in it. What is not text counts as empty; nothing here raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SAMPLE = 8_000  # characters of a text that are read: both ends, where instructions stand
MESSAGES = 200  # the last ones
PARTS = 100  # the first ones of a message's content


@dataclass(frozen=True, slots=True)
class Reading:
    """`sample` is at most `SAMPLE` characters of a text that has `size`; `attachments` are parts that are not text."""

    sample: str = ""
    size: int = 0
    attachments: int = 0


@dataclass(frozen=True, slots=True)
class Conversation:
    """The last user message, the user message before it, and the size of everything but the last one."""

    last: Reading
    before: Reading
    messages: int
    around: int


def conversation_of(body: Mapping[str, Any]) -> Conversation:
    """Reads `messages`, or `prompt`, or `input`; without a user message the last message stands for it."""
    given = body.get("messages")
    messages = [one for one in given[-MESSAGES:] if isinstance(one, dict)] if isinstance(given, list) else []
    if not messages:
        return Conversation(read(body.get("prompt") or body.get("input")), Reading(), 0, 0)
    own = [one.get("content") for one in messages if one.get("role") == "user"] or [messages[-1].get("content")]
    last = read(own[-1])
    total = sum(len(text) for one in messages for text in texts(one.get("content")))
    return Conversation(last, read(own[-2]) if len(own) > 1 else Reading(), len(messages), total - last.size)


def read(content: object) -> Reading:
    """A message's content: a string, or a list of strings and parts with a `text`."""
    found = texts(content)
    parts = min(len(content), PARTS) if isinstance(content, list) else len(found)
    return Reading(ends("\n".join(found)), sum(map(len, found)), parts - len(found))


def texts(content: object) -> list[str]:
    """The pieces of text in a message's content."""
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    parts = [part.get("text") if isinstance(part, dict) else part for part in content[:PARTS]]
    return [part for part in parts if isinstance(part, str)]


def ends(text: str) -> str:
    """The whole text, or its beginning and its end."""
    half = SAMPLE // 2
    return text if len(text) <= SAMPLE else f"{text[: half - 1]}\n{text[-half:]}"
