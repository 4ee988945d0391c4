"""Reads the audit log, which every act of this package writes in its own transaction. Unavailable: the store is away."""

from __future__ import annotations

from gateway.accounts.actor import Actor
from gateway.accounts.transaction import Transactions
from gateway.accounts.values import AuditInfo, Page


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
        raise NotImplementedError
