"""Virtual keys: what is stored of them, and how they are found (S5)."""

from __future__ import annotations

import inspect
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import event

from gateway import errors
from gateway.accounts import CLI, Accounts, key_ring
from gateway.accounts.key_ring import KeyRing
from gateway.store.database import Database
from gateway.store.directory_reader import SqlDirectory
from gateway.store.secrets import Digesters, litellm_digest, new_key, new_key_id, shown_prefix
from gateway.store.tables import VirtualKey
from tests.core.fakes import FakeClock

DIGESTS = Digesters(b"s" * 32)
FULL: dict[str, Any] = {
    "name": "Blog team",
    "role": "admin",
    "user": "ada",
    "team": "blog",
    "expires_at": 1_800_000_900.25,
    "models": ("fast", "smart"),
    "brands": ("acme",),
    "default_brand": "acme",
    "budget": 5_000_000_000,
    "budget_window": "30d",
    "rpm": 60,
    "max_parallel": 4,
    "on_disconnect": "continue",
    "tags": ("a", "b"),
    "metadata": {"cost_centre": 7, "nested": {"x": [1, None]}},
}
NOTHING_ALLOWED: dict[str, Any] = {"models": (), "brands": ()}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def keys(database: Database, clock: FakeClock) -> KeyRing:
    """Keys in a store that knows the user and the team of `FULL`."""
    accounts = Accounts(database.engine, DIGESTS, clock)
    await accounts.teams.create(CLI, id="blog", name="Blog")
    await accounts.users.create(CLI, id="ada")
    await accounts.teams.set_member(CLI, "blog", "ada", "member")
    return accounts.keys


@pytest.fixture
def directory(database: Database) -> SqlDirectory:
    return SqlDirectory(database.engine)


async def put_imported(database: Database, key: str) -> None:
    """A key as it comes from LiteLLM, which tells its SHA-256 alone."""
    row = VirtualKey(
        id=new_key_id(),
        digest=DIGESTS.keys.digest(new_key()),
        litellm_digest=litellm_digest(key),
        name="imported",
        prefix=shown_prefix(key),
        created_at=1.0,
    )
    async with database.session() as session:
        session.add(row)
        await session.commit()


@pytest.mark.parametrize("fields", [FULL, {}, NOTHING_ALLOWED], ids=["full", "plain", "nothing allowed"])
async def test_a_key_comes_back_as_it_was_stored(
    keys: KeyRing, directory: SqlDirectory, fields: dict[str, Any]
) -> None:
    info, secret = await keys.create(CLI, **fields)
    assert {name: getattr(info, name) for name in fields} == fields
    assert await keys.get(CLI, info.id) == info
    found = await directory.key(DIGESTS.keys.digest(secret), "")
    assert found is not None
    assert found.key == info


async def test_an_imported_key_is_found_by_what_litellm_stored(database: Database, directory: SqlDirectory) -> None:
    await put_imported(database, "sk-1234")
    found = await directory.key(b"other", litellm_digest("sk-1234"))
    assert found is not None
    assert found.key is not None
    assert found.key.name == "imported"
    assert await directory.key(b"other", litellm_digest("sk-12345")) is None


async def test_a_key_with_a_budget_has_its_account_from_the_start(
    keys: KeyRing, clock: FakeClock, database: Database
) -> None:
    info, _ = await keys.create(CLI, **FULL)
    await keys.create(CLI)
    assert database.path is not None
    with closing(sqlite3.connect(database.path)) as db:
        accounts = db.execute("SELECT scope, limit_nano, spent_nano, budget_window, resets_at FROM account").fetchall()
    assert accounts == [(f"key:{info.id}", 5_000_000_000, 0, "30d", clock.now() + 30 * 86_400)]


@pytest.mark.parametrize(
    ("param", "value"),
    [("budget_window", "month"), ("budget_window", "1h"), ("budget_window", ""), ("budget", -1), ("budget", 10**19)],
)
async def test_a_budget_that_cannot_be_kept_is_refused_and_nothing_is_stored(
    keys: KeyRing, param: str, value: Any
) -> None:
    with pytest.raises(errors.Unprocessable) as caught:
        await keys.create(CLI, **{**FULL, param: value})
    assert caught.value.param == param
    assert (await keys.list(CLI)).items == ()


