"""Opening the store: what is made, who may open it, and what is said when it cannot be opened."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from gateway import errors
from gateway.store.database import DATABASE_FILE, LOCK_FILE, Database, open_database, store_errors
from gateway.store.failures import StoreInUse, StoreUnavailable
from gateway.store.tables import VirtualKey

ROOT = Path(__file__).parents[2]


def run(program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)


async def count_keys(database: Database) -> int:
    async with database.engine.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(VirtualKey))).scalar_one())


async def test_a_store_is_made_where_there_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    database = await open_database(folder, exclusive=True)
    assert await count_keys(database) == 0
    assert database.path == folder / DATABASE_FILE
    assert folder.stat().st_mode & 0o777 == 0o700
    await database.close()


async def test_what_was_stored_is_there_the_second_time(tmp_path: Path) -> None:
    database = await open_database(tmp_path, exclusive=True)
    async with database.session() as session:
        session.add(VirtualKey(id="k_1", digest=b"d", name="n", prefix="p", created_at=1.0))
        await session.commit()
    await database.close()
    again = await open_database(tmp_path, exclusive=True)
    assert await count_keys(again) == 1
    await again.close()


async def test_the_store_survives_readers_and_crashes_by_its_settings(database: Database) -> None:
    async with database.engine.connect() as connection:
        settings = {
            name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 5000}


async def test_a_second_gateway_on_the_same_folder_is_refused_in_one_sentence(tmp_path: Path) -> None:
    program = """
        import asyncio, sys
        from pathlib import Path
        from gateway.store.database import open_database

        async def main():
            await open_database(Path(sys.argv[1]), exclusive=True)
            print("open", flush=True)
            sys.stdin.read()

        asyncio.run(main())
    """
    with run(program, tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(StoreInUse) as caught:
            await open_database(tmp_path, exclusive=True)
        beside = await open_database(tmp_path, exclusive=False)
        assert await count_keys(beside) == 0
        await beside.close()
        process.kill()
    assert f"process {process.pid}" in str(caught.value)
    assert "ATELIER_DATA_DIR" in str(caught.value)
    assert "\n" not in str(caught.value)
    after = await open_database(tmp_path, exclusive=True)
    await after.close()


async def test_closing_gives_the_folder_free(tmp_path: Path) -> None:
    for _ in range(2):
        database = await open_database(tmp_path, exclusive=True)
        await database.close()


async def test_processes_that_come_first_at_once_make_the_schema_once(tmp_path: Path) -> None:
    program = """
        import asyncio, sys
        from pathlib import Path
        from gateway.store.database import open_database

        async def main():
            database = await open_database(Path(sys.argv[1]), exclusive=False)
            await database.close()

        print("ready", flush=True)
        sys.stdin.readline()
        asyncio.run(main())
    """
    processes = [run(program, tmp_path) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        process.communicate("go\n")
    assert [process.returncode for process in processes] == [0, 0, 0]
    database = await open_database(tmp_path, exclusive=True)
    assert await count_keys(database) == 0
    await database.close()


async def test_a_folder_that_cannot_be_made_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match=r"cannot be made.*ATELIER_DATA_DIR"):
        await open_database(tmp_path / "file" / "data", exclusive=True)


async def test_a_folder_that_cannot_be_written_to_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).mkdir()
    with pytest.raises(StoreUnavailable, match=r"cannot be written to.*ATELIER_DATA_DIR"):
        await open_database(tmp_path, exclusive=True)


async def test_a_store_that_cannot_be_opened_names_the_file(tmp_path: Path) -> None:
    (tmp_path / DATABASE_FILE).mkdir()
    with pytest.raises(StoreUnavailable, match=r"atelier\.db cannot be opened"):
        await open_database(tmp_path, exclusive=True)


async def test_a_corrupt_store_says_so_and_the_folder_is_free_again(tmp_path: Path) -> None:
    file = tmp_path / DATABASE_FILE
    file.write_bytes(b"this is no database " * 1000)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="not a readable SQLite database; restore it"):
            await open_database(tmp_path, exclusive=True)
    file.unlink()
    await (await open_database(tmp_path, exclusive=True)).close()


async def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    database = await open_database(tmp_path, exclusive=True)
    await database.close()
    with closing(sqlite3.connect(tmp_path / DATABASE_FILE)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnavailable, match=r"newer version of Atelier \(schema 9999\)"):
        await open_database(tmp_path, exclusive=True)


@pytest.mark.parametrize("url", ["mysql://root:hunter2@host/db", "not a url: hunter2", "oracle:hunter2", "sqlite://"])
async def test_a_url_that_is_not_served_is_refused_without_showing_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(StoreUnavailable, match="database URL") as caught:
        await open_database(tmp_path, url, exclusive=True)
    assert "hunter2" not in str(caught.value)


async def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1/atelier cannot be opened") as caught:
        await open_database(tmp_path, "postgresql://atelier:hunter2@127.0.0.1:1/atelier", exclusive=True)
    assert "hunter2" not in str(caught.value)


async def test_a_sqlite_url_chooses_the_file(tmp_path: Path) -> None:
    database = await open_database(tmp_path / "data", f"sqlite:///{tmp_path}/other.db", exclusive=True)
    assert database.path == tmp_path / "other.db"
    await database.close()


async def test_a_store_that_fails_later_is_an_error_that_says_when_to_come_back(tmp_path: Path) -> None:
    database = await open_database(tmp_path, exclusive=True)
    with closing(sqlite3.connect(tmp_path / DATABASE_FILE)) as db, db:
        db.execute("DROP TABLE virtual_key")
    with pytest.raises(errors.Unavailable) as caught, store_errors():
        await count_keys(database)
    await database.close()
    assert (caught.value.code, caught.value.retry_after) == ("store_unavailable", 1.0)
    assert "virtual_key" not in caught.value.message


async def test_many_commands_may_write_beside_the_gateway(tmp_path: Path) -> None:
    serving = await open_database(tmp_path, exclusive=True)

    async def command(number: int) -> None:
        database = await open_database(tmp_path, exclusive=False)
        async with database.session() as session:
            session.add(VirtualKey(id=f"k_{number}", digest=bytes([number]), name="n", prefix="p", created_at=1.0))
            await session.commit()
        await database.close()

    await asyncio.gather(*(command(number) for number in range(10)))
    assert await count_keys(serving) == 10
    await serving.close()


async def test_work_that_comes_one_after_the_other_keeps_to_one_connection(tmp_path: Path) -> None:
    database = await open_database(tmp_path, exclusive=True)
    async with database.engine.connect() as first, database.engine.connect() as second:
        open_at_once = {(await each.get_raw_connection()).driver_connection for each in (first, second)}
    assert len(open_at_once) == 2
    used = set()
    for _ in range(4):  # not in turn, or each would fill its cache
        async with database.engine.connect() as connection:
            used.add((await connection.get_raw_connection()).driver_connection)
    assert len(used) == 1
    assert used < open_at_once
    await database.close()


async def test_a_connection_keeps_little_of_the_file(tmp_path: Path) -> None:
    database = await open_database(tmp_path, exclusive=True)
    async with database.engine.connect() as connection:
        assert (await connection.exec_driver_sql("PRAGMA cache_size")).scalar_one() == -512
    await database.close()
