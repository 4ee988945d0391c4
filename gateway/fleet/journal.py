"""What the fleet served and what it would have billed: one line when a request starts, one when it has ended.

The journal is the other side's book: tests hold the gateway's ledger against it. It is kept in memory and, when a
path is given, appended to a JSONL file line by line, so that it outlives a kill. A file that cannot be written stops
the fleet: a journal with holes would prove nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from gateway.fleet.shapes import Tally

COMPLETED, DISCONNECTED, FAULTED, STOPPED = "completed", "client_disconnected", "faulted", "stopped"


@dataclass(slots=True)
class Record:
    """One request. `billed` follows the usage that was told, where one was; otherwise what had been generated.

    `outcome`: completed (the whole answer was sent), client_disconnected, faulted (a fault or a refusal ended it),
    stopped (the fleet itself was). Times are Unix seconds. `output_tokens` includes reasoning.
    """

    request: int
    wire: str
    endpoint: str = "unknown"
    model: str = ""
    stream: bool = False
    client_request_id: str | None = None
    started_at: float = 0.0
    ended_at: float | None = None
    disconnected_at: float | None = None
    status: int | None = None  # None: no answer was begun
    fault: str | None = None
    outcome: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    usage: Tally | None = None  # as it was reported
    billed: Tally = field(default_factory=Tally)


class Journal:
    """Append-only. Lines are numbered from 1; `since` gives those after a number."""

    def __init__(self, now: Callable[[], float], path: Path | None = None) -> None:
        self._now = now
        self._lines: list[dict[str, Any]] = []
        self._ended: list[Record] = []
        self._open: dict[int, Record] = {}
        self._requests = 0
        self._file: BinaryIO | None = path.open("ab", buffering=0) if path is not None else None
        self._changed = asyncio.Event()

    def start(self, wire: str) -> Record:
        """Open a request's record; `begun` writes its line once the request is understood."""
        self._requests += 1
        return Record(request=self._requests, wire=wire, started_at=self._now())

    def begun(self, record: Record) -> None:
        self._open[record.request] = record
        self._write("start", record)

    def end(self, record: Record) -> None:
        record.ended_at = self._now()
        self._open.pop(record.request, None)
        self._ended.append(replace(record))
        self._write("end", record)
        self._changed.set()

    @property
    def ended(self) -> list[Record]:
        """The requests that have ended, in that order."""
        return list(self._ended)

    @property
    def running(self) -> list[Record]:
        """The requests that have begun and not ended."""
        return list(self._open.values())

    def since(self, number: int = 0) -> list[dict[str, Any]]:
        """The lines after `number`, as JSON objects with `seq` and `event` ("start" or "end")."""
        return self._lines[number:]

    def of(self, client_request_id: str) -> list[Record]:
        """The ended requests that carried this X-Client-Request-Id."""
        return [record for record in self._ended if record.client_request_id == client_request_id]

    async def settled(self, count: int, timeout: float = 5.0) -> list[Record]:
        """Wait until `count` requests have ended and none is running. Raises TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            while len(self._ended) < count or self._open:
                self._changed.clear()
                await self._changed.wait()
        return self.ended

    def clear(self) -> None:
        """Forget what has ended; numbers go on, a file stays as it is."""
        self._ended.clear()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, event: str, record: Record) -> None:
        line = {"seq": len(self._lines) + 1, "event": event, **msgspec.to_builtins(record)}
        self._lines.append(line)
        if self._file is not None:
            self._file.write(msgspec.json.encode(line) + b"\n")
