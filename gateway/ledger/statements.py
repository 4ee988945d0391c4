"""The ledger's SQL: SQLAlchemy expressions, compiled once to text for the raw connection of the writer.

Every value is a bound parameter. Going through the ORM for each act would cost more than the act itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, insert, literal_column, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql import ClauseElement
from sqlmodel import col

from gateway.store.tables import TOKENS, Account, Content, Hold, Intent, LedgerLine, Request

_ENDING = (
    "ended_at",
    "status",
    "http_status",
    "error_code",
    "deployment_id",
    "cache",
    "prompt_digest",
    "ttft_ms",
    "duration_ms",
    "cost_nano",
    "estimated",
    *TOKENS,
)
_DIALECT = sqlite.dialect(paramstyle="named")


def _sql(expression: ClauseElement, columns: Sequence[str] | None = None) -> str:
    return str(expression.compile(dialect=_DIALECT, column_keys=columns))


def _is(column: Any, name: str) -> ColumnElement[bool]:
    return col(column) == bindparam(name)


# A constant, not a parameter: a partial index only serves a condition that spells its own.
_STANDING = col(Hold.state) == literal_column("'held'")

ACCOUNT = _sql(select(Account).where(_is(Account.scope, "scope")))
ADD_ACCOUNT = _sql(insert(Account))
MOVE_ACCOUNT = _sql(
    update(Account)
    .where(_is(Account.scope, "of_scope"))
    .values(
        spent_nano=col(Account.spent_nano) + bindparam("spent"),
        held_nano=col(Account.held_nano) + bindparam("held"),
    )
)
RESET_ACCOUNT = _sql(
    update(Account).where(_is(Account.scope, "of_scope")), ["spent_nano", "window_started_at", "resets_at"]
)

HOLD = _sql(select(Hold).where(_is(Hold.request_id, "id")))
ADD_HOLD = _sql(insert(Hold))
EXPIRED_HOLDS = _sql(
    select(Hold).where(_STANDING, col(Hold.expires_at) <= bindparam("now")).order_by(col(Hold.expires_at))
)
END_HOLD = _sql(update(Hold).where(_is(Hold.request_id, "id"), _STANDING), ["state"])
RAISE_HOLD = _sql(update(Hold).where(_is(Hold.request_id, "id")), ["state", "amount_nano", "created_at", "expires_at"])
EXTEND_HOLD = _sql(
    update(Hold).where(_is(Hold.request_id, "id"), _STANDING, col(Hold.expires_at) < bindparam("until")),
    ["expires_at"],
)

REQUEST = _sql(select(Request).where(_is(Request.id, "id")))
OPEN_REQUESTS = _sql(select(col(Request.id)).where(col(Request.status).is_(None)).order_by(col(Request.created_at)))
ADD_REQUEST = _sql(
    insert(Request), [name for name in Request.model_fields if name not in _ENDING or name == "cost_nano"]
)
END_REQUEST = _sql(update(Request).where(_is(Request.id, "of_request"), col(Request.status).is_(None)), _ENDING)

INTENTS = _sql(select(Intent).where(_is(Intent.request_id, "id")).order_by(col(Intent.number)))
INTENT_EXISTS = _sql(
    select(func.count()).select_from(Intent).where(_is(Intent.request_id, "id"), _is(Intent.number, "number"))
)
ADD_INTENT = _sql(insert(Intent))
NEXT_SEQ = _sql(select(func.coalesce(func.max(col(LedgerLine.seq)), literal_column("0")) + literal_column("1")))
ADD_CONTENT = _sql(sqlite_insert(Content).on_conflict_do_nothing())
ADD_LINE = _sql(sqlite_insert(LedgerLine).on_conflict_do_nothing())
