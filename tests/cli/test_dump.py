"""The commands that docs/operations.md gives for PostgreSQL's own backups, run as they stand."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import delete
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from gateway.store.database import open_database
from gateway.store.tables import LedgerLine
from gateway.store.transfer import transfer
from tests.cli.stores import full_store, rows_of
from tests.servers import PostgresServer, postgres_programs

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


def documented(program: str, *, after: str) -> list[str]:
    """The words of the line that begins with `program`, below a heading."""
    line = re.search(rf"^{program} .*$", PAGE.partition(f"\n### {after}\n")[2], re.MULTILINE)
    assert line is not None
    return shlex.split(line[0], comments=True)


def run(command: list[str], folder: Path, **env: str) -> None:
    program, *rest = command
    words = [str(postgres_programs() / program), *(os.path.expandvars(word) for word in rest)]
    done = subprocess.run(words, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_dump_comes_back_whole_and_the_ledger_append_only(
    tmp_path: Path, postgres_server: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = full_store(tmp_path / "data")

    async def fill() -> None:
        source = await open_database(folder, exclusive=False)
        target = await open_database(folder, postgres_url, exclusive=False)
        await transfer(source.engine, target.engine, lambda *_: None)
        await target.close()
        await source.close()

    asyncio.run(fill())
    before = rows_of(folder, postgres_url)

    url = make_url(postgres_url)
    where = {"PGHOST": str(url.host), "PGPORT": str(url.port), "PGUSER": str(url.username)}
    monkeypatch.setenv("ATELIER_DATABASE_URL", postgres_url)
    run(documented("pg_dump", after="Backup of the scaled set-up"), tmp_path, **where)
    restored = url.set(database="atelier_restored").render_as_string(hide_password=False)
    run(documented("createdb", after="Backup of the scaled set-up"), tmp_path, **where)
    try:
        run(documented("pg_restore", after="Backup of the scaled set-up"), tmp_path, **where)
        assert rows_of(folder, restored) == before

        async def change() -> None:
            database = await open_database(folder, restored, exclusive=False)
            try:
                async with database.engine.begin() as connection:
                    await connection.execute(delete(LedgerLine))
            finally:
                await database.close()

        with pytest.raises(DBAPIError, match="append-only"):
            asyncio.run(change())
    finally:
        postgres_server.drop(restored)
