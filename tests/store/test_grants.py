"""The printed statements make credentials that can read every report, and nothing else."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio as redis

from gateway import reports
from gateway.reports import BY, Days, Filters, Source, Viewer, Wanted
from gateway.store.grants import LIVE_KEYS, READABLE, postgresql_grants, redis_grants
from gateway.store.tables import LedgerLine
from tests.reports.books import NOON, Books

TABLES = LedgerLine.metadata.tables
ADMIN = Viewer("key:m", "m", is_admin=True, role="admin")
LEAD = Viewer("team:blog", "k", is_admin=False, role="lead", user="lou", team="blog")
SECRETS = {
    "virtual_key": {"digest", "litellm_digest", "previous_digest", "prefix"},
    "user": {"password_hash", "oidc_subject", "email"},
    "sign_in": {"digest"},
    "invitation": {"digest", "email"},
    "content": {"prompt", "answer"},
    "request": {"prompt_digest", "x_request_id"},
    "audit": {"before", "after"},
    "dead_letter": {"event"},
}


@pytest.fixture
def books(postgres_url: str, tmp_path: Path) -> Books:
    books = Books(tmp_path, postgres_url)
    books.add("gen-1", ("openai", "gpt", 5, "failed"), ("openai", "gpt", 7), user="ann", team="blog", brand="acme")
    books.roll_up()
    books.add("gen-2", ("openai", "gpt", 11), user="ann", team="blog")
    return books


@pytest.fixture
async def reader(books: Books, postgres_url: str) -> AsyncIterator[str]:
    """The database's address for a role that the printed statements have made."""
    role, password = f"reader_{secrets.token_hex(4)}", "it's secret"
    owner = await asyncpg.connect(postgres_url)
    await owner.execute(postgresql_grants(role, password))
    yield postgres_url.replace("//postgres@", f"//{role}:it's%20secret@")
    await owner.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    await owner.close()


@pytest.fixture
async def connection(reader: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the role's, with its own guard against writing switched off, as an attacker would."""
    connection = await asyncpg.connect(reader)
    await connection.execute("SET default_transaction_read_only = off")
    yield connection
    await connection.close()


@pytest.fixture
def source(reader: str, tmp_path: Path) -> Iterator[Source]:
    source = Source(tmp_path, reader)
    yield source
    source.close()


async def test_every_report_can_be_read(source: Source) -> None:
    filters = Filters(team="blog", user="ann", brand="acme", model="gpt", key_id="k_ann")
    wanted = Wanted(team="blog", user="ann", brand="acme", model="auto")
    with source.reading() as db:
        for viewer in (ADMIN, LEAD):
            for by in BY:
                assert sum(row.sum.cost for row in reports.report(db, viewer, Days(NOON), by).rows) == 23
                assert sum(row.sum.cost for row in reports.report(db, viewer, Days(NOON), by, filters).rows) == 12
            page = reports.recent(db, viewer, 1)
            assert [row.id for row in reports.recent(db, viewer, 1, after=page.next).rows] == ["gen-1"]
            assert [row.id for row in reports.recent(db, viewer, wanted=wanted).rows] == ["gen-1"]
            found = reports.one(db, viewer, "gen-1")
            assert found is not None
            assert len(found.attempts) == 2


async def test_every_other_column_is_refused(connection: asyncpg.Connection) -> None:
    for name, table in TABLES.items():
        for column in table.columns:
            query = f'SELECT "{column.name}" FROM "{name}"'
            if column.name in READABLE.get(name, ()):
                await connection.fetch(query)
            else:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.fetch(query)


def test_no_secret_is_among_the_readable_columns() -> None:
    for table, columns in SECRETS.items():
        assert columns <= set(TABLES[table].columns.keys()), table
        assert not columns & set(READABLE.get(table, ())), table
    assert not [
        name for columns in READABLE.values() for name in columns if re.search("digest|password|hash|email", name)
    ]


async def test_every_write_is_refused(connection: asyncpg.Connection) -> None:
    for name, table in TABLES.items():
        column = next(iter(table.columns)).name
        for statement in (
            f'INSERT INTO "{name}" DEFAULT VALUES',
            f'UPDATE "{name}" SET "{column}" = NULL',
            f'DELETE FROM "{name}"',
            f'TRUNCATE "{name}"',
            f'SELECT "{column}" FROM "{name}" FOR UPDATE',
            f'ALTER TABLE "{name}" ADD evil TEXT',
            f'DROP TABLE "{name}"',
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("CREATE TABLE evil (id TEXT)")


async def test_the_role_begins_read_only_and_impatient(reader: str) -> None:
    connection = await asyncpg.connect(reader)
    assert await connection.fetchval("SHOW default_transaction_read_only") == "on"
    assert await connection.fetchval("SHOW statement_timeout") == "5s"
    await connection.close()


async def test_the_redis_user_reads_live_figures_only(redis_server) -> None:
    async with redis.from_url(redis_server.url) as owner:
        name = f"reader_{secrets.token_hex(4)}"
        await owner.execute_command(*redis_grants(name, "secret").split())
        await owner.set("{atelier}:live:snapshot", "1")
        await owner.hset("{atelier}:account:key:k_1", "spent", "7")
        url = redis_server.url.replace("//", f"//{name}:secret@")
        async with redis.from_url(url) as reader:
            assert await reader.ping()
            assert await reader.get("{atelier}:live:snapshot") == b"1"
            for command in (
                "HGETALL {atelier}:account:key:k_1",
                "GET other",
                "SET {atelier}:live:snapshot 2",
                "DEL {atelier}:live:snapshot",
                "KEYS *",
                "SCAN 0",
                "RANDOMKEY",
                "CONFIG GET *",
                "ACL LIST",
                "EVAL return(1) 0",
                "PUBLISH channel x",
                "SUBSCRIBE channel",
                "MONITOR",
                "FLUSHALL",
                "CLIENT LIST",
            ):
                with pytest.raises(redis.ResponseError, match=r"NOPERM|no permissions"):
                    await reader.execute_command(*command.split())
        await owner.execute_command("ACL", "DELUSER", name)
        await owner.delete("{atelier}:live:snapshot", "{atelier}:account:key:k_1")


@pytest.mark.parametrize("name", ["", "Robert", "x; DROP TABLE ledger", 'x"', "1x", "a b", "x" * 64])
def test_a_name_that_would_have_to_be_quoted_is_refused(name: str) -> None:
    for make in (postgresql_grants, redis_grants):
        with pytest.raises(ValueError, match="small letters"):
            make(name)


def test_the_text_holds_a_placeholder_and_the_live_keys() -> None:
    assert "CHANGE-ME" in postgresql_grants("atelier_reader")
    assert f"~{LIVE_KEYS} " in redis_grants("atelier_reader")
    with pytest.raises(ValueError, match="blanks"):
        redis_grants("atelier_reader", "a b")
