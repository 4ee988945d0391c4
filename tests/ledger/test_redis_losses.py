"""The scaled ledger when Redis is emptied, restored from an old file, full, hanging or gone: no money is lost or doubled."""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import Any

import pytest

from gateway import errors
from gateway.types import Balance, Settlement, Status


async def standing(scaled: Any) -> tuple[Any, Any]:
    """Two workers, with a running request each, one settlement in SQL and one that waits in the outbox."""
    one, two = await scaled.worker(), await scaled.worker()
    await one.account("key:k_1", 1000)
    for name, cost in (("booked", 100), ("waiting", 50)):
        await one.open(name, 200)
        await one.dispatch(name)
        await one.settle(name, cost)
        if name == "booked":
            await one.ledger.consumer.drain()
    await one.open("runs", 300)
    await one.dispatch("runs", bound=300)
    await two.open("elsewhere", 400)
    return one, two


async def ends_well(one: Any, two: Any) -> None:
    """Everything of `standing` comes to its one end."""
    assert (await two.open("more", 151)).busy
    await one.settle("runs", 299)
    await two.settle("elsewhere")
    await one.ledger.consumer.drain()
    costs = {row["id"]: row["cost_nano"] for name in ("booked", "waiting", "runs") if (row := await one.request(name))}
    assert costs == {"booked": 100, "waiting": 50, "runs": 299}
    assert await one.balance() == await two.balance() == Balance("key:k_1", 1000, spent=449, held=0)
    assert await one.ledger.reconciler.run() == {}


async def test_an_emptied_redis_loses_nothing_while_its_workers_live(scaled: Any) -> None:
    one, two = await standing(scaled)
    scaled.server.kill()
    scaled.server.wipe()
    scaled.server.start()
    await scaled.back()
    await one.ledger.presence.step()
    await two.ledger.presence.step()
    assert await one.balance() == Balance("key:k_1", 1000, spent=150, held=700)
    await ends_well(one, two)


async def test_a_redis_of_yesterday_is_set_right(scaled: Any) -> None:
    one = await scaled.worker()
    await one.account("key:k_1", 1000)
    await one.open("old", 10)
    await one.settle("old")
    await one.open("still", 40)
    scaled.server.stop()
    shutil.copytree(scaled.server.folder, scaled.folder / "yesterday")
    scaled.server.start()
    await scaled.back()
    await one.dispatch("still")
    await one.settle("still", 33)
    await one.ledger.consumer.drain()
    await one.open("g2", 20)
    await one.dispatch("g2")
    await one.settle("g2", 20)
    await one.open("runs", 300)
    scaled.server.stop()
    scaled.server.wipe()
    shutil.copytree(scaled.folder / "yesterday", scaled.server.folder, dirs_exist_ok=True)
    scaled.server.start()
    await scaled.back()
    await one.ledger.presence.step()
    assert await one.balance() == Balance("key:k_1", 1000, spent=53, held=300)
    assert (await one.request("g2"))["cost_nano"] == 20
    assert await one.open_requests() == ["runs"]
    assert await one.ledger.reconciler.run() == {}


async def test_an_outbox_that_survived_is_booked_once(scaled: Any) -> None:
    """Emptied of everything but the stream and the requests: what was booked, and what was not."""
    one, two = await standing(scaled)
    redis, key = one.ledger.counters.redis, one.ledger.counters.key
    await redis.call("DEL", key("epoch"), key("acct", "key:k_1"), key("unacked"), key("holds"))
    await ends_well(one, two)


async def test_a_dead_workers_requests_survive_the_repair_and_are_ended(scaled: Any) -> None:
    one, two = await standing(scaled)
    dead = two.ledger.presence.owner
    await scaled.lost(two)
    await one.ledger.counters.redis.call("DEL", one.ledger.counters.key("epoch"))
    assert (await one.balance()).held == 700
    await one.ledger.presence._bury(dead)
    assert (await one.balance()).held == 300
    assert (await one.request("elsewhere"))["error_code"] == "gateway_stopped"


