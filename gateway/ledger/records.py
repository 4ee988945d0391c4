"""What a person may read of the ledger: one generation, a key's spend, a list of requests.

The viewer is part of every query, so a row of another tenant never leaves the store: it looks like one that does not
exist. While the store is away every method raises `errors.Unavailable`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import AsyncSession as Snapshot
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import errors
from gateway.ledger.live import Live
from gateway.ledger.logs import LogFilter, log_row, visible
from gateway.ledger.memory import attempts_of
from gateway.ledger.prices import usd
from gateway.ledger.rows import MAX_INTEGER
from gateway.ledger.sums import HALF_HOUR, POSITION, Columns, snapshot, total
from gateway.ports import Clock
from gateway.store import windows
from gateway.store.database import store_errors
from gateway.store.tables import TOKENS, Account, LedgerLine, Request, VirtualKey, key_scope
from gateway.types import Balance, Identity, Intent, JsonObject

RUNNING = "in_progress"  # what a request without an outcome shows as its status
RECENT_DAYS = 30


class Balances(Protocol):
    """What is needed of `ports.Ledger`."""

    async def balances(self, scopes: Sequence[str]) -> list[Balance]: ...


class SqlRecords:
    """On any database that SQLAlchemy reaches.

    `ledger` has the accounts as they stand; `live` finds a request that SQL does not have yet, where there is a way
    between the two.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        ledger: Balances | None = None,
        live: Callable[[str], Awaitable[Live | None]] | None = None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._ledger = ledger
        self._live = live

    async def generation(self, generation_id: str, viewer: Identity) -> JsonObject | None:
        """One request with its attempts, or None for one that is not there or not the viewer's tenant's."""
        query = select(Request).where(col(Request.id) == generation_id)
        if viewer.role != "admin":
            query = query.where(col(Request.tenant) == viewer.tenant)
        lines = select(LedgerLine).where(col(LedgerLine.request_id) == generation_id).order_by(col(LedgerLine.number))
        with store_errors():
            async with self._session() as session:
                request = (await session.exec(query)).first()
                if request is not None:
                    ended = (await session.exec(lines)).all()
                    return _generation(request, ended, attempts_of(request.attempts or []))
        live = await self._live(generation_id) if self._live is not None else None
        if live is None or (viewer.role != "admin" and live.request.tenant != viewer.tenant):
            return None
        return _generation(live.request, live.lines, live.intents)

    async def spend(self, viewer: Identity, key_id: str | None = None) -> JsonObject:
        """A key's account, and what was booked for it today (UTC) and lately, to the last line. Raises NotFound for a key not to be seen."""
        key_id = key_id or viewer.key_id
        now = self._clock.now()
        with store_errors():
            async with snapshot(self._engine) as session:
                if key_id != viewer.key_id and not _may_see(viewer, await session.get(VirtualKey, key_id)):
                    raise errors.NotFound("There is no such key.")
                account = await session.get(Account, key_scope(key_id))
                today = await _spent_since(session, key_id, now - now % windows.DAY)
                recent = await _spent_since(session, key_id, now - RECENT_DAYS * windows.DAY)  # to the half-hour
        balance = await self._balance(key_id) if account is not None else None
        return {
            "object": "spend",
            "key_id": key_id,
            **_account(account, now, balance),
            "today": today,
            f"last_{RECENT_DAYS}_days": recent,
        }

    async def logs(self, viewer: Identity, wanted: LogFilter, *, limit: int, offset: int) -> list[JsonObject]:
        """Requests that the viewer may read, newest first, in LiteLLM's field names."""
        newest = (col(Request.created_at).desc(), col(Request.id).desc())
        query = select(Request).where(*visible(viewer), *wanted.conditions()).order_by(*newest)
        with store_errors():
            async with self._session() as session:
                requests = (await session.exec(query.limit(limit).offset(offset))).all()
                ids = [request.id for request in requests]
                lines = select(LedgerLine).where(col(LedgerLine.request_id).in_(ids)).order_by(col(LedgerLine.number))
                of: dict[str, list[LedgerLine]] = {}
                for line in (await session.exec(lines)).all():
                    of.setdefault(line.request_id, []).append(line)
        return [log_row(request, of.get(request.id, [])) for request in requests]

    async def _balance(self, key_id: str) -> Balance | None:
        """The key's account as the ledger has it; None while that cannot be told."""
        if self._ledger is None:
            return None
        try:
            (balance,) = await self._ledger.balances([key_scope(key_id)])
        except errors.Unavailable:
            return None
        return balance

    def _session(self) -> AsyncSession:
        return AsyncSession(self._engine, expire_on_commit=False)


