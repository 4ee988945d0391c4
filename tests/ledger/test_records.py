"""What a person may read: their generations and their spend, and nobody else's."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import errors
from gateway.errors import Fault
from gateway.ledger.records import SqlRecords
from gateway.ledger.rollup import Rollups
from gateway.store.database import open_database
from gateway.store.tables import VirtualKey
from gateway.types import Identity, Status, Usage

DAY = 86_400.0
OWNER = Identity("k_1", "owner", user="ada")
COLLEAGUE = Identity("k_2", "colleague", user="ada")
STRANGER = Identity("k_3", "stranger", user="bob")
ADMIN = Identity("k_4", "admin", role="admin")


@pytest.fixture
def world(sqlite_world: Any) -> Any:
    """The embedded set-up only."""
    return sqlite_world


@pytest.fixture
async def engine(world: Any) -> AsyncIterator[Any]:
    database = await open_database(world.path.parent, exclusive=False)
    yield database.engine
    await database.close()


@pytest.fixture
def records(world: Any, engine: Any) -> SqlRecords:
    return SqlRecords(engine, world.clock)


@pytest.fixture
async def two_attempts(world: Any, build: Any) -> None:
    """A request of OWNER's that a second deployment served."""
    opened = build.record(
        "g1",
        tenant=OWNER.tenant,
        user="ada",
        brand="acme",
        template="blog_post",
        template_version="3",
        tags=("spring",),
        route="priority: first healthy",
    )
    await world.ledger.open(opened, None)
    await world.dispatch("g1", 1)
    await world.dispatch("g1", 2)
    first, second = world.intents["g1"]
    failed = build.result(first, 0, status=Status.FAILED, usage=Usage(), fault=Fault.SERVER, error="status 500")
    usage = Usage(input=900, output=50, cached_input=400, reasoning=20, estimated=True)
    served = build.result(second, 123_000, usage=usage, ttft=0.2, finish_reason="stop")
    await world.ledger.settle(build.settlement("g1", failed, served, ttft=0.7, deployment_id="dep-2"))


