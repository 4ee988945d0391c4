"""The writer: grouped commits, and what becomes of acts when the store, a neighbour or a waiter fails."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from structlog.testing import capture_logs

from gateway import errors
from gateway.ledger.writer import Writer

T = TypeVar("T")


@dataclass
class Bare:
    """A transaction that is nothing but its connection."""

    db: sqlite3.Connection

    def end(self) -> None:
        pass

    def undone(self) -> None:
        pass


Act = Callable[[Bare], T]


def put(scope: str) -> Act[str]:
    """An act that leaves a row behind and returns its scope."""

    def act(unit: Bare) -> str:
        unit.db.execute(
            "INSERT INTO account (scope, spent_nano, held_nano, window_started_at) VALUES (?, 0, 0, 0)", (scope,)
        )
        return scope

    return act


def spoiled(scope: str) -> Act[str]:
    def act(unit: Bare) -> str:
        put(scope)(unit)
        raise LookupError(scope)

    return act


def scopes(path: Path) -> list[str]:
    db = sqlite3.connect(path)
    try:
        return [row[0] for row in db.execute("SELECT scope FROM account ORDER BY rowid")]
    finally:
        db.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process in the middle of writing."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        db.close()


class Gate:
    """An act that keeps the writer busy until it is opened."""

    def __init__(self) -> None:
        self._entered = threading.Event()
        self._open = threading.Event()

    def __call__(self, _: Bare) -> None:
        self._entered.set()
        self._open.wait()

    async def closed(self, writer: Writer[Bare]) -> asyncio.Future[None]:
        task = writer.run(self)
        await asyncio.to_thread(self._entered.wait)
        return task

    def open(self) -> None:
        self._open.set()


@pytest.fixture
async def writer(store_file: Path) -> AsyncIterator[Writer[Bare]]:
    writer = Writer(store_file, Bare, lock_wait=0.02, pauses=(0.001, 0.001, 0.001))
    await writer.start()
    yield writer
    await writer.close()


async def gathered(writer: Writer[Bare], *acts: Act[Any]) -> list[asyncio.Future[Any]]:
    """Tasks whose acts all lie in the queue."""
    tasks = [writer.run(act) for act in acts]
    await asyncio.sleep(0)
    return tasks


async def test_what_waits_is_committed_together(writer: Writer[Bare], store_file: Path) -> None:
    statements: list[str] = []
    await writer.run(lambda unit: unit.db.set_trace_callback(statements.append))
    gate = Gate()
    blocker = await gate.closed(writer)
    tasks = await gathered(writer, *(put(f"s{n}") for n in range(100)))
    statements.clear()
    gate.open()
    assert await asyncio.gather(*tasks) == [f"s{n}" for n in range(100)]
    await blocker
    assert statements.count("COMMIT") == 2, "one for the act that was running, one for the hundred"
    assert scopes(store_file) == [f"s{n}" for n in range(100)]


async def test_an_act_that_fails_does_not_spoil_its_neighbours(writer: Writer[Bare], store_file: Path) -> None:
    gate = Gate()
    blocker = await gate.closed(writer)
    tasks = await gathered(writer, put("a"), spoiled("b"), put("c"), put("a"), put("d"))
    gate.open()
    await blocker
    a, b, c, again, d = await asyncio.gather(*tasks, return_exceptions=True)
    assert (a, c, d) == ("a", "c", "d")
    assert isinstance(b, LookupError)
    assert isinstance(again, sqlite3.IntegrityError)
    assert scopes(store_file) == ["a", "c", "d"]


async def test_commits_leave_the_log_to_others_for_a_while(writer: Writer[Bare], store_file: Path) -> None:
    for number in range(6):
        await asyncio.gather(*(writer.run(put(f"{number}-{n}-{'x' * 4_000}")) for n in range(200)))
    db = sqlite3.connect(store_file)
    pages, moved = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1:]
    db.close()
    assert pages == moved > 2_000, "SQLite itself moves it at a thousand, in the middle of a commit"


async def test_a_cancelled_waiter_takes_nothing_back(writer: Writer[Bare], store_file: Path) -> None:
    gate = Gate()
    blocker = await gate.closed(writer)
    cancelled, neighbour = await gathered(writer, put("a"), put("b"))
    cancelled.cancel()
    gate.open()
    await blocker
    assert await neighbour == "b"
    assert cancelled.cancelled()
    assert scopes(store_file) == ["a", "b"]


async def test_a_locked_store_is_an_error_that_says_when_to_come_back(writer: Writer[Bare], store_file: Path) -> None:
    with locked(store_file), pytest.raises(errors.Unavailable) as caught:
        await writer.run(put("a"))
    assert (caught.value.code, caught.value.should_retry) == ("store_unavailable", True)
    assert caught.value.retry_after is not None
    assert scopes(store_file) == []
    assert await writer.run(put("a")) == "a"


async def test_a_kept_act_waits_until_the_store_is_back(writer: Writer[Bare], store_file: Path) -> None:
    with locked(store_file):
        kept = writer.run(put("kept"), keep=True)
        for _ in range(3):
            with pytest.raises(errors.Unavailable):
                await writer.run(put("refused"))
        assert not kept.done()
    assert await kept == "kept"
    assert scopes(store_file) == ["kept"]


async def test_kept_acts_stay_in_their_order(writer: Writer[Bare], store_file: Path) -> None:
    with locked(store_file):
        kept = [writer.run(put(f"kept-{n}"), keep=True) for n in range(5)]
        with pytest.raises(errors.Unavailable):
            await writer.run(put("refused"))
    assert await writer.run(put("later")) == "later"
    await asyncio.gather(*kept)
    assert scopes(store_file) == [*(f"kept-{n}" for n in range(5)), "later"]


async def test_a_full_disk_refuses_and_keeps_what_must_be_kept(writer: Writer[Bare], store_file: Path) -> None:
    def fill(unit: Bare) -> None:
        pages = unit.db.execute("PRAGMA page_count").fetchone()[0]
        unit.db.execute(f"PRAGMA max_page_count = {pages}")

    await writer.run(fill)
    kept = writer.run(put("k" * 100_000), keep=True)
    with pytest.raises(errors.Unavailable):
        await writer.run(put("x" * 100_000))
    assert not kept.done()
    await writer.run(lambda unit: unit.db.execute("PRAGMA max_page_count = 1000000").fetchone())
    await kept
    assert scopes(store_file) == ["k" * 100_000]


async def test_a_kept_act_that_is_wrong_in_itself_fails_at_once_and_loudly(writer: Writer[Bare]) -> None:
    with capture_logs() as lines, pytest.raises(LookupError):
        await writer.run(spoiled("a"), keep=True)
    assert [line["log_level"] for line in lines] == ["critical"]


async def test_closing_writes_what_waits(writer: Writer[Bare], store_file: Path) -> None:
    gate = Gate()
    blocker = await gate.closed(writer)
    tasks = await gathered(writer, *(put(f"s{n}") for n in range(600)))
    closing = asyncio.create_task(writer.close())
    await asyncio.sleep(0)
    gate.open()
    await closing
    assert await asyncio.gather(*tasks) == [f"s{n}" for n in range(600)]
    await blocker
    assert len(scopes(store_file)) == 600


async def test_a_closed_writer_refuses(writer: Writer[Bare]) -> None:
    await writer.close()
    await writer.close()
    with pytest.raises(errors.Unavailable):
        await writer.run(put("a"))


async def test_closing_on_a_lost_store_ends_and_says_what_was_not_written(
    writer: Writer[Bare], store_file: Path
) -> None:
    with locked(store_file), capture_logs() as lines:
        kept = writer.run(put("kept"), keep=True)
        await asyncio.sleep(0)
        await writer.close()
        with pytest.raises(errors.Unavailable):
            await kept
    assert [line["event"] for line in lines if line["log_level"] == "critical"] == ["settlements_not_written"]


def test_acts_are_written_even_when_nobody_can_be_told(store_file: Path) -> None:
    writer, gate = Writer(store_file, Bare), Gate()

    async def leave() -> None:
        await writer.start()
        waiters = [await gate.closed(writer), *await gathered(writer, put("a"))]
        for waiter in waiters:
            waiter.cancel()

    asyncio.run(leave())
    gate.open()
    asyncio.run(writer.close())
    assert scopes(store_file) == ["a"]


async def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "missing.db", Bare)
    with pytest.raises(errors.Unavailable):
        await writer.start()
    assert not (tmp_path / "missing.db").exists()
