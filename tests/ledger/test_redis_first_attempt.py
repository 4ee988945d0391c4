"""An attempt that is written down with its request, on Redis: it is lost, ended and replayed with it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import errors
from gateway.types import Balance, HoldRefused, HoldRequest, Opened


async def opened(world: Any, build: Any, name: str, amount: int = 200, bound: int = 150) -> Any:
    hold = HoldRequest(("key:k_1",), amount, world.clock.now() + 60)
    return await world.ledger.open(build.record(name), hold, build.intent(name, bound=bound))


async def test_it_stands_with_its_request_and_cannot_be_sent_twice(scaled: Any, build: Any) -> None:
    one = await scaled.worker()
    await one.account("key:k_1", 1000)
    assert isinstance(await opened(one, build, "g1"), Opened)
    assert [intent["number"] for intent in await one.written()] == [1]
    with pytest.raises(errors.Conflict):
        await one.dispatch("g1", 1)
    assert await one.dispatch("g1", 2, hold=200) is None
    assert await one.balance() == Balance("key:k_1", 1000, spent=0, held=200)


async def test_a_refused_request_writes_no_attempt(scaled: Any, build: Any) -> None:
    one = await scaled.worker()
    await one.account("key:k_1", 100)
    assert isinstance(await opened(one, build, "g1"), HoldRefused)
    assert await one.open_requests() == []
    with pytest.raises(errors.Conflict):
        await one.dispatch("g1", 1)


async def test_a_dead_workers_first_attempt_is_charged_at_its_bound(scaled: Any, build: Any) -> None:
    one, two = await scaled.worker(), await scaled.worker()
    await one.account("key:k_1", 1000)
    await opened(two, build, "g1")
    dead = two.ledger.presence.owner
    await scaled.lost(two)
    await one.ledger.presence._bury(dead)
    assert [line["cost_nano"] for line in await one.lines("g1")] == [150]
    assert await one.balance() == Balance("key:k_1", 1000, spent=150, held=0)


async def test_an_emptied_redis_learns_of_it_again(scaled: Any, build: Any) -> None:
    one = await scaled.worker()
    await one.account("key:k_1", 1000)
    await opened(one, build, "g1")
    scaled.server.kill()
    scaled.server.wipe()
    scaled.server.start()
    await scaled.back()
    await one.ledger.presence.step()
    assert [intent["number"] for intent in await one.written()] == [1]
    await one.ledger.settle(build.settlement("g1"))
    assert [line["cost_nano"] for line in await one.lines("g1")] == [150], "nobody said what it used"


async def test_with_redis_away_it_is_in_the_journal_and_comes_to_redis_once(scaled: Any, build: Any) -> None:
    one = await scaled.worker()
    await one.account("key:k_1", None)
    assert await one.open("before", 1) is None
    scaled.server.kill()
    assert isinstance(await opened(one, build, "g1"), Opened)
    with pytest.raises(errors.Conflict):
        await one.dispatch("g1", 1)
    scaled.server.start()
    await scaled.back()
    await one.ledger._replay()
    intent = build.intent("g1", bound=150)
    await one.ledger.settle(build.settlement("g1", build.result(intent, 30)))
    assert [line["cost_nano"] for line in await one.lines("g1")] == [30]


async def test_a_settlement_of_what_redis_does_not_know_brings_it_along(scaled: Any, build: Any) -> None:
    """Nothing else is lost, so that nothing says that Redis has forgotten it."""
    one = await scaled.worker()
    await one.account("key:k_1", 1000)
    await opened(one, build, "g1")
    counters = one.ledger.counters
    await counters.redis.call("DEL", counters.key("req", "g1"))
    intent = build.intent("g1", bound=150)
    await one.ledger.settle(build.settlement("g1", build.result(intent, 30)))
    assert [line["cost_nano"] for line in await one.lines("g1")] == [30]
