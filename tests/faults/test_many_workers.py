"""Three workers, 200 clients that cut and are cut off, and stores that go and come back: the same equations afterwards.

Each run has two rounds of the same trouble: what a worker has of its machine after the second is held against what it
had after the first, because allocators keep what they once had.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from pathlib import Path

import psutil
import pytest
from redis import Redis

from gateway.fleet import Pacing, Settings
from tests.faults.storm import QUICK, Size, Trouble, World, never
from tests.faults.traffic import crowd, errand
from tests.harness import FleetThread, GatewayThread, Stores, wait_until
from tests.servers import PostgresServer, RedisServer

COMPLAINTS = ("Traceback", "Task was destroyed", "never retrieved", "never awaited", "request_broke", "_failed")
SLACK = Size(rss=24 << 20, files=48, threads=4)  # the pools of connections to Redis and SQL fill up as they are needed
SECONDS = 30.0  # of each of the two rounds, in `make faults`


async def restarts(world: World) -> None:
    """Both stores in good order, one after the other."""
    await asyncio.sleep(1.5)
    world.mark("Redis restarts")
    await asyncio.to_thread(world.redis.stop)
    await asyncio.to_thread(world.redis.start)
    world.mark("Redis is back")
    await asyncio.sleep(2)
    world.mark("PostgreSQL restarts")
    await asyncio.to_thread(world.postgres.stop)
    await asyncio.to_thread(world.postgres.start)
    world.mark("PostgreSQL is back")


async def kills(world: World) -> None:
    """Both stores by SIGKILL, Redis away for two seconds."""
    await asyncio.sleep(2)
    world.mark("Redis is killed")
    await asyncio.to_thread(world.redis.kill)
    await asyncio.sleep(2)
    await asyncio.to_thread(world.redis.start)
    world.mark("Redis is back")
    await asyncio.sleep(3)
    world.mark("PostgreSQL is killed")
    await asyncio.to_thread(world.postgres.kill)
    await asyncio.sleep(1)
    await asyncio.to_thread(world.postgres.start)
    world.mark("PostgreSQL is back")


async def pauses(world: World) -> None:
    for _ in range(3):
        await asyncio.sleep(2)
        world.mark("Redis hangs")
        world.redis.pause()
        await asyncio.sleep(2)
        world.redis.resume()
        world.mark("Redis goes on")


async def emptied(world: World) -> None:
    await asyncio.sleep(4)
    world.mark("Redis is emptied")
    await asyncio.to_thread(world.redis.kill)
    world.redis.wipe()
    await asyncio.to_thread(world.redis.start)
    world.mark("Redis is back")


async def restored(world: World) -> None:
    """Redis comes back as it was some seconds ago."""
    old = world.redis.folder.with_name("old")
    await asyncio.sleep(3)
    shutil.copytree(world.redis.folder, old, ignore_dangling_symlinks=True)
    await asyncio.sleep(4)
    world.mark("Redis is restored")
    await asyncio.to_thread(world.redis.kill)
    world.redis.wipe()
    shutil.copytree(old, world.redis.folder, dirs_exist_ok=True)
    shutil.rmtree(old)
    await asyncio.to_thread(world.redis.start)
    world.mark("Redis is back")


async def scripts_flushed(world: World) -> None:
    for _ in range(20):
        await asyncio.sleep(0.3)
        with Redis.from_url(world.redis.url) as redis:
            redis.script_flush()


async def sql_down(world: World) -> None:
    await asyncio.sleep(2)
    world.mark("PostgreSQL is down")
    await asyncio.to_thread(world.postgres.kill)
    await asyncio.sleep(20)
    await asyncio.to_thread(world.postgres.start)
    world.mark("PostgreSQL is back")


async def sql_hangs(world: World) -> None:
    await asyncio.sleep(2)
    world.mark("PostgreSQL hangs")
    world.postgres.pause()
    await asyncio.sleep(8)
    world.postgres.resume()
    world.mark("PostgreSQL goes on")


async def workers_die(world: World) -> None:
    for _ in range(4):
        await asyncio.sleep(5)
        victim = world.rnd.choice(world.gateway.workers())
        world.mark(f"worker {victim} is killed")
        psutil.Process(victim).kill()


async def rounds(tmp_path: Path, seed: int, seconds: float, trouble: Trouble) -> None:
    """Twice the same, then every equation; a worker that lived through both has grown no more in the second."""
    with World(tmp_path, seed) as world:
        sizes = []
        for _ in range(2):
            samples = await world.storm(seconds, trouble)
            world.report(samples)
            never(samples)
            await asyncio.to_thread(world.settle)
            wait_until(lambda: len(world.sizes()) == world.workers, "all workers")
            sizes.append(world.sizes())
        books = world.check()
        log = world.gateway.log()
    print(f"{len(books.requests)} requests, {len(books.lines)} attempts are in the books")
    for pid in sizes[0].keys() & sizes[1].keys():
        assert_no_growth(sizes[0][pid], sizes[1][pid])
    assert not [word for word in COMPLAINTS if word in log], complaints(log)


def assert_no_growth(before: Size, after: Size) -> None:
    print(f"before {before}, after {after}")
    assert after.rss <= 1.05 * before.rss + SLACK.rss
    assert after.files <= 1.05 * before.files + SLACK.files
    assert after.threads <= 1.05 * before.threads + SLACK.threads


def complaints(log: str) -> str:
    lines = [line for line in log.splitlines() if any(word in line for word in COMPLAINTS)]
    return "\n".join(lines[-5:])[-4000:]


@pytest.mark.timeout(300)
async def test_no_money_is_lost_or_doubled_when_both_stores_restart_under_load(tmp_path: Path) -> None:
    await rounds(tmp_path, seed=20261122, seconds=6, trouble=restarts)


@pytest.mark.faults
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "trouble",
    [restarts, kills, pauses, emptied, restored, scripts_flushed, sql_down, sql_hangs, workers_die],
    ids=lambda trouble: trouble.__name__,
)
async def test_no_money_is_lost_or_doubled_whatever_befalls_the_stores(tmp_path: Path, trouble: Trouble) -> None:
    await rounds(tmp_path, seed=1, seconds=SECONDS, trouble=trouble)


@pytest.mark.timeout(240)
async def test_tasks_of_a_worker_end_with_what_they_were_for(tmp_path: Path) -> None:
    """In a thread of this process, where its tasks can be counted."""
    fleet = FleetThread(Settings(pacing=Pacing(ttft=0.02, tokens_per_second=600)))
    with RedisServer(tmp_path / "redis") as redis, PostgresServer(tmp_path / "postgres") as postgres:
        (tmp_path / "gateway").mkdir()
        stores = Stores(postgres.fresh(), redis.url)
        with GatewayThread(tmp_path / "gateway", fleet, stores, **QUICK) as gateway:
            keys = [gateway.key(max_budget=5000), gateway.key()]
            before = tasks(gateway)
            rnd = random.Random(3)
            errands = [errand(rnd, n, ("gpt", "claude")) for n in range(400)]
            # LiteLLM makes a coroutine in a thread: who leaves in that moment leaves it behind, never awaited
            errands = [each for each in errands if each.cut not in {"now", "headers"}]
            load = [asyncio.create_task(crowd(gateway.url, key, errands[n::2], 20)) for n, key in enumerate(keys)]
            await asyncio.sleep(1)
            for server in (redis, postgres):
                await asyncio.to_thread(server.kill)
                await asyncio.sleep(0.5)
                await asyncio.to_thread(server.start)
            await asyncio.gather(*load)
            await asyncio.to_thread(wait_until, lambda: tasks(gateway) <= before, f"{before} to be all tasks")
    fleet.close()


def tasks(gateway: GatewayThread) -> Counter[str]:
    async def running() -> Counter[str]:
        this = asyncio.current_task()
        return Counter(coroutine_name(task) for task in asyncio.all_tasks() if task is not this)

    return gateway.run(running())


def coroutine_name(task: asyncio.Task[object]) -> str:
    return getattr(task.get_coro(), "__qualname__", "?")
