"""Credentials in SQL are found by their whole digest, with all that decides their rights, in one query or two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from gateway import errors
from gateway.accounts import CLI, Accounts
from gateway.store.changes import Change, SqlChanges
from gateway.store.database import Database, open_database
from gateway.store.directory import Membership, SignIn, Team, User
from gateway.store.directory_reader import MOST_ANCESTORS, SqlDirectory
from gateway.store.secrets import Digesters
from gateway.store.tables import VirtualKey
from tests.core.fakes import FakeClock


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    database = await open_database(tmp_path / "data", url, exclusive=False)
    yield database
    await database.close()


@pytest.fixture
def directory(database: Database) -> SqlDirectory:
    return SqlDirectory(database.engine)


async def put(database: Database, *rows: Any) -> None:
    async with database.session() as session:
        for row in rows:
            session.add(row)
            await session.flush()
        await session.commit()


def a_key(key_id: str, **fields: Any) -> VirtualKey:
    values = {"digest": key_id.encode(), "name": key_id, "prefix": "sk-atl-", "created_at": 1.0, **fields}
    return VirtualKey(id=key_id, **values)


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        seen.append((statement, parameters))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def test_a_key_comes_with_its_owners(database: Database, directory: SqlDirectory) -> None:
    ada, red = User(id="ada", created_at=1.0, role="viewer"), Team(id="red", name="Red", created_at=1.0)
    member = Membership(team_id="red", user_id="ada", role="lead", created_at=1.0)
    await put(database, ada, red, member, a_key("k_1", user="ada", team="red"), a_key("k_2", user="old", team="gone"))
    with statements(database) as seen:
        found = await directory.key(b"k_1", "")
    assert len(seen) == 1
    assert found is not None
    assert found.key is not None
    assert found.user is not None
    assert found.team is not None
    assert (found.key.id, found.user.role, found.team.name, found.membership) == ("k_1", "viewer", "Red", "lead")
    other = await directory.key(b"k_2", "")
    assert other is not None
    assert other.key is not None
    assert (other.key.user, other.user, other.team, other.membership) == ("old", None, None, None)


async def test_a_key_comes_with_those_above_it(database: Database, directory: SqlDirectory) -> None:
    keys = [a_key(f"k_{n}", parent=f"k_{n - 1}" if n else None) for n in range(MOST_ANCESTORS + 1)]
    await put(database, *keys)
    with statements(database) as seen:
        found = await directory.key(b"k_3", "")
    assert len(seen) == 2
    assert found is not None
    assert [key.id for key in found.ancestors] == ["k_2", "k_1", "k_0"]


async def test_a_circle_of_parents_ends(database: Database, directory: SqlDirectory) -> None:
    await put(database, a_key("k_1", parent="k_2"), a_key("k_2", parent="k_1"))
    found = await directory.key(b"k_1", "")
    assert found is not None
    assert len(found.ancestors) <= MOST_ANCESTORS


async def test_old_and_imported_secrets_are_told_apart(database: Database, directory: SqlDirectory) -> None:
    await put(
        database,
        a_key("k_1", previous_digest=b"old", previous_until=9.0, litellm_digest="hex"),
        a_key("k_2", litellm_digest="hex2"),
        a_key("k_3", digest=b"both", litellm_digest="hex3"),
        a_key("k_4", previous_digest=b"both", previous_until=9.0),
    )
    expected = {(b"k_1", ""): None, (b"old", ""): 9.0, (b"", "hex"): 9.0, (b"", "hex2"): None}
    for digests, expires_at in expected.items():
        found = await directory.key(*digests)
        assert found is not None
        assert found.expires_at == expires_at
    first = await directory.key(b"both", "hex2")
    assert first is not None
    assert first.key is not None
    assert (first.key.id, first.expires_at) == ("k_3", None)


async def test_a_session_comes_with_its_user_and_its_team(database: Database, directory: SqlDirectory) -> None:
    sign_in = SignIn(id="s_1", digest=b"d", user_id="ada", team="red", created_at=1.0, expires_at=9.0)
    ended = SignIn(id="s_2", digest=b"e", user_id="ada", created_at=1.0, expires_at=9.0, ended_at=2.0)
    await put(database, User(id="ada", created_at=1.0), Team(id="red", name="Red", created_at=1.0), sign_in, ended)
    with statements(database) as seen:
        found = await directory.session(b"d")
    assert len(seen) == 1
    assert found is not None
    assert found.user is not None
    assert found.team is not None
    assert (found.key, found.user.id, found.team.id, found.membership) == (None, "ada", "red", None)
    assert (found.session_id, found.expires_at) == ("s_1", 9.0)
    assert await directory.session(b"e") is None


async def test_only_whole_digests_find_anything(database: Database, directory: SqlDirectory) -> None:
    digest = bytes(range(1, 33))
    await put(database, a_key("k_1", digest=digest, litellm_digest="ab" * 32))
    with statements(database) as seen:
        for at in range(32):
            changed = digest[:at] + bytes([digest[at] ^ 1]) + digest[at + 1 :]
            assert await directory.key(changed, "") is None
            assert await directory.key(digest[:at], "ab" * at) is None
            assert await directory.session(digest) is None
    assert all("LIKE" not in statement.upper() and "substr" not in statement for statement, _ in seen)
    assert await directory.key(digest, "") is not None


async def test_a_store_that_is_away_is_not_an_unknown_key(database: Database, directory: SqlDirectory) -> None:
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE virtual_key RENAME TO gone")
        await connection.exec_driver_sql("ALTER TABLE sign_in RENAME TO gone_too")
    for look_up in (directory.key(b"d", ""), directory.session(b"d")):
        with pytest.raises(errors.Unavailable):
            await look_up


async def test_changes_are_told_once_in_their_order(database: Database) -> None:
    accounts = Accounts(database.engine, Digesters(b"0" * 32), FakeClock())
    await accounts.users.create(CLI, id="before")
    changes = SqlChanges(database.engine)
    assert await changes.poll() == []
    await accounts.users.create(CLI, id="ada")
    info, _ = await accounts.keys.create(CLI, user="ada")
    await accounts.keys.revoke(CLI, info.id)
    assert await changes.poll() == [
        Change("user", "ada", "user.create"),
        Change("key", info.id, "key.create"),
        Change("key", info.id, "key.revoke"),
    ]
    assert await changes.poll() == []


async def test_acts_at_once_are_all_told(database: Database) -> None:
    accounts, changes = Accounts(database.engine, Digesters(b"0" * 32), FakeClock()), SqlChanges(database.engine)
    await changes.poll()
    told: list[str] = []
    acts = [asyncio.create_task(accounts.users.create(CLI, id=f"u{number}")) for number in range(30)]
    while not all(act.done() for act in acts):
        told += [change.object_id for change in await changes.poll()]
    await asyncio.gather(*acts)
    told += [change.object_id for change in await changes.poll()]
    assert sorted(told) == sorted(f"u{number}" for number in range(30))
