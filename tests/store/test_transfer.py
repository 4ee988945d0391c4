"""Everything of a full SQLite store lies in PostgreSQL afterwards, cent by cent; or nothing does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Table, column, func, insert, select, table, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store import transfer as module
from gateway.store.database import Database, open_database
from gateway.store.directory import AuditEntry, Team
from gateway.store.failures import MoveRefused
from gateway.store.tables import LedgerLine, Request
from gateway.store.transfer import Progress, Transferred, transfer
from tests.cli.stores import COST, ROWS, TABLES, full_store, rows_of

T = TypeVar("T")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return full_store(tmp_path_factory.mktemp("transfer") / "data")


def both(folder: Path, url: str, work: Callable[[Database, Database], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        source = await open_database(folder, exclusive=True)
        target = await open_database(folder, url, exclusive=False)
        try:
            return await work(source, target)
        finally:
            await target.close()
            await source.close()

    return asyncio.run(run())


def moved(folder: Path, url: str, progress: Callable[[str, int, int], None] = lambda *_: None) -> Transferred:
    return both(folder, url, lambda source, target: transfer(source.engine, target.engine, progress))


def ask(folder: Path, url: str, statement: Any) -> Any:
    async def work(_: Database, target: Database) -> Any:
        async with target.engine.begin() as connection:
            result = await connection.execute(statement)
            return result.scalar_one() if statement.is_select else None

    return both(folder, url, work)


def test_every_row_of_every_table_is_there_as_it_was(
    data: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    told: list[tuple[str, int, int]] = []
    done = moved(data, postgres_url, lambda *step: told.append(step))
    assert rows_of(data, postgres_url) == rows_of(data)
    assert done.rows == {table.name: ROWS + (table.name == "position") for table in TABLES}  # a schema begins with one
    assert done.cost_nano == COST * (ROWS * (ROWS - 1) // 2)
    assert done.by == dict.fromkeys(("key_id", "user", "team", "brand", "tenant"), ROWS)
    assert [(done, total) for table, done, total in told if table == "ledger"] == [(2, 5), (4, 5), (5, 5)]


def test_the_audit_log_goes_on_where_it_was(data: Path, postgres_url: str) -> None:
    moved(data, postgres_url)
    last = ask(data, postgres_url, select(func.max(AuditEntry.id)))
    entry = {"at": 1.0, "actor": "cli", "action": "x", "object_type": "user", "object_id": "u"}
    ask(data, postgres_url, insert(AuditEntry).values(entry))
    assert ask(data, postgres_url, select(func.max(AuditEntry.id))) == last + 1


def test_the_ledger_stays_append_only(data: Path, postgres_url: str) -> None:
    moved(data, postgres_url)
    with pytest.raises(DBAPIError, match="append-only"):
        ask(data, postgres_url, update(LedgerLine).values(cost_nano=0))


def test_a_target_that_holds_something_is_refused(data: Path, postgres_url: str) -> None:
    ask(data, postgres_url, insert(Team).values(id="t", name="t", content="off", created_at=1.0, version=1))
    with pytest.raises(MoveRefused, match=r"not empty \(table team has 1 rows\)"):
        moved(data, postgres_url)
    assert ask(data, postgres_url, select(func.count()).select_from(LedgerLine)) == 0


def test_a_second_run_changes_nothing(data: Path, postgres_url: str) -> None:
    moved(data, postgres_url)
    with pytest.raises(MoveRefused, match="not empty"):
        moved(data, postgres_url)
    assert rows_of(data, postgres_url) == rows_of(data)


class Stop(Exception):
    pass


def test_an_interrupted_run_leaves_nothing_and_the_next_one_does_it_all(data: Path, postgres_url: str) -> None:
    def stop(table: str, _: int, __: int) -> None:
        if table == "ledger":
            raise Stop

    with pytest.raises(Stop):
        moved(data, postgres_url, stop)
    for each in TABLES:
        count = ask(data, postgres_url, select(func.count()).select_from(each))
        assert count == (each.name == "position")
    moved(data, postgres_url)
    assert rows_of(data, postgres_url) == rows_of(data)


@pytest.mark.parametrize(
    ("question", "told"),
    [("_count", "rows of"), ("_costs", "cost by key_id"), ("_accounts", "accounts"), ("_sum", "cost in")],
)
def test_what_does_not_come_out_equal_is_not_kept(
    data: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, question: str, told: str
) -> None:
    """Each comparison, with one side's answer changed."""
    true = getattr(module, question)

    async def wrong(connection: AsyncConnection, about: Any) -> Any:
        answer = await true(connection, about)
        return answer if connection.dialect.name == "sqlite" or answer == 0 else None

    monkeypatch.setattr(module, question, wrong)
    with pytest.raises(MoveRefused, match=told):
        moved(data, postgres_url)
    monkeypatch.undo()
    assert ask(data, postgres_url, select(func.count()).select_from(LedgerLine)) == 0


def test_a_row_that_the_target_refuses_breaks_it_off_with_a_sentence(
    data: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: dict[int, tuple[Any, ...]] = {}
    monkeypatch.setattr(module, "_storable", lambda row: first.setdefault(len(row), tuple(row)))  # a row many times
    with pytest.raises(MoveRefused, match="broke off"):
        moved(data, postgres_url)


def test_two_at_once_do_not_mix(data: Path, postgres_url: str) -> None:
    async def work(source: Database, target: Database) -> None:
        async with target.engine.begin() as other:
            await other.execute(select(func.pg_try_advisory_xact_lock(module._LOCK_ID)))
            with pytest.raises(MoveRefused, match="Another migration"):
                await transfer(source.engine, target.engine, lambda *_: None)

    both(data, postgres_url, work)


def test_a_nul_that_postgresql_cannot_hold_is_replaced(tmp_path: Path, postgres_url: str) -> None:
    folder = full_store(tmp_path / "data", rows=1)

    async def spoil(source: Database, _: Database) -> None:
        async with source.engine.begin() as connection:
            await connection.execute(update(Request).values(model_requested="a\0b"))

    both(folder, postgres_url, spoil)
    moved(folder, postgres_url)
    assert ask(folder, postgres_url, select(Request.model_requested)) == "a\ufffdb"


def test_a_table_that_is_not_known_is_not_left_behind_in_silence(tmp_path: Path, postgres_url: str) -> None:
    folder = full_store(tmp_path / "data", rows=1)

    async def spoil(source: Database, _: Database) -> None:
        async with source.engine.begin() as connection:
            await connection.exec_driver_sql("CREATE TABLE strange (x INTEGER)")

    both(folder, postgres_url, spoil)
    with pytest.raises(MoveRefused, match="strange"):
        moved(folder, postgres_url)


def test_a_server_that_goes_away_meanwhile_is_a_sentence(
    data: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = module._copy

    async def work(source: Database, target: Database) -> None:
        async with target.engine.connect() as other:
            activity = table("pg_stat_activity", column("pid"), column("datname"))
            ours = activity.c.datname == func.current_database()
            cut = select(func.pg_terminate_backend(activity.c.pid)).where(ours, activity.c.pid != func.pg_backend_pid())

            async def copy(old: AsyncConnection, new: AsyncConnection, table: Table, progress: Progress) -> None:
                if table.name == "ledger":
                    await other.execute(cut)
                await true(old, new, table, progress)

            monkeypatch.setattr(module, "_copy", copy)
            with pytest.raises(MoveRefused, match="nothing was kept"):
                await transfer(source.engine, target.engine, lambda *_: None)

    both(data, postgres_url, work)
    assert ask(data, postgres_url, select(func.count()).select_from(Request)) == 0
