"""Splits a provider's stream at LF and CRLF only, as server-sent events are written.

httpx also splits at U+2028, U+0085 and their kind, which may stand in the middle of JSON: LiteLLM then loses the words
around them, or the whole answer. *Internal*: takes the place of a class of httpx's; a test streams such text.
"""

from __future__ import annotations

import importlib


class EventLines:
    """Implements `httpx._decoders.LineDecoder`."""

    def __init__(self) -> None:
        self._begun: list[str] = []

    def decode(self, text: str) -> list[str]:
        """The lines that `text` completes."""
        *lines, rest = text.split("\n")
        if lines:
            lines[0] = "".join([*self._begun, lines[0]])
            self._begun.clear()
        self._begun.append(rest)
        return [line.removesuffix("\r") for line in lines]

    def flush(self) -> list[str]:
        """What stood after the last line end."""
        rest = "".join(self._begun)
        self._begun.clear()
        return [rest] if rest else []


def install() -> None:
    """Let every httpx response of this process be read so."""
    importlib.import_module("httpx._models").LineDecoder = EventLines  # type: ignore[attr-defined]
