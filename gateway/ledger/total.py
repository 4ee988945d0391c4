"""`budgets.total` of the configuration, as an account like any other: never overrun, whatever store decides.

It is paid from only while it is configured, so it begins at nothing when it is first set. Taken out of the file it has
no limit and stands still; set again, it goes on from what was spent. A store that is away raises `errors.Unavailable`:
then the limit that was there before counts, and asking again sets the new one.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from gateway.config.money_models import Budget
from gateway.errors import Unavailable
from gateway.ledger.prices import in_nano
from gateway.ledger.scopes import TOTAL
from gateway.ports import Clock, Ledger
from gateway.store import windows
from gateway.store.database import store_errors
from gateway.store.tables import Account

log = structlog.get_logger(__name__)

LONGEST = 3.0  # seconds after which a store counts as away
AGAIN = 2.0  # seconds until it is asked again
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


class TotalBudget:
    """Follows the configuration: what cannot be set while the store is away is set when it is back."""

    def __init__(self, engine: AsyncEngine, ledger: Ledger, clock: Clock) -> None:
        self._engine = engine
        self._ledger = ledger
        self._clock = clock
        self._budget: Budget | None = None
        self._stands: tuple[Budget | None] | None = None  # what this process has set; None: nothing yet
        self._wake = asyncio.Event()

    def configure(self, budget: Budget | None) -> None:
        """Set this one as soon as that can be done."""
        self._budget = budget
        self._wake.set()

    async def set(self) -> None:
        """Set it now; what stands already asks no store. Raises Unavailable: then `run` sets it later."""
        self._wake.clear()
        wanted = (self._budget,)
        if self._stands == wanted:
            return
        try:
            async with asyncio.timeout(LONGEST):
                await set_total_budget(self._engine, self._ledger, self._budget, self._clock)
        except (Unavailable, TimeoutError) as error:
            log.warning("total_budget_not_set", error=str(error) or "the store takes too long")
            self._wake.set()
            raise Unavailable("The budget of the whole gateway cannot be set at the moment.") from error
        self._stands = wanted

    async def run(self) -> None:
        """For ever: try again what could not be set."""
        while True:
            await self._wake.wait()
            try:
                await self.set()
            except Unavailable:
                await asyncio.sleep(AGAIN)


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
