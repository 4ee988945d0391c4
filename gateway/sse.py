"""The only maker of stream bytes. Data is JSON on one line, so no text can start a second event (S11).

Failure: encoding a value that is not JSON raises TypeError, before a byte is sent.
"""

from __future__ import annotations

from typing import Any

import msgspec

DONE = b"data: [DONE]\n\n"
_encode = msgspec.json.Encoder().encode


def encode_frame(data: Any) -> bytes:
    """One `data:` event. JSON escapes CR and LF; U+2028 and U+2029 are no line ends in SSE."""
    return b"data: " + _encode(data) + b"\n\n"


def encode_comment(text: str) -> bytes:
    """A line every SSE parser ignores. `text` is ours, never a client's; line ends are taken out all the same."""
    return b": " + " ".join(text.split()).encode() + b"\n\n"
