"""Reads a chat completion's server-sent events from bytes as they arrive. Malformed ones are left out.

Bytes and not lines: text may hold U+2028 and its like, at which a line reader would cut an event in two.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

DONE = "[DONE]"
LONGEST = 4_000_000  # bytes without an end of line; what is longer is no event of ours


class Events:
    """Feed it bytes; it gives each whole event's JSON. `done` once the stream said that it is complete."""

    def __init__(self) -> None:
        self._rest = b""
        self.done = False

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The events that are complete with these bytes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST:
            self._rest = b""
        for line in lines:
            event = self._event(line)
            if event is not None:
                yield event

    def _event(self, line: bytes) -> dict[str, Any] | None:
        name, _, value = line.rstrip(b"\r").partition(b":")
        if name != b"data":
            return None
        text = value.strip().decode("utf-8", "replace")
        if text == DONE:
            self.done = True
            return None
        try:
            event = json.loads(text)
        except ValueError:
            return None
        return event if isinstance(event, dict) else None
