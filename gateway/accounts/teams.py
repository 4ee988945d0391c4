"""Teams and who belongs to them. Unavailable: the store is away, and nothing was done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.accounts.actor import Actor
from gateway.accounts.transaction import Transactions
from gateway.accounts.values import Page
from gateway.ports import TeamInfo, UserInfo


class Teams:
    """Every method takes the actor first and raises NotFound for what it may not see, Forbidden for what it may not do."""

    def __init__(self, store: Transactions) -> None:
        self._store = store

    async def create(self, actor: Actor, **fields: Any) -> TeamInfo:
        """`id` (made when missing), `name`, `models`, `budget`, `budget_window`, `content`, `retention_days`.

        Raises Conflict (already_exists), Forbidden, Unprocessable.
        """
        raise NotImplementedError

    async def ensure(self, actor: Actor, team_id: str) -> TeamInfo:
        """The team of this id, made when unknown."""
        raise NotImplementedError

    async def get(self, actor: Actor, team_id: str) -> TeamInfo:
        raise NotImplementedError

    async def list(self, actor: Actor, *, after: str | None = None, limit: int = 50) -> Page[TeamInfo]:
        """Newest first."""
        raise NotImplementedError

    async def edit(self, actor: Actor, team_id: str, changes: Mapping[str, Any], version: int | None) -> TeamInfo:
        """`name`, `models`, `budget`, `budget_window`, `content`, `retention_days`, `blocked`.

        Raises Conflict (version_conflict), Forbidden, NotFound, Unprocessable.
        """
        raise NotImplementedError

    async def members(self, actor: Actor, team_id: str) -> list[tuple[UserInfo, str]]:
        """The team's users that the actor may see, each with its role, in the order in which they came."""
        raise NotImplementedError

    async def set_member(self, actor: Actor, team_id: str, user_id: str, role: str) -> tuple[UserInfo, str]:
        """Add a user, or change its role ("lead", "member", "viewer"). A lead can add users that it knows the id of."""
        raise NotImplementedError

    async def remove_member(self, actor: Actor, team_id: str, user_id: str) -> None:
        """From now on the user's keys and sessions in this team may only look."""
        raise NotImplementedError
