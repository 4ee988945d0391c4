"""Events of the outbox into SQL, many in one transaction, each exactly once however often it comes.

Only what was not there before moves the accounts, so a consumer that died after its commit, or two at once, change
nothing. Raises what the driver raises; the caller knows what a failure of the store means.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from gateway.killpoints import reached
from gateway.ledger import bulk, rows
from gateway.ledger.seeds import LOOK, OUTBOX
from gateway.ledger.wire import Event
from gateway.store import windows
from gateway.store.tables import Account, Content, DeadLetter, LedgerLine, Position, Request

AT_A_TIME = 50  # events between two turns of everybody else
COLUMNS = (Account.scope, Account.spent_nano, Account.budget_window, Account.window_started_at, Account.resets_at)
LOCK = (
    select(*map(col, COLUMNS))
    .where(col(Account.scope).in_(bindparam("scopes", expanding=True)))
    .order_by(col(Account.scope))
    .with_for_update()
)
MOVE = (
    update(Account)
    .where(col(Account.scope) == bindparam("of_scope"))
    .values({name: bindparam(f"new_{name}") for name in ("spent_nano", "window_started_at", "resets_at")})
)
LONGEST = 30.0  # seconds that a batch may take
OPENED = rows.OPENED[:-1]  # the last one, the cost, is among those of its end
OWNER = itemgetter(*map(OPENED.index, rows.OWNER))
REQUESTS = bulk.Target(Request, (*OPENED, *rows.ENDED), "id")
LINES = bulk.Target(LedgerLine, rows.LINE, "request_id")
Add = Callable[[AsyncConnection, bulk.Target, Sequence[rows.Values]], Awaitable[set[Any]]]
Cost = tuple[float, int]  # when it was booked, nano-dollars


class _Booked(msgspec.Struct, frozen=True):
    """An event and its rows."""

    event: Event
    request: rows.Values
    lines: list[rows.Values]


async def book(engine: AsyncEngine, events: Sequence[Event], add: Add = bulk.add) -> int:
    """Book the events and move the position, in one transaction. Returns how many were new."""
    found = await _rows(events)
    async with asyncio.timeout(LONGEST), engine.begin() as sql:
        inserted = await add(sql, REQUESTS, [each.request for each in found])
        new = [each for each in found if each.event.record.id in inserted]
        if lines := [line for each in new for line in each.lines]:
            await add(sql, LINES, lines)
        await _accounts(sql, [each.event for each in new])
        if contents := [row for each in new if (row := _content(each)) is not None]:
            await sql.execute(bulk.insert(sql.dialect.name, Content).on_conflict_do_nothing(), contents)
        await _move(sql, max(event.seq for event in events))
        reached("before_commit")
    reached("after_commit")
    return len(new)


async def bury(engine: AsyncEngine, letter: DeadLetter, seq: int) -> None:
    """Keep an event that cannot be booked for a person to look at, and go past it."""
    async with engine.begin() as sql:
        await sql.execute(bulk.insert(sql.dialect.name, DeadLetter).on_conflict_do_nothing(), [letter.model_dump()])
        await _move(sql, seq)


async def booked(engine: AsyncEngine, ids: Sequence[str]) -> set[str]:
    """Those of the requests that SQL has as ended."""
    query = select(col(Request.id)).where(col(Request.id).in_(ids), col(Request.status).is_not(None))
    async with asyncio.timeout(LOOK), engine.connect() as sql:
        return set((await sql.execute(query)).scalars())


async def _rows(events: Sequence[Event]) -> list[_Booked]:
    """The rows of each request, once; whatever else runs on the loop has its turns meanwhile."""
    first: dict[str, _Booked] = {}
    for number, event in enumerate(events, 1):
        if event.record.id not in first:
            first[event.record.id] = _booked(event)
        if number % AT_A_TIME == 0:
            await asyncio.sleep(0)
    return list(first.values())


def _booked(event: Event) -> _Booked:
    record, results = event.record, event.results
    opened = rows.opened_values(record)[:-1]
    owner = OWNER(opened)
    booking = rows.Booking(event.booked_at, event.seq, event.late)
    lines = [rows.line_values(owner, result, booking) for result in results]
    return _Booked(event, opened + rows.ended_values(record.created_at, event.settlement, results), lines)


def _content(booked: _Booked) -> rows.Row | None:
    if booked.event.settlement.content is None:
        return None
    return rows.content(dict(zip(REQUESTS.names, booked.request, strict=True)), booked.event.settlement)


async def _accounts(sql: AsyncConnection, events: Sequence[Event]) -> None:
    """Add up what each account has to pay, then one update for each, in the order of their names: no deadlock."""
    costs: defaultdict[str, list[Cost]] = defaultdict(list)
    started: dict[str, float] = {}
    for event in events:
        for scope, window in event.charges if event.cost else ():
            costs[scope].append((event.booked_at, event.cost))
            if scope not in started:
                started[scope] = float(window)
    if not costs:
        return
    found = await _locked(sql, sorted(costs))
    if missing := [_account(scope, started[scope]) for scope in sorted(costs.keys() - found.keys())]:
        await sql.execute(bulk.insert(sql.dialect.name, Account).on_conflict_do_nothing(), missing)
        found = await _locked(sql, sorted(costs))
    await sql.execute(MOVE, [_moved(found[scope], sorted(costs[scope])) for scope in sorted(costs)])


async def _locked(sql: AsyncConnection, scopes: Sequence[str]) -> dict[str, Any]:
    return {row.scope: row for row in await sql.execute(LOCK, {"scopes": scopes})}


def _moved(account: Any, costs: Sequence[Cost]) -> dict[str, Any]:
    """The account after the costs, oldest first: those of a window that has ended meanwhile are not its own."""
    spent, started, resets_at = account.spent_nano, account.window_started_at, account.resets_at
    length = windows.seconds(account.budget_window)
    for booked_at, cost in costs:
        if length is not None and resets_at is not None and resets_at <= booked_at:
            (started, resets_at), spent = windows.current(started, length, booked_at), 0
        if length is None or booked_at >= started:
            spent += cost
    return {
        "of_scope": account.scope,
        "new_spent_nano": spent,
        "new_window_started_at": started,
        "new_resets_at": resets_at,
    }


async def _move(sql: AsyncConnection, seq: int) -> None:
    await sql.execute(_further(sql.dialect.name), {"name": OUTBOX, "seq": seq})


@cache
def _further(dialect: str) -> Any:
    insert = bulk.insert(dialect, Position)
    return insert.on_conflict_do_update(
        index_elements=["name"], set_={"seq": insert.excluded.seq}, where=col(Position.seq) < insert.excluded.seq
    )


def _account(scope: str, started: float) -> dict[str, Any]:
    return Account(scope=scope, window_started_at=started).model_dump()
