"""A request under way is one row: its hold and its attempts move into it, and end with it. What had ended goes."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_json = sa.JSON(none_as_null=True)
_request = sa.table(
    "request",
    sa.column("id"),
    sa.column("status"),
    sa.column("attempts", _json),
    sa.column("hold_scopes", _json),
    *map(sa.column, ("hold_nano", "hold_state", "hold_since", "hold_expires_at")),
)
_hold = sa.table(
    "hold",
    sa.column("request_id"),
    sa.column("scopes", _json),
    *map(sa.column, ("amount_nano", "state", "created_at", "expires_at")),
)
_intent = sa.table(
    "intent",
    *map(sa.column, ("request_id", "number", "deployment_id", "provider", "model", "bound_nano", "started_at")),
    sa.column("price", _json),
)
_OPEN = _request.c.status.is_(None)


def upgrade() -> None:
    for column in (
        sa.Column("attempts", _json, nullable=True),
        sa.Column("hold_scopes", _json, nullable=True),
        sa.Column("hold_nano", sa.BigInteger(), nullable=True),
        sa.Column("hold_state", sa.Text(), nullable=True),
        sa.Column("hold_since", sa.Double(), nullable=True),
        sa.Column("hold_expires_at", sa.Double(), nullable=True),
    ):
        op.add_column("request", column)
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    _read_holds(found)
    _read_attempts(found)
    for request_id, values in found.items():
        op.execute(sa.update(_request).where(_request.c.id == request_id).values(values))
    op.drop_table("intent")
    op.drop_table("hold")


def _read_holds(found: dict[str, dict[str, Any]]) -> None:
    query = sa.select(_hold).join(_request, _request.c.id == _hold.c.request_id).where(_OPEN)
    for row in op.get_bind().execute(query):
        found[row.request_id] |= {
            "hold_scopes": row.scopes,
            "hold_nano": row.amount_nano,
            "hold_state": row.state,
            "hold_since": row.created_at,
            "hold_expires_at": row.expires_at,
        }


def _read_attempts(found: dict[str, dict[str, Any]]) -> None:
    query = sa.select(_intent).join(_request, _request.c.id == _intent.c.request_id).where(_OPEN)
    for row in op.get_bind().execute(query.order_by(_intent.c.number)).mappings():
        attempt = {**row}
        attempt["bound"] = attempt.pop("bound_nano")
        found[row["request_id"]].setdefault("attempts", []).append(attempt)
