"""People, and programs that clients call users. Unavailable: the store is away, and nothing was done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from gateway.accounts.actor import Actor
from gateway.accounts.transaction import Transactions
from gateway.accounts.values import Page
from gateway.ports import UserInfo
from gateway.store.secrets import Digesters


class Users:
    """Every method takes the actor first and raises NotFound for what it may not see, Forbidden for what it may not do."""

    def __init__(self, store: Transactions, digests: Digesters) -> None:
        self._store = store
        self._digests = digests

    async def create(self, actor: Actor, **fields: Any) -> UserInfo:
        """`id` (made when missing), `email`, `name`, `role`, `budget` (nano-dollars), `budget_window` ("30d").

        Raises Conflict (code "already_exists") for an id or e-mail that is taken, Unprocessable.
        """
        raise NotImplementedError

    async def ensure(self, actor: Actor, user_id: str, team: str | None = None) -> UserInfo:
        """The user that a LiteLLM client calls so, made when unknown; with `team` (a known one), a member of it.

        An e-mail address becomes the user's e-mail, and the user gets an id of ours: ids stay in the audit log for
        good, so that none may name a person. Go on with the id of the answer.
        """
        raise NotImplementedError

    async def get(self, actor: Actor, user_id: str) -> UserInfo:
        raise NotImplementedError

    async def list(
        self, actor: Actor, *, team: str | None = None, after: str | None = None, limit: int = 50
    ) -> Page[UserInfo]:
        """Newest first, without erased ones."""
        raise NotImplementedError

    async def memberships(self, actor: Actor, user_id: str) -> list[tuple[str, str]]:
        """Teams of a user that the actor may see, each with the user's role in it."""
        raise NotImplementedError

    async def edit(self, actor: Actor, user_id: str, changes: Mapping[str, Any], version: int | None) -> UserInfo:
        """`name`, `email`, `role`, `blocked`, `budget`, `budget_window`. None in `version`: whatever is there.

        Raises Conflict (version_conflict; last_admin), Forbidden, NotFound, Unprocessable.
        """
        raise NotImplementedError

    async def export(self, actor: Actor, user_id: str) -> AsyncIterator[bytes]:
        """Everything the gateway holds about a person: pieces of one JSON object, read page by page."""
        raise NotImplementedError

    async def erase(self, actor: Actor, user_id: str) -> str:
        """Forget the person; money stays, under the opaque id that is returned. Safe to repeat when interrupted."""
        raise NotImplementedError
