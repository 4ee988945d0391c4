"""Single requests: the newest ones page by page, and one of them with its attempts.

Money is nano-dollars, times are Unix seconds. A request of another tenant looks like one that does not exist. Raises
what `Source.reading` turns into `ReportsUnavailable`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlmodel import col

from gateway.reports.snapshot import Snapshot
from gateway.reports.viewer import Viewer
from gateway.store.directory import User
from gateway.store.tables import LedgerLine, Request

RUNNING = "in_progress"
MOST_ROWS = 200
REQUEST_COLUMNS = (
    "id",
    "created_at",
    "status",
    "model_requested",
    "template",
    "brand",
    "user",
    "team",
    "key_id",
    "stream",
    "simulated",
    "estimated",
    "cost_nano",
    "input_tokens",
    "output_tokens",
    "duration_ms",
    "error_code",
    "route",
)
ATTEMPT_COLUMNS = (
    "number",
    "provider",
    "model",
    "status",
    "fault",
    "error",
    "cost_nano",
    "estimated",
    "input_tokens",
    "output_tokens",
    "started_at",
    "ended_at",
    "ttft_ms",
)


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
    user_name: str | None = None


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
    """Some requests, newest first; `more`: older ones follow, after the cursor `next`."""

    rows: tuple[RequestRow, ...]
    more: bool
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Only requests of these; None: of all. `model` is the one that was asked for."""

    team: str | None = None
    user: str | None = None
    brand: str | None = None
    model: str | None = None

    def on(self) -> list[ColumnElement[bool]]:
        """The conditions on a request."""
        values = {
            Request.tenant: f"team:{self.team}" if self.team is not None else None,  # which has an index
            Request.user: self.user,
            Request.brand: self.brand,
            Request.model_requested: self.model,
        }
        return [col(column) == value for column, value in values.items() if value is not None]


EVERYTHING = Wanted()


def recent(
    session: Snapshot,
    viewer: Viewer,
    limit: int = 20,
    offset: int = 0,
    *,
    wanted: Wanted = EVERYTHING,
    after: str | None = None,
) -> Page:
    """`limit` (at most 200) requests after the one that a page's `next` named, or after the newest `offset` ones.

    Raises ValueError for a cursor that no page has given.
    """
    limit = min(limit, MOST_ROWS)
    query = _requests(viewer).where(*wanted.on())
    if after is not None:
        query = query.where(_older(after))
    order = (col(Request.created_at).desc(), col(Request.id).desc())
    rows = [_row(row) for row in session.execute(query.order_by(*order).limit(limit + 1).offset(offset))]
    more = len(rows) > limit
    return Page(tuple(rows[:limit]), more, _cursor(rows[limit - 1]) if more else None)


def one(session: Snapshot, viewer: Viewer, request_id: str) -> RequestDetail | None:
    """The request with its attempts in their order; None when there is none that the viewer may see."""
    found = session.execute(_requests(viewer).where(col(Request.id) == request_id)).first()
    if found is None:
        return None
    columns = [getattr(LedgerLine, name) for name in ATTEMPT_COLUMNS]
    query = select(*columns).where(col(LedgerLine.request_id) == request_id).order_by(col(LedgerLine.number))
    return RequestDetail(_row(found), tuple(_attempt(line) for line in session.execute(query)))


def _cursor(row: RequestRow) -> str:
    return f"{row.created_at!r}~{row.id}"


def _older(cursor: str) -> ColumnElement[bool]:
    time, separator, request_id = cursor.partition("~")
    if not separator:
        raise ValueError("This is no cursor of a page of requests.")
    created_at, when = col(Request.created_at), float(time)
    return and_(created_at <= when, or_(created_at < when, col(Request.id) < request_id))


def _requests(viewer: Viewer) -> Select[*tuple[Any, ...]]:
    served = (
        select(func.max(col(LedgerLine.number)))
        .where(col(LedgerLine.request_id) == col(Request.id))
        .where(col(LedgerLine.deployment_id) == col(Request.deployment_id))
        .correlate(Request)
        .scalar_subquery()
    )
    its_line = (col(LedgerLine.request_id) == col(Request.id)) & (col(LedgerLine.number) == served)
    table = Request.__table__  # type: ignore[attr-defined]
    return (
        select(
            *(table.c[name] for name in REQUEST_COLUMNS),
            col(LedgerLine.model).label("model"),
            col(LedgerLine.provider).label("provider"),
            col(User.name).label("user_name"),
        )
        .outerjoin(LedgerLine, its_line)
        .outerjoin(User, col(User.id) == col(Request.user))
        .where(viewer.requests(table.c))
    )


def _row(row: Any) -> RequestRow:
    return RequestRow(
        id=row.id,
        created_at=row.created_at,
        status=row.status or RUNNING,
        model_requested=row.model_requested,
        model=row.model,
        provider=row.provider,
        template=row.template,
        brand=row.brand,
        user=row.user,
        team=row.team,
        key_id=row.key_id,
        stream=row.stream,
        simulated=row.simulated,
        estimated=bool(row.estimated),
        cost=row.cost_nano,
        input_tokens=row.input_tokens or 0,
        output_tokens=row.output_tokens or 0,
        duration_ms=row.duration_ms,
        error_code=row.error_code,
        route=row.route,
        user_name=row.user_name,
    )


def _attempt(line: Any) -> Attempt:
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
