"""Virtual keys: what is stored of them, and how they are found (S5)."""

from __future__ import annotations

import inspect
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from gateway import errors
from gateway.ports import KeyInfo
from gateway.store.database import Database
from gateway.store.keys import SqlKeys
from gateway.store.secrets import KeyDigester, litellm_digest, new_key, new_key_id, shown_prefix

DIGESTER = KeyDigester(b"s" * 32)
FULL = KeyInfo(
    id="k_1",
    name="Blog team",
    prefix="sk-atl-abcd",
    created_at=1_900_000_000.5,
    role="admin",
    user="ada",
    team="blog",
    expires_at=1_900_000_900.0,
    models=("fast", "smart"),
    brands=(),
    default_brand="acme",
    budget=5_000_000_000,
    budget_window="30d",
    rpm=60,
    max_parallel=4,
    on_disconnect="continue",
    tags=("a", "b"),
    metadata={"cost_centre": 7, "nested": {"x": [1, None]}},
)
PLAIN = KeyInfo(id="k_2", name="plain", prefix="sk-atl-efgh", created_at=1.0)


@pytest.fixture
def keys(database: Database) -> SqlKeys:
    return SqlKeys(database.engine)


@pytest.mark.parametrize("info", [FULL, PLAIN], ids=["full", "plain"])
async def test_a_key_comes_back_as_it_was_stored(keys: SqlKeys, info: KeyInfo) -> None:
    assert await keys.create(info, b"digest") == info
    assert await keys.get(info.id) == info
    assert await keys.find(b"digest", "") == info


async def test_an_unknown_key_is_none(keys: SqlKeys) -> None:
    assert await keys.get("k_0") is None
    assert await keys.find(b"digest", "digest") is None
    assert await keys.revoke("k_0", 1.0) is None


async def test_an_imported_key_is_found_by_what_litellm_stored(keys: SqlKeys) -> None:
    await keys.create(PLAIN, b"digest", litellm_digest("sk-1234"))
    assert await keys.find(b"other", litellm_digest("sk-1234")) == PLAIN
    assert await keys.find(b"other", litellm_digest("sk-12345")) is None


async def test_a_keys_own_digest_comes_before_an_imported_one(keys: SqlKeys) -> None:
    await keys.create(PLAIN, b"imported", "hex")
    await keys.create(FULL, b"own")
    assert await keys.find(b"own", "hex") == FULL


async def test_a_key_with_a_budget_has_its_account_from_the_start(keys: SqlKeys, database: Database) -> None:
    await keys.create(FULL, b"1")
    await keys.create(PLAIN, b"2")
    assert database.path is not None
    with closing(sqlite3.connect(database.path)) as db:
        accounts = db.execute("SELECT scope, limit_nano, spent_nano, budget_window, resets_at FROM account").fetchall()
    assert accounts == [("key:k_1", 5_000_000_000, 0, "30d", FULL.created_at + 30 * 86_400)]


@pytest.mark.parametrize(
    ("param", "value"),
    [("budget_window", "month"), ("budget_window", "1h"), ("budget_window", ""), ("budget", -1), ("budget", 10**19)],
)
async def test_a_budget_that_cannot_be_kept_is_refused_and_nothing_is_stored(
    keys: SqlKeys, param: str, value: Any
) -> None:
    with pytest.raises(errors.Unprocessable) as caught:
        await keys.create(replace(FULL, **{param: value}), b"1")
    assert caught.value.param == param
    assert await keys.list() == []


@pytest.mark.parametrize(("info", "digest"), [(PLAIN, b"new"), (replace(PLAIN, id="k_3"), b"digest")])
async def test_neither_an_id_nor_a_digest_is_given_twice(keys: SqlKeys, info: KeyInfo, digest: bytes) -> None:
    await keys.create(PLAIN, b"digest")
    with pytest.raises(errors.Conflict):
        await keys.create(info, digest)


async def test_a_revoked_key_is_found_as_revoked_and_listed_only_when_asked_for(keys: SqlKeys) -> None:
    await keys.create(PLAIN, b"digest")
    revoked = replace(PLAIN, revoked_at=5.0)
    assert await keys.revoke("k_2", 5.0) == revoked
    assert await keys.revoke("k_2", 9.0) == revoked
    assert await keys.find(b"digest", "") == revoked
    assert await keys.list() == []
    assert await keys.list(include_revoked=True) == [revoked]


async def test_keys_are_listed_newest_first(keys: SqlKeys) -> None:
    for number in range(3):
        await keys.create(replace(PLAIN, id=f"k_{number}", created_at=float(number)), bytes([number]))
    assert [key.id for key in await keys.list()] == ["k_2", "k_1", "k_0"]


async def test_a_store_that_is_away_is_not_an_unknown_key(keys: SqlKeys, database: Database) -> None:
    assert database.path is not None
    with closing(sqlite3.connect(database.path)) as db:
        db.execute("ALTER TABLE virtual_key RENAME TO gone")
    for attempt in (keys.find(b"d", ""), keys.get("k"), keys.list(), keys.revoke("k", 1.0), keys.create(PLAIN, b"d")):
        with pytest.raises(errors.Unavailable):
            await attempt


async def test_the_look_up_takes_the_whole_digest_and_nothing_else(keys: SqlKeys, database: Database) -> None:
    asked: list[tuple[str, object]] = []

    def note(_c: object, _u: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    key = new_key()
    digest = DIGESTER.digest(key)
    await keys.create(PLAIN, digest)
    asked.clear()
    assert await keys.find(digest, litellm_digest(key)) == PLAIN
    ((statement, parameters),) = asked
    where = " ".join(statement.partition("WHERE")[2].split())
    assert where == "virtual_key.digest = ? OR virtual_key.litellm_digest = ?"
    assert parameters == (digest, litellm_digest(key))
    assert list(inspect.signature(keys.find).parameters) == ["digest", "litellm_digest"]


async def test_every_part_of_a_digest_counts(keys: SqlKeys) -> None:
    digest = DIGESTER.digest(new_key())
    await keys.create(PLAIN, digest)
    for position in range(len(digest)):
        near = bytearray(digest)
        near[position] ^= 1
        assert await keys.find(bytes(near), "") is None
    assert await keys.find(digest[:-1], "") is None
    assert await keys.find(digest + b"\0", "") is None


def test_a_hundred_thousand_random_keys_hit_none_of_the_stored_digests() -> None:
    stored = {DIGESTER.digest(new_key()) for _ in range(100)}
    tried = [DIGESTER.digest(new_key()) for _ in range(100_000)]
    assert len(stored) == 100
    assert len(set(tried)) == 100_000
    assert not stored.intersection(tried)


async def test_a_dump_of_the_store_contains_no_key(keys: SqlKeys, database: Database) -> None:
    assert database.path is not None
    made = [new_key() for _ in range(20)]
    for key in made:
        info = replace(PLAIN, id=new_key_id(), prefix=shown_prefix(key))
        await keys.create(info, DIGESTER.digest(key), litellm_digest(key))
    with closing(sqlite3.connect(database.path)) as db:
        dump = "\n".join(db.iterdump())
    files = b"".join(path.read_bytes() for path in database.path.parent.iterdir())
    for key in made:
        secret = key.removeprefix("sk-atl-")
        assert secret[:4] in dump, "the shown prefix is stored"
        assert secret[4:16] not in dump
        assert secret[4:16].encode() not in files
