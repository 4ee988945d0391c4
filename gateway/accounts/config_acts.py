"""What people do to the configuration, in the audit log: an edit of its files is in one transaction with its entry.

The store away: `errors.Unavailable`, and no file was written; a commit that fails puts the files back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.accounts import roles
from gateway.accounts.actor import Actor
from gateway.accounts.transaction import Transactions

MOST_TOLD = 30  # sentences in one entry
OBJECT = "config"
FILE = Actor("file", "admin")  # whoever changed what stands on the disk


@dataclass(frozen=True, slots=True)
class Passage:
    """From one version to another, told in sentences that name no secret's value."""

    action: Literal["config.edit", "config.restore", "config.reload"]
    before: str
    after: str
    what: Sequence[str]


class ConfigActs:
    """Who may read and edit the configuration, and the entries of those who did."""

    def __init__(self, store: Transactions) -> None:
        self._store = store

    def may_read(self, actor: Actor) -> None:
        """Raises Forbidden."""
        roles.require(actor.role, "config.get")

    def may_edit(self, actor: Actor) -> None:
        """Raises Forbidden."""
        roles.require(actor.role, "config.edit")

    async def on_disk(self, before: str, after: str, what: Sequence[str]) -> None:
        """Note that the files were changed, and read, from one version to another. Raises Unavailable."""
        await self.record(FILE, Passage("config.reload", before, after, what))

    async def record(
        self,
        actor: Actor,
        passage: Passage,
        write: Callable[[], None] = lambda: None,
        put_back: Callable[[], None] = lambda: None,
    ) -> None:
        """Call `write`, in a thread, and commit its entry; `put_back` undoes what it did when there is no commit.

        Raises Forbidden, Unavailable, and what `write` raises.
        """
        self.may_edit(actor)
        begun = committed = False
        try:
            async with self._store.act(actor) as act:
                after = {"version": passage.after, "changes": list(passage.what[:MOST_TOLD])}
                act.record(passage.action, OBJECT, before={"version": passage.before}, after=after)
                await act.session.flush()  # a store that cannot write says so before a file is touched
                begun = True
                await asyncio.to_thread(write)
            committed = True
        finally:
            if begun and not committed:
                await asyncio.to_thread(put_back)
