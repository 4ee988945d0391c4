"""How large a request is and how much it asks for: pure, one walk over the body.

Bytes bound tokens from above (a byte-level tokenizer never makes more tokens than bytes); media are counted besides,
because their base64 says nothing about the tokens they cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
    messages = body.get("messages")
    size = Size(
        messages=len(messages) if isinstance(messages, list) else 0,
        tools=bool(body.get("tools") or body.get("functions")),
    )
    for kind, value in _pieces(body):
        if isinstance(value, str):
            size.text_bytes += len(value) if value.isascii() else len(value.encode())
        elif kind == "text":
            size.text_bytes += len(_encode(value))
        elif kind == "image":
            size.images += 1
        elif kind == "audio":
            size.audio_chars += len(_encode(value))
        else:
            size.file_chars += len(_encode(value))
    return size


def plain_text(body: JsonObject) -> str:
    """The text a provider is given, without media: what a tokenizer should count in place of `Size.text_bytes`."""
    return "\n".join(_text(value) for kind, value in _pieces(body) if kind == "text")


def choices(body: JsonObject) -> int:
    """How many answers the request asks for."""
    n = body.get("n")
    return n if n is not None and isinstance(n, int) and n > 0 else 1


def output_limit(body: JsonObject) -> int | None:
    """The client's own limit of output tokens; `max_completion_tokens` wins over the older `max_tokens`."""
    value = body.get("max_completion_tokens")
    if not isinstance(value, int):
        value = body.get("max_tokens")
    return value if isinstance(value, int) else None


def _pieces(body: JsonObject) -> Iterator[tuple[str, Any]]:
    """Everything that costs input tokens, each with its kind: text, image, audio or file; a string is text."""
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict):
            continue
        for name, value in message.items():
            if name == "content" and isinstance(value, list):
                yield from ((_kind(part), part) for part in value)
            else:
                yield "text", value
    if BESIDE_MESSAGES.isdisjoint(body):
        return
    for name, value in body.items():
        if name in BESIDE_MESSAGES and value is not None:
            yield "text", value


def _kind(part: Any) -> str:
    named = part.get("type") if isinstance(part, dict) else None
    return KINDS.get(named, "text") if isinstance(named, str) else "text"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _encode(value).decode()
