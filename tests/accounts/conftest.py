"""Accounts on both databases, with a clock that stands still and hashes that cost nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlmodel import select

from gateway.accounts import CLI, Accounts, Actor
from gateway.accounts.passwords import Passwords
from gateway.accounts.transaction import Settings
from gateway.identities import KeyIdentities
from gateway.ports import KeyInfo
from gateway.store.changes import Change
from gateway.store.database import Database, open_database
from gateway.store.directory import AuditEntry
from gateway.store.directory_reader import SqlDirectory
from gateway.store.secrets import Digesters
from gateway.types import Identity
from tests.core.fakes import FakeClock

SECRET = b"0" * 32
PASSWORD = "a rather good one"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class Told:
    """What listeners were told after commits."""

    scopes: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    async def budgets(self, scopes: Sequence[str]) -> None:
        self.scopes += scopes

    async def made(self, changes: Sequence[Change]) -> None:
        self.changes += changes


@dataclass
class World:
    """A gateway's accounts, and two or three ways to look at them."""

    database: Database
    accounts: Accounts
    clock: FakeClock
    digests: Digesters
    told: Told
    admin: Actor = CLI

    async def identify(self, credential: str) -> Identity:
        """As another process would: nothing remembered."""
        identities = KeyIdentities(
            SqlDirectory(self.database.engine),
            self.digests.keys,
            self.clock,
            None,
            60.0,
            sessions=self.digests.sessions,
        )
        return await identities.identify(credential)

    async def actor(self, credential: str) -> Actor:
        return Actor.of(await self.identify(credential))

    async def audit(self) -> list[AuditEntry]:
        async with self.database.session() as session:
            return list((await session.exec(select(AuditEntry).order_by(AuditEntry.id))).all())  # type: ignore[arg-type]

    async def person(self, user_id: str, team: str | None = None, role: str = "member", **fields: Any) -> Actor:
        """A user with a membership, as it acts when it is signed in."""
        await self.accounts.users.create(self.admin, id=user_id, **fields)
        if team is not None:
            await self.accounts.teams.set_member(self.admin, team, user_id, role)
        own = fields.get("role", "member")
        effective = "admin" if own == "admin" else role if team is not None else own
        return Actor(f"user:{user_id}", effective, user_id, team, session="s_test")

    async def key(self, actor: Actor | None = None, **fields: Any) -> tuple[KeyInfo, Actor]:
        """A new key, and its holder."""
        info, secret = await self.accounts.keys.create(actor or self.admin, **fields)
        return info, await self.actor(secret)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    database = await open_database(tmp_path / "data", url, exclusive=False)
    yield database
    await database.close()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def world(database: Database, told: Told) -> World:
    clock, digests = FakeClock(), Digesters(SECRET)
    settings = Settings(on_budget=told.budgets, on_change=told.made)
    accounts = Accounts(database.engine, digests, clock, settings=settings, passwords=Passwords(CHEAP))
    return World(database, accounts, clock, digests, told)


@pytest.fixture
async def teams(world: World) -> World:
    """With two teams, "red" and "blue"."""
    for team in ("red", "blue"):
        await world.accounts.teams.create(world.admin, id=team, name=team.title())
    return world
