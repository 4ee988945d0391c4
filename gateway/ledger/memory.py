"""What the writer of the embedded ledger remembers from one transaction to the next, so that it need not be read again.

All of it is in the store as well. It is good while nobody else writes: `recall` sees by SQLite's own count whether
another connection, of whatever process, has committed anything since, and then forgets. Whoever rolls a transaction
back has to call `forget`. A failing store raises sqlite3.Error.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from gateway.ledger import rows, wire
from gateway.types import Balance, Intent

HELD, EXPIRED = "held", "expired"
MOST = 10_000  # accounts, and requests, that are remembered


@dataclass(slots=True)
class Account:
    """An account in its current window. Nano-dollars; `limit` None means unlimited."""

    scope: str
    limit: int | None = None
    spent: int = 0
    held: int = 0
    started_at: float = 0.0
    resets_at: float | None = None
    length: float | None = None  # of the window, seconds
    known: bool = True  # there is a row of it
    changed: bool = False

    def balance(self) -> Balance:
        return Balance(self.scope, self.limit, self.spent, self.held, self.resets_at)


@dataclass(slots=True)
class OpenRequest:
    """A request without an outcome. `amount` is set aside on each of `scopes` while the hold is `standing`."""

    id: str
    created_at: float
    owner: rows.Values  # in the order of `rows.OWNER`
    attempts: dict[int, Intent] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()  # none: it holds nothing
    amount: int = 0
    standing: bool = False
    since: float = 0.0
    expires_at: float = 0.0

    def values(self) -> rows.Values:
        """The columns `rows.UNDER_WAY`."""
        attempts = attempts_text(self.attempts.values()) if self.attempts else None
        if not self.scopes:
            return (attempts, None, None, None, None, None)
        state = HELD if self.standing else EXPIRED
        return (attempts, rows.scopes_text(self.scopes), self.amount, state, self.since, self.expires_at)


class Memory:
    """Accounts and open requests as the last transaction left them."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.requests: dict[str, OpenRequest] = {}
        self.seq = 0  # the last settlement's; 0: not known
        self.due = 0.0  # before then no standing hold expires, so that there is no need to look; 0: not known
        self._connection: sqlite3.Connection | None = None
        self._version = 0

    def recall(self, connection: sqlite3.Connection) -> None:
        """A transaction has begun: forget what it may not find in the store any more."""
        [(version,)] = connection.execute("PRAGMA data_version")
        others_wrote = version != self._version or connection is not self._connection
        if others_wrote or len(self.accounts) > MOST or len(self.requests) > MOST:
            self.forget()
        self._connection, self._version = connection, version

    def forget(self) -> None:
        self.accounts.clear()
        self.requests.clear()
        self.seq = 0


def open_request(request_id: str, row: rows.Values) -> OpenRequest:
    """From a row in the order of "created_at", `rows.UNDER_WAY`, `rows.OWNER`."""
    created_at, attempts, scopes, amount, state, since, expires_at, *owner = row
    found = OpenRequest(request_id, created_at, tuple(owner))
    if attempts is not None:
        found.attempts = {attempt.number: attempt for attempt in attempts_of(json.loads(attempts))}
    if scopes is not None:
        found.scopes, found.amount, found.standing = rows.scopes_of(scopes), amount, state == HELD
        found.since, found.expires_at = since, expires_at
    return found


def attempts_text(attempts: Iterable[Intent]) -> str:
    """Attempts as they are written down with their request."""
    return f"[{b','.join(map(wire.dump, attempts)).decode()}]"


def attempts_of(written: object) -> list[Intent]:
    """What `attempts_text` was made from, after its JSON has been read."""
    return sorted(msgspec.convert(written, list[Intent]), key=lambda attempt: attempt.number)
