"""Holds a gateway's ledger against the journal of the fleet that served it: two books kept by two programs.

Per attempt: equal where the provider told its usage, at least as much and marked where we had to estimate, none
missing, none twice; every request with exactly one outcome; no hold left; the accounts are the sums of their lines.
`read` and `check` take a data folder or the addresses of a scaled set-up, whose SQL and Redis have to agree as well.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from redis import Redis

from gateway.fleet import Record
from gateway.ledger.prices import cost
from gateway.ledger.rows import price_of
from gateway.store.database import DATABASE_FILE
from gateway.types import Usage
from tests.harness import Stores, wait_until

Attempt = tuple[str, int]
Row = Mapping[str, Any]
MONEY = "{atelier}:money:"
PAYERS = {"key": "key_id", "user": "user", "team": "team", "brand": "brand"}


@dataclass
class Books:
    """What the ledger says, read from the stores themselves."""

    lines: dict[Attempt, Row]
    intents: set[Attempt]
    requests: dict[str, str | None]
    holds: Counter[str]
    accounts: dict[str, tuple[int, int]]
    elsewhere: dict[str, tuple[int, int]] = field(default_factory=dict)  # the same accounts, as Redis has them


def read(where: Path | Stores) -> Books:
    return read_scaled(where) if isinstance(where, Stores) else read_file(where)


def read_file(data_dir: Path) -> Books:
    database = sqlite3.connect(f"file:{data_dir / DATABASE_FILE}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    try:
        lines = database.execute("SELECT * FROM ledger").fetchall()
        written = database.execute("SELECT attempts FROM request WHERE attempts IS NOT NULL").fetchall()
        still = [attempt for row in written for attempt in json.loads(row["attempts"])]
        return Books(
            lines={(row["request_id"], row["number"]): row for row in lines},
            intents={(row["request_id"], row["number"]) for row in [*lines, *still]},
            requests=dict(database.execute("SELECT id, status FROM request").fetchall()),
            holds=Counter(row[0] for row in database.execute("SELECT hold_state FROM request")),
            accounts={
                row[0]: (row[1], row[2]) for row in database.execute("SELECT scope, spent_nano, held_nano FROM account")
            },
        )
    finally:
        database.close()


def read_scaled(stores: Stores) -> Books:
    """Once everything that was settled has been booked: what is open then is open for good."""
    with Redis.from_url(stores.redis_url, decode_responses=True) as redis:
        wait_until(lambda: redis.xlen(f"{MONEY}outbox") == 0, "an empty outbox", 30)
        running = {
            key.removeprefix(f"{MONEY}req:"): redis.hgetall(key) for key in redis.scan_iter(f"{MONEY}req:*", count=1000)
        }
        accounts = {
            key.removeprefix(f"{MONEY}acct:"): redis.hmget(key, "spent", "held")
            for key in redis.scan_iter(f"{MONEY}acct:*", count=1000)
        }
        held = redis.zcard(f"{MONEY}holds")
    tables = rows_of(stores.database_url, "ledger", "request", "account", "dead_letter")
    assert not tables["dead_letter"], tables["dead_letter"]
    lines = {(row["request_id"], row["number"]): row for row in tables["ledger"]}
    still = {(id_, int(name[2:])) for id_, fields in running.items() for name in fields if name.startswith("i:")}
    return Books(
        lines=lines,
        intents=set(lines) | still,
        requests={row["id"]: row["status"] for row in tables["request"]} | dict.fromkeys(running),
        holds=Counter(held=held),
        accounts={row["scope"]: (row["spent_nano"], 0) for row in tables["account"]},
        elsewhere={scope: (int(spent or 0), int(held or 0)) for scope, (spent, held) in accounts.items()},
    )


def rows_of(url: str, *tables: str) -> dict[str, list[Row]]:
    """Whole tables; in a thread of its own, so that it may be called beside a running loop."""
    found: dict[str, list[Row]] = {}

    async def read_all() -> None:
        connection = await asyncpg.connect(url)
        try:
            for table in tables:
                found[table] = await connection.fetch(f'SELECT * FROM "{table}"')
        finally:
            await connection.close()

    thread = threading.Thread(target=lambda: asyncio.run(read_all()))
    thread.start()
    thread.join()
    assert set(found) == set(tables)
    return found


def journal_of(records: list[Record]) -> dict[Attempt, Record]:
    """The fleet's records by attempt; an attempt that hit a provider twice fails here."""
    found: dict[Attempt, Record] = {}
    for record in records:
        assert record.client_request_id is not None, record
        request_id, _, number = record.client_request_id.rpartition(":")
        attempt = (request_id, int(number))
        assert attempt not in found, f"{attempt} hit a provider twice"
        found[attempt] = record
    return found


def check(where: Path | Stores, records: list[Record]) -> Books:
    """Assert every equation; returns the books for further looks."""
    books, journal = read(where), journal_of(records)
    assert books.intents == set(books.lines), "an attempt without its one terminal record"
    assert set(journal) <= set(books.lines), "an attempt that the ledger does not know"
    open_requests = [request for request, status in books.requests.items() if status is None]
    assert not open_requests, f"requests without an outcome: {open_requests}"
    assert books.holds["held"] == 0, "a hold was left"
    for attempt, line in books.lines.items():
        record = journal.get(attempt)
        if record is None:
            assert line["cost_nano"] == 0 or line["estimated"], f"{attempt} was charged but never served"
        else:
            compare(attempt, line, record)
    for scope, (spent, held) in books.accounts.items():
        assert held == 0, f"{scope} still holds {held}"
        kind, _, name = scope.partition(":")
        lines = sum(line["cost_nano"] for line in books.lines.values() if line[PAYERS[kind]] == name)
        assert spent == lines, f"{scope} says {spent}, its lines {lines}"
    for scope, (spent, held) in books.elsewhere.items():
        assert held == 0, f"{scope} still holds {held} in Redis"
        assert spent == books.accounts.get(scope, (0, 0))[0], (
            f"{scope}: Redis says {spent}, SQL {books.accounts[scope]}"
        )
    return books


def compare(attempt: Attempt, line: Row, record: Record) -> None:
    billed = record.billed
    bill = cost(
        price_of(json.loads(line["price"])), Usage(billed.input, billed.output, billed.cached_input, billed.cache_write)
    )
    if line["estimated"]:
        assert line["cost_nano"] >= bill, f"{attempt} ({record.fault}): {line['cost_nano']} is under {bill}"
    else:
        ours = line["input_tokens"], line["output_tokens"], line["cost_nano"]
        assert ours == (billed.input, billed.output, bill), (
            f"{attempt} ({record.fault}): {ours}, billed {billed}, {bill}"
        )