@pytest.mark.parametrize("same", ["new_key", "new_key_id"])
async def test_neither_an_id_nor_a_digest_is_given_twice(
    keys: KeyRing, monkeypatch: pytest.MonkeyPatch, same: str
) -> None:
    monkeypatch.setattr(key_ring, same, lambda: "sk-atl-the-same-again")
    first, _ = await keys.create(CLI)
    with pytest.raises(errors.Conflict):
        await keys.create(CLI)
    assert (await keys.list(CLI)).items == (first,)


async def test_a_revoked_key_is_found_as_revoked_and_listed_only_when_asked_for(
    keys: KeyRing, directory: SqlDirectory, clock: FakeClock
) -> None:
    info, secret = await keys.create(CLI)
    revoked = await keys.revoke(CLI, info.id)
    assert revoked.revoked_at == clock.now()
    found = await directory.key(DIGESTS.keys.digest(secret), "")
    assert found is not None
    assert found.key == revoked
    assert (await keys.list(CLI)).items == ()
    assert (await keys.list(CLI, include_revoked=True)).items == (revoked,)


async def test_keys_are_listed_newest_first(keys: KeyRing, clock: FakeClock) -> None:
    made = []
    for seconds in (2, -1, 5):
        clock.advance(seconds)
        made.append((await keys.create(CLI))[0])
    second, first, third = made
    assert (await keys.list(CLI)).items == (third, second, first)


async def test_a_store_that_is_away_is_not_an_unknown_key(keys: KeyRing, database: Database) -> None:
    assert database.path is not None
    with closing(sqlite3.connect(database.path)) as db:
        db.execute("ALTER TABLE virtual_key RENAME TO gone")
    for attempt in (
        keys.get(CLI, "k"),
        keys.list(CLI),
        keys.create(CLI),
        keys.edit(CLI, "k", {"rpm": 1}, None),
        keys.rotate(CLI, "k"),
        keys.revoke(CLI, "k"),
    ):
        with pytest.raises(errors.Unavailable):
            await attempt


async def test_the_look_up_takes_the_whole_digest_and_nothing_else(
    keys: KeyRing, directory: SqlDirectory, database: Database
) -> None:
    asked: list[tuple[str, object]] = []

    def note(_c: object, _u: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    _, secret = await keys.create(CLI)
    digest = DIGESTS.keys.digest(secret)
    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    assert await directory.key(digest, litellm_digest(secret)) is not None
    ((statement, parameters),) = asked
    where = " ".join(statement.partition("WHERE")[2].split())
    columns = ("digest", "previous_digest", "litellm_digest")
    assert where == " OR ".join(f"virtual_key.{column} = ?" for column in columns)
    assert parameters == (digest, digest, litellm_digest(secret))
    assert list(inspect.signature(directory.key).parameters) == ["digest", "litellm_digest"]
    assert await directory.key(digest + b"\0", "") is None


def test_a_hundred_thousand_random_keys_hit_none_of_the_stored_digests() -> None:
    stored = {DIGESTS.keys.digest(new_key()) for _ in range(100)}
    tried = [DIGESTS.keys.digest(new_key()) for _ in range(100_000)]
    assert len(stored) == 100
    assert len(set(tried)) == 100_000
    assert not stored.intersection(tried)


async def test_a_dump_of_the_store_contains_no_key(keys: KeyRing, database: Database) -> None:
    assert database.path is not None
    shown, rotated_away = [], []
    for _ in range(10):
        info, old = await keys.create(CLI)
        _, new = await keys.rotate(CLI, info.id)
        imported = new_key()
        await put_imported(database, imported)
        shown += [new, imported]
        rotated_away.append(old)
    with closing(sqlite3.connect(database.path)) as db:
        dump = "\n".join(db.iterdump())
    files = b"".join(path.read_bytes() for path in database.path.parent.iterdir())
    for key in shown:
        assert shown_prefix(key) in dump
    for key in (*shown, *rotated_away):
        secret = key.removeprefix("sk-atl-")
        assert secret[4:16] not in dump
        assert secret[4:16].encode() not in files
