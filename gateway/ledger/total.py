"""`budgets.total` of the configuration, as an account like any other: never overrun, whatever store decides.

It is paid from only while it is configured, so it begins at nothing when it is first set. Taken out of the file it has
no limit and stands still; set again, it goes on from what was spent. A store that is away raises `errors.Unavailable`:
then the limit that was there before counts, and asking again sets the new one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from gateway.config.money_models import Budget
from gateway.ledger.prices import in_nano
from gateway.ledger.scopes import TOTAL
from gateway.ports import Clock, Ledger
from gateway.store import windows
from gateway.store.database import store_errors
from gateway.store.tables import Account

_is_total = col(Account.scope) == TOTAL


async def set_total_budget(engine: AsyncEngine, ledger: Ledger, budget: Budget | None, clock: Clock) -> None:
    """Give the account this limit and window; None takes them away. What is spent stays. Raises Unavailable.

    Any number of workers may do so at once, and again: what is there already is left as it is.
    """
    limit = None if budget is None else in_nano(budget.limit)
    window = None if budget is None or budget.days is None else f"{budget.days}d"
    with store_errors():
        async with engine.connect() as sql:
            found = (await sql.execute(_look())).first()
        if found is None and budget is None:
            return
        if found is None or (found.limit_nano, found.budget_window) != (limit, window):
            async with engine.begin() as sql:
                await _write(sql, limit, window, clock.now())
    await ledger.refresh([TOTAL])


async def _write(sql: AsyncConnection, limit: int | None, window: str | None, now: float) -> None:
    make = sqlite_insert if sql.dialect.name == "sqlite" else postgresql_insert
    empty = Account(scope=TOTAL, window_started_at=now).model_dump()
    await sql.execute(make(Account).values(empty).on_conflict_do_nothing())
    found = (await sql.execute(_look().with_for_update())).one()
    values: dict[str, Any] = {"limit_nano": limit, "budget_window": window}
    if found.budget_window != window:
        length = windows.seconds(window)
        values["resets_at"] = None if length is None else found.window_started_at + length
    await sql.execute(update(Account).where(_is_total).values(values))


def _look() -> Any:
    return select(col(Account.limit_nano), col(Account.budget_window), col(Account.window_started_at)).where(_is_total)
