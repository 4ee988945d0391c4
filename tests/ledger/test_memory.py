"""What the embedded ledger remembers is never older than the store: whoever else writes there, and whatever is undone."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from gateway import errors
from gateway.ledger import memory
from gateway.types import Balance

BOTH = ("key:k_1", "team:blog")


@pytest.fixture
def world(sqlite_world: Any) -> Any:
    """The embedded set-up only."""
    return sqlite_world


def outside(world: Any, *statements: str) -> None:
    """Another process writes."""
    with closing(sqlite3.connect(world.path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


async def traced(world: Any) -> list[str]:
    """The queries that the ledger's writer runs from now on."""
    queries: list[str] = []

    def trace(statement: str) -> None:
        if statement.startswith("SELECT"):
            queries.append(statement)

    await world.ledger._writer.run(lambda books: books._connection.set_trace_callback(trace))
    return queries


async def test_what_this_process_wrote_is_not_read_again(world: Any) -> None:
    await world.account("key:k_1", 1000)
    await world.open_with("g1", 100)
    await world.settle("g1", 5)
    queries = await traced(world)
    await world.open_with("g2", 100)
    await world.dispatch("g2", 2, hold=200)
    await world.settle("g2", 10, 20)
    assert queries == []
    assert await world.balance() == Balance("key:k_1", 1000, spent=35, held=0)
    assert [line["seq"] for line in await world.lines("g2")] == [2, 2]


async def test_a_person_that_is_erased_meanwhile_is_not_brought_back(world: Any, build: Any) -> None:
    await world.open_with("g1", 100)
    outside(
        world,
        "UPDATE request SET \"user\" = 'erased-1', tenant = 'user:erased-1', hold_scopes = '[\"user:erased-1\"]'",
        "UPDATE account SET scope = 'user:erased-1'",
    )
    balances = await world.ledger.settle(build.settlement("g1", build.result(build.intent("g1"), 7)))
    assert balances == (Balance("user:erased-1", None, spent=7, held=0),)
    (line,) = await world.lines("g1")
    assert (line["user"], line["tenant"]) == ("erased-1", "user:erased-1")
    assert world.read("SELECT scope FROM account") == [{"scope": "user:erased-1"}]


async def test_an_account_that_is_made_or_changed_outside_counts_at_once(world: Any) -> None:
    await world.open("g1", 40)
    outside(world, "UPDATE account SET limit_nano = 50")
    assert (await world.open("g2", 20)).busy
    outside(world, "INSERT INTO account VALUES ('team:blog', 10, 0, 0, NULL, 0, NULL)")
    refused = await world.open("g3", 20, scopes=["team:blog"])
    assert (refused.balance, refused.busy) == (Balance("team:blog", 10, 0, 0), False)


async def test_what_was_undone_is_not_remembered(world: Any) -> None:
    await world.account("key:k_1", 1000)
    await world.open_with("g1", 100)

    def wrong(_books: object) -> None:
        raise LookupError

    for _ in range(2):
        found = await asyncio.gather(
            world.dispatch("g1", 2, hold=300),
            world.ledger._writer.run(wrong),
            world.open_with("g1", 50),
            return_exceptions=True,
        )
        assert isinstance(found[1], LookupError)
        assert isinstance(found[2], errors.Conflict)
    assert [attempt["number"] for attempt in await world.written()] == [1, 2]
    assert await world.balance() == Balance("key:k_1", 1000, spent=0, held=300)
    await world.settle("g1", 1, 2)
    assert await world.balance() == Balance("key:k_1", 1000, spent=3, held=0)


async def test_a_new_connection_begins_with_nothing(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open("g1", 10)
    with closing(sqlite3.connect(world.path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(errors.Unavailable):
            await world.open("g2", 10)
        db.execute("UPDATE account SET limit_nano = 15")
        db.execute("COMMIT")
    assert (await world.open("g3", 10)).busy


async def test_no_more_is_remembered_than_the_most(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST", 2)
    for number in range(5):
        await world.open_with(f"g{number}", 10, bound=number)
    kept: list[int] = []
    await world.ledger._writer.run(lambda books: kept.append(len(books._memory.requests)))
    assert kept[0] <= 3
    for number in range(5):
        await world.settle(f"g{number}", number)
    assert await world.balance() == Balance("key:k_1", None, spent=10, held=0)
    assert await world.open_requests() == []
