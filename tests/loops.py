"""Event loops in threads of their own, and the simulated fleet in one of them; see `tests.harness`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec

from gateway.fleet import UNPACED, Journal, Pacing, Record, RunningFleet, Settings, start_fleet

T = TypeVar("T")

PATIENCE = 60.0  # seconds until something that hangs counts as broken
FLEET = Settings(
    pacing=UNPACED,
    models={"slow": Pacing(ttft=0.05, tokens_per_second=40), "slow-echo": Pacing(ttft=0.05, tokens_per_second=40)},
)


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        left = asyncio.all_tasks(self.loop)  # LiteLLM's own worker, for one
        for task in left:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


class FleetThread:
    """The simulated providers, in a thread; every method may be called from any thread."""

    def __init__(self, settings: Settings = FLEET) -> None:
        self._loop = Loop("fleet")
        self.fleet: RunningFleet = self._loop.run(start_fleet(settings))

    @property
    def urls(self) -> dict[str, str]:
        """Addresses by wire ("openai", "anthropic", "gemini"), and "admin" for admin calls over HTTP."""
        return self.fleet.urls

    @property
    def journal(self) -> Journal:
        return self.fleet.journal

    @property
    def ended(self) -> list[Record]:
        """The requests that have ended since the last reset."""
        return self.journal.ended

    def settled(self, count: int, timeout: float = 10.0) -> list[Record]:
        """Wait until `count` requests have ended and none is running."""
        return self._loop.run(self.journal.settled(count, timeout))

    def fault(self, kind: str, **members: object) -> None:
        self.fleet.fault(kind, **members)

    def refuse(self, family: str, refusing: bool = True) -> None:
        self._loop.run(self.fleet.refuse(family, refusing))

    def configure(self, **changes: Any) -> None:
        """Replace members of the settings, for the requests to come."""
        self.fleet.configure(msgspec.structs.replace(self.fleet.settings, **changes))

    def reset(self) -> None:
        """No faults, first settings, an empty journal."""
        self._loop.run(self.fleet.reset())

    def close(self) -> None:
        self._loop.run(self.fleet.stop())
        self._loop.close()
