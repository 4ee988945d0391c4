"""Reads the audit log, which every act of this package writes in its own transaction. Unavailable: the store is away."""

from __future__ import annotations

from sqlmodel import col, select

from gateway.accounts import fields, paging, roles
from gateway.accounts.actor import Actor
from gateway.accounts.roles import Reach
from gateway.accounts.transaction import Transactions
from gateway.accounts.values import AuditInfo, Page
from gateway.errors import Unprocessable
from gateway.store.directory import AuditEntry


class Audit:
    """The append-only list of administrative acts."""

    def __init__(self, store: Transactions) -> None:
        self._store = store

    async def list(
        self,
        actor: Actor,
        *,
        object_type: str | None = None,
        object_id: str | None = None,
        actor_id: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[AuditInfo]:
        """Newest first; a lead sees its team's. Raises Forbidden, Unprocessable for a broken cursor."""
        if not 1 <= limit <= paging.LONGEST_PAGE:
            raise Unprocessable(f"'limit' is 1 to {paging.LONGEST_PAGE}.", param="limit")
        query = select(AuditEntry)
        if roles.require(actor.role, "audit.list") is not Reach.ALL:
            query = query.where(col(AuditEntry.team) == actor.team, col(AuditEntry.team).is_not(None))
        for column, wanted in (
            (AuditEntry.object_type, object_type),
            (AuditEntry.object_id, object_id),
            (AuditEntry.actor, actor_id),
        ):
            if wanted is not None:
                query = query.where(col(column) == fields.known_id(wanted, "audit entry"))
        if after is not None:
            query = query.where(col(AuditEntry.id) < _place(after))
        async with self._store.read() as session:
            rows = (await session.exec(query.order_by(col(AuditEntry.id).desc()).limit(limit + 1))).all()
        shown = tuple(map(_info, rows[:limit]))
        return Page(shown, str(shown[-1].id) if len(rows) > limit else None)


def _place(after: str) -> int:
    if not (after.isascii() and after.isdigit() and len(after) <= 18):
        raise Unprocessable("'after' is no cursor; take it from 'next' of a list.", param="after")
    return int(after)


def _info(row: AuditEntry) -> AuditInfo:
    return AuditInfo(
        id=row.id or 0,
        at=row.at,
        actor=row.actor,
        action=row.action,
        object_type=row.object_type,
        object_id=row.object_id,
        team=row.team,
        before=row.before,
        after=row.after,
        request_id=row.request_id,
    )
