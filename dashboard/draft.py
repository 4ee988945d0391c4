"""A text while it is being written, and after. It is read on an event loop of its own, so that Stop acts at once.

A draft ends by itself: completed, stopped, failed with a sentence, or stopped because nobody looks at it any more.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

from dashboard.client import Client, JsonObject, Problem, problem_in
from dashboard.events import Events

log = logging.getLogger(__name__)

WATCH = 1.0  # seconds between looks at whether somebody still watches
BROKEN = "Something went wrong in the dashboard. What had come by then is kept."
ENDED_EARLY = "The connection ended before the text was complete; what had come by then is kept."


class Phase(StrEnum):
    WAITING = "waiting"  # no word yet
    WRITING = "writing"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be written. `words`: how many were asked for, if that was said."""

    title: str
    body: JsonObject = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    words: int | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """A draft at one moment. `record` is what `GET /v1/generations/{id}` said after its end."""

    phase: Phase
    text: str
    seconds: float
    model: str | None = None
    reason: str | None = None
    simulated: bool = False
    finish: str | None = None
    problem: str | None = None
    record: JsonObject | None = None

    @property
    def running(self) -> bool:
        return self.phase in {Phase.WAITING, Phase.WRITING}

    @property
    def words(self) -> int:
        return len(self.text.split())


class Draft:
    """One text. `look` and `stop` may be called from any thread."""

    def __init__(
        self,
        order: Order,
        client: Client,
        watched: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.order = order
        self._client = client
        self._watched = watched
        self._clock = clock
        self._started = clock()
        self._ended: float | None = None
        self._phase = Phase.WAITING
        self._text: list[str] = []
        self._headers: Mapping[str, str] = {}
        self._finish: str | None = None
        self._problem: str | None = None
        self._record: JsonObject | None = None
        self._reader: asyncio.Task[None] | None = None
        self._stop = False
        self._work: Future[None] | None = None

    def start(self) -> Draft:
        """Begin to write."""
        self._work = asyncio.run_coroutine_threadsafe(self._write(), background())
        return self

    def stop(self) -> None:
        """Close the stream and have the generation cancelled; returns at once."""
        self._stop = True
        background().call_soon_threadsafe(self._close)

    def wait(self, seconds: float) -> None:
        """Until it has ended. Raises TimeoutError."""
        if self._work is not None:
            self._work.result(seconds)

    def look(self) -> Look:
        ended = self._ended
        return Look(
            phase=self._phase,
            text="".join(self._text),
            seconds=(self._clock() if ended is None else ended) - self._started,
            model=self._headers.get("x-atelier-model"),
            reason=self._headers.get("x-atelier-route-reason"),
            simulated=self._headers.get("x-atelier-simulated") == "true",
            finish=self._finish,
            problem=self._problem,
            record=self._record,
        )

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()

    async def _write(self) -> None:
        self._reader = asyncio.ensure_future(self._read())
        while not self._reader.done():
            if self._stop or not self._watched():
                self._reader.cancel()
            await asyncio.wait({self._reader}, timeout=WATCH)
        phase = self._verdict(self._reader)
        await self._settle(stopped=phase is Phase.STOPPED)
        self._ended = self._clock()
        self._phase = phase

    async def _read(self) -> None:
        events = Events()
        async with self._client.stream(self.order.body, self.order.headers) as response:
            self._headers = response.headers
            async for data in response.aiter_bytes():
                for event in events.feed(data):
                    self._take(event)
        if not events.done:
            raise Problem(ENDED_EARLY)

    def _take(self, event: dict[str, Any]) -> None:
        if event.get("error"):
            raise problem_in(event)
        for choice in event.get("choices") or ():
            piece = (choice.get("delta") or {}).get("content")
            if isinstance(piece, str) and piece:
                self._text.append(piece)
                self._phase = Phase.WRITING
            self._finish = choice.get("finish_reason") or self._finish

    def _verdict(self, reader: asyncio.Task[None]) -> Phase:
        if reader.cancelled():
            return Phase.STOPPED
        error = reader.exception()
        if error is None:
            return Phase.DONE
        if isinstance(error, Problem):
            self._problem = error.message
        else:
            log.error("a text could not be read", exc_info=error)
            self._problem = BROKEN
        return Phase.FAILED

    async def _settle(self, *, stopped: bool) -> None:
        """The gateway's own account of it, which holds the cost. Without one the text is still there."""
        generation_id = self._headers.get("x-atelier-generation-id")
        if generation_id is None:
            return
        try:
            if stopped:
                await asyncio.to_thread(self._client.cancel, generation_id)
        except Problem:
            pass  # it had ended by itself
        try:
            self._record = await asyncio.to_thread(self._client.generation, generation_id)
        except Problem:
            self._record = None


@cache
def background() -> asyncio.AbstractEventLoop:
    """The event loop on which drafts are read, in a thread of its own for as long as the process lives."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="drafts", daemon=True).start()
    return loop
