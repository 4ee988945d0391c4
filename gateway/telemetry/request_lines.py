"""The one log line of each request, by the shortest way: redacted, encoded, and written with the others of its turn.

Every request pays for it, so it does not go through the logging library. It looks like all other lines; what cannot be
written is dropped, and the note says nothing of it. Lines of the last turn are lost with a process that is killed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TextIO

import msgspec

from gateway.telemetry.redact import Redactor

NAME = "gateway.request"
_encode = msgspec.json.Encoder().encode


class RequestLines:
    """Writes JSON lines to `out`, where the level lets them through."""

    def __init__(self, redactor: Redactor, out: TextIO) -> None:
        self._redactor = redactor
        self._out = out
        self._logger = logging.getLogger(NAME)
        self._waiting: list[str] = []

    def __call__(self, fields: Mapping[str, object]) -> None:
        """A request has ended. Call it on the event loop."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        line = self._redactor.values(fields)
        line["event"], line["logger"], line["level"] = "request", NAME, "info"
        line["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._write)
        self._waiting.append(_encode(line).decode())

    def _write(self) -> None:
        lines, self._waiting = self._waiting, []
        try:
            self._out.write("\n".join(lines) + "\n")
            self._out.flush()
        except (OSError, ValueError) as error:
            with suppress(OSError, ValueError):
                note = f'{{"event": "log lines could not be written", "error": "{type(error).__name__}"}}\n'
                self._out.write(note)
