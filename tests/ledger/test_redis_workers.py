"""Several workers on one Redis and one database: exact sums, one consumer or two, and what a dead worker leaves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine

from gateway import errors
from gateway.store.tables import Account, DeadLetter, Position
from gateway.types import Balance, HoldRequest

CLOSED_PORT = "postgresql+asyncpg://nobody@127.0.0.1:1/none"


async def workers(scaled: Any, count: int) -> list[Any]:
    return [await scaled.worker() for _ in range(count)]


@pytest.mark.parametrize(("limit", "amount", "requests", "admitted"), [(1000, 7, 1000, 142), (500, 5, 2000, 100)])
async def test_concurrent_holds_of_all_workers_share_one_budget(
    scaled: Any, limit: int, amount: int, requests: int, admitted: int
) -> None:
    team = await workers(scaled, 4)
    await team[0].account("key:k_1", limit)
    answers = await asyncio.gather(*(team[n % 4].open(f"g{n}", amount) for n in range(requests)))
    assert answers.count(None) == admitted
    assert all(answer.busy for answer in answers if answer is not None)
    assert await team[1].balance() == Balance("key:k_1", limit, spent=0, held=admitted * amount)


@pytest.mark.parametrize("limit", [2**53 - 1, 2**53, 2**53 + 1, 10**18, 10**18 - 999_999_999])
async def test_amounts_beyond_a_double_are_exact(scaled: Any, limit: int) -> None:
    one = await scaled.worker()
    await one.account("key:k_1", limit)
    assert await one.open("g1", limit - 1) is None
    assert (await one.open("g2", 2)).busy
    assert not (await one.open("g2", limit + 1)).busy
    assert await one.open("g2", 1) is None
    assert (await one.balance()).held == limit
    assert (await one.dispatch("g1", hold=limit)).busy
    await one.settle("g2")
    assert await one.dispatch("g1", hold=limit) is None
    await one.settle("g1", 10**16 - 1)
    assert await one.balance() == Balance("key:k_1", limit, spent=10**16 - 1, held=0)


async def test_a_worker_that_came_later_sees_the_same_accounts(scaled: Any) -> None:
    one = await scaled.worker()
    await one.account("key:k_1", 100, window_days=1)
    await one.open("g1", 60)
    await one.dispatch("g1")
    two = await scaled.worker()
    assert await two.balance() == await one.balance()
    assert await two.dispatch("g1", 2, hold=70) is None
    await two.settle("g1", 5)
    assert (await one.balance()).spent == 105


async def test_an_account_that_redis_forgot_comes_back_with_what_waits_in_the_outbox(scaled: Any) -> None:
    one = await scaled.worker()
    await one.account("key:k_1", 1000, window_days=1)
    for name, cost in (("g1", 30), ("g2", 12)):
        await one.open(name, 50)
        await one.dispatch(name)
        await one.settle(name, cost)
        if name == "g1":
            await one.ledger.consumer.drain()
    counters = one.ledger.counters
    await counters.redis.call("DEL", counters.key("acct", "key:k_1"))
    assert (await one.balance()).spent == 42
    await one.ledger.consumer.drain()
    assert await one.ledger.reconciler.run() == {}


async def test_no_account_is_taken_over_between_commit_and_acknowledgement(scaled: Any) -> None:
    """SQL has the event already, and the outbox still has it: it would count twice."""
    one = await scaled.worker()
    await settled(one, "g1", 30)
    consumer, counters = one.ledger.consumer, one.ledger.counters
    booked = await consumer.book(await counters.oldest(10))
    await counters.redis.call("DEL", counters.key("acct", "key:k_1"))
    with pytest.raises(errors.Unavailable):
        await one.balance()
    looking = asyncio.create_task(one.balance())
    await asyncio.sleep(0)
    await counters.act("ack", len(booked), *booked)
    assert (await looking).spent == 30


async def test_a_limit_that_was_changed_acts_at_once_and_what_was_spent_stays(scaled: Any) -> None:
    one, two = await workers(scaled, 2)
    await one.account("key:k_1", 100)
    await settled(one, "g1", 30)
    await one.open("g2", 50)
    async with scaled.engine.begin() as sql:
        await sql.execute(Account.__table__.update().values(limit_nano=85, budget_window="7d", resets_at=None))
    await two.ledger.refresh(["key:k_1", "team:unknown"])
    start = scaled.clock.now()
    assert await one.balance() == Balance("key:k_1", 85, spent=30, held=50, resets_at=start + 7 * 86_400)
    assert (await one.open("g3", 6)).busy
    assert await one.balance("team:unknown") == Balance("team:unknown", None, 0, 0)


async def settled(world: Any, name: str, cost: int) -> None:
    await world.open(name, cost)
    await world.dispatch(name)
    await world.settle(name, cost)


async def test_two_consumers_at_once_book_each_event_once(scaled: Any) -> None:
    team = await workers(scaled, 3)
    await asyncio.gather(*(settled(team[n % 3], f"g{n}", 2) for n in range(300)))
    await asyncio.gather(*(each.ledger.consumer.drain() for each in team))
    assert (await team[0].rows(select(Account.__table__)))[0]["spent_nano"] == 600
    assert (await team[0].rows(select(Position.__table__).where(Position.name == "outbox")))[0]["seq"] >= 300
    assert await team[0].ledger.reconciler.run() == {}


async def test_a_consumer_that_died_before_it_acknowledged_is_followed_by_another(scaled: Any) -> None:
    one, two = await workers(scaled, 2)
    await settled(one, "g1", 30)
    await one.ledger.consumer.book(await one.ledger.counters.oldest(10))
    await two.ledger.consumer.drain()
    assert [line["cost_nano"] for line in await two.lines("g1")] == [30]
    assert (await two.rows(select(Account.__table__)))[0]["spent_nano"] == 30
    assert await two.ledger.reconciler.run() == {}


async def test_one_worker_leads_and_another_follows_when_it_hands_over(scaled: Any) -> None:
    one, two = (each.ledger.consumer for each in await workers(scaled, 2))
    assert [await one.step() < 1, await two.step() < 1] == [True, False]
    assert [await one.step() < 1, await two.step() < 1] == [True, False]
    await one.hand_over()
    assert [await two.step() < 1, await one.step() < 1] == [True, False]


async def test_with_sql_away_events_wait_and_requests_go_on(scaled: Any) -> None:
    one = await scaled.worker()
    await one.account("key:k_1", 100)
    away = create_async_engine(CLOSED_PORT)
    one.ledger.consumer._engine = one.ledger._seeds._engine = away
    await settled(one, "g1", 30)
    with pytest.raises(errors.Unavailable):
        await one.ledger.consumer.drain()
    with pytest.raises(errors.Unavailable, match="store"):
        await one.open("g2", 1, scopes=["user:nobody_asked_for_yet"])
    assert await one.open("g3", 70) is None
    await away.dispose()
    one.ledger.consumer._engine = one.ledger._seeds._engine = scaled.engine
    assert (await one.request("g1"))["cost_nano"] == 30


async def test_too_many_unread_settlements_close_the_door(scaled: Any) -> None:
    one = await scaled.worker(most_unread=2)
    for name in ("g1", "g2"):
        await settled(one, name, 1)
    with pytest.raises(errors.Unavailable):
        await one.open("g3", 1)
    await one.ledger.consumer.drain()
    assert await one.open("g3", 1) is None


async def test_an_event_that_cannot_be_booked_is_kept_and_holds_nobody_up(scaled: Any) -> None:
    one = await scaled.worker()
    counters = one.ledger.counters
    await settled(one, "g1", 5)
    ((_, fields),) = await counters.oldest(1)
    spoiled = {**fields, "g": "g9", "s": '{"not": "a settlement"}'}
    nul = {**fields, "g": "g8", "r": fields["r"].replace("g1", "g8"), "p:key:\0": "0"}
    for bad in (spoiled, nul):
        await counters.redis.call("XADD", counters.key("outbox"), "*", *(part for pair in bad.items() for part in pair))
    await settled(one, "g2", 6)
    for _ in range(6):
        await one.ledger.consumer.drain_once()
    assert await counters.oldest(10) == []
    letters = await one.rows(select(DeadLetter.__table__))
    assert sorted(letter["id"].partition("@")[0] for letter in letters) == ["g8", "g9"]
    assert [(await one.request(name))["cost_nano"] for name in ("g1", "g2")] == [5, 6]


async def test_a_dead_workers_requests_are_ended_and_a_live_ones_are_not(scaled: Any) -> None:
    one, two = await workers(scaled, 2)
    await one.account("key:k_1", 1000)
    await one.open("alive", 100)
    await two.open("waits", 100)
    await two.open("sent", 100)
    await two.dispatch("sent", bound=77)
    gone, freed = two.ledger.presence.owner, []

    async def hook(owner: str) -> None:
        freed.append(owner)

    one.ledger.presence.on_dead(hook)
    await scaled.lost(two)
    await one.ledger.presence.step()
    assert one.ledger.presence.live_workers() == 2
    for _ in range(5):
        assert freed == []
        scaled.clock.time += 1.9
        await one.ledger.presence.step()
    assert freed == [gone]
    assert one.ledger.presence.live_workers() == 1
    assert [(await one.request(name))["status"] for name in ("alive", "waits", "sent")] == [None, "expired", "expired"]
    assert await one.balance() == Balance("key:k_1", 1000, spent=77, held=100)


async def test_after_an_outage_every_worker_has_time_to_be_seen(scaled: Any) -> None:
    one, two = await workers(scaled, 2)
    await two.open("g1", 10)
    await one.ledger.presence.step()
    scaled.server.kill()
    scaled.clock.time += 60
    with pytest.raises(errors.Unavailable):
        await one.ledger.presence.step()
    scaled.server.start()
    await scaled.back()
    for _ in range(4):
        await one.ledger.presence.step()
        scaled.clock.time += 1.9
    await two.ledger.presence.step()
    for _ in range(4):
        await one.ledger.presence.step()
        scaled.clock.time += 1.9
    assert (await one.request("g1"))["status"] is None


async def test_a_worker_that_was_given_up_goes_on_under_a_new_name(scaled: Any) -> None:
    one, two = await workers(scaled, 2)
    await two.open("g1", 10)
    before = two.ledger.presence.owner
    await one.ledger.presence._bury(before)
    assert await two.open("g2", 20) is None
    assert two.ledger.presence.owner != before
    await two.settle("g1")
    assert (await one.request("g1"))["status"] == "expired"
    assert (await one.balance()).held == 20
    await two.settle("g2")


async def test_a_drift_that_stays_is_set_right(scaled: Any) -> None:
    one = await scaled.worker()
    await one.account("key:k_1", 1000)
    await settled(one, "g1", 30)
    counters, reconciler = one.ledger.counters, one.ledger.reconciler
    await counters.redis.call("HINCRBY", counters.key("acct", "key:k_1"), "spent", 7)
    assert await reconciler.run() == {"key:k_1": 7}
    assert (reconciler.drift, (await one.balance()).spent) == (7, 37)
    assert await reconciler.run() == {"key:k_1": 7}
    assert (await one.balance()).spent == 30
    assert await reconciler.run() == {}
    assert reconciler.drift == 0


async def test_what_every_worker_does_by_itself_settles_and_books(scaled: Any) -> None:
    """The background tasks, on real time."""
    one = await scaled.worker()
    await settled(one, "g1", 30)
    await one.ledger.start()
    try:
        async with asyncio.timeout(10):
            while await one.ledger.counters.oldest(1) or one.ledger.mirror.ended:  # noqa: ASYNC110 - it is told to nobody
                await asyncio.sleep(0.02)
    finally:
        await one.ledger._upkeep.close()
    assert (await one.rows(select(Account.__table__)))[0]["spent_nano"] == 30


async def test_a_hold_for_no_scopes_needs_no_limit_and_pays_all_the_same(scaled: Any, build: Any) -> None:
    one = await scaled.worker()
    scaled.server.kill()
    await one.ledger.open(build.record("g1"), HoldRequest((), 5, 0.0))
    await one.dispatch("g1")
    await one.settle("g1", 5)
    scaled.server.start()
    await scaled.back()
    await one.ledger._replay()
    assert (await one.balance()).spent == 5
