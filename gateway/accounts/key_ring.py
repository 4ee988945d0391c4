"""Virtual keys: made, changed, rotated, revoked. Unavailable: the store is away, and nothing was done.

A key that a key has made never has more rights than that one: checked here when it is made or changed, and again by
`identities` at every use, since the parent may have lost some.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.accounts.actor import Actor
from gateway.accounts.transaction import Transactions
from gateway.accounts.values import Page
from gateway.ports import KeyInfo
from gateway.store.secrets import Digesters

OVERLAP = 86_400.0  # seconds that a rotated key's old secret goes on


class KeyRing:
    """Every method takes the actor first and raises NotFound for what it may not see, Forbidden for what it may not do."""

    def __init__(self, store: Transactions, digests: Digesters) -> None:
        self._store = store
        self._digests = digests

    async def create(self, actor: Actor, **fields: Any) -> tuple[KeyInfo, str]:
        """The key's record and the key itself, which is told this once.

        `name`, `user`, `team`, `role`, `models`, `brands`, `default_brand`, `budget` (nano-dollars), `budget_window`,
        `rpm`, `max_parallel`, `on_disconnect`, `tags`, `metadata`, `expires_at` (Unix seconds), `test_key`.
        Raises Forbidden (param: the field), NotFound (param: user or team), Unprocessable.
        """
        raise NotImplementedError

    async def get(self, actor: Actor, key_id: str) -> KeyInfo:
        raise NotImplementedError

    async def list(
        self,
        actor: Actor,
        *,
        user: str | None = None,
        team: str | None = None,
        include_revoked: bool = False,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[KeyInfo]:
        """Newest first."""
        raise NotImplementedError

    async def edit(self, actor: Actor, key_id: str, changes: Mapping[str, Any], version: int | None) -> KeyInfo:
        """The fields of `create` and `blocked`; `user` and `team` by admins alone.

        Raises Conflict (version_conflict), Forbidden, NotFound, Unprocessable.
        """
        raise NotImplementedError

    async def rotate(self, actor: Actor, key_id: str, overlap: float = OVERLAP) -> tuple[KeyInfo, str]:
        """A new secret for the key; the old one goes on for `overlap` seconds (0 to 30 days)."""
        raise NotImplementedError

    async def revoke(self, actor: Actor, key_id: str) -> KeyInfo:
        """For good, and with it every key that it has made. The first revocation counts."""
        raise NotImplementedError
