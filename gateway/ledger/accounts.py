"""The accounts that a transaction touches: read where they are not remembered, changed in memory, written at its end.

The transaction holds the store's one write lock from its first statement on, so nobody else changes them meanwhile. A
failing store raises sqlite3.Error, and the transaction is undone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from gateway.ledger import statements as sql
from gateway.ledger.memory import Account
from gateway.store import windows
from gateway.types import Balance, HoldRefused


class Accounts:
    """At `now`, on the connection of a transaction that its caller has begun; `found` are those that are remembered."""

    def __init__(self, connection: sqlite3.Connection, now: float, found: dict[str, Account]) -> None:
        self._connection = connection
        self._now = now
        self._found = found
        self._changed: list[Account] = []
        self._groups: dict[tuple[str, ...], list[Account]] = {}  # those that were asked for together

    def balances(self, scopes: Sequence[str]) -> tuple[Balance, ...]:
        """The accounts as they stand, in that order."""
        return tuple([account.balance() for account in self._all(scopes)])

    def move(self, scopes: Sequence[str], *, spent: int = 0, held: int = 0) -> None:
        """Add to what the accounts have spent and hold. An unknown account is made, without limit, so nothing is lost."""
        if not (spent or held):
            return
        for account in self._all(scopes):
            account.spent += spent
            account.held += held
            self._change(account)

    def refusal(self, scopes: Sequence[str], *, more: int, total: int) -> HoldRefused | None:
        """Why `more` cannot be held beside what is, if so; `total` is what the asking request would hold then.

        An account whose money is gone comes before one where only other holds stand in the way.
        """
        busy: HoldRefused | None = None
        for account in self._all(scopes):
            if account.limit is None or account.spent + account.held + more <= account.limit:
                continue
            if account.spent + total > account.limit:
                return HoldRefused(account.balance(), busy=False)
            busy = busy or HoldRefused(account.balance(), busy=True)
        return busy

    def write(self) -> None:
        """Write what has changed."""
        for each in self._changed:
            if not each.known:
                self._connection.execute(sql.ADD_ACCOUNT, (each.scope, None, 0, 0, None, self._now, None))
                each.started_at, each.known = self._now, True
            each.changed = False
        values = [(each.spent, each.held, each.started_at, each.resets_at, each.scope) for each in self._changed]
        self._connection.executemany(sql.CHANGE_ACCOUNT, values)
        self._changed.clear()

    def _all(self, scopes: Sequence[str]) -> list[Account]:
        group = tuple(scopes)
        found = self._groups.get(group)
        if found is None:
            found = self._groups[group] = [self._get(scope) for scope in group]
        return found

    def _get(self, scope: str) -> Account:
        """The account, moved into its current window. An unknown one is empty and without limit."""
        account = self._found.get(scope)
        if account is None:
            account = self._found[scope] = self._read(scope)
        if account.resets_at is not None and account.resets_at <= self._now:
            self._renew(account)
        return account

    def _read(self, scope: str) -> Account:
        row = self._connection.execute(sql.ACCOUNT, (scope,)).fetchone()
        if row is None:
            return Account(scope, known=False)
        limit, spent, held, window, started_at, resets_at = row
        return Account(scope, limit, spent, held, started_at, resets_at, windows.seconds(window))

    def _renew(self, account: Account) -> None:
        """Its window has ended."""
        if account.length is not None:
            account.started_at, account.resets_at = windows.current(account.started_at, account.length, self._now)
            account.spent = 0
            self._change(account)

    def _change(self, account: Account) -> None:
        if not account.changed:
            account.changed = True
            self._changed.append(account)
