"""The world of the ledger's tests: a ledger on a fresh store, a clock that is set by hand, and a look at the books.

The contract suite uses nothing but `World`. Another implementation of `ports.Ledger` comes in as another parameter of
the `world` fixture, with its own way to read the books.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.ledger.sqlite import SqliteLedger
from gateway.store.database import open_database
from gateway.types import (
    AttemptResult,
    Balance,
    Endpoint,
    HoldRefused,
    HoldRequest,
    Intent,
    Price,
    RequestRecord,
    Settlement,
    Status,
    Usage,
)

START = 1_900_000_000.0
PRICE = Price(input=1_000, output=2_000, source="config")


@dataclass(slots=True)
class SetClock:
    time: float = START

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


def a_record(generation: str, key: str = "k_1", **members: Any) -> RequestRecord:
    record = RequestRecord(generation, f"req-{generation}", key, f"key:{key}", Endpoint.CHAT, "smart", True, START)
    return replace(record, **members)


def an_intent(generation: str, number: int = 1, bound: int = 100) -> Intent:
    return Intent(generation, number, f"dep-{number}", "openai", "gpt-x", PRICE, bound, START)


def a_result(intent: Intent, cost: int, **members: Any) -> AttemptResult:
    result = AttemptResult(intent, Status.COMPLETED, Usage(input=3, output=cost), cost, START + 2.0)
    return replace(result, **members)


def a_settlement(generation: str, *results: AttemptResult, **members: Any) -> Settlement:
    settlement = Settlement(generation, results, Status.COMPLETED, 200, None, START + 2.0)
    return replace(settlement, **members)


@dataclass(slots=True)
class World:
    """A ledger and the few moves that the tests are written in. Amounts in nano-dollars, lifetimes in seconds."""

    ledger: SqliteLedger
    clock: SetClock
    path: Path
    scopes: tuple[str, ...] = ("key:k_1",)
    intents: dict[str, list[Intent]] = field(default_factory=dict)

    async def account(self, scope: str, limit: int | None, window_days: int | None = None) -> None:
        now = self.clock.now()
        window, resets_at = (f"{window_days}d", now + window_days * 86_400) if window_days else (None, None)
        with closing(sqlite3.connect(self.path)) as db, db:
            db.execute(
                "INSERT INTO account (scope, limit_nano, spent_nano, held_nano, budget_window, window_started_at,"
                " resets_at) VALUES (?, ?, 0, 0, ?, ?, ?)",
                (scope, limit, window, now, resets_at),
            )

    async def open(
        self, generation: str, amount: int, *, scopes: Sequence[str] | None = None, lifetime: float = 60.0
    ) -> HoldRefused | None:
        hold = HoldRequest(tuple(scopes or self.scopes), amount, self.clock.now() + lifetime)
        answer = await self.ledger.open(a_record(generation, created_at=self.clock.now()), hold)
        return answer if isinstance(answer, HoldRefused) else None

    async def dispatch(
        self, generation: str, number: int = 1, *, bound: int = 100, hold: int = 0
    ) -> HoldRefused | None:
        intent = an_intent(generation, number, bound)
        refused = await self.ledger.dispatch(intent, hold)
        if refused is None:
            self.intents.setdefault(generation, []).append(intent)
        return refused

    async def settle(self, generation: str, *costs: int) -> None:
        """Settle with one result for each dispatched attempt, in order, at these costs."""
        intents = self.intents.get(generation, [])
        results = [a_result(intent, cost) for intent, cost in zip(intents, costs, strict=True)]
        await self.ledger.settle(a_settlement(generation, *results))

    async def balance(self, scope: str = "key:k_1") -> Balance:
        (balance,) = await self.ledger.balances([scope])
        return balance

    def lines(self, generation: str) -> list[dict[str, Any]]:
        return self.read("SELECT * FROM ledger WHERE request_id = ? ORDER BY number", generation)

    def request(self, generation: str) -> dict[str, Any] | None:
        rows = self.read("SELECT * FROM request WHERE id = ?", generation)
        return rows[0] if rows else None

    def read(self, query: str, *values: object) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.path)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(query, values).fetchall()]


class Build:
    """The values that go into a ledger, as test modules get them."""

    record = staticmethod(a_record)
    intent = staticmethod(an_intent)
    result = staticmethod(a_result)
    settlement = staticmethod(a_settlement)


@pytest.fixture
def build() -> type[Build]:
    return Build


@pytest.fixture
def store_file(tmp_path: Path) -> Path:
    """The file of a fresh store."""

    async def create() -> Path:
        database = await open_database(tmp_path / "data", exclusive=False)
        await database.close()
        assert database.path is not None
        return database.path

    return asyncio.run(create())


@pytest.fixture(params=["sqlite"])
async def world(store_file: Path) -> AsyncIterator[World]:
    clock = SetClock()
    ledger = SqliteLedger(store_file, clock, lock_wait=0.05)
    await ledger.start()
    yield World(ledger, clock, store_file)
    await ledger.close()