def _generation(request: Request, lines: Sequence[LedgerLine], running: Sequence[Intent]) -> JsonObject:
    served = _served(request, lines)
    return {
        "id": request.id,
        "object": "generation",
        "status": request.status or RUNNING,
        "created_at": request.created_at,
        "ended_at": request.ended_at,
        "request_id": request.x_request_id,
        "key_id": request.key_id,
        "user": request.user,
        "team": request.team,
        "endpoint": request.endpoint,
        "stream": request.stream,
        "model_requested": request.model_requested,
        "model": served.model if served else None,
        "provider": served.provider if served else None,
        "deployment": request.deployment_id,
        "route": request.route,
        "http_status": request.http_status,
        "error_code": request.error_code,
        "finish_reason": served.finish_reason if served else None,
        **_money("cost", request.cost_nano),
        "cost_estimated": bool(request.estimated),
        "usage": _usage(request) if request.status else None,
        "ttft_ms": request.ttft_ms,
        "duration_ms": request.duration_ms,
        "template": request.template,
        "template_version": request.template_version,
        "brand": request.brand,
        "tags": request.tags,
        "cache": request.cache,
        "simulated": request.simulated,
        "attempts": [*map(_attempt, lines), *map(_running, running)],
    }


def _served(request: Request, lines: Sequence[LedgerLine]) -> LedgerLine | None:
    """The attempt whose answer the client got: the last one on the deployment that served."""
    return next((line for line in reversed(lines) if line.deployment_id == request.deployment_id), None)


def _attempt(line: LedgerLine) -> JsonObject:
    return {
        "number": line.number,
        "deployment": line.deployment_id,
        "provider": line.provider,
        "model": line.model,
        "status": line.status,
        "fault": line.fault,
        "error": line.error,
        "finish_reason": line.finish_reason,
        **_money("cost", line.cost_nano),
        "cost_estimated": line.estimated,
        "late": line.late,
        "usage": _usage(line),
        "started_at": line.started_at,
        "ended_at": line.ended_at,
        "ttft_ms": line.ttft_ms,
    }


def _running(intent: Intent) -> JsonObject:
    return {
        "number": intent.number,
        "deployment": intent.deployment_id,
        "provider": intent.provider,
        "model": intent.model,
        "status": RUNNING,
        "started_at": intent.started_at,
    }


def _usage(row: Request | LedgerLine) -> JsonObject:
    """Token counts under the names that the OpenAI SDKs know."""
    counts = {member: getattr(row, column) or 0 for column, member in TOKENS.items()}
    return {
        "prompt_tokens": counts["input"],
        "completion_tokens": counts["output"],
        "total_tokens": counts["input"] + counts["output"],
        "prompt_tokens_details": {
            "cached_tokens": counts["cached_input"],
            "cache_write_tokens": counts["cache_write"],
            "audio_tokens": counts["audio_input"],
        },
        "completion_tokens_details": {
            "reasoning_tokens": counts["reasoning"],
            "audio_tokens": counts["audio_output"],
        },
    }


def _money(name: str, nano: int | None) -> JsonObject:
    """An amount twice: US dollars as a decimal string, and exact."""
    return {name: usd(nano) if nano is not None else None, f"{name}_nano": nano}


def _account(account: Account | None, now: float, balance: Balance | None) -> JsonObject:
    """What the account shows at `now`, though a window that has ended is only reset at its next hold.

    `balance`: the same account where another store than SQL has the last word.
    """
    spent = held = 0
    limit = window = resets_at = None
    if account is not None:
        spent, held, limit, window = account.spent_nano, account.held_nano, account.limit_nano, account.budget_window
        resets_at, length = account.resets_at, windows.seconds(window)
        if length is not None and resets_at is not None and resets_at <= now:
            spent, (_, resets_at) = 0, windows.current(account.window_started_at, length, now)
    if balance is not None:
        spent, held, limit, resets_at = balance.spent, balance.held, balance.limit, balance.resets_at
    return {
        **_money("spent", spent),
        **_money("held", held),
        **_money("limit", limit),
        **_money("left", max(0, limit - spent - held) if limit is not None else None),
        "budget_window": window,
        "resets_at": resets_at,
    }


async def _spent_since(session: Snapshot, key_id: str, since: float) -> JsonObject:
    """What was booked for the key from the half-hour of `since` on, and for how many requests."""

    def own(rows: Columns) -> ColumnElement[bool]:
        condition: ColumnElement[bool] = rows.key_id == key_id
        return condition

    position = (await session.execute(POSITION)).scalar_one_or_none() or 0
    query = total((), own, int(since // HALF_HOUR), MAX_INTEGER, position)
    row = (await session.execute(query)).one()
    return {**_money("cost", int(row.cost_nano)), "requests": int(row.requests)}


def _may_see(viewer: Identity, key: VirtualKey | None) -> bool:
    if key is None:
        return False
    owner = Identity(key.id, key.name, user=key.user, team=key.team)
    own = viewer.user is not None and viewer.user == key.user
    return viewer.role == "admin" or own or viewer.tenant == owner.tenant
