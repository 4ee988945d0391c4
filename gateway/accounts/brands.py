"""Brands that texts are written for. Unavailable: the store is away, and nothing was done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.accounts.actor import Actor
from gateway.accounts.transaction import Transactions
from gateway.accounts.values import Page
from gateway.ports import BrandInfo
from gateway.types import Identity


class Brands:
    """Every method takes the actor first and raises NotFound for what it may not see, Forbidden for what it may not do."""

    def __init__(self, store: Transactions) -> None:
        self._store = store

    async def create(self, actor: Actor, **fields: Any) -> BrandInfo:
        """`id` (made when missing), `name`, `client`, `team`, `budget`, `budget_window`. A lead's is its team's.

        Raises Conflict (already_exists), Forbidden, Unprocessable.
        """
        raise NotImplementedError

    async def get(self, actor: Actor, brand_id: str) -> BrandInfo:
        raise NotImplementedError

    async def list(
        self, actor: Actor, *, include_archived: bool = False, after: str | None = None, limit: int = 50
    ) -> Page[BrandInfo]:
        """Newest first."""
        raise NotImplementedError

    async def edit(self, actor: Actor, brand_id: str, changes: Mapping[str, Any], version: int | None) -> BrandInfo:
        """`name`, `client`, `archived`, `team`, `budget`, `budget_window`."""
        raise NotImplementedError

    async def allowed(self, identity: Identity, brand_id: str) -> bool:
        """Whether texts may be written for this brand: unknown ones yes, another team's and archived ones no.

        From memory for a few seconds. With the store away the last answer counts, and an unknown brand is allowed.
        """
        raise NotImplementedError

    def forget(self) -> None:
        """Look every brand up again: one was changed."""
        raise NotImplementedError
