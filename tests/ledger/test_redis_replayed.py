"""A settlement whose answer was lost is tried again, and charged once, also when Redis is emptied in between."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from gateway import errors
from gateway.types import Balance


async def lost_answer(world: Any, name: str, cost: int) -> None:
    """Redis has done it, and the worker does not know."""
    running = world.ledger.mirror.running[name]
    settled: list[Any] = []
    settle = world.ledger.settle

    async def remembering(settlement: Any) -> Any:
        settled.append(settlement)
        return await settle(settlement)

    world.ledger.settle = remembering
    await world.settle(name, cost)
    await world.ledger._offline.settles(running, settled[0])


async def replayed(world: Any) -> None:
    for _ in range(5):
        with suppress(errors.Unavailable):
            await world.ledger._replay()


@pytest.mark.parametrize("emptied", [False, True])
async def test_a_settlement_that_is_tried_again_is_charged_once(scaled: Any, emptied: bool) -> None:
    one = await scaled.worker()
    await one.account("key:k_1", 1000)
    await one.open("g1", 200)
    await one.dispatch("g1", bound=200)
    await lost_answer(one, "g1", 30)
    await one.ledger.consumer.drain()
    if emptied:
        scaled.server.kill()
        scaled.server.wipe()
        scaled.server.start()
        await scaled.back()
    await replayed(one)
    await one.ledger.consumer.drain()
    assert (await one.request("g1"))["cost_nano"] == 30
    assert await one.balance() == Balance("key:k_1", 1000, spent=30, held=0)
    assert await one.ledger.reconciler.run() == {}
