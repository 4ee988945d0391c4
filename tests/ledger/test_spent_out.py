"""Soft budgets of deployments and providers: known from SQL and from what this process settled, window by window."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from gateway import errors
from gateway.config.money_models import Budget
from gateway.ledger.rollup import Rollups
from gateway.ledger.spent_out import MOST_UNSEEN, SpentOut
from gateway.store.database import Database, open_database
from gateway.store.tables import Request
from gateway.types import AttemptResult, Balance, Deployment, Endpoint, Intent, Price, Status, Usage
from tests.core.fakes import FakeClock
from tests.reports.books import a_line

DAY = 86_400.0
WHOSE = {"key_id": "k_1", "tenant": "key:k_1", "user": None, "team": None, "brand": None}


def a_deployment(model: str = "gpt", provider: str = "openai", **members: Any) -> Deployment:
    return Deployment(
        f"group/{provider}/{model}", "group", provider, f"{provider}/{model}", Endpoint.CHAT, Price(), **members
    )


@dataclass
class Books:
    """A ledger that is written line by line, and what reads it."""

    database: Database
    clock: FakeClock = field(default_factory=FakeClock)
    lines: int = 0

    def __post_init__(self) -> None:
        self.spent = SpentOut(self.database.engine, self.clock)

    async def book(
        self, cost: int, name: str = "gpt", provider: str = "openai", *, ago: float = 0, simulated: bool = False
    ) -> str:
        """A request with one attempt, as the ledger has it once it is booked."""
        self.lines += 1
        request_id, at = f"g{self.lines}", self.clock.now() - ago
        async with self.database.session() as session:
            row = {"endpoint": "chat", "model_requested": "m", "stream": False, "created_at": at}
            session.add(Request(id=request_id, x_request_id="r", **row, **WHOSE))
            await session.flush()
            whose = {**WHOSE, "simulated": simulated}
            session.add(a_line(request_id, 1, (provider, name, cost), whose, self.lines, at))
            await session.commit()
        return request_id

    async def roll_up(self) -> None:
        while await Rollups(self.database.engine, self.clock).advance():
            pass

    def settle(self, cost: int, request_id: str, on: Deployment) -> None:
        intent = Intent(request_id, 1, on.id, on.provider, on.model, Price(), cost, self.clock.now())
        self.spent.settled([AttemptResult(intent, Status.COMPLETED, Usage(), cost, self.clock.now())])


@pytest.fixture(params=["sqlite", "postgresql"])
async def books(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Books]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    database = await open_database(tmp_path, url, exclusive=False)
    yield Books(database)
    await database.close()


async def test_a_deployment_is_out_once_its_budget_is_spent(books: Books) -> None:
    limited, other = a_deployment(budget=100, budget_window=DAY), a_deployment("gpt-2")
    books.spent.configure([limited, other], {})
    await books.book(99)
    await books.book(500, "gpt-2")
    await books.spent.look()
    assert not books.spent.spent_out(limited)
    await books.roll_up()
    await books.book(1)
    await books.spent.look()
    assert books.spent.spent_out(limited)
    assert not books.spent.spent_out(other)


async def test_every_line_counts_once_however_far_the_roll_up_is(books: Books) -> None:
    limited = a_deployment(budget=1_000)
    books.spent.configure([limited], {"openai": Budget(limit=1_000 / 1e9)})
    for turn in range(9):
        await books.book(100)
        if turn % 3 == 1:
            await books.roll_up()
        await books.spent.look()
    assert not books.spent.spent_out(limited)
    fresh = Books(books.database, books.clock)
    fresh.spent.configure([limited], {})
    await fresh.spent.look()
    assert not fresh.spent.spent_out(limited)
    await books.book(100)
    for each in (books, fresh):
        await each.spent.look()
        assert each.spent.spent_out(limited)


async def test_a_providers_budget_takes_all_its_deployments_out(books: Books) -> None:
    first, second, other = a_deployment(), a_deployment("gpt-2"), a_deployment("claude", "anthropic")
    books.spent.configure([first, second, other], {"openai": Budget(limit=100 / 1e9, days=1)})
    await books.book(60)
    await books.roll_up()
    await books.book(40, "gpt-2")
    await books.book(900, "claude", "anthropic")
    await books.spent.look()
    assert [books.spent.spent_out(each) for each in (first, second, other)] == [True, True, False]


async def test_what_is_spent_of_providers_budgets_is_known(books: Books) -> None:
    one = a_deployment(budget=5)
    books.spent.configure([one], {"openai": Budget(limit=0.000001, days=1), "gemini": Budget(limit=1)})
    await books.book(300)
    await books.spent.look()
    books.settle(200, "running", one)
    midnight = books.clock.now() // DAY * DAY + DAY
    assert books.spent.providers() == [
        Balance("provider:openai", 1_000, 500, 0, midnight),
        Balance("provider:gemini", 10**9, 0, 0, None),
    ]
    books.clock.advance(DAY)
    await books.spent.look()
    assert books.spent.providers()[0].resets_at == midnight + DAY


async def test_a_window_that_has_ended_does_not_count(books: Books) -> None:
    limited = a_deployment(budget=100, budget_window=3_600.0)
    books.spent.configure([limited], {"openai": Budget(limit=100 / 1e9, days=1)})
    await books.book(100, ago=DAY + 3_600)
    await books.roll_up()
    await books.book(100, ago=DAY + 3_600)
    await books.spent.look()
    assert not books.spent.spent_out(limited)
    await books.book(100)
    await books.spent.look()
    assert books.spent.spent_out(limited)
    books.clock.advance(DAY)
    assert not books.spent.spent_out(limited)
    await books.spent.look()
    assert not books.spent.spent_out(limited)


async def test_what_this_process_settled_counts_at_once_and_only_once(books: Books) -> None:
    limited = a_deployment(budget=100)
    books.spent.configure([limited], {})
    await books.spent.look()
    books.settle(60, "g1", limited)
    await books.spent.look()
    assert await books.book(60) == "g1"
    books.settle(39, "g2", limited)
    assert not books.spent.spent_out(limited)
    await books.spent.look()
    assert not books.spent.spent_out(limited)
    books.settle(1, "g3", limited)
    assert books.spent.spent_out(limited)


async def test_what_sql_never_gets_is_forgotten_at_last(books: Books) -> None:
    limited = a_deployment(budget=100)
    books.spent.configure([limited], {})
    books.settle(100, "lost", limited)
    for number in range(MOST_UNSEEN):
        books.settle(0, f"free-{number}", limited)
    assert books.spent.spent_out(limited)
    small = replace(limited, budget=MOST_UNSEEN + 1)
    books.spent.configure([small], {})
    for number in range(MOST_UNSEEN):
        books.settle(1, f"more-{number}", small)
    assert not books.spent.spent_out(small)


async def test_simulated_answers_are_not_paid_from_a_real_budget(books: Books) -> None:
    limited = a_deployment(budget=100)
    books.spent.configure([limited], {"openai": Budget(limit=100 / 1e9)})
    await books.book(500, simulated=True)
    await books.roll_up()
    await books.book(500, simulated=True)
    await books.spent.look()
    assert not books.spent.spent_out(limited)


async def test_a_reload_changes_limits_and_windows(books: Books) -> None:
    books.spent.configure([a_deployment(budget=100)], {})
    await books.book(60, ago=DAY)
    await books.book(50)
    await books.spent.look()
    assert books.spent.spent_out(a_deployment())
    books.spent.configure([a_deployment(budget=100, budget_window=3_600.0)], {})
    await books.spent.look()
    assert not books.spent.spent_out(a_deployment())
    books.spent.configure([], {})
    await books.spent.look()
    assert not books.spent.spent_out(a_deployment())


async def test_what_a_wildcard_makes_has_a_budget_too(books: Books) -> None:
    books.spent.configure([], {})
    made = a_deployment(budget=100)
    await books.book(100)
    assert not books.spent.spent_out(made)
    await books.spent.look()
    assert books.spent.spent_out(made)


async def test_a_store_that_is_away_changes_nothing(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    limited = a_deployment(budget=100)
    books.spent.configure([limited], {})
    await books.book(100)
    await books.spent.look()

    def refuse(*_: object) -> None:
        raise OSError("away")

    event.listen(books.database.engine.sync_engine, "before_cursor_execute", refuse)
    with pytest.raises(errors.Unavailable):
        await books.spent.look()
    event.remove(books.database.engine.sync_engine, "before_cursor_execute", refuse)
    assert books.spent.spent_out(limited)


async def test_a_look_reads_new_lines_by_their_index(tmp_path: Path) -> None:
    database = await open_database(tmp_path, exclusive=False)
    books = Books(database)
    books.spent.configure([a_deployment(budget=100, budget_window=DAY)], {"openai": Budget(limit=1, days=30)})
    await books.book(1)
    await books.spent.look()
    await books.book(1)
    await books.roll_up()
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    await books.spent.look()
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    plans: list[str] = []
    async with database.engine.connect() as connection:
        for statement, parameters in asked:
            if statement.startswith("SELECT") and "FROM ledger" in statement:
                found = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans += [row[3] for row in found if "ledger" in row[3]]
    await database.close()
    assert len(plans) == 4
    assert all("ledger_by_seq" in plan for plan in plans), plans
