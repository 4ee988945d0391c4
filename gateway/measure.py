"""How large a request is and how much it asks for: pure, one walk over the body.

Bytes bound tokens from above (a byte-level tokenizer never makes more tokens than bytes); media are counted besides,
because their base64 says nothing about the tokens they cost.
"""

from __future__ import annotations

from itertools import chain
from typing import Any, TypeAlias

import msgspec

from gateway.types import JsonObject

IMAGE_TOKENS = 8_000  # the dearest tiling of today's vision models, rounded up
AUDIO_BYTES_PER_TOKEN = 24  # base64 characters; the densest speech codecs in use carry more
TYPICAL_TOKEN_BYTES = 4
TYPICAL_IMAGE_TOKENS = 1_000
MESSAGE_OVERHEAD = 16  # tokens of framing around one message
REQUEST_OVERHEAD = 32  # tokens of framing around the whole request
TOOLS_OVERHEAD = 1_024  # tokens of a provider's own preamble when there are tools

BESIDE_MESSAGES = frozenset({"input", "tools", "functions", "response_format", "prediction"})
KINDS = {
    "image_url": "image",
    "input_image": "image",
    "image": "image",
    "input_audio": "audio",
    "audio": "audio",
    "file": "file",
    "input_file": "file",
    "document": "file",
}
Piece: TypeAlias = tuple[str, Any]
_encode = msgspec.json.encode


class Size(msgspec.Struct):
    """Text as UTF-8 bytes, media by kind."""

    text_bytes: int = 0
    messages: int = 0
    images: int = 0
    audio_chars: int = 0
    file_chars: int = 0
    tools: bool = False

    @property
    def estimate(self) -> int:
        """About how many input tokens these are: for rules and windows, never for money."""
        return (
            self.text_bytes // TYPICAL_TOKEN_BYTES
            + self.images * TYPICAL_IMAGE_TOKENS
            + self.audio_chars // AUDIO_BYTES_PER_TOKEN
            + self.file_chars // TYPICAL_TOKEN_BYTES
        )

    def token_bound(self, text_tokens: int | None = None) -> int:
        """An upper bound of the input tokens; `text_tokens` replaces the byte bound where it was counted."""
        return (
            (self.text_bytes if text_tokens is None else text_tokens)
            + self.messages * MESSAGE_OVERHEAD
            + self.images * IMAGE_TOKENS
            + self.audio_chars // AUDIO_BYTES_PER_TOKEN
            + self.file_chars
            + REQUEST_OVERHEAD
            + (TOOLS_OVERHEAD if self.tools else 0)
        )


def measure(body: JsonObject) -> Size:
    """Count messages or inputs; everything else that costs input tokens (tools, schemas) counts as text."""
    messages = _messages(body)
    size = Size(messages=len(messages), tools=bool(body.get("tools") or body.get("functions")))
    for message in messages:
        if not isinstance(message, dict):
            continue
        for name, value in message.items():
            if isinstance(value, str):  # as nearly all are
                size.text_bytes += len(value) if value.isascii() else len(value.encode())
            else:
                _count(size, _parts(name, value))
    if not BESIDE_MESSAGES.isdisjoint(body):
        _count(size, _beside(body))
    return size


def plain_text(body: JsonObject) -> str:
    """The text a provider is given, without media: what a tokenizer should count in place of `Size.text_bytes`."""
    members = [
        _parts(name, value)
        for message in _messages(body)
        if isinstance(message, dict)
        for name, value in message.items()
    ]
    pieces = chain(*members, _beside(body))
    return "\n".join([_text(value) for kind, value in pieces if kind == "text"])


def choices(body: JsonObject) -> int:
    """How many answers the request asks for."""
    n = body.get("n")
    return n if isinstance(n, int) and n > 0 else 1


def output_limit(body: JsonObject) -> int | None:
    """The client's own limit of output tokens; `max_completion_tokens` wins over the older `max_tokens`."""
    value = body.get("max_completion_tokens")
    if not isinstance(value, int):
        value = body.get("max_tokens")
    return value if isinstance(value, int) else None


def _messages(body: JsonObject) -> list[Any]:
    messages = body.get("messages")
    return messages if isinstance(messages, list) else []


def _parts(name: str, value: Any) -> list[Piece]:
    """What a member of a message consists of, each with its kind: text, image, audio or file."""
    if name == "content" and isinstance(value, list):
        return [(_kind(part), part) for part in value]
    return [("text", value)]


def _beside(body: JsonObject) -> list[Piece]:
    """What costs input tokens beside the messages."""
    return [("text", value) for name, value in body.items() if name in BESIDE_MESSAGES and value is not None]


def _count(size: Size, pieces: list[Piece]) -> None:
    for kind, value in pieces:
        if kind == "text":
            size.text_bytes += len(_text(value).encode())
        elif kind == "image":
            size.images += 1
        elif kind == "audio":
            size.audio_chars += len(_encode(value))
        else:
            size.file_chars += len(_encode(value))


def _kind(part: Any) -> str:
    named = part.get("type") if isinstance(part, dict) else None
    return KINDS.get(named, "text") if isinstance(named, str) else "text"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _encode(value).decode()
