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
from gateway.ledger.records import SqlRecords
from gateway.ports import KeyInfo
from gateway.store.database import Database, open_database
from gateway.store.keys import SqlKeys
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
TABLES = ("virtual_key", "account", "request", "hold", "intent", "ledger")


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
    assert counts(world) == [0, 2, 2, 1, 1, 1]


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_keys_and_records_treat_a_payload_as_text(world: Any, database: Database, payload: str) -> None:
    keys, records = SqlKeys(database.engine), SqlRecords(database.engine, world.clock)
    viewer = Identity("k_2", "viewer")
    info = KeyInfo(payload, payload, payload, 1.0, user=payload, team=payload, tags=(payload,), metadata={"a": payload})
    await keys.create(KeyInfo("k_1", "real", "sk-atl-1234", 0.0, budget=7), b"digest-1")
    await keys.create(info, b"digest-2")
    assert await keys.get(payload) == info
    assert await keys.find(payload.encode(), payload) is None
    assert await keys.revoke(f"{payload}x", 1.0) is None
    assert await records.generation(payload, viewer) is None
    with pytest.raises(errors.NotFound):
        await records.spend(viewer, payload)
    assert [key.id for key in await keys.list()] == [payload, "k_1"]
    assert counts(world) == [2, 1, 0, 0, 0, 0]


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
