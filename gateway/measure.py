"""How large a request is: pure, one walk over the body.

Bytes bound tokens from above (a byte-level tokenizer never makes more tokens than bytes); media are counted besides,
because their base64 says nothing about the tokens they cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.types import JsonObject

IMAGE_TOKENS = 8_000  # the dearest tiling of today's vision models, rounded up
AUDIO_BYTES_PER_TOKEN = 24  # base64 characters; the densest speech codecs in use carry more
MESSAGE_OVERHEAD = 16  # tokens of framing around one message
REQUEST_OVERHEAD = 512  # tokens of a provider's own preamble, for example for tools

_encode = msgspec.json.encode


@dataclass(slots=True)
class Size:
    """Text as UTF-8 bytes, media by kind."""

    text_bytes: int = 0
    messages: int = 0
    images: int = 0
    audio_chars: int = 0
    file_chars: int = 0

    def token_bound(self, text_tokens: int | None = None) -> int:
        """An upper bound of the input tokens; `text_tokens` replaces the byte bound where it was counted."""
        return (
            (self.text_bytes if text_tokens is None else text_tokens)
            + self.messages * MESSAGE_OVERHEAD
            + self.images * IMAGE_TOKENS
            + self.audio_chars // AUDIO_BYTES_PER_TOKEN
            + self.file_chars
            + REQUEST_OVERHEAD
        )


def measure(body: JsonObject) -> Size:
    """Walk messages or inputs; everything else that costs input tokens (tools, schemas) counts as text."""
    size = Size()
    messages = body.get("messages")
    if isinstance(messages, list):
        size.messages = len(messages)
        for message in messages:
            _message(message, size)
    for key in ("input", "tools", "functions", "response_format", "prediction"):
        if (value := body.get(key)) is not None:
            size.text_bytes += len(_encode(value))
    return size


def plain_text(body: JsonObject) -> str:
    """The text a provider is given, without media: what a tokenizer should count."""
    parts: list[str] = []
    for message in body.get("messages") or ():
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            parts.append(content)
        elif isinstance(content, list):
            parts.extend(str(part["text"]) for part in content if isinstance(part, dict) and "text" in part)
        if isinstance(message, dict) and message.get("tool_calls"):
            parts.append(_encode(message["tool_calls"]).decode())
    for key in ("input", "tools", "functions", "response_format", "prediction"):
        value = body.get(key)
        if value is not None:
            parts.append(value if isinstance(value, str) else _encode(value).decode())
    return "\n".join(parts)


def _message(message: Any, size: Size) -> None:
    if not isinstance(message, dict):
        return
    for key, value in message.items():
        if key == "content" and isinstance(value, list):
            for part in value:
                _part(part, size)
        elif isinstance(value, str):
            size.text_bytes += len(value.encode())
        else:
            size.text_bytes += len(_encode(value))


def _part(part: Any, size: Size) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in {"image_url", "input_image", "image"}:
        size.images += 1
    elif kind in {"input_audio", "audio"}:
        size.audio_chars += len(_encode(part))
    elif kind in {"file", "input_file", "document"}:
        size.file_chars += len(_encode(part))
    else:
        size.text_bytes += len(_encode(part))
