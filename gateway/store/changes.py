"""What was changed in accounts since the last look: the net under the messages that tell every process at once.

A store that is away raises `errors.Unavailable`; the next look finds what this one would have found.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine


@dataclass(frozen=True, slots=True)
class Change:
    """One administrative act, as other processes need to know it: ("key", "k_1", "key.revoke")."""

    object_type: str  # "user", "team", "brand", "key", "invitation", "session", "membership"
    object_id: str  # of a membership: "team/user"
    action: str


class SqlChanges:
    """Follows the audit log."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._seen: int | None = None

    async def poll(self) -> list[Change]:
        """Changes since the last call, oldest first; the first call only sets the mark. Raises Unavailable."""
        raise NotImplementedError
