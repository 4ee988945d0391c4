"""Workers that are given up: alive ones go on under one new name, and what is ended already is charged no second time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.ledger import presence
from gateway.types import Balance


async def named(world: Any, kind: str, name: str = "") -> Any:
    counters = world.ledger.counters
    return counters.redis, counters.key(*((kind, name) if name else (kind,)))


async def owners(world: Any) -> set[str]:
    redis, key = await named(world, "owners")
    return {name.decode() for name in await redis.call("HKEYS", key)}


async def test_a_live_worker_that_was_given_up_takes_one_new_name_however_many_requests_meet_it(scaled: Any) -> None:
    one, two = await scaled.worker(), await scaled.worker()
    await one.account("key:k_1", 1000)
    assert await one.open("runs", 10) is None
    before = one.ledger.presence.owner
    await two.ledger.counters.act("bury", before)
    answers = await asyncio.gather(*(one.open(f"g{n}", 1) for n in range(40)))
    assert answers == [None] * 40
    assert one.ledger.presence.owner != before
    assert await owners(one) - {before} == {one.ledger.presence.owner, two.ledger.presence.owner}
    for name in ("runs", *(f"g{n}" for n in range(40))):
        redis, request = await named(one, "req", name)
        assert await redis.call("HGET", request, "owner") == one.ledger.presence.owner.encode()


async def test_a_worker_that_buries_another_beats_on(scaled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ending what the dead one left takes its time; the others may not take the burier for dead meanwhile."""
    monkeypatch.setattr(presence, "EVERY", 0.01)
    one, two = await scaled.worker(), await scaled.worker()
    await one.account("key:k_1", 1000)
    assert await one.open("left", 10) is None
    await two.ledger.counters.act("bury", one.ledger.presence.owner)
    redis, names = await named(two, "owners")
    hindered, buried = asyncio.Event(), asyncio.Event()

    async def slowly(_: str) -> None:
        buried.set()
        await hindered.wait()

    two.ledger.presence.on_dead(slowly)
    step = asyncio.create_task(two.ledger.presence.step())
    await buried.wait()
    before = int(await redis.call("HGET", names, two.ledger.presence.owner))
    while int(await redis.call("HGET", names, two.ledger.presence.owner)) < before + 3:
        assert not step.done()
        await asyncio.sleep(0.01)
    hindered.set()
    await step


async def test_a_request_that_sql_has_as_ended_is_not_charged_again_for_its_dead_worker(scaled: Any) -> None:
    """A restored Redis may have it open, and a consumer of before may have booked its end a moment later."""
    one, two = await scaled.worker(), await scaled.worker()
    await one.account("key:k_1", 1000)
    assert await one.open("g1", 200) is None
    await one.dispatch("g1", bound=200)
    redis, request = await named(one, "req", "g1")
    _, accounts = await named(one, "acct", "key:k_1")
    copy = await redis.call("DUMP", request)
    await one.settle("g1", 30)
    await one.ledger.consumer.drain()
    await redis.call("RESTORE", request, 0, copy)
    await redis.call("HSET", request, "owner", "w_before")
    await redis.call("HINCRBY", accounts, "held", 200)
    _, done = await named(one, "done", "g1")
    _, left = await named(one, "open", "w_before")
    await redis.call("DEL", done)
    await redis.call("SADD", left, "g1")
    _, names = await named(one, "owners")
    await redis.call("HSET", names, "w_before", "dead")
    for _ in range(3):
        await two.ledger.presence.step()
        await asyncio.sleep(0.05)
    await one.ledger.consumer.drain()
    assert await two.balance() == Balance("key:k_1", 1000, spent=30, held=0)
    assert await two.ledger.reconciler.run() == {}
    assert await redis.call("EXISTS", request) == 0
