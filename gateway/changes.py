"""Lets every process act on a change to accounts within a second: messages where there is Redis, the audit log always.

A message wakes the look into the audit log; one that takes rights away acts by itself, so that a key is refused though
SQL is away. With SQL away the look is repeated each second, and nothing is missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import structlog

from gateway.errors import Unavailable
from gateway.ports import Ledger
from gateway.store.changes import Change, SqlChanges
from gateway.telemetry.dependencies import Dependencies

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0  # seconds
LONGEST_LOOK = 3.0  # seconds after which a database counts as away
WITH_BUDGETS = frozenset({"key", "user", "team", "brand"})
TAKING_AWAY = frozenset({"revoke", "block", "end", "end_all", "erase", "remove"})


class Rights(Protocol):
    """What remembers credentials; see `identities.KeyIdentities`."""

    def forget(self, kind: str | None = None, object_id: str | None = None) -> None: ...
    def revoked(self, kind: str, object_id: str) -> None: ...


class Changes:
    """`announce` tells the other processes; `forget_brands` is called when a brand was changed."""

    def __init__(
        self,
        log_of_acts: SqlChanges,
        rights: Rights,
        ledger: Ledger,
        dependencies: Dependencies,
        forget_brands: Callable[[], None],
        announce: Callable[[dict[str, str]], Awaitable[None]] | None = None,
    ) -> None:
        self._acts = log_of_acts
        self._rights = rights
        self._ledger = ledger
        self._dependencies = dependencies
        self._forget_brands = forget_brands
        self._announce = announce
        self._wake = asyncio.Event()

    async def follow(self) -> None:
        """Look for ever. Never raises for a store that is away."""
        while True:
            try:
                async with asyncio.timeout(LONGEST_LOOK):
                    changes = await self._acts.poll()
                self._dependencies.turn("database", away=False)
                await self._act_on(changes)
            except (Unavailable, TimeoutError):
                self._dependencies.turn("database", away=True)
            try:
                async with asyncio.timeout(LOOK_EVERY):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def made(self, changes: Sequence[Change]) -> None:
        """Changes of this process that are committed: look at the rights again, and tell the others."""
        self._forget(changes)
        if self._announce is None:
            return
        for change in changes:
            await self._announce({"type": change.object_type, "id": change.object_id, "action": change.action})

    def heard(self, message: Mapping[str, str]) -> None:
        """Another process says what it changed; an empty message: something may have been missed."""
        kind, object_id, action = message.get("type"), message.get("id"), message.get("action", "")
        if kind and object_id and action.rpartition(".")[2] in TAKING_AWAY:
            self._rights.revoked(kind, object_id)
        self._wake.set()

    async def _act_on(self, changes: Sequence[Change]) -> None:
        """Look again at what was changed: rights, brands, budgets."""
        self._forget(changes)
        scopes = [f"{c.object_type}:{c.object_id}" for c in changes if c.object_type in WITH_BUDGETS]
        if not scopes:
            return
        try:
            await self._ledger.refresh(list(dict.fromkeys(scopes)))
        except Unavailable as error:
            log.warning("budgets_not_refreshed", error=error.message)

    def _forget(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._rights.forget(change.object_type, change.object_id)
            if change.object_type == "brand":
                self._forget_brands()
