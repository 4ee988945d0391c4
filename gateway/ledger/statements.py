"""The ledger's SQL: SQLAlchemy expressions, compiled once to text for the raw connection of the writer.

Every value is a bound parameter, in the order in which `rows` has them. Going through the ORM for each act would cost
more than the act itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, bindparam, func, insert, literal_column, null, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.sql import ClauseElement
from sqlmodel import SQLModel, col

from gateway.ledger.rows import ENDED, LINE, OPENED, OWNER
from gateway.store.tables import UNDER_WAY, Account, Content, LedgerLine, Request

_DIALECT = sqlite.dialect(paramstyle="qmark")
BALANCE = ("limit_nano", "spent_nano", "held_nano", "budget_window", "window_started_at", "resets_at")
CHANGED = ("spent_nano", "held_nano", "window_started_at", "resets_at")


def _sql(expression: ClauseElement, parameters: Sequence[str], columns: Sequence[str] | None = None) -> str:
    """The text, whose parameters stand in the order that was asked for; a ValueError where they do not."""
    compiled = cast("SQLiteCompiler", expression.compile(dialect=_DIALECT, column_keys=columns))
    if compiled.positiontup != [*parameters]:
        raise ValueError(f"the parameters of {compiled} are {compiled.positiontup}, not {parameters}")
    return str(compiled)


def _insert(table: type[SQLModel], columns: Sequence[str] | None = None) -> str:
    """Into these columns, or into all."""
    columns = tuple(table.model_fields) if columns is None else columns
    return _sql(insert(table), columns, columns)


def _is(column: Any, name: str) -> ColumnElement[bool]:
    return col(column) == bindparam(name)


def _columns(table: Any, names: Sequence[str]) -> list[Any]:
    return [col(getattr(table, name)) for name in names]


_OPEN = col(Request.status).is_(None)
# A constant, not a parameter, like everything that says nothing of a single request.
_STANDING = col(Request.hold_state) == literal_column("'held'")
_NOTHING = dict.fromkeys(UNDER_WAY, null())

ACCOUNT = _sql(select(*_columns(Account, BALANCE)).where(_is(Account.scope, "scope")), ["scope"])
ADD_ACCOUNT = _insert(Account)
CHANGE_ACCOUNT = _sql(update(Account).where(_is(Account.scope, "of_scope")), [*CHANGED, "of_scope"], CHANGED)

ADD_REQUEST = _insert(Request, [*OPENED, *UNDER_WAY])
STATUS = _sql(select(col(Request.status)).where(_is(Request.id, "id")), ["id"])
REQUEST = _sql(
    select(*_columns(Request, ["created_at", *UNDER_WAY, *OWNER])).where(_is(Request.id, "id"), _OPEN), ["id"]
)
OPEN_REQUESTS = _sql(select(col(Request.id)).where(_OPEN).order_by(col(Request.created_at)), [])
EXPIRED_HOLDS = _sql(
    select(col(Request.id)).where(_OPEN, _STANDING, col(Request.hold_expires_at) <= bindparam("now")), ["now"]
)
NEXT_EXPIRY = _sql(select(func.min(col(Request.hold_expires_at))).where(_OPEN, _STANDING), [])
CHANGE_REQUEST = _sql(update(Request).where(_is(Request.id, "of_request")), [*UNDER_WAY, "of_request"], UNDER_WAY)
END_REQUEST = _sql(update(Request).where(_is(Request.id, "of_request")).values(_NOTHING), [*ENDED, "of_request"], ENDED)

NEXT_SEQ = _sql(select(func.coalesce(func.max(col(LedgerLine.seq)), literal_column("0")) + literal_column("1")), [])
ADD_LINE = _insert(LedgerLine, LINE)
ADD_CONTENT = _sql(sqlite_insert(Content).on_conflict_do_nothing(), [*Content.model_fields], [*Content.model_fields])
