"""A store that an earlier version wrote is brought up in place, with everything that was open when its gateway stopped."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import op
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.ledger.memory import attempts_of
from gateway.ledger.sqlite import SqliteLedger
from gateway.store import schema
from gateway.store.tables import UNDER_WAY
from gateway.types import Balance, Intent, Price

PRICE = Price(input=1_000, output=2_000, cached_input=7, long_from=10, long=Price(input=3, source="config"))
OLD_PRICE = (  # as version 0003 wrote it
    '{"input": 1000, "output": 2000, "cached_input": 7, "cache_write": null, "reasoning": null, "audio_input": null,'
    ' "audio_output": null, "request": 0, "source": "unknown", "long_from": 10, "long": {"input": 3, "output": 0,'
    ' "cached_input": null, "cache_write": null, "reasoning": null, "audio_input": null, "audio_output": null,'
    ' "request": 0, "source": "config", "long_from": null, "long": null}}'
)


class At:
    """A clock that stands."""

    def now(self) -> float:
        return 100.0

    def monotonic(self) -> float:
        return 100.0


def request(name: str, status: str | None = None) -> str:
    told = "NULL" if status is None else f"'{status}'"
    return (
        "INSERT INTO request (id, x_request_id, key_id, tenant, endpoint, model_requested, stream, tags, simulated,"
        f" created_at, cost_nano, status) VALUES ('{name}', 'r', 'k', 'key:k', 'chat', 'm', false, '[]', false, 1, 0,"
        f" {told})"
    )


def hold(name: str, state: str) -> str:
    return f"INSERT INTO hold VALUES ('{name}', '[\"key:k\", \"team:t\"]', 50, '{state}', 2, 300)"


def intent(name: str, number: int, bound: int) -> str:
    return f"INSERT INTO intent VALUES ('{name}', {number}, 'd', 'p', 'm', '{OLD_PRICE}', {bound}, 3)"


BEFORE = (
    "INSERT INTO account (scope, spent_nano, held_nano, window_started_at) VALUES ('key:k', 5, 50, 0), ('team:t', 0, 50, 0)",
    *(request(name) for name in ("standing", "expired", "free", "begun")),
    request("ended", "completed"),
    *(hold(name, state) for name, state in (("standing", "held"), ("expired", "expired"), ("ended", "captured"))),
    *(intent("standing", number, 10 * number) for number in (2, 1)),
    intent("free", 1, 3),
    intent("ended", 1, 9),
)


async def old(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, statements: Sequence[str]) -> None:
    """A store of version 0003."""
    monkeypatch.setattr(schema, "HEAD", "0003")
    await schema.upgrade(engine)
    monkeypatch.undo()
    async with engine.begin() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/old.db"
    server: str = request.getfixturevalue("postgres_url")
    return server.replace("postgresql:", "postgresql+asyncpg:")


async def test_what_is_under_way_moves_into_its_request(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = create_async_engine(url)
    await old(engine, monkeypatch, BEFORE)
    assert await schema.upgrade(engine) is True
    async with engine.connect() as connection:
        query = text(f"SELECT id, {', '.join(UNDER_WAY)} FROM request")
        found: dict[str, Sequence[Any]] = {name: values for name, *values in await connection.execute(query)}
        tables = await connection.run_sync(_tables)
    await engine.dispose()
    attempts = [_json(found["standing"][0]), _json(found["free"][0])]
    assert attempts_of(attempts[0]) == [
        Intent("standing", number, "d", "p", "m", PRICE, 10 * number, 3.0) for number in (1, 2)
    ]
    assert attempts_of(attempts[1]) == [Intent("free", 1, "d", "p", "m", PRICE, 3, 3.0)]
    holds = {name: [_json(values[1]), *values[2:]] for name, values in found.items()}
    assert holds == {
        "standing": [["key:k", "team:t"], 50, "held", 2.0, 300.0],
        "expired": [["key:k", "team:t"], 50, "expired", 2.0, 300.0],
        **dict.fromkeys(("free", "begun", "ended"), [None] * 5),
    }
    assert found["ended"][0] is None
    assert not {"hold", "intent"} & tables


async def test_what_an_earlier_version_left_open_is_ended_at_its_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/old.db")
    await old(engine, monkeypatch, BEFORE)
    await schema.upgrade(engine)
    await engine.dispose()
    ledger = SqliteLedger(tmp_path / "old.db", At())
    await ledger.start()
    found = await ledger.recover()
    balances = await ledger.balances(["key:k", "team:t"])
    await ledger.close()
    assert (found.requests, found.attempts, found.cost) == (4, 3, 33)
    assert balances == [Balance("key:k", None, 5 + 33, 0), Balance("team:t", None, 30, 0)]
    with closing(sqlite3.connect(tmp_path / "old.db")) as db:
        lines = db.execute("SELECT request_id, number, cost_nano, late, price FROM ledger ORDER BY 1, 2").fetchall()
    assert [line[:4] for line in lines] == [("free", 1, 3, 0), ("standing", 1, 10, 0), ("standing", 2, 20, 0)]
    assert {line[4] for line in lines} == {OLD_PRICE}


async def test_an_upgrade_that_is_cut_off_has_moved_nothing_and_can_begin_anew(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(_: str) -> None:
        raise RuntimeError("the process dies here")

    engine = create_async_engine(url)
    await old(engine, monkeypatch, BEFORE)
    monkeypatch.setattr(op, "drop_table", cut)
    with pytest.raises(RuntimeError, match="dies here"):
        await schema.upgrade(engine)
    async with engine.connect() as connection:
        columns = await connection.run_sync(_columns)
        left = [
            (await connection.execute(text(f"SELECT count(*) FROM {name}"))).scalar() for name in ("hold", "intent")
        ]
    monkeypatch.undo()
    again = await schema.upgrade(engine)
    await engine.dispose()
    assert (left, again) == ([3, 4], True)
    assert columns.isdisjoint(UNDER_WAY)


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def _columns(connection: Connection) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns("request")}
