"""The embedded ledger: budgets, holds and lines in one SQLite file, each act one durable transaction.

What is remembered of balances between two acts is forgotten when anybody else has written (`memory`). While the file
cannot be written, `open`, `dispatch`, `extend` and `balances` raise `errors.Unavailable` and have done nothing;
`settle` and `record` wait until it can.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway.killpoints import reached
from gateway.ledger import acts
from gateway.ledger.acts import Recovered
from gateway.ledger.books import Books
from gateway.ledger.memory import Memory
from gateway.ledger.writer import Writer
from gateway.ports import Clock
from gateway.types import Balance, HoldRefused, HoldRequest, Intent, Opened, RequestRecord, Settlement


class SqliteLedger:
    """`ports.Ledger` on the SQLite file at `path`, whose schema `store.database` has made."""

    def __init__(self, path: Path, clock: Clock, *, lock_wait: float = 2.0) -> None:
        memory = Memory()
        self._writer = Writer(path, lambda connection: Books(connection, clock.now(), memory), lock_wait=lock_wait)

    async def start(self) -> None:
        """Raises errors.Unavailable when the file cannot be opened."""
        await self._writer.start()

    async def close(self) -> None:
        """Write what waits, then stop."""
        await self._writer.close()

    async def open(
        self, record: RequestRecord, hold: HoldRequest | None, first: Intent | None = None
    ) -> Opened | HoldRefused:
        """Write the request down and take its hold on all scopes at once, or do neither and say why.

        With `first`, that attempt is written down in the same act.
        """
        reached("before_hold")
        if first is not None:
            reached("before_dispatch")
        answer = await self._writer.run(lambda books: acts.open_request(books, record, hold, first))
        reached("after_hold")
        if first is not None:
            reached("after_dispatch")
        return answer

    async def dispatch(self, intent: Intent, hold_at_least: int) -> HoldRefused | None:
        """Write the attempt down before it is sent. Raises Conflict for a request that is not open."""
        reached("before_dispatch")
        refused = await self._writer.run(lambda books: acts.dispatch(books, intent, hold_at_least))
        reached("after_dispatch")
        return refused

    async def extend(self, request_ids: Sequence[str], expires_at: float) -> None:
        """Keep the holds of running requests alive until `expires_at`, Unix seconds."""
        await self._writer.run(lambda books: acts.extend(books, request_ids, expires_at))

    async def settle(self, settlement: Settlement) -> tuple[Balance, ...]:
        """End a request. Returns when that is durable; never fails because the store is away for a while."""
        reached("before_capture")
        done = await self._writer.run(lambda books: acts.settle(books, settlement), keep=True)
        reached("after_capture")
        return done.balances

    async def record(self, record: RequestRecord, settlement: Settlement) -> None:
        """Write down a request that needed no provider, opened and ended at once."""
        await self._writer.run(lambda books: acts.record(books, record, settlement), keep=True)

    async def balances(self, scopes: Sequence[str]) -> list[Balance]:
        """The accounts of `scopes` in that order, expired holds and ended windows already taken off."""
        return await self._writer.run(lambda books: acts.balances(books, scopes))

    async def refresh(self, scopes: Sequence[str]) -> None:
        """Nothing to do: the accounts' limits are read where they were changed."""

    async def sweep(self) -> int:
        """Give back what expired holds set aside; return how many there were. Their requests stay open."""
        return await self._writer.run(Books.sweep)

    async def recover(self) -> Recovered:
        """Before serving: end what the previous process left open, each attempt charged at the most it can cost."""
        return await self._writer.run(acts.recover)
