"""What goes on while Redis is away: requests without a limit, and the end of every request, by way of the journal.

A limit cannot be kept without Redis, so whoever has one is refused, unless a hold in Redis covers the attempt already.
Once Redis is back, all of it is brought there, each thing once however often it is tried. With the disk full nothing new
begins; what ends is kept in memory and told in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import structlog

from gateway import errors
from gateway.ledger import journal, wire
from gateway.ledger.journal import Journal
from gateway.ledger.mirror import Ended, Mirror, Running
from gateway.ports import Clock
from gateway.types import Balance, Intent, JsonObject, RequestRecord, Settlement

log = structlog.get_logger(__name__)


class Offline:
    """Keeps `mirror` and the journal in step. What it lets through, it has on the disk first."""

    def __init__(self, mirror: Mirror, folder: Path, clock: Clock) -> None:
        self._mirror = mirror
        self._folder = folder
        self._clock = clock
        self._journal = Journal(folder)
        self._limits: dict[str, bool] = {}  # whether an account had a limit when it was last seen

    def learn(self, balances: Iterable[Balance]) -> None:
        for balance in balances:
            self._limits[balance.scope] = balance.limit is not None

    async def opens(self, running: Running) -> bool:
        """Whether the request may go on. Raises Conflict for one that runs already."""
        if running.record.id in self._mirror.running:
            raise errors.Conflict(f"The request {running.record.id} was opened before.")
        if not self._unlimited(running):
            return False
        running.journaled = True
        if not await self._write(opened(running)):
            return False
        self._mirror.opened(running)
        return True

    async def dispatches(self, running: Running, intent: Intent, at_least: int) -> bool:
        """Whether the attempt may be sent: without a limit, or paid for by the hold that stands in Redis."""
        if intent.number in running.intents:
            raise errors.Conflict(f"Attempt {intent.number} of {intent.request_id} was dispatched before.")
        covered = running.amount is None or (
            running.amount >= at_least and running.expires_at > self._clock.now() and not running.journaled
        )
        if not covered and not self._unlimited(running):
            return False
        entries = [opened(running)] if not running.journaled else []
        running.journaled = True
        written = await asyncio.gather(
            *(self._write(each) for each in (*entries, {"t": "intent", "i": wire.dump(intent).decode()}))
        )
        if all(written):
            self._mirror.dispatched(intent, at_least)
        return all(written)

    async def settles(self, running: Running, settlement: Settlement) -> None:
        """Keep a settlement for Redis."""
        self._mirror.settled(Ended(running, settlement, None))
        await self._write(
            {**opened(running), "t": "settle", "v": sorted(running.void), "e": wire.dump(settlement).decode()}
        )

    @property
    def entries(self) -> int:
        return self._journal.entries

    async def clear(self, entries: int) -> None:
        """Everything up to `entries` is in Redis."""
        await self._journal.clear(entries)

    async def close(self) -> None:
        await self._journal.close()

    async def adopt(self) -> list[tuple[journal.Adopted, list[Ended]]]:
        """What processes that died left behind, each of their requests ended."""
        adopted = await asyncio.to_thread(journal.adopt, self._folder)
        return [(each, left_behind(each.entries, self._clock.now())) for each in adopted]

    def _unlimited(self, running: Running) -> bool:
        return running.amount is None or not any(self._limits.get(scope, True) for scope in running.scopes)

    async def _write(self, entry: JsonObject) -> bool:
        try:
            await self._journal.append(entry)
        except OSError:
            return False
        return True


def opened(running: Running) -> JsonObject:
    """Everything that Redis would know of the request."""
    return {
        "t": "open",
        "r": wire.dump(running.record).decode(),
        "s": list(running.scopes),
        "i": [wire.dump(intent).decode() for intent in running.intents.values()],
    }


def left_behind(entries: Iterable[JsonObject], now: float) -> list[Ended]:
    """The requests of a journal with their ends; what has none is charged at its bounds."""
    running: dict[str, Running] = {}
    settlements: dict[str, Settlement] = {}
    for entry in entries:
        if entry["t"] == "intent":
            intent = wire.load(entry["i"], Intent)
            if intent.request_id in running:
                running[intent.request_id].intents[intent.number] = intent
            continue
        record = wire.load(entry["r"], RequestRecord)
        intents = {intent.number: intent for text in entry["i"] for intent in [wire.load(text, Intent)]}
        running[record.id] = Running(record, tuple(entry["s"]), None, 0.0, 0.0, intents, set(entry.get("v", ())))
        if entry["t"] == "settle":
            settlements[record.id] = wire.load(entry["e"], Settlement)
    return [Ended(each, settlements.get(name) or wire.stopped(name, now), None) for name, each in running.items()]
