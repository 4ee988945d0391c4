"""A PostgreSQL server is opened for reading only, from any thread, and what is wrong with it becomes one sentence."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from gateway import reports
from gateway.reports import Days, ReportsUnavailable, Source
from gateway.reports import server as reading_server
from tests.reports.books import NOON, Books


@pytest.fixture
def server(postgres_url, tmp_path):
    return Books(tmp_path, postgres_url)


@pytest.fixture
def source(server):
    source = Source(server.data_dir, server.url)
    yield source
    source.close()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO position VALUES ('evil', 1)",
        "UPDATE account SET spent_nano = 0",
        "DELETE FROM request",
        "DROP TABLE ledger",
        "CREATE TABLE evil (id TEXT)",
        "SELECT * FROM position FOR UPDATE",
    ],
)
def test_a_write_is_refused(statement, source):
    with pytest.raises(ReportsUnavailable) as refused, source.reading() as db:
        db.execute(text(statement))
    assert "read-only transaction" in str(refused.value.__cause__)


def test_all_queries_of_a_block_see_the_same_moment(server, source, ann):
    server.add("gen-1", ("openai", "gpt", 3))
    with source.reading() as db:
        assert reports.summed(reports.by_day(db, ann, Days(NOON))).cost == 3
        server.add("gen-2", ("openai", "gpt", 4))
        server.roll_up()
        assert reports.summed(reports.by_day(db, ann, Days(NOON))).cost == 3
    with source.reading() as db:
        assert reports.summed(reports.by_day(db, ann, Days(NOON))).cost == 7


def test_threads_read_at_once(server, source, ann):
    server.add("gen-1", ("openai", "gpt", 3))
    everybody = threading.Barrier(3)

    def read(_):
        with source.reading() as db:
            everybody.wait(20)
            return reports.summed(reports.by_day(db, ann, Days(NOON))).cost

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(read, range(3))) == [3, 3, 3]


def test_a_query_that_takes_too_long_is_broken_off(source, monkeypatch):
    monkeypatch.setitem(reading_server.SETTINGS, "statement_timeout", "50")
    with pytest.raises(ReportsUnavailable, match="tries again"), source.reading() as db:
        db.execute(text("SELECT pg_sleep(60)"))


def test_a_server_that_is_away_is_tried_again_later(tmp_path, ann):
    source = Source(tmp_path, "postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(ReportsUnavailable, match="tries again"), source.reading() as db:
        reports.recent(db, ann)
    source.close()


def test_a_database_without_tables_is_being_set_up(postgres_url, tmp_path, ann):
    source = Source(tmp_path, postgres_url)
    with pytest.raises(ReportsUnavailable, match="being set up"), source.reading() as db:
        reports.recent(db, ann)
    source.close()


def test_an_address_is_checked_and_never_told(tmp_path):
    with pytest.raises(ReportsUnavailable) as refused:
        Source(tmp_path, "postgresql//secret")
    assert "secret" not in str(refused.value)
    assert "secret" not in repr(Source(tmp_path, "postgresql://u:secret@host/name"))


def test_a_file_can_be_named_by_an_address_too(tmp_path, ann):
    Books(tmp_path).add("gen-1", ("openai", "gpt", 3))
    with Source(tmp_path / "elsewhere", f"sqlite:///{tmp_path}/atelier.db").reading() as db:
        assert len(reports.recent(db, ann).rows) == 1
