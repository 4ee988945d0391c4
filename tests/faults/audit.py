"""Holds a gateway's ledger against the journal of the fleet that served it: two books kept by two programs.

Per attempt: equal where the provider told its usage, at least as much and marked where we had to estimate, none
missing, none twice; every request with exactly one outcome; no hold left; the accounts are the sums of their lines.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from gateway.fleet import Record
from gateway.ledger.prices import cost
from gateway.ledger.rows import price_of
from gateway.store.database import DATABASE_FILE
from gateway.types import Usage

Attempt = tuple[str, int]


@dataclass
class Books:
    """What the ledger says, read from the file itself."""

    lines: dict[Attempt, sqlite3.Row]
    intents: set[Attempt]
    requests: dict[str, str | None]
    holds: Counter[str]
    accounts: dict[str, tuple[int, int]]


def read(data_dir: Path) -> Books:
    database = sqlite3.connect(f"file:{data_dir / DATABASE_FILE}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    try:
        lines = database.execute("SELECT * FROM ledger").fetchall()
        return Books(
            lines={(row["request_id"], row["number"]): row for row in lines},
            intents={tuple(row) for row in database.execute("SELECT request_id, number FROM intent")},
            requests=dict(database.execute("SELECT id, status FROM request").fetchall()),
            holds=Counter(row[0] for row in database.execute("SELECT state FROM hold")),
            accounts={
                row[0]: (row[1], row[2]) for row in database.execute("SELECT scope, spent_nano, held_nano FROM account")
            },
        )
    finally:
        database.close()


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


def check(data_dir: Path, records: list[Record]) -> Books:
    """Assert every equation; returns the books for further looks."""
    books, journal = read(data_dir), journal_of(records)
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
        lines = sum(line["cost_nano"] for line in books.lines.values() if scope == f"key:{line['key_id']}")
        assert spent == lines, f"{scope} says {spent}, its lines {lines}"
    return books


def compare(attempt: Attempt, line: sqlite3.Row, record: Record) -> None:
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