async def test_money_waits_until_all_workers_have_said_what_they_hold(scaled: Any) -> None:
    one = await scaled.worker(grace=60.0)
    await one.account("key:k_1", 1000)
    await one.open("runs", 300)
    await one.ledger.counters.redis.call("DEL", one.ledger.counters.key("epoch"))
    with pytest.raises(errors.Unavailable):
        await one.open("limited", 1)
    assert await one.open("free", 1, scopes=["key:k_2"]) is None
    await one.settle("runs")


async def test_scripts_that_redis_forgot_are_sent_again(scaled: Any) -> None:
    one = await scaled.worker()
    await one.open("g1", 10)
    await one.ledger.counters.redis.call("SCRIPT", "FLUSH")
    assert (await one.balance()).held == 10


async def test_a_full_redis_begins_nothing_and_ends_everything(scaled: Any) -> None:
    one = await scaled.worker()
    await one.account("key:k_1", 100)
    await one.open("g1", 50)
    await one.dispatch("g1")
    await one.ledger.counters.redis.call("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(errors.Unavailable):
        await one.open("g2", 1)
    await one.settle("g1", 20)
    assert (await one.request("g1"))["cost_nano"] == 20
    await one.ledger.counters.redis.call("CONFIG", "SET", "maxmemory", "0")
    await one.ledger._replay()
    assert await one.balance() == Balance("key:k_1", 100, spent=20, held=0)


async def test_a_hanging_redis_keeps_nobody_waiting(scaled: Any) -> None:
    one = await scaled.worker()
    await one.account("key:k_1", 100)
    for name in ("g1", "g2"):
        await one.open(name, 40)
        await one.dispatch(name)
    scaled.server.pause()
    began = time.monotonic()
    with pytest.raises(errors.Unavailable):
        await one.open("g3", 1)
    await one.settle("g1", 30)
    assert await one.dispatch("g2", 2, hold=40) is None, "its hold covers it"
    with pytest.raises(errors.Unavailable):
        await one.dispatch("g2", 3, hold=41)
    assert time.monotonic() - began < 2
    scaled.server.resume()
    await scaled.back()
    await one.ledger._replay()
    await one.settle("g2", 5, 6)
    assert (await one.request("g1"))["cost_nano"] == 30
    assert [line["cost_nano"] for line in await one.lines("g2")] == [5, 6]
    assert await one.balance() == Balance("key:k_1", 100, spent=41, held=0)
    assert await one.open_requests() == []


async def test_without_redis_only_who_has_no_limit_goes_on(scaled: Any) -> None:
    one = await scaled.worker()
    await one.account("key:k_1", 100)
    for scope in ("key:k_1", "team:free"):
        await one.balance(scope)
    scaled.server.kill()
    for scopes in (["key:k_1"], ["team:free", "key:k_1"], ["user:unknown"]):
        with pytest.raises(errors.Unavailable):
            await one.open("refused", 1, scopes=scopes)
    assert await one.open("g1", 70, scopes=["team:free"]) is None
    with pytest.raises(errors.Conflict):
        await one.open("g1", 70, scopes=["team:free"])
    assert await one.dispatch("g1", bound=70) is None
    with pytest.raises(errors.Conflict):
        await one.dispatch("g1", bound=70)
    assert await one.open("g2", 10, scopes=["team:free"]) is None
    await one.dispatch("g2", bound=10)
    await one.settle("g2", 9)
    scaled.server.start()
    await scaled.back()
    await one.ledger._replay()
    assert await one.balance("team:free") == Balance("team:free", None, spent=9, held=70)
    await one.settle("g1", 60)
    assert (await one.request("g1"))["cost_nano"] == 60
    assert await one.request("refused") is None
    assert await one.balance("team:free") == Balance("team:free", None, spent=69, held=0)


async def test_what_a_killed_process_had_in_its_journal_is_ended_by_the_next(scaled: Any) -> None:
    one = await scaled.worker()
    await one.balance("team:free")
    scaled.server.kill()
    for name in ("settled", "sent", "waits"):
        await one.open(name, 50, scopes=["team:free"])
    for name in ("settled", "sent"):
        await one.dispatch(name, bound=50)
    await one.settle("settled", 20)
    (path,) = (scaled.folder / "journal").iterdir()
    copy = path.read_bytes()
    await scaled.lost(one)
    with path.open("ab") as file:
        file.write(copy[:40])  # torn while it was written
    scaled.server.start()
    for _ in range(2):
        two = await scaled.worker()
        assert (await two.balance("team:free")).spent == 70
        found = {name: await two.request(name) for name in ("settled", "sent", "waits")}
        assert {name: row["cost_nano"] for name, row in found.items()} == {"settled": 20, "sent": 50, "waits": 0}
        assert {row["error_code"] for row in found.values()} == {None, "gateway_stopped"}
        assert not path.exists()
        path.write_bytes(copy)  # the same once more, as if deleting it had failed


async def test_an_opening_that_nobody_knows_the_end_of_is_undone(scaled: Any) -> None:
    one = await scaled.worker()
    await one.account("key:k_1", 100)
    redis = one.ledger.counters.redis
    script = redis.script

    async def answer_lost(*args: Any) -> Any:
        await script(*args)
        raise errors.Unavailable("lost")

    redis.script = answer_lost
    with pytest.raises(errors.Unavailable):
        await one.open("g1", 60)
    redis.script = script
    assert (await one.balance()).held == 60
    await one.ledger._replay()
    assert (await one.balance()).held == 0
    await one.open("g2", 60)
    redis.script = answer_lost
    with pytest.raises(errors.Unavailable):
        await one.dispatch("g2", hold=70)
    redis.script = script
    await one.ledger.settle(Settlement("g2", (), Status.FAILED, 503, "state_unavailable", one.clock.now()))
    assert (await one.balance()) == Balance("key:k_1", 100, spent=0, held=0)


async def test_settlements_do_not_wait_and_are_all_there_after_an_outage(scaled: Any) -> None:
    one = await scaled.worker()
    names = [f"g{number}" for number in range(50)]
    for name in names:
        await one.open(name, 10)
        await one.dispatch(name)
    scaled.server.kill()
    await asyncio.gather(*(one.settle(name, 3) for name in names))
    scaled.server.start()
    await scaled.back()
    await asyncio.gather(*(one.ledger._replay() for _ in range(3)))
    assert await one.balance() == Balance("key:k_1", None, spent=150, held=0)
    assert [len(await one.lines(name)) for name in names] == [1] * 50
    assert all(path.stat().st_size == 0 for path in (scaled.folder / "journal").iterdir())


async def test_with_redis_and_the_disk_away_nothing_begins_and_what_ends_is_not_forgotten(
    scaled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await scaled.worker()
    await one.open("g1", 10)
    await one.dispatch("g1")
    scaled.server.kill()

    async def full(_: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(one.ledger._offline._journal, "append", full)
    with pytest.raises(errors.Unavailable):
        await one.open("g2", 10)
    with pytest.raises(errors.Unavailable):
        await one.dispatch("g1", 2)
    await one.settle("g1", 7)
    scaled.server.start()
    await scaled.back()
    await one.ledger._replay()
    assert [line["cost_nano"] for line in await one.lines("g1")] == [7]
    assert await one.request("g2") is None


@pytest.mark.parametrize("cause", ["others stand before it", "SQL is asked for an account"])
async def test_a_settlement_waits_for_so_long_and_goes_to_the_journal_then(
    scaled: Any, monkeypatch: Any, cause: str
) -> None:
    """With nobody before it and nothing to bring, the connection's own bound is the one that counts."""
    one = await scaled.worker()
    await one.account("key:k_1", 100)
    await one.open("g1", 0)  # Redis forgets the account below, and with it what is held
    await one.dispatch("g1")
    counters = one.ledger.counters
    waiting: list[object] = []

    async def for_ever(*args: object) -> None:
        waiting.append(args)
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr("gateway.ledger.redis.SETTLE_TIME", 0.01)
        if cause == "others stand before it":
            patch.setattr(type(counters.redis), "crowded", True)
            patch.setattr(counters.redis, "script", for_ever)
        else:
            await counters.redis.call("DEL", counters.key("acct", "key:k_1"))
            patch.setattr(counters, "plant", for_ever)
        await one.settle("g1", 7)
    assert len(waiting) == 1
    assert [ended.seq for ended in one.ledger.mirror.ended.values()] == [None]
    await one.ledger._replay()
    await one.ledger.consumer.drain()
    assert (await one.request("g1"))["cost_nano"] == 7
    assert (await one.balance()) == Balance("key:k_1", 100, spent=7, held=0)
