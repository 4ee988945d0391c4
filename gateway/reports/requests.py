"""Single requests: the newest ones page by page, and one of them with its attempts.

Money is nano-dollars, times are Unix seconds. A request of another tenant looks like one that does not exist. Raises
what `Source.reading` turns into `ReportsUnavailable`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from gateway.reports.viewer import Viewer
from gateway.store.tables import LedgerLine, Request

RUNNING = "in_progress"
MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request. `model` is the one that served, None while it runs or when none did."""

    id: str
    created_at: float
    status: str  # RUNNING, or one of types.Status
    model_requested: str
    model: str | None
    provider: str | None
    template: str | None
    brand: str | None
    user: str | None
    team: str | None
    key_id: str
    stream: bool
    simulated: bool
    estimated: bool
    cost: int
    input_tokens: int
    output_tokens: int
    duration_ms: float | None
    error_code: str | None
    route: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a request: one line of the ledger."""

    number: int
    provider: str
    model: str
    status: str
    fault: str | None
    error: str | None
    cost: int
    estimated: bool
    input_tokens: int
    output_tokens: int
    started_at: float
    ended_at: float
    ttft_ms: float | None


@dataclass(frozen=True, slots=True)
class RequestDetail:
    request: RequestRow
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Some requests, newest first; `more`: older ones follow."""

    rows: tuple[RequestRow, ...]
    more: bool


def recent(session: Session, viewer: Viewer, limit: int = 20, offset: int = 0) -> Page:
    """`limit` (at most 200) requests after the newest `offset` ones."""
    limit = min(limit, MOST_ROWS)
    order = (col(Request.created_at).desc(), col(Request.id).desc())
    rows = session.execute(_requests(viewer).order_by(*order).limit(limit + 1).offset(offset)).all()
    return Page(tuple(_row(row) for row in rows[:limit]), len(rows) > limit)


def one(session: Session, viewer: Viewer, request_id: str) -> RequestDetail | None:
    """The request with its attempts in their order; None when there is none that the viewer may see."""
    found = session.execute(_requests(viewer).where(col(Request.id) == request_id)).first()
    if found is None:
        return None
    query = select(LedgerLine).where(col(LedgerLine.request_id) == request_id).order_by(col(LedgerLine.number))
    return RequestDetail(_row(found), tuple(_attempt(line) for line in session.scalars(query)))


def _requests(viewer: Viewer) -> Select[*tuple[Any, ...]]:
    served = (
        select(func.max(col(LedgerLine.number)))
        .where(col(LedgerLine.request_id) == col(Request.id))
        .where(col(LedgerLine.deployment_id) == col(Request.deployment_id))
        .correlate(Request)
        .scalar_subquery()
    )
    its_line = (col(LedgerLine.request_id) == col(Request.id)) & (col(LedgerLine.number) == served)
    return (
        select(Request, col(LedgerLine.model).label("model"), col(LedgerLine.provider).label("provider"))
        .outerjoin(LedgerLine, its_line)
        .where(viewer.may_see(col(Request.tenant)))
    )


def _row(row: Any) -> RequestRow:
    request: Request = row.Request
    return RequestRow(
        id=request.id,
        created_at=request.created_at,
        status=request.status or RUNNING,
        model_requested=request.model_requested,
        model=row.model,
        provider=row.provider,
        template=request.template,
        brand=request.brand,
        user=request.user,
        team=request.team,
        key_id=request.key_id,
        stream=request.stream,
        simulated=request.simulated,
        estimated=bool(request.estimated),
        cost=request.cost_nano,
        input_tokens=request.input_tokens or 0,
        output_tokens=request.output_tokens or 0,
        duration_ms=request.duration_ms,
        error_code=request.error_code,
        route=request.route,
    )


def _attempt(line: LedgerLine) -> Attempt:
    return Attempt(
        number=line.number,
        provider=line.provider,
        model=line.model,
        status=line.status,
        fault=line.fault,
        error=line.error,
        cost=line.cost_nano,
        estimated=line.estimated,
        input_tokens=line.input_tokens,
        output_tokens=line.output_tokens,
        started_at=line.started_at,
        ended_at=line.ended_at,
        ttft_ms=line.ttft_ms,
    )
