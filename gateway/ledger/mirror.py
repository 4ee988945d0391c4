"""What this worker has on its hands: its running requests, and its settlements until SQL is seen to have them.

With it an emptied Redis loses nothing while its workers live. Plain memory: it goes with the process, and what the
process left open is settled by another one.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.ledger import rows, wire
from gateway.ledger.counters import Operand, listed
from gateway.types import Intent, RequestRecord, Settlement


class Running(msgspec.Struct):
    """An open request. `amount` None: it holds nothing, `scopes` only pay. `void`: intents that were never sent."""

    record: RequestRecord
    scopes: tuple[str, ...]
    amount: int | None
    created_at: float  # of the hold; this worker's wall clock, like all times here
    expires_at: float
    intents: dict[int, Intent] = {}
    void: set[int] = set()
    journaled: bool = False  # Redis may not know all of it

    def held(self, amount: int, created_at: float, expires_at: float) -> None:
        """The hold as Redis has it."""
        if self.amount is not None:
            self.amount, self.created_at, self.expires_at = amount, created_at, expires_at

    @property
    def attempts(self) -> tuple[Operand, ...]:
        """The intents as the scripts take them."""
        parts: list[Operand] = []
        for number, intent in self.intents.items():
            parts += (number, wire.bound(intent), wire.dump(intent))
        return listed(*parts)


class Ended(msgspec.Struct, frozen=True):
    """A settlement and the request that it ended. `seq` None: it is in the journal and not in Redis yet."""

    running: Running
    settlement: Settlement
    seq: int | None


def reported(settlement: Settlement) -> tuple[Operand, ...]:
    """Numbers and costs of the results as the scripts take them."""
    parts: list[Operand] = []
    for result in settlement.results:
        parts += (result.intent.number, rows.cost(result))
    return listed(*parts)


class Mirror:
    """Keyed by generation."""

    def __init__(self) -> None:
        self.running: dict[str, Running] = {}
        self.ended: dict[str, Ended] = {}
        self._consumed = 0
        self.doubtful: set[str] = set()  # opened or not, nobody knows: the client was told that it failed

    def opened(self, running: Running) -> None:
        self.running[running.record.id] = running

    def dispatched(self, intent: Intent, at_least: int) -> None:
        """The attempt is written down, in Redis or in the journal."""
        running = self.running.get(intent.request_id)
        if running is not None:
            running.intents[intent.number] = intent
            running.void.discard(intent.number)
            if running.amount is not None:
                running.amount = max(running.amount, at_least)

    def extended(self, ids: Sequence[str], now: float, expires_at: float) -> None:
        """As in Redis: a hold that has expired is not extended."""
        for running in filter(None, map(self.running.get, ids)):
            if running.expires_at > now:
                running.expires_at = max(running.expires_at, expires_at)

    def settled(self, ended: Ended) -> None:
        self.running.pop(ended.settlement.request_id, None)
        self.ended[ended.settlement.request_id] = ended

    def consumed(self, acked: int) -> None:
        """SQL has everything up to `acked`, and it was taken off the outbox."""
        if acked == self._consumed:
            return
        self._consumed = acked
        done = []
        for name, ended in self.ended.items():
            if ended.seq is None:
                continue
            if ended.seq > acked:
                break
            done.append(name)
        for name in done:
            del self.ended[name]

    @property
    def unsent(self) -> list[Ended]:
        return [ended for ended in self.ended.values() if ended.seq is None]
