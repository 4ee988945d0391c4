"""A change to accounts acts in every process: by a message at once, by the audit log within a second."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gateway.changes import Changes
from gateway.errors import Unavailable
from gateway.store.changes import Change
from gateway.telemetry.dependencies import Dependencies
from gateway.telemetry.metrics import Metrics
from tests.core.fakes import FakeClock, FakeLedger

KEY = Change("key", "k_1", "key.edit")
BRAND = Change("brand", "acme", "brand.edit")


class Log:
    """The audit log: what each look finds; an exception is raised."""

    def __init__(self) -> None:
        self.finds: list[list[Change] | Exception] = []
        self.looked = asyncio.Event()

    async def poll(self) -> list[Change]:
        self.looked.set()
        found = self.finds.pop(0) if self.finds else []
        if isinstance(found, Exception):
            raise found
        return found


class Rights:
    def __init__(self) -> None:
        self.told: list[tuple[str, str | None, str | None]] = []

    def forget(self, kind: str | None = None, object_id: str | None = None) -> None:
        self.told.append(("forget", kind, object_id))

    def revoked(self, kind: str, object_id: str) -> None:
        self.told.append(("revoked", kind, object_id))


class Ledger(FakeLedger):
    refreshed: list[Sequence[str]]

    async def refresh(self, scopes: Sequence[str]) -> None:
        self._reach()
        self.refreshed = [*getattr(self, "refreshed", []), scopes]


class World:
    def __init__(self) -> None:
        self.log, self.rights, self.ledger = Log(), Rights(), Ledger()
        self.brands = 0
        self.sent: list[dict[str, str]] = []
        self.dependencies = Dependencies({"database": "x"}, FakeClock(), Metrics())
        self.changes = Changes(
            self.log,  # type: ignore[arg-type]
            self.rights,
            self.ledger,
            self.dependencies,
            self.forget_brands,
            self.announce,
        )

    def forget_brands(self) -> None:
        self.brands += 1

    async def announce(self, message: dict[str, str]) -> None:
        self.sent.append(message)

    async def looks(self, times: int) -> None:
        """Follow until the log was looked at so often, woken each time."""
        following = asyncio.create_task(self.changes.follow())
        for _ in range(times):
            await asyncio.wait_for(self.log.looked.wait(), 5)
            self.log.looked.clear()
            self.changes.heard({})
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@pytest.fixture
def world() -> World:
    return World()


async def test_what_the_log_has_is_forgotten_and_its_budget_read_again(world: World) -> None:
    world.log.finds = [[KEY, BRAND, KEY, Change("session", "s_1", "session.end")]]
    await world.looks(2)
    assert world.rights.told[:2] == [("forget", "key", "k_1"), ("forget", "brand", "acme")]
    assert world.ledger.refreshed == [["key:k_1", "brand:acme"]]
    assert world.brands == 1


async def test_a_database_that_is_away_is_told_and_looked_at_again(world: World) -> None:
    world.log.finds = [Unavailable("gone", code="store_unavailable")]
    await world.looks(1)
    assert [each["dependency"] for each in world.dependencies.degraded()] == ["database"]
    world.log.finds = [[KEY]]
    await world.looks(2)
    assert world.dependencies.degraded() == []
    assert world.rights.told == [("forget", "key", "k_1")]


async def test_a_ledger_that_is_away_stops_nobody(world: World) -> None:
    world.ledger.away = True
    world.log.finds = [[KEY], [BRAND]]
    await world.looks(3)
    assert world.rights.told == [("forget", "key", "k_1"), ("forget", "brand", "acme")]


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("key.revoke", [("revoked", "key", "k_1")]),
        ("key.block", [("revoked", "key", "k_1")]),
        ("key.edit", []),
        ("", []),
    ],
)
async def test_a_message_that_takes_rights_away_acts_by_itself(world: World, action: str, told: list[object]) -> None:
    world.changes.heard({"type": "key", "id": "k_1", "action": action})
    assert world.rights.told == told


@pytest.mark.parametrize("message", [{}, {"type": "key"}, {"id": "k_1", "action": "key.revoke"}, {"other": "x"}])
async def test_messages_of_another_shape_only_wake_the_look(world: World, message: dict[str, str]) -> None:
    world.changes.heard(message)
    assert world.rights.told == []
    await world.looks(1)


async def test_ones_own_changes_are_told_to_the_others(world: World) -> None:
    await world.changes.made([KEY, BRAND])
    assert world.sent == [
        {"type": "key", "id": "k_1", "action": "key.edit"},
        {"type": "brand", "id": "acme", "action": "brand.edit"},
    ]
    assert world.rights.told == [("forget", "key", "k_1"), ("forget", "brand", "acme")]
