"""One administrative act: a short transaction that goes alone, ends with its audit entry, and is told about afterwards.

Acts go one at a time on both databases, so that a read-modify-write needs no further lock and audit ids are committed
in their order. A store that is away raises `errors.Unavailable`; a listener's `Unavailable` after the commit is logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import errors
from gateway.accounts.actor import Actor
from gateway.accounts.new_budgets import NewBudget, with_budget
from gateway.ports import Clock
from gateway.store.changes import Change
from gateway.store.database import store_errors
from gateway.store.directory import AuditEntry

LONGEST_WAIT = 10.0  # seconds for other acts to end; then the store counts as away
_LOCK_ID = 0x41_54_41_43  # PostgreSQL's advisory lock of administrative acts
_PERSONAL = {("user", "email"), ("user", "name"), ("key", "name"), ("key", "metadata"), ("invitation", "email")}

log = structlog.get_logger(__name__)


async def _nobody(_: Sequence[object]) -> None:
    """Where nobody listens."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What surrounds the accounts: who is told after a commit, and what the admin configured.

    `on_budget` gets the scopes ("key:k_1") whose limit or window changed, `on_change` what was changed. `has_master`: a
    master key is configured, so that the last admin may go. `new_budgets`: by "key", "user", "team".
    """

    on_budget: Callable[[Sequence[str]], Awaitable[None]] = _nobody
    on_change: Callable[[Sequence[Change]], Awaitable[None]] = _nobody
    has_master: bool = False
    session_ttl: float = 43_200.0  # seconds
    new_budgets: Mapping[str, NewBudget] = field(default_factory=dict)


@dataclass(slots=True)
class Act:
    """A transaction that runs. What is in `changes` and `scopes` at its end is told to the listeners."""

    session: AsyncSession
    actor: Actor
    now: float
    new_budgets: Mapping[str, NewBudget] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)

    def with_budget(self, kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a new key, user or team, with the budget that is given to those without one."""
        return with_budget(self.new_budgets, kind, values)

    def record(
        self,
        action: str,
        object_id: str,
        *,
        team: str | None = None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Add the audit entry of `action` ("key.edit"). Personal fields become the word "changed"."""
        kind = _KINDS.get(action, action.partition(".")[0])
        self.changes.append(Change(kind, object_id, action))
        self.session.add(
            AuditEntry(
                at=self.now,
                actor=self.actor.id,
                action=action,
                object_type=kind,
                object_id=object_id,
                team=team,
                before=_impersonal(kind, before),
                after=_impersonal(kind, after),
                request_id=self.actor.request_id,
            )
        )


_KINDS = {"member.set": "membership", "member.remove": "membership"}


class Transactions:
    """Begins acts and reads. Raises errors.Unavailable, and errors.Conflict for a broken constraint."""

    def __init__(self, engine: AsyncEngine, clock: Clock, settings: Settings) -> None:
        self._engine = engine
        self.clock = clock
        self.settings = settings

    @asynccontextmanager
    async def act(self, actor: Actor) -> AsyncIterator[Act]:
        """Begin, let no other act in until the end, then commit, or undo it all when the body raises."""
        try:
            with store_errors():
                async with AsyncSession(self._engine, expire_on_commit=False) as session:
                    async with asyncio.timeout(LONGEST_WAIT):
                        await _alone(session)
                    act = Act(session, actor, self.clock.now(), self.settings.new_budgets)
                    yield act
                    await session.commit()
        except IntegrityError:
            raise errors.Conflict("Something of this name exists already.", code="already_exists") from None
        await self._tell(self.settings.on_change, act.changes)
        await self._tell(self.settings.on_budget, act.scopes)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        with store_errors():
            async with AsyncSession(self._engine, expire_on_commit=False) as session:
                yield session

    async def _tell(self, listener: Callable[[Sequence[Any]], Awaitable[None]], what: Sequence[Any]) -> None:
        if not what:
            return
        try:
            await listener(tuple(what))
        except errors.Unavailable as error:
            log.warning("change_not_told", error=error.message)


async def _alone(session: AsyncSession) -> None:
    """SQLite's write lock from the start, since a transaction that begins by reading cannot always write later."""
    connection = await session.connection()
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        await connection.execute(select(func.pg_advisory_xact_lock(_LOCK_ID)))


def _impersonal(kind: str, values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {name: "changed" if (kind, name) in _PERSONAL else value for name, value in values.items()}
