"""The ledger is opened for reading only, and what is wrong with it becomes one sentence."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import text

from gateway import reports
from gateway.reports import Days, ReportsUnavailable, Source
from tests.reports.books import NOON


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO virtual_key (id) VALUES ('k_evil')",
        "UPDATE account SET spent_nano = 0",
        "DELETE FROM request",
        "DROP TABLE ledger",
        "CREATE TABLE evil (id TEXT)",
        "PRAGMA user_version = 7",
        "VACUUM",
    ],
)
def test_a_write_is_refused(statement, books, source):
    books.add("gen-1", ("openai", "gpt", 3))
    with pytest.raises(ReportsUnavailable) as refused, source.reading() as db:
        db.execute(text("PRAGMA query_only = OFF"))
        db.execute(text(statement))
        db.commit()
    assert isinstance(refused.value.__cause__.orig, sqlite3.OperationalError)
    with source.reading() as db:
        assert len(reports.recent(db, reports.Viewer("user:ann", "k_ann", is_admin=False)).rows) == 1


def test_all_queries_of_a_block_see_the_same_moment(books, source, ann):
    books.add("gen-1", ("openai", "gpt", 3))
    with source.reading() as db:
        assert reports.summed(reports.by_day(db, ann, Days(NOON))).cost == 3
        books.add("gen-2", ("openai", "gpt", 4))
        assert reports.summed(reports.by_day(db, ann, Days(NOON))).cost == 3
    with source.reading() as db:
        assert reports.summed(reports.by_day(db, ann, Days(NOON))).cost == 7


def test_a_folder_without_a_store_says_that_nothing_was_recorded(tmp_path):
    with pytest.raises(ReportsUnavailable, match="Nothing has been recorded yet"), Source(tmp_path).reading():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_store_without_tables_is_being_set_up(tmp_path, ann):
    sqlite3.connect(tmp_path / "atelier.db").close()
    (tmp_path / "atelier.db").touch()
    with pytest.raises(ReportsUnavailable, match="being set up"), Source(tmp_path).reading() as db:
        reports.recent(db, ann)


def test_a_damaged_file_sends_the_viewer_to_an_admin(tmp_path, ann):
    (tmp_path / "atelier.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(ReportsUnavailable, match="damaged"), Source(tmp_path).reading() as db:
        reports.recent(db, ann)


def test_a_store_locked_by_somebody_else_is_tried_again_later(tmp_path, books, ann, monkeypatch):
    monkeypatch.setattr("gateway.reports.source.LOCK_WAIT", 0.01)
    with closing(sqlite3.connect(tmp_path / "atelier.db", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ReportsUnavailable, match="tries again"), Source(tmp_path).reading() as db:
            reports.recent(db, ann)


def test_a_folder_with_strange_characters_in_its_name_is_found(tmp_path, ann):
    from tests.reports.books import Books

    folder = tmp_path / "a?mode=rwc#b %20 ü"
    Books(folder).add("gen-1", ("openai", "gpt", 3))
    with Source(folder).reading() as db:
        assert len(reports.recent(db, ann).rows) == 1
