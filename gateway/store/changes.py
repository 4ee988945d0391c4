"""What was changed in accounts since the last look: the net under the messages that tell every process at once.

A store that is away raises `errors.Unavailable`; the next look finds what this one would have found.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from gateway.store.database import store_errors
from gateway.store.directory import AuditEntry

# Built once: to build them costs more than to ask them.
_id = col(AuditEntry.id)
_LAST = select(func.coalesce(func.max(_id), 0))
_SINCE = (
    select(_id, col(AuditEntry.object_type), col(AuditEntry.object_id), col(AuditEntry.action))
    .where(_id > bindparam("seen"))
    .order_by(_id)
)


@dataclass(frozen=True, slots=True)
class Change:
    """One administrative act, as other processes need to know it: ("key", "k_1", "key.revoke")."""

    object_type: str  # "user", "team", "brand", "key", "invitation", "session", "membership"
    object_id: str  # of a membership: "team/user"
    action: str


class SqlChanges:
    """Follows the audit log, whose ids grow in the order in which acts are committed."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._seen: int | None = None

    async def poll(self) -> list[Change]:
        """Changes since the last call, oldest first; the first call only sets the mark. Raises Unavailable."""
        with store_errors():
            async with self._engine.connect() as connection:
                if self._seen is None:
                    self._seen = (await connection.execute(_LAST)).scalar_one()
                    return []
                rows = (await connection.execute(_SINCE, {"seen": self._seen})).all()
        if rows:
            self._seen = rows[-1][0]
        return [Change(object_type, object_id, action) for _, object_type, object_id, action in rows]
