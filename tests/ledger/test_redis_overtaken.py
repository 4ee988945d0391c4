"""A Redis that was killed may have forgotten its last second, and others count on before who was heard last comes back."""

from __future__ import annotations

import shutil
from typing import Any

from gateway.types import Balance


async def test_what_redis_forgot_is_brought_back_though_others_have_counted_on_since(scaled: Any) -> None:
    one, two = await scaled.worker(), await scaled.worker()
    await one.account("key:k_1", 1000)
    await one.open("g1", 200)
    await one.dispatch("g1", bound=200)
    await two.open("before", 1)
    scaled.server.stop()
    shutil.copytree(scaled.server.folder, scaled.folder / "a second ago")
    scaled.server.start()
    await scaled.back()
    for worker in (two, one):
        await worker.ledger.presence.step()
    await one.settle("g1", 30)
    scaled.server.kill()
    scaled.server.wipe()
    shutil.copytree(scaled.folder / "a second ago", scaled.server.folder, dirs_exist_ok=True)
    scaled.server.start()
    await scaled.back()
    for number in range(20):
        await two.open(f"o{number}", 1)
        await two.settle(f"o{number}")
    await one.ledger.presence.step()
    await one.ledger.consumer.drain()
    assert (await one.request("g1"))["cost_nano"] == 30
    assert await one.balance() == Balance("key:k_1", 1000, spent=30, held=1)
    assert await one.ledger.reconciler.run() == {}
