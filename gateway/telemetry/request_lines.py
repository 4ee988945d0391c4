"""The one log line of each request, by the shortest way: redacted, encoded, and written with the others of its turn.

Every request pays for it, so it does not go through the logging library. It looks like all other lines; what cannot be
written is dropped, and the note says nothing of it. Lines of the last turn are lost with a process that is killed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TextIO

import msgspec

from gateway.telemetry.redact import Redactor

NAME = "gateway.request"
OURS = frozenset(
    # members that the gateway itself decides: numbers, names out of an enumeration, an id that was made here
    {
        *("generation_id", "endpoint", "stream", "status", "http_status", "attempts", "client_retry"),
        *("cost_usd", "input_tokens", "output_tokens", "ttft_ms", "queue_ms", "duration_ms"),
    }
)
_encode = msgspec.json.Encoder().encode


class RequestLines:
    """Writes JSON lines to `out`, where the level lets them through."""

    def __init__(self, redactor: Redactor, out: TextIO, now: Callable[[], float] = time.time) -> None:
        """`now`: Unix seconds."""
        self._redactor = redactor
        self._out = out
        self._now = now
        self._second, self._whole = -1, ""
        self._logger = logging.getLogger(NAME)
        self._waiting: list[str] = []

    def __call__(self, fields: Mapping[str, object]) -> None:
        """A request has ended. Call it on the event loop."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        line = self._redactor.values(fields, OURS)
        line["event"], line["logger"], line["level"] = "request", NAME, "info"
        line["timestamp"] = self._timestamp()
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._write)
        self._waiting.append(_encode(line).decode())

    def _timestamp(self) -> str:
        """ISO 8601 in UTC; all but the microseconds is made once a second."""
        now = self._now()
        second = int(now)
        if second != self._second:
            self._second, self._whole = second, f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"
        return f"{self._whole}.{int((now - second) * 1_000_000):06d}Z"

    def _write(self) -> None:
        lines, self._waiting = self._waiting, []
        try:
            self._out.write("\n".join(lines) + "\n")
            self._out.flush()
        except (OSError, ValueError) as error:
            with suppress(OSError, ValueError):
                note = f'{{"event": "log lines could not be written", "error": "{type(error).__name__}"}}\n'
                self._out.write(note)