@pytest.mark.usefixtures("two_attempts")
async def test_a_generation_tells_all_that_happened(world: Any, records: SqlRecords) -> None:
    generation = await records.generation("g1", OWNER)
    assert generation is not None
    first, second = generation.pop("attempts")
    start = world.clock.now()
    usage = {
        "prompt_tokens": 900,
        "completion_tokens": 50,
        "total_tokens": 950,
        "prompt_tokens_details": {"cached_tokens": 400, "cache_write_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 0},
    }
    assert generation == {
        "id": "g1",
        "object": "generation",
        "status": "completed",
        "created_at": start,
        "ended_at": start + 2,
        "request_id": "req-g1",
        "key_id": "k_1",
        "user": "ada",
        "team": None,
        "endpoint": "chat",
        "stream": True,
        "model_requested": "smart",
        "model": "gpt-x",
        "provider": "openai",
        "deployment": "dep-2",
        "route": "priority: first healthy",
        "http_status": 200,
        "error_code": None,
        "finish_reason": "stop",
        "cost": "0.000123",
        "cost_nano": 123_000,
        "cost_estimated": True,
        "usage": usage,
        "ttft_ms": 700.0,
        "duration_ms": 2000.0,
        "template": "blog_post",
        "template_version": "3",
        "brand": "acme",
        "tags": ["spring"],
        "cache": None,
        "simulated": False,
    }
    assert (first["number"], first["status"], first["fault"], first["cost"]) == (1, "failed", "server", "0")
    assert (second["number"], second["cost_nano"], second["usage"], second["late"]) == (2, 123_000, usage, False)
    json.dumps(generation)


@pytest.mark.usefixtures("two_attempts")
@pytest.mark.parametrize(("viewer", "sees"), [(OWNER, True), (COLLEAGUE, True), (ADMIN, True), (STRANGER, False)])
async def test_a_generation_is_seen_by_its_tenant_and_by_admins(
    records: SqlRecords, viewer: Identity, sees: bool
) -> None:
    assert (await records.generation("g1", viewer) is not None) == sees


async def test_a_generation_that_is_not_there_looks_like_one_that_may_not_be_seen(records: SqlRecords) -> None:
    assert await records.generation("g0", ADMIN) is None


async def test_a_running_generation_shows_its_attempts_so_far(world: Any, build: Any, records: SqlRecords) -> None:
    await world.ledger.open(build.record("g1", tenant=OWNER.tenant), None)
    await world.dispatch("g1")
    generation = await records.generation("g1", OWNER)
    assert generation is not None
    assert (generation["status"], generation["usage"], generation["cost"]) == ("in_progress", None, "0")
    assert [(a["number"], a["status"]) for a in generation["attempts"]] == [(1, "in_progress")]


@pytest.mark.parametrize("rolled_up", [False, True])
async def test_a_keys_spend_is_its_account_and_its_sums(
    world: Any, engine: Any, records: SqlRecords, rolled_up: bool
) -> None:
    start = world.clock.time = 20_000 * DAY + 3_600
    await world.account("key:k_1", 1_000, window_days=30)
    for number, days in enumerate((0, 3, 29)):
        world.clock.time = start + days * DAY
        await world.open(f"g{number}", 100)
        await world.dispatch(f"g{number}")
        await world.settle(f"g{number}", 10 + number)
    await world.open("held", 40)
    if rolled_up:
        assert await Rollups(engine, world.clock).advance() == 3
    spend = await records.spend(OWNER)
    assert spend == {
        "object": "spend",
        "key_id": "k_1",
        "spent": "0.000000033",
        "spent_nano": 33,
        "held": "0.00000004",
        "held_nano": 40,
        "limit": "0.000001",
        "limit_nano": 1000,
        "left": "0.000000927",
        "left_nano": 927,
        "budget_window": "30d",
        "resets_at": start + 30 * DAY,
        "today": {"cost": "0.000000012", "cost_nano": 12, "requests": 1},
        "last_30_days": {"cost": "0.000000033", "cost_nano": 33, "requests": 3},
    }


async def test_a_window_that_has_ended_shows_as_started_again(world: Any, records: SqlRecords) -> None:
    await world.account("key:k_1", 100, window_days=1)
    await world.open("g1", 50, lifetime=10 * DAY)
    await world.dispatch("g1")
    await world.settle("g1", 50)
    world.clock.time += DAY
    spend = await records.spend(OWNER)
    assert (spend["spent_nano"], spend["left_nano"]) == (0, 100)
    assert spend["resets_at"] == world.clock.time + DAY


async def test_debt_leaves_nothing(world: Any, records: SqlRecords) -> None:
    await world.account("key:k_1", 10)
    await world.open("g1", 10)
    await world.dispatch("g1")
    await world.settle("g1", 25)
    assert (await records.spend(OWNER))["left_nano"] == 0


async def test_a_key_without_an_account_has_spent_nothing_and_has_no_limit(records: SqlRecords) -> None:
    spend = await records.spend(OWNER)
    assert (spend["spent_nano"], spend["limit"], spend["left"], spend["resets_at"]) == (0, None, None, None)


@pytest.mark.parametrize(("viewer", "sees"), [(OWNER, True), (COLLEAGUE, True), (ADMIN, True), (STRANGER, False)])
async def test_another_keys_spend_is_seen_by_its_tenant_and_by_admins(
    engine: Any, records: SqlRecords, viewer: Identity, sees: bool
) -> None:
    async with AsyncSession(engine) as session:
        session.add(VirtualKey(id="k_1", digest=b"d", name="n", prefix="p", user="ada", created_at=1.0))
        await session.commit()
    if sees:
        assert (await records.spend(viewer, "k_1"))["key_id"] == "k_1"
    else:
        with pytest.raises(errors.NotFound):
            await records.spend(viewer, "k_1")


async def test_the_spend_of_an_unknown_key_is_not_found_even_for_admins(records: SqlRecords) -> None:
    with pytest.raises(errors.NotFound):
        await records.spend(ADMIN, "k_0")


async def test_reading_a_store_that_is_away_is_an_error_that_says_when_to_come_back(
    world: Any, records: SqlRecords
) -> None:
    with closing(sqlite3.connect(world.path)) as db:
        db.execute("ALTER TABLE account RENAME TO gone")
        db.execute("ALTER TABLE request RENAME TO gone_too")
    for attempt in (records.generation("g1", OWNER), records.spend(OWNER)):
        with pytest.raises(errors.Unavailable):
            await attempt
