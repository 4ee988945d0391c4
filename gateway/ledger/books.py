"""What an act works on: the books as one transaction on the writer's connection sees them.

Whatever the acts of a batch change is kept until the transaction's end and written then, each table in one go; what an
act has to read is remembered from the transactions before (`memory`), or read. A failing store raises sqlite3.Error;
the transaction is then undone, and what was kept for it is gone.
"""

from __future__ import annotations

import math
import sqlite3

from gateway import errors
from gateway.ledger import memory, rows
from gateway.ledger import statements as sql
from gateway.ledger.accounts import Accounts
from gateway.ledger.memory import Memory, OpenRequest
from gateway.types import RequestRecord


class Books:
    """For one transaction, which has begun on `connection` at `now`."""

    def __init__(self, connection: sqlite3.Connection, now: float, remembered: Memory) -> None:
        remembered.recall(connection)
        self.now = now
        self.accounts = Accounts(connection, now, remembered.accounts)
        self._connection = connection
        self._memory = remembered
        self._ended: set[str] = set()  # the requests that this transaction ends
        self._new: dict[str, tuple[rows.Values, OpenRequest]] = {}  # not in the store yet
        self._changed: dict[str, OpenRequest] = {}
        self._lines: list[rows.Values] = []
        self._endings: list[rows.Values] = []

    def end(self) -> None:
        """Write everything; the transaction is about to be committed."""
        self._write_requests()
        self.accounts.write()

    def undone(self) -> None:
        """The transaction was rolled back, and with it what a sweep did."""
        self._memory.forget()
        self._memory.due = 0.0

    def select(self, statement: str, *values: object) -> list[rows.Values]:
        """The rows of a query on the store as it was before this transaction's acts."""
        return self._connection.execute(statement, values).fetchall()

    def request(self, request_id: str) -> OpenRequest | None:
        """The request while it is open. Who changes it says so (`change`)."""
        found = self._memory.requests.get(request_id)
        if found is None and request_id not in self._ended:
            for row in self.select(sql.REQUEST, request_id):
                found = self._memory.requests[request_id] = memory.open_request(request_id, row)
        return found

    def known(self, request_id: str) -> bool:
        """Whether the request was opened, and perhaps ended."""
        here = request_id in self._memory.requests or request_id in self._ended
        return here or bool(self.select(sql.STATUS, request_id))

    def add_request(self, record: RequestRecord) -> OpenRequest:
        """Raises Conflict when it is there already, at the latest at the transaction's end."""
        if record.id in self._memory.requests or record.id in self._ended:
            raise _opened_before(record.id)
        values = rows.opened_values(record)
        request = OpenRequest(record.id, record.created_at, rows.owner_of(values))
        self._memory.requests[record.id] = request
        self._new[record.id] = (values, request)
        return request

    def hold(self, request: OpenRequest, amount: int, expires_at: float) -> None:
        """Set aside `amount` more on the request's accounts; it fits."""
        request.amount = request.amount + amount if request.standing else amount
        request.standing, request.expires_at = True, expires_at
        self.accounts.move(request.scopes, held=amount)
        self._memory.due = min(self._memory.due, expires_at)

    def change(self, request: OpenRequest) -> None:
        """Something of it is not as the store has it."""
        if request.id not in self._new:
            self._changed[request.id] = request

    def end_request(self, request: OpenRequest, ending: rows.Values, lines: list[rows.Values]) -> None:
        """It is open no longer; what its hold set aside is its caller's to give back."""
        self._memory.requests.pop(request.id, None)
        self._changed.pop(request.id, None)
        self._ended.add(request.id)
        self._lines += lines
        self._endings.append((*ending, request.id))

    def add_content(self, values: rows.Values) -> None:
        self._connection.execute(sql.ADD_CONTENT, values)

    def next_seq(self) -> int:
        """The number of a settlement, one more than any line has."""
        known = self._memory.seq
        self._memory.seq = known + 1 if known else self._connection.execute(sql.NEXT_SEQ).fetchone()[0]
        return self._memory.seq

    def sweep(self) -> int:
        """Give back what holds past their time set aside; return how many there were. Their requests stay open."""
        if self.now < self._memory.due:
            return 0
        self._write_requests()
        expired = [found for (name,) in self.select(sql.EXPIRED_HOLDS, self.now) if (found := self.request(name))]
        for request in expired:
            request.standing = False
            self.accounts.move(request.scopes, held=-request.amount)
            self.change(request)
        self._write_requests()
        [(at,)] = self.select(sql.NEXT_EXPIRY)
        self._memory.due = math.inf if at is None else at
        return len(expired)

    def _write_requests(self) -> None:
        """Those that were opened, changed and ended."""
        if self._new:
            try:
                self._connection.executemany(
                    sql.ADD_REQUEST, [(*values, *request.values()) for values, request in self._new.values()]
                )
            except sqlite3.IntegrityError:  # whose it is shows when each act gets a transaction of its own
                raise _opened_before(next(iter(self._new))) from None
        if self._changed:
            changed = [(*request.values(), request.id) for request in self._changed.values()]
            self._connection.executemany(sql.CHANGE_REQUEST, changed)
        if self._lines:
            self._connection.executemany(sql.ADD_LINE, self._lines)
        if self._endings:
            self._connection.executemany(sql.END_REQUEST, self._endings)
        for written in (self._new, self._changed, self._lines, self._endings):
            written.clear()


def _opened_before(request_id: str) -> errors.Conflict:
    return errors.Conflict(f"The request {request_id} was opened before.")
