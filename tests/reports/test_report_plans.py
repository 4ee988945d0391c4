"""Reports and retention find their rows by indexes, so that they stay quick on a ledger of any size.

Times are for `python -m benchmarks.reports`; here the databases are asked for their plans.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql, sqlite

from benchmarks.reports import QUERIES, VIEWERS
from benchmarks.volume import NOW, fill
from gateway.ledger import retention
from gateway.reports import Snapshot, Source
from gateway.store.database import Database
from tests.reports.books import Books

REQUESTS = 20_000
LONG_AGO = NOW - 85 * 86_400
RETENTION = {
    "request_detailed": retention._detailed("team_1", LONG_AGO),
    "content_by_expiry": retention._expired_content(LONG_AGO),
}


@dataclass
class Explaining:
    """A snapshot that asks for the plan of every query before it runs it."""

    session: Snapshot
    server: bool
    plans: list[str] = field(default_factory=list)

    def execute(self, statement: Any) -> Any:
        self.plans.append(self.plan(statement))
        return self.session.execute(statement)

    def plan(self, statement: Any) -> str:
        dialect = postgresql.dialect() if self.server else sqlite.dialect()
        sql = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True})).replace(":", "\\:")
        prefix = "EXPLAIN" if self.server else "EXPLAIN QUERY PLAN"
        return "\n".join(row[-1] for row in self.session.execute(text(f"{prefix} {sql}")))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """A source that reads a filled store: all but the last lines are rolled up."""
    server = request.getfixturevalue("postgres_server") if request.param == "postgresql" else None
    folder: Path = tmp_path_factory.mktemp("full")
    books = Books(folder, server.fresh() if server else None)

    async def fill_up(database: Database) -> None:
        await fill(database.engine, REQUESTS)

    books.run(fill_up)
    books.roll_up()
    if server:
        books.run(analyze)
    source = Source(folder, books.url)
    yield source
    source.close()
    if server:
        server.drop(books.url)


async def analyze(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql("ANALYZE")


@pytest.fixture
def explaining(full: Source) -> Iterator[Explaining]:
    with full.reading() as db:
        server = type(full._store).__name__ == "Server"
        if server:  # a table as small as this is rather read whole; the question is whether it has to be
            db.execute(text("SET LOCAL enable_seqscan = off"))
        yield Explaining(db, server)


@pytest.mark.parametrize("viewer", VIEWERS)
@pytest.mark.parametrize("query", QUERIES)
def test_no_report_reads_a_table_whole_or_sorts_it(query, viewer, explaining):
    QUERIES[query](explaining, VIEWERS[viewer])
    assert explaining.plans
    for plan in explaining.plans:
        whole = re.findall(
            r"SCAN (?:request|ledger|spend_\w+|user|virtual_key)$|Seq Scan on (?!position|team|brand)\w+",
            plan,
            re.MULTILINE,
        )
        assert whole == [], plan
        if "days" in query and "ledger" in plan:
            assert "ledger_by_seq" in plan, plan
        if "request" in query:
            assert "USE TEMP B-TREE FOR ORDER BY" not in plan, plan


@pytest.mark.parametrize("index", RETENTION)
def test_retention_finds_what_is_due_by_an_index(index, explaining):
    plan = explaining.plan(RETENTION[index].limit(200))
    assert index in plan
    assert not re.search(r"SCAN \w+$|Seq Scan", plan, re.MULTILINE), plan
