"""Brings accounts from SQL to Redis: those that Redis does not know, and those whose limits were changed.

What SQL has booked and what waits in the outbox make up what was spent; the script refuses a look at SQL that would
count a settlement twice or not at all, and then SQL is read again. SQL away, or no consistent look to be had: raises
`errors.Unavailable`, which is not a refusal for want of money.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from gateway.ledger import wire
from gateway.ledger.counters import Counters, listed, unavailable
from gateway.store import windows
from gateway.store.database import store_errors
from gateway.store.tables import Account, Position

OUTBOX = "outbox"  # the reader's name in Position
LOOK = 2.0  # seconds that a look at SQL may take
PAUSES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)  # seconds, until what is committed is acknowledged too


class Seeds:
    """Reads accounts and the position of the consumer in one statement, and sets them under the script's guard."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def plant(self, counters: Counters, scopes: Sequence[str], *, force: bool = False) -> None:
        """Make the accounts known to Redis; `force`: set those that are known. Raises Unavailable."""
        for pause in (*PAUSES, None):
            watermark, accounts = await self.look(scopes)
            values = [part for scope in scopes for part in _row(scope, accounts.get(scope))]
            reply = await counters.act("seed", int(force), watermark, *listed(*values))
            if reply.word != "later":
                return
            if pause is not None:
                await asyncio.sleep(pause)
        raise unavailable()

    async def position(self) -> int:
        """The seq that SQL has booked last."""
        return (await self.look(()))[0]

    async def look(self, scopes: Sequence[str]) -> tuple[int, dict[str, Account]]:
        """The position and the accounts: one statement, so that both are of one moment. Raises Unavailable."""
        reached = (
            select(func.coalesce(func.max(col(Position.seq)), 0).label("seq"))
            .where(col(Position.name) == OUTBOX)
            .subquery()
        )
        columns = [col(getattr(Account, name)) for name in Account.model_fields]
        query = select(reached.c.seq, *columns).select_from(reached.outerjoin(Account, col(Account.scope).in_(scopes)))
        with store_errors():
            async with asyncio.timeout(LOOK), self._engine.connect() as connection:
                rows = (await connection.execute(query)).all()
        found = [Account(**dict(zip(Account.model_fields, row[1:], strict=True))) for row in rows if row[1] is not None]
        return int(rows[0][0]), {account.scope: account for account in found}


def _row(scope: str, account: Account | None) -> tuple[str, ...]:
    if account is None:
        return (scope, "", "0", "", "")
    length = windows.seconds(account.budget_window)
    return (
        scope,
        "" if account.limit_nano is None else str(account.limit_nano),
        str(account.spent_nano),
        "" if length is None else wire.instant(length),
        wire.instant(account.window_started_at),
    )
