"""What an act works on: the books as one transaction on the writer's connection sees them.

Whatever the acts of a batch add is kept until the transaction's end and written then, each table in one go; what an act
has to read of it is written before. Nothing outlives a transaction but `Due`. A failing store raises sqlite3.Error; the
transaction is then undone, and what was kept for it is gone.
"""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass

from gateway import errors
from gateway.ledger import rows
from gateway.ledger import statements as sql
from gateway.ledger.accounts import Accounts
from gateway.types import Intent, RequestRecord


@dataclass(slots=True)
class Due:
    """Before `at` no standing hold expires, so that there is no need to look. Unix seconds; 0: not known."""

    at: float = 0.0


class Books:
    """For one transaction, which has begun on `connection` at `now`."""

    def __init__(self, connection: sqlite3.Connection, now: float, due: Due) -> None:
        self.now = now
        self.accounts = Accounts(connection, now)
        self.ended: set[str] = set()  # the requests that this transaction ends
        self._connection = connection
        self._due = due
        self._seq = 0
        self._new: set[str] = set()  # requests that are not in the store yet
        self._requests: list[rows.Values] = []
        self._holds: list[rows.Values] = []
        self._intents: list[rows.Values] = []
        self._lines: list[rows.Values] = []
        self._endings: list[rows.Values] = []
        self._hold_endings: list[rows.Values] = []

    def end(self) -> None:
        """Write everything; the transaction is about to be committed."""
        self._write_new()
        for statement, values in (
            (sql.ADD_LINE, self._lines),
            (sql.END_REQUEST, self._endings),
            (sql.END_HOLD, self._hold_endings),
        ):
            if values:
                self._connection.executemany(statement, values)
        self.accounts.write()

    def undone(self) -> None:
        """The transaction was rolled back, and with it what a sweep did."""
        self._due.at = 0.0

    def select(self, statement: str, *values: object, of: str = "") -> list[rows.Values]:
        """The rows of a query, with those of the request `of` written before."""
        if of in self._new:
            self._write_new()
        return self._connection.execute(statement, values).fetchall()

    def execute(self, statement: str, values: rows.Values, *, of: str = "") -> int:
        """Change rows now, those of the request `of` being written before; how many there were."""
        if of in self._new:
            self._write_new()
        return self._connection.execute(statement, values).rowcount

    def add_request(self, record: RequestRecord) -> None:
        """Raises Conflict when it is there already, at the latest at the transaction's end."""
        if record.id in self._new:
            raise _opened_before(record.id)
        self._new.add(record.id)
        self._requests.append(rows.opened_values(record))

    def add_hold(self, request_id: str, scopes: tuple[str, ...], amount: int, expires_at: float) -> None:
        """Take the hold on all of `scopes`; it fits."""
        self.accounts.move(scopes, held=amount)
        self._holds.append((request_id, rows.scopes_text(scopes), amount, "held", self.now, expires_at))
        self.expires(expires_at)

    def add_intent(self, intent: Intent) -> None:
        self._intents.append(rows.intent_values(intent))

    def add_line(self, line: rows.Values) -> None:
        self._lines.append(line)

    def end_request(self, request_id: str, ending: rows.Values) -> None:
        self.ended.add(request_id)
        self._endings.append((*ending, request_id))

    def end_hold(self, request_id: str, state: str) -> None:
        """End the standing hold of a request that ends; what it set aside is its caller's to give back."""
        self._hold_endings.append((state, request_id))

    def next_seq(self) -> int:
        """The number of a settlement, one more than any line has."""
        self._seq = self._seq + 1 if self._seq else self._connection.execute(sql.NEXT_SEQ).fetchone()[0]
        return self._seq

    def expires(self, at: float) -> None:
        """A hold is going to expire then."""
        self._due.at = min(self._due.at, at)

    def sweep(self) -> int:
        """Give back what holds past their time set aside; return how many there were. Their requests stay open."""
        if self.now < self._due.at:
            return 0
        self._write_new()
        expired = [row for row in self.select(sql.EXPIRED_HOLDS, self.now) if row[0] not in self.ended]
        for request_id, scopes, amount, _ in expired:
            self.execute(sql.END_HOLD, ("expired", request_id))
            self.accounts.move(rows.scopes_of(scopes), held=-amount)
        [(at,)] = self.select(sql.NEXT_EXPIRY)
        self._due.at = math.inf if at is None else at
        return len(expired)

    def _write_new(self) -> None:
        """The requests that were opened, with their holds and attempts."""
        if self._requests:
            try:
                self._connection.executemany(sql.ADD_REQUEST, self._requests)
            except sqlite3.IntegrityError:  # whose it is shows when each act gets a transaction of its own
                raise _opened_before(self._requests[0][0]) from None
        if self._holds:
            self._connection.executemany(sql.ADD_HOLD, self._holds)
        if self._intents:
            self._connection.executemany(sql.ADD_INTENT, self._intents)
        for written in (self._new, self._requests, self._holds, self._intents):
            written.clear()


def _opened_before(request_id: str) -> errors.Conflict:
    return errors.Conflict(f"The request {request_id} was opened before.")
