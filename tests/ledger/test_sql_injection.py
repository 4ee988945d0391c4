"""S4: forty payloads on every text that reaches SQL change nothing but the text itself."""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway import errors
from gateway.accounts import CLI, Accounts
from gateway.ledger.records import SqlRecords
from gateway.store.database import Database, open_database
from gateway.store.directory_reader import SqlDirectory
from gateway.store.infos import key_info
from gateway.store.secrets import Digesters
from gateway.store.tables import VirtualKey
from gateway.types import Identity

QUOTES = ("'", '"', "')", "`", "%' ", "\\'", "0", "'/**/")
CLAUSES = (
    "; DROP TABLE ledger; --",
    " OR 1=1 --",
    " UNION SELECT digest FROM virtual_key --",
    " OR scope LIKE '%",
    ":scope ? ?1 @p $1 %s %(x)s {0}",
)
PAYLOADS = [quote + clause for quote, clause in product(QUOTES, CLAUSES)]
DIGESTS = Digesters(b"s" * 32)
TABLES = ("virtual_key", "account", "request", "ledger")


@pytest.fixture
def world(sqlite_world: Any) -> Any:
    """The embedded set-up only."""
    return sqlite_world


@pytest.fixture
async def database(world: Any) -> AsyncIterator[Database]:
    database = await open_database(world.path.parent, exclusive=False)
    yield database
    await database.close()


def counts(world: Any) -> list[int]:
    return [world.read(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in TABLES]


def test_there_are_forty_payloads() -> None:
    assert len(set(PAYLOADS)) == 40


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_the_ledger_stores_a_payload_as_text(world: Any, build: Any, payload: str) -> None:
    await world.account("key:k_1", 100)
    record = build.record(payload, key=payload, user=payload, model_requested=payload, tags=(payload,), route=payload)
    await world.ledger.record(record, build.settlement(payload, error_code=payload, deployment_id=payload))
    await world.open("g1", 10, scopes=("key:k_1", payload))
    await world.dispatch("g1")
    (intent,) = world.intents["g1"]
    await world.ledger.settle(build.settlement("g1", build.result(intent, 5, error=payload, finish_reason=payload)))
    await world.ledger.extend([payload], world.clock.now() + 1000)
    assert [balance.spent for balance in await world.ledger.balances(["key:k_1", payload, f"{payload}x"])] == [5, 5, 0]
    assert (await world.request(payload))["user"] == payload
    assert (await world.lines("g1"))[0]["error"] == payload
    assert counts(world) == [0, 2, 2, 1]


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_keys_and_records_treat_a_payload_as_text(world: Any, database: Database, payload: str) -> None:
    accounts, records = Accounts(database.engine, DIGESTS, world.clock), SqlRecords(database.engine, world.clock)
    keys, viewer = accounts.keys, Identity("k_2", "viewer")
    row = VirtualKey(id=payload, digest=b"d", name=payload, prefix=payload, user=payload, team=payload, created_at=1.0)
    async with database.session() as session:
        session.add(row)
        await session.commit()
        stored = key_info(row)
    said = {"name": payload, "brands": (payload,), "default_brand": payload, "tags": (payload,)}
    made, _ = await keys.create(CLI, **said, metadata={payload: payload}, budget=7)
    assert {name: getattr(made, name) for name in said} == said
    assert await keys.get(CLI, made.id) == made
    assert await keys.get(CLI, payload) == stored
    assert (await keys.list(CLI, user=payload)).items == (await keys.list(CLI, team=payload)).items == (stored,)
    assert await SqlDirectory(database.engine).key(payload.encode(), payload) is None
    assert await records.generation(payload, viewer) is None
    for unknown in (keys.revoke(CLI, f"{payload}x"), records.spend(viewer, payload)):
        with pytest.raises(errors.NotFound):
            await unknown
    assert (await keys.list(CLI)).items == (made, stored)
    assert counts(world) == [2, 1, 0, 0]


def test_no_module_outside_the_migrations_writes_sql_as_text() -> None:
    root = Path(gateway.__file__).parent
    offenders = [
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if "migrations" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith(("sqlalchemy", "sqlmodel"))
        and any(alias.name == "text" for alias in node.names)
    ]
    assert offenders == []
