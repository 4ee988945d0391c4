"""The schema, keys and records on a real PostgreSQL, so that what is written for SQLite stays portable."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, delete, update
from sqlalchemy.exc import DBAPIError

from gateway import errors
from gateway.accounts import CLI, Accounts
from gateway.accounts.key_ring import KeyRing
from gateway.clock import SystemClock
from gateway.ledger.records import SqlRecords
from gateway.store import schema
from gateway.store.database import Database, open_database
from gateway.store.directory_reader import SqlDirectory
from gateway.store.secrets import Digesters
from gateway.store.tables import Account, LedgerLine, Request, VirtualKey
from gateway.types import Identity

DIGESTS = Digesters(b"s" * 32)
OWNER = Identity("k_1", "name", user="ada")


@pytest.fixture
async def database(postgres_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    database = await open_database(tmp_path, postgres_url, exclusive=True)
    yield database
    await database.close()


@pytest.fixture
def keys(database: Database) -> KeyRing:
    return Accounts(database.engine, DIGESTS, SystemClock()).keys


async def test_migrations_make_exactly_the_tables_there_too(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, LedgerLine.metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    assert await schema.upgrade(database.engine) is False


async def test_any_number_of_gateways_may_open_a_server(database: Database, postgres_url: str, tmp_path: Path) -> None:
    other = await open_database(tmp_path, postgres_url, exclusive=True)
    assert other.path is None
    await other.close()


async def test_keys_are_kept_there_too(database: Database, keys: KeyRing) -> None:
    said = {"models": ("fast",), "budget": 10**15, "budget_window": "7d", "metadata": {"x": [1, None]}}
    info, secret = await keys.create(CLI, **said)
    assert {name: getattr(info, name) for name in said} == said
    assert await keys.get(CLI, info.id) == info
    found = await SqlDirectory(database.engine).key(DIGESTS.keys.digest(secret), "")
    assert found is not None
    assert found.key == info
    assert (await keys.list(CLI)).items == (info,)
    await keys.revoke(CLI, info.id)
    assert (await keys.list(CLI)).items == ()


async def test_records_read_there_too_and_the_ledger_refuses_to_be_changed(database: Database) -> None:
    clock = SystemClock()
    async with database.session() as session:
        session.add(VirtualKey(id="k_1", digest=b"d", name="n", prefix="p", user="ada", created_at=1.5))
        session.add(Account(scope="key:k_1", limit_nano=10**15, window_started_at=1.5))
        session.add(a_request(clock.now()))
        await session.flush()
        session.add(a_line(clock.now()))
        await session.commit()
    records = SqlRecords(database.engine, clock)
    spend = await records.spend(OWNER)
    assert (spend["limit_nano"], spend["last_30_days"]) == (
        10**15,
        {"cost": "0.000007", "cost_nano": 7000, "requests": 1},
    )
    generation = await records.generation("g1", OWNER)
    assert generation is not None
    assert [attempt["cost_nano"] for attempt in generation["attempts"]] == [7000]
    for statement in (update(LedgerLine).values(cost_nano=0), delete(LedgerLine)):
        with pytest.raises(DBAPIError, match="append-only"):
            async with database.engine.begin() as connection:
                await connection.execute(statement)


async def test_a_server_that_goes_away_is_an_error_that_says_when_to_come_back(
    database: Database, keys: KeyRing
) -> None:
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE virtual_key RENAME TO gone")
    with pytest.raises(errors.Unavailable):
        await keys.get(CLI, "k_1")


def a_request(now: float) -> Request:
    return Request(
        id="g1",
        x_request_id="r",
        key_id="k_1",
        tenant=OWNER.tenant,
        endpoint="chat",
        model_requested="m",
        stream=True,
        created_at=now,
    )


def a_line(now: float) -> LedgerLine:
    return LedgerLine(
        request_id="g1",
        number=1,
        key_id="k_1",
        tenant=OWNER.tenant,
        provider="openai",
        model="m",
        deployment_id="d",
        status="completed",
        input_tokens=3,
        output_tokens=2,
        cached_input_tokens=0,
        cache_write_tokens=0,
        reasoning_tokens=0,
        audio_input_tokens=0,
        audio_output_tokens=0,
        cost_nano=7000,
        estimated=False,
        late=False,
        price={},
        started_at=now,
        ended_at=now,
        booked_at=now,
    )
