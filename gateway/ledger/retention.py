"""Forgets what need not be kept: contents and details of old requests, old sign-ins and invitations.

Who paid what for how many tokens stays for good. Everything is found by an index and done in small steps with pauses,
so that whoever writes to the store never waits long. While the store is away `sweep` raises `errors.Unavailable`; what
it had done until then is done, and `run` goes on later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Executable, Select, delete, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from gateway import errors
from gateway.ledger.steps import Steps
from gateway.ports import Clock
from gateway.store.database import store_errors
from gateway.store.directory import Invitation, SignIn, Team
from gateway.store.tables import Content, Request

DAY = 86_400.0
EVERY, AGAIN = 3_600.0, 60.0  # seconds between two sweeps; the same after one that met a store that is away
BREATH = 0.1  # seconds between two steps
MOST_ROWS = 200  # a step
LONGEST_STEP = 0.0125  # seconds
SIGNED_IN, INVITED = 30 * DAY, 90 * DAY  # how long they are kept
ERASED: dict[str, Any] = {
    "x_request_id": "",
    "template": None,
    "template_version": None,
    "tags": [],
    "route": None,
    "prompt_digest": None,
}
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Swept:
    """How many rows were erased or deleted."""

    details: int = 0
    content: int = 0  # expired ones; those of erased requests are gone with the details
    sign_ins: int = 0
    invitations: int = 0


class Retention:
    """Keeps requests' details for as long as their team says; `teamless_days` is for those without one (None: for good)."""

    def __init__(self, engine: AsyncEngine, clock: Clock, *, teamless_days: int | None = None) -> None:
        self._engine = engine
        self._clock = clock
        self.teamless_days = teamless_days
        self._steps = Steps(MOST_ROWS, LONGEST_STEP)

    async def run(self) -> None:
        """Sweep every hour, for ever."""
        while True:
            pause = EVERY
            try:
                swept = await self.sweep()
                counts = {name: count for name in Swept.__slots__ if (count := getattr(swept, name))}
                if counts:
                    log.info("retention_swept", **counts)
            except errors.Unavailable as error:
                pause = AGAIN
                log.warning("retention_waits", error=error.message)
            await asyncio.sleep(pause)

    async def sweep(self) -> Swept:
        """Forget everything that is due. Raises errors.Unavailable."""
        now = self._clock.now()
        with store_errors():
            return Swept(
                details=await self._details(now),
                content=await self._step_by_step(_expired_content(now), _content),
                sign_ins=await self._step_by_step(_sign_ins(now - SIGNED_IN), _old_sign_ins),
                invitations=await self._step_by_step(_invitations(now - INVITED), _old_invitations),
            )

    async def _details(self, now: float) -> int:
        limits: Executable = select(col(Team.id), col(Team.retention_days).label("days")).where(
            col(Team.retention_days).is_not(None)
        )
        async with self._engine.connect() as connection:
            kept: list[tuple[str | None, int | None]] = [(row.id, row.days) for row in await connection.execute(limits)]
        count = 0
        for team, days in (*kept, (None, self.teamless_days)):
            if days is not None:
                count += await self._step_by_step(_detailed(team, now - days * DAY), _details)
        return count

    async def _step_by_step(self, due: Select[Any], acts: Callable[[Sequence[str]], Sequence[Executable]]) -> int:
        """Do `acts` with the ids that `due` finds, a few at a time, until it finds none; how many rows it found."""
        count = 0
        while True:
            began = self._clock.monotonic()
            size = self._steps.size
            async with self._engine.begin() as connection:
                ids = (await connection.scalars(due.limit(size))).all()
                for act in acts(ids) if ids else ():
                    await connection.execute(act)
            if not ids:
                return count
            count += len(ids)
            self._steps.took(self._clock.monotonic() - began)
            await asyncio.sleep(BREATH)


def _detailed(team: str | None, before: float) -> Select[Any]:
    """Ended requests of a team, or of none, whose details are still there."""
    still_there = col(Request.x_request_id) != literal_column("''")  # a constant: the index is a partial one
    whose: ColumnElement[bool] = col(Request.team) == team if team is not None else col(Request.team).is_(None)
    ended = col(Request.status).is_not(None)
    return select(col(Request.id)).where(whose, col(Request.created_at) < before, still_there, ended)


def _details(ids: Sequence[str]) -> Sequence[Executable]:
    return (
        delete(Content).where(col(Content.request_id).in_(ids)),
        update(Request).where(col(Request.id).in_(ids)).values(ERASED),
    )


def _expired_content(now: float) -> Select[Any]:
    return select(col(Content.request_id)).where(col(Content.expires_at) <= now)


def _content(ids: Sequence[str]) -> Sequence[Executable]:
    return (delete(Content).where(col(Content.request_id).in_(ids)),)


def _sign_ins(before: float) -> Select[Any]:
    return select(col(SignIn.id)).where(col(SignIn.expires_at) < before)


def _old_sign_ins(ids: Sequence[str]) -> Sequence[Executable]:
    return (delete(SignIn).where(col(SignIn.id).in_(ids)),)


def _invitations(before: float) -> Select[Any]:
    return select(col(Invitation.id)).where(col(Invitation.expires_at) < before)


def _old_invitations(ids: Sequence[str]) -> Sequence[Executable]:
    return (delete(Invitation).where(col(Invitation.id).in_(ids)),)
