"""The migrations make what the tables say, and the ledger cannot be rewritten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlmodel import SQLModel

from gateway.ledger import statements
from gateway.store import schema, tables, windows
from gateway.store.database import Database

LINE = (
    "INSERT INTO ledger (request_id, number, key_id, tenant, provider, model, deployment_id, status, input_tokens,"
    " output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens, audio_input_tokens,"
    " audio_output_tokens, cost_nano, estimated, late, price, started_at, ended_at, booked_at)"
    " VALUES ('g1', 1, 'k', 't', 'p', 'm', 'd', 'completed', 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, '{}', 0, 0, 0)"
)


@pytest.fixture
def book(database: Database) -> Iterator[sqlite3.Connection]:
    """A connection of someone who means ill, with one line in the ledger."""
    assert database.path is not None
    with closing(sqlite3.connect(database.path)) as db:
        db.execute(LINE)
        db.commit()
        yield db


async def test_migrations_make_exactly_the_tables(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, tables.LedgerLine.metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


async def test_a_store_at_head_is_left_as_it_is(database: Database) -> None:
    assert await schema.upgrade(database.engine) is False


async def test_what_another_process_has_just_made_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/empty.db")
    wait_for_turn = schema._wait_for_turn

    async def another_was_first(connection: AsyncConnection) -> None:
        monkeypatch.setattr(schema, "_wait_for_turn", wait_for_turn)
        assert await schema.upgrade(engine) is True
        await wait_for_turn(connection)

    monkeypatch.setattr(schema, "_wait_for_turn", another_was_first)
    assert await schema.upgrade(engine) is False
    await engine.dispose()


async def test_nobody_else_writes_while_the_schema_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/empty.db")
    migrate = schema._migrate

    def intruding(connection: Connection) -> None:
        with (
            closing(sqlite3.connect(tmp_path / "empty.db", timeout=0)) as intruder,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            intruder.execute("CREATE TABLE account (scope)")
        migrate(connection)

    monkeypatch.setattr(schema, "_migrate", intruding)
    assert await schema.upgrade(engine) is True
    await engine.dispose()


async def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/empty.db")
    migrate = schema._migrate

    def failing(connection: Connection) -> None:
        migrate(connection)
        raise LookupError

    monkeypatch.setattr(schema, "_migrate", failing)
    with pytest.raises(LookupError):
        await schema.upgrade(engine)
    monkeypatch.setattr(schema, "_migrate", migrate)
    with closing(sqlite3.connect(tmp_path / "empty.db")) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == []
    assert await schema.upgrade(engine) is True
    await engine.dispose()


def test_no_table_has_a_column_that_could_hold_money_as_a_float() -> None:
    for table in SQLModel.metadata.sorted_tables:
        for column in table.columns:
            if column.name.endswith(("_nano", "_tokens")):
                assert column.type.python_type is int, f"{table.name}.{column.name}"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET cost_nano = 0",
        "UPDATE ledger SET late = 1 WHERE request_id = 'g1'",
        "DELETE FROM ledger",
        "DELETE FROM ledger WHERE request_id = 'g1'",
    ],
)
def test_the_ledger_refuses_to_be_changed(book: sqlite3.Connection, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        book.execute(statement)
    assert book.execute("SELECT cost_nano FROM ledger").fetchall() == [(7,)]


@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "REPLACE"])
def test_a_line_cannot_be_replaced(book: sqlite3.Connection, verb: str) -> None:
    book.execute(LINE.replace("INSERT", verb).replace("7", "0"))
    assert book.execute("SELECT cost_nano FROM ledger").fetchall() == [(7,)]


def plan(book: sqlite3.Connection, query: str) -> str:
    return " ".join(row[3] for row in book.execute(f"EXPLAIN QUERY PLAN {query}"))


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT sum(cost_nano) FROM ledger WHERE booked_at >= 1 GROUP BY model", "ledger_by_time"),
        ("SELECT * FROM request WHERE tenant = 't' ORDER BY created_at DESC LIMIT 50", "request_by_tenant"),
        ("SELECT * FROM request WHERE key_id = 'k' ORDER BY created_at DESC LIMIT 50", "request_by_key"),
        ("SELECT * FROM request ORDER BY created_at DESC LIMIT 50", "request_by_time"),
        ("SELECT id FROM request WHERE status IS NULL ORDER BY created_at", "request_open"),
        (statements.EXPIRED_HOLDS.replace("?", "1"), "request_open"),
        (statements.NEXT_EXPIRY, "request_open"),
    ],
)
def test_reports_and_sweeps_read_an_index_and_sort_nothing(book: sqlite3.Connection, query: str, index: str) -> None:
    found = plan(book, query)
    assert index in found
    assert "FOR ORDER BY" not in found


@pytest.mark.parametrize(("window", "seconds"), [(None, None), ("1d", 86_400), ("30d", 2_592_000)])
def test_windows_are_days(window: str | None, seconds: float | None) -> None:
    assert windows.seconds(window) == seconds


@pytest.mark.parametrize("window", ["", "0d", "d", "-1d", "1h", "1 d", "1d\n", "99999d", "\u0661d"])
def test_what_is_no_window_is_refused(window: str) -> None:
    with pytest.raises(ValueError, match="a budget window is"):
        windows.seconds(window)


@pytest.mark.parametrize(
    ("now", "window"), [(10, (10, 20)), (19.5, (10, 20)), (20, (20, 30)), (57, (50, 60)), (3, (10, 20))]
)
def test_the_current_window_steps_on_in_whole_windows(now: float, window: tuple[float, float]) -> None:
    assert windows.current(10, 10, now) == window
