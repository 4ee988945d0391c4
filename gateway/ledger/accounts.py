"""Accounts and the holds on them, as steps of a transaction that the caller has begun.

Every function takes the writer's connection; a failing store raises sqlite3.Error, and the transaction is undone.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from gateway.ledger import statements as sql
from gateway.store import windows
from gateway.types import Balance, HoldRefused


def balance(connection: sqlite3.Connection, scope: str, now: float) -> Balance:
    """The account at `now`, moved into its current window first. An unknown one is empty and without limit."""
    row = connection.execute(sql.ACCOUNT, {"scope": scope}).fetchone()
    if row is None:
        return Balance(scope, limit=None, spent=0, held=0)
    spent, resets_at = row["spent_nano"], row["resets_at"]
    length = windows.seconds(row["budget_window"])
    if length is not None and resets_at is not None and resets_at <= now:
        started_at, resets_at = windows.current(row["window_started_at"], length, now)
        spent = 0
        connection.execute(
            sql.RESET_ACCOUNT,
            {"of_scope": scope, "spent_nano": 0, "window_started_at": started_at, "resets_at": resets_at},
        )
    return Balance(scope, row["limit_nano"], spent, row["held_nano"], resets_at)


def move(connection: sqlite3.Connection, scopes: Sequence[str], now: float, *, spent: int = 0, held: int = 0) -> None:
    """Add to what the accounts have spent and hold. An unknown account is made, without limit, so nothing is lost."""
    for scope in scopes:
        if spent:
            balance(connection, scope, now)
        change = {"of_scope": scope, "spent": spent, "held": held}
        if connection.execute(sql.MOVE_ACCOUNT, change).rowcount == 0:
            connection.execute(
                sql.ADD_ACCOUNT,
                {
                    "scope": scope,
                    "limit_nano": None,
                    "spent_nano": spent,
                    "held_nano": held,
                    "budget_window": None,
                    "window_started_at": now,
                    "resets_at": None,
                },
            )


def refusal(
    connection: sqlite3.Connection, scopes: Sequence[str], now: float, *, more: int, total: int
) -> HoldRefused | None:
    """Why `more` cannot be held beside what is, if so; `total` is what the asking request would hold then.

    An account whose money is gone comes before one where only other holds stand in the way.
    """
    busy: HoldRefused | None = None
    for scope in scopes:
        account = balance(connection, scope, now)
        if account.limit is None or account.spent + account.held + more <= account.limit:
            continue
        if account.spent + total > account.limit:
            return HoldRefused(account, busy=False)
        busy = busy or HoldRefused(account, busy=True)
    return busy


def sweep(connection: sqlite3.Connection, now: float) -> int:
    """Give back what holds past their time set aside; return how many there were."""
    expired = connection.execute(sql.EXPIRED_HOLDS, {"now": now}).fetchall()
    for hold in expired:
        end_hold(connection, hold, "expired", now)
    return len(expired)


def end_hold(connection: sqlite3.Connection, hold: sqlite3.Row, state: str, now: float) -> None:
    """End a standing hold; one that has ended already stays as it is."""
    if connection.execute(sql.END_HOLD, {"id": hold["request_id"], "state": state}).rowcount:
        move(connection, json.loads(hold["scopes"]), now, held=-hold["amount_nano"])
