"""The roll-up adds every line once, in whatever order lines are committed and however many processes add."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, update
from sqlmodel import func, select

from gateway import errors
from gateway.clock import SystemClock
from gateway.ledger import rollup
from gateway.ledger.rollup import Rollups, forget
from gateway.ledger.sums import HALF_HOUR, KEYS, lines, snapshot, summed
from gateway.store.database import Database, open_database
from gateway.store.tables import LedgerLine, Position, Request, SpendDay, SpendRollup
from tests.reports.books import a_line

START = 1_900_000_800.0  # on a half-hour
WHOSE = {"key_id": "k_1", "tenant": "user:ada", "user": "ada", "team": None, "brand": None, "simulated": False}


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    database = await open_database(tmp_path, url, exclusive=False)
    yield database
    await database.close()


@pytest.fixture
async def server(postgres_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    database = await open_database(tmp_path, postgres_url, exclusive=False)
    yield database
    await database.close()


def a_roller(database: Database, most: int = 5_000) -> Rollups:
    return Rollups(database.engine, SystemClock(), most=most)


async def everything(database: Database, most: int = 5_000) -> int:
    """Add up until nothing is left; how many lines there were."""
    roller, count = a_roller(database, most), 0
    while step := await roller.advance():
        count += step
    return count


async def book(session: Any, name: str, cost: int, seq: int, at: float = START, **more: Any) -> None:
    session.add(a_request(name))
    await session.flush()
    session.add(a_line(name, 1, ("openai", "gpt", cost), {**WHOSE, **more}, seq, at))
    await session.flush()


def a_request(name: str) -> Request:
    return Request(
        id=name, x_request_id="r", endpoint="chat", model_requested="m", stream=False, created_at=START, **WHOSE
    )


async def rows(database: Database, table: Any = SpendRollup) -> list[dict[str, Any]]:
    async with database.session() as session:
        found = (await session.exec(select(table).order_by(*map(table.__table__.c.get, KEYS)))).all()
    return [row.model_dump() for row in found]


async def position(database: Database) -> int:
    async with database.session() as session:
        found = await session.get(Position, "rollup")
    assert found is not None
    return found.seq


async def afresh(database: Database, *, by_days: bool = False) -> list[dict[str, Any]]:
    """What the roll-up would be, added up from nothing."""
    async with database.engine.connect() as connection:
        query = summed(lines(by_days=by_days))
        return [
            dict(row)
            for row in (await connection.execute(query.order_by(*list(query.selected_columns)[: len(KEYS)]))).mappings()
        ]


async def test_lines_are_added_up_by_half_hours(database: Database) -> None:
    async with database.session() as session:
        session.add(a_request("g1"))
        await session.flush()
        for number, cost in ((1, 5), (2, 7)):
            line = a_line("g1", number, ("openai", "gpt", cost), WHOSE, 1, START, estimated=number == 2)
            session.add(line)
        await book(session, "g2", 11, 2, START + HALF_HOUR - 0.25)
        await book(session, "g3", 13, 3, START + HALF_HOUR)
        await session.commit()
    assert await everything(database) == 4
    first, second = await rows(database)
    assert first == {
        "bucket": int(START // HALF_HOUR),
        **WHOSE,
        "team": "",
        "brand": "",
        "provider": "openai",
        "model": "gpt",
        "cost_nano": 23,
        "requests": 2,
        "attempts": 3,
        "estimated": 1,
        "input_tokens": 300,
        "output_tokens": 30,
    }
    assert (second["bucket"], second["cost_nano"]) == (int(START // HALF_HOUR) + 1, 13)


async def test_small_steps_and_later_lines_come_to_the_same(database: Database) -> None:
    for turn in range(3):
        async with database.session() as session:
            for number in range(25):
                seq = 25 * turn + number + 1
                await book(session, f"g{seq}", seq, seq, START + seq * 600, user=f"u{seq % 3}", simulated=seq % 2 == 0)
            await session.commit()
        assert await everything(database, most=10) == 25
    found = await rows(database)
    assert found == await afresh(database)
    assert await rows(database, SpendDay) == await afresh(database, by_days=True)
    assert len({row["bucket"] for row in await rows(database, SpendDay)}) == 2
    assert sum(row["cost_nano"] for row in found) == sum(range(1, 76))
    assert await position(database) == 75


async def test_a_settlement_is_never_cut_in_two(database: Database) -> None:
    async with database.session() as session:
        session.add(a_request("g1"))
        await session.flush()
        session.add_all([a_line("g1", number, ("openai", "gpt", 1), WHOSE, 1, START) for number in range(1, 15)])
        await session.commit()
    assert await a_roller(database, most=10).advance() == 14


async def test_several_processes_add_each_line_once(database: Database) -> None:
    async with database.session() as session:
        for seq in range(1, 121):
            await book(session, f"g{seq}", 1, seq)
        await session.commit()
    counts = await asyncio.gather(*(everything(database, most=10) for _ in range(4)))
    assert sum(counts) == 120
    (row,) = await rows(database)
    assert (row["cost_nano"], row["attempts"]) == (120, 120)


async def test_a_step_that_fails_leaves_all_as_it_was(database: Database) -> None:
    async with database.session() as session:
        await book(session, "g1", 5, 1)
        await session.commit()
    engine: Engine = database.engine.sync_engine

    def break_off(*args: Any) -> None:
        if args[2].startswith("UPDATE position SET seq=") and "RETURNING" not in args[2]:
            raise OSError

    event.listen(engine, "before_cursor_execute", break_off)
    with pytest.raises(errors.Unavailable):
        await a_roller(database).advance()
    event.remove(engine, "before_cursor_execute", break_off)
    assert await rows(database) == []
    assert await everything(database) == 1
    assert [row["cost_nano"] for row in await rows(database)] == [5]


async def test_the_roller_goes_on_when_the_store_is_back(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    roller, tries = a_roller(database), 0
    done = asyncio.Event()
    monkeypatch.setattr(rollup, "EVERY", 0.0)

    async def advance() -> int:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise errors.Unavailable("away")
        done.set()
        return 0

    monkeypatch.setattr(roller, "advance", advance)
    task = asyncio.create_task(roller.run())
    await asyncio.wait_for(done.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_lines_committed_out_of_order_are_all_added(server: Database) -> None:
    """Of two consumers the one with the later lines commits first; the earlier one has not even begun."""
    async with server.session() as later:
        await book(later, "g10", 10, 10)
        await later.commit()
    assert await everything(server) == 1
    async with server.session() as earlier:
        for seq in (3, 4, 9):
            await book(earlier, f"g{seq}", seq, seq)
        await earlier.commit()
    assert await everything(server) == 3
    assert sum(row["cost_nano"] for row in await rows(server)) == 26


async def test_a_step_waits_for_lines_that_are_on_their_way(server: Database) -> None:
    """The earlier consumer wrote its lines before the step and commits during it."""
    async with server.session() as earlier, server.session() as later:
        await book(earlier, "g3", 3, 3)
        await book(later, "g10", 10, 10)
        await later.commit()
        step = asyncio.create_task(a_roller(server).advance())
        await until_somebody_waits(server)
        await earlier.commit()
        assert await step == 2
    assert sum(row["cost_nano"] for row in await rows(server)) == 13
    assert await everything(server) == 0


async def test_a_line_that_comes_during_a_step_waits_and_stands_above_it(server: Database) -> None:
    async with server.session() as session:
        await book(session, "g10", 10, 10)
        await session.commit()

    async def come() -> None:
        async with server.session() as session:
            await book(session, "g3", 3, 3)
            await session.commit()

    async with server.engine.begin() as step:
        assert await rollup._lock(step) == 0
        arrival = asyncio.create_task(come())
        await until_somebody_waits(server)
        await step.execute(update(Position).where(Position.name == "rollup").values(seq=10))
    await arrival
    async with server.session() as session:
        assert (await session.exec(select(LedgerLine.seq).where(LedgerLine.request_id == "g3"))).one() == 11


async def until_somebody_waits(server: Database) -> None:
    """Until a transaction of this database waits for a lock."""
    async with server.engine.connect() as connection:
        watch = await connection.execution_options(isolation_level="AUTOCOMMIT")
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        while not (await watch.exec_driver_sql(waiting)).scalar_one():  # noqa: ASYNC110 - nobody could set an event
            await asyncio.sleep(0.01)


async def test_a_snapshot_sees_one_moment(database: Database) -> None:
    count = select(func.count()).select_from(LedgerLine)
    async with snapshot(database.engine) as reading:
        assert await reading.scalar(count) == 0
        async with database.session() as session:
            await book(session, "g1", 5, 1)
            await session.commit()
        assert await reading.scalar(count) == 0
    async with snapshot(database.engine) as reading:
        assert await reading.scalar(count) == 1


async def test_a_person_is_forgotten_and_the_money_stays(database: Database) -> None:
    async with database.session() as session:
        await book(session, "g1", 5, 1)
        await book(session, "g2", 7, 2, user="u_x", tenant="user:u_x")
        await book(session, "g3", 11, 3, tenant="team:blog", team="blog")
        await book(session, "g4", 13, 4, user="bob", tenant="user:bob")
        await session.commit()
    await everything(database)
    async with database.engine.begin() as connection:
        await forget(connection, "ada", "u_x")
    for table in (SpendRollup, SpendDay):
        found = {(row["user"], row["tenant"]): row["cost_nano"] for row in await rows(database, table)}
        assert found == {("u_x", "user:u_x"): 12, ("u_x", "team:blog"): 11, ("bob", "user:bob"): 13}
