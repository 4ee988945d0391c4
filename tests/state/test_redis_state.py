"""What only the shared state can get wrong: several workers, dead ones, Redis away, clocks set back, poisoned values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from gateway.errors import RateLimited, Unavailable
from gateway.ports import Allowance
from gateway.state import redis as module
from gateway.state.connection import RedisConnection
from gateway.state.redis import RedisCache, RedisLimiter
from gateway.state.throttle import RedisThrottle
from gateway.types import Identity
from tests.servers import RedisServer

BACK = 30.0  # seconds: far beyond what any of these tests needs


def key(name: str = "k", *, rpm: int | None = None, max_parallel: int | None = None) -> Identity:
    return Identity(name, "name", rpm=rpm, max_parallel=max_parallel)


@pytest.fixture
def server(binary, tmp_path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis", binary) as running:
        yield running


@pytest.fixture
def worker(server, connect, clock) -> Callable[..., RedisLimiter]:
    """Makes the limiter of one more worker, with a connection of its own."""
    names = iter("abcdef")

    def make(replicas: int = 1, *, turned: bool = True) -> RedisLimiter:
        now = clock.now if turned else None
        name = next(names)
        return RedisLimiter(connect(server, timeout=2.0), clock, lambda: name, lambda: replicas, now=now)

    return make


async def back(connection: RedisConnection) -> None:
    """Until Redis is there again for this connection, and whoever watches it was told."""
    turned = asyncio.Event()
    connection.watch(lambda away: None if away else turned.set())
    if connection.away:
        await asyncio.wait_for(turned.wait(), BACK)


async def count(limiter: RedisLimiter, identity: Identity, names: Iterator[str] | list[str]) -> int:
    """How many of these calls are admitted at once."""
    answers = await asyncio.gather(*(limiter.acquire(identity, name) for name in names), return_exceptions=True)
    assert all(answer is None or isinstance(answer, Allowance | RateLimited) for answer in answers), answers
    return sum(not isinstance(answer, RateLimited) for answer in answers)


@pytest.mark.parametrize("limit", [{"rpm": 100}, {"max_parallel": 100}])
async def test_two_workers_together_admit_exactly_the_limit_by_the_servers_own_clock(worker, limit):
    one, two = worker(turned=False), worker(turned=False)
    calls = [f"c{number}" for number in range(150)]
    admitted = await asyncio.gather(
        count(one, key(**limit), calls), count(two, key(**limit), [f"{call}-b" for call in calls])
    )
    assert sum(admitted) == 100
    assert all(share > 0 for share in admitted)


async def test_slots_of_a_dead_worker_are_freed_and_no_others(worker):
    dead, living = worker(), worker()
    two = key(max_parallel=2)
    await dead.acquire(two, "c1")
    await dead.acquire(key("other", max_parallel=1), "c2")
    await living.acquire(two, "c3")
    with pytest.raises(RateLimited):
        await living.acquire(two, "c4")
    assert await living.release_worker("a") == 2
    assert await living.release_worker("a") == 0
    assert await living._connection.call("EXISTS", living._connection.key("worker", "a", "slots")) == 0
    await living.acquire(two, "c4")
    await living.acquire(key("other", max_parallel=1), "c5")
    with pytest.raises(RateLimited):
        await living.acquire(two, "c6")


async def test_a_slot_that_nobody_frees_runs_out(worker, clock):
    limiter = worker()
    await limiter.acquire(key(max_parallel=1), "c1")
    clock.time += module.SLOT_TTL - 1
    with pytest.raises(RateLimited):
        await limiter.acquire(key(max_parallel=1), "c2")
    clock.time += 1
    await limiter.acquire(key(max_parallel=1), "c3")


async def test_a_freed_slot_leaves_nothing_behind(worker):
    limiter = worker()
    await limiter.acquire(key(max_parallel=1), "c1")
    await limiter.release(key(max_parallel=1), "c1")
    assert await limiter._connection.call("KEYS", "*") == []


async def test_redis_itself_forgets_a_key_that_is_idle(worker):
    limiter = worker()
    await limiter.acquire(key(rpm=1, max_parallel=1), "c1")
    lives = {
        name.split(b"}:")[1]: await limiter._connection.call("PTTL", name)
        for name in await limiter._connection.call("KEYS", "*")
    }
    assert sorted(lives) == [b"limit:k:slots", b"limit:k:window", b"worker:a:slots"]
    assert 0 < lives.pop(b"limit:k:window") <= 60_000
    assert all(60_000 < left <= 360_000 for left in lives.values())


async def test_the_servers_clock_set_back_neither_locks_a_key_nor_frees_it(worker, clock):
    limiter = worker()
    await limiter.acquire(key(rpm=2), "c1")
    await limiter.acquire(key(rpm=2), "c2")
    clock.time -= 30
    with pytest.raises(RateLimited) as refused:
        await limiter.acquire(key(rpm=2), "c3")
    assert refused.value.retry_after == 60
    clock.time -= 3600
    assert await limiter.acquire(key(rpm=2), "c4") == Allowance(2, 1, 60.0)


async def test_with_redis_away_each_worker_keeps_to_its_share(worker, server, clock):
    limiter = worker(replicas=3)
    server.kill()
    calls = [f"c{number}" for number in range(100)]
    assert await count(limiter, key("a", rpm=30), calls) == 10
    assert await count(limiter, key("b", max_parallel=30), calls) == 10
    assert await count(limiter, key("c", rpm=2), calls) == 1, "a small limit still lets one through"
    assert await count(limiter, key("d", rpm=0), calls) == 0
    await limiter.release(key("b", max_parallel=30), "c0")
    assert await count(limiter, key("b", max_parallel=30), ["c100", "c101"]) == 1
    clock.time += 60
    assert await count(limiter, key("a", rpm=30), calls) == 10


async def test_slots_are_freed_where_they_were_taken(worker, server):
    limiter, other = worker(), worker()
    one, two = key("one", max_parallel=1), key("two", max_parallel=1)
    await limiter.acquire(one, "before")
    server.kill()
    await limiter.acquire(two, "meanwhile")
    await limiter.release(one, "before")
    server.start()
    await back(limiter._connection)
    await limiter._connection.call("PING")  # behind what frees it
    await other.acquire(one, "after")
    await limiter.release(two, "meanwhile")
    await limiter.acquire(two, "after, too")
    with pytest.raises(RateLimited):
        await other.acquire(two, "and no more")
    assert limiter._owed == {}
    assert limiter._admitted_alone == set()


async def test_an_act_whose_answer_was_lost_leaves_no_slot(worker, server):
    limiter, other = worker(), worker()
    one = key(max_parallel=1)
    await other.acquire(key("x", max_parallel=1), "connects")
    await limiter.acquire(key("y", max_parallel=1), "connects too")
    server.pause()
    await limiter.acquire(one, "lost")  # sent, and by itself admitted
    server.resume()
    await back(limiter._connection)
    await limiter._connection.call("PING")  # behind what frees it
    await other.acquire(one, "next")


async def test_a_cancelled_acquire_leaves_no_slot(worker):
    limiter = worker()
    one = key(max_parallel=1)
    await limiter.acquire(key("x", max_parallel=1), "connects")
    for steps in range(4):
        call = asyncio.create_task(limiter.acquire(one, f"c{steps}"))
        for _ in range(steps):
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    await limiter._connection.call("PING")  # behind what frees it
    await limiter.acquire(one, "next")


async def test_a_release_that_fails_is_made_good_and_never_raises(worker, server):
    limiter, other = worker(), worker()
    one = key(max_parallel=1)
    await limiter.acquire(one, "c1")
    server.kill()
    assert not limiter._connection.away, "nobody has noticed yet"
    await limiter.release(one, "c1")
    with pytest.raises(Unavailable):
        await limiter._connection.call("PING")
    server.start()
    await back(limiter._connection)
    await limiter._connection.call("PING")  # behind what frees it
    await other.acquire(one, "c2")


async def test_redis_restarted_empty_limits_from_the_start(worker, server):
    limiter = worker()
    await limiter.acquire(key(rpm=1, max_parallel=1), "c1")
    server.kill()
    server.wipe()
    assert await limiter.acquire(key(rpm=1, max_parallel=1), "c2") == Allowance(1, 0, 60.0)
    server.start()
    await back(limiter._connection)
    assert await limiter.acquire(key(rpm=1, max_parallel=1), "c3") == Allowance(1, 0, 60.0)
    with pytest.raises(RateLimited):
        await limiter.acquire(key(rpm=1, max_parallel=1), "c4")


async def test_who_has_died_cannot_be_cleared_away_while_redis_is_away(worker, server):
    limiter = worker()
    server.kill()
    with pytest.raises(Unavailable):
        await limiter.release_worker("a")


@pytest.fixture
def connection(server, connect) -> RedisConnection:
    return connect(server)


async def test_the_cache_of_one_worker_is_everybodys_and_a_miss_while_redis_is_away(connection, server, connect):
    here, there = RedisCache(connection), RedisCache(connect(server))
    await here.put("k", {"a": 1}, ttl=60)
    assert await there.get("k") == {"a": 1}
    server.kill()
    assert await here.get("k") is None
    await here.put("k2", {"a": 2}, ttl=60)
    server.start()
    await back(connection)
    assert [await here.get("k"), await here.get("k2")] == [{"a": 1}, None]


@pytest.mark.parametrize(
    "poison", [b"\x80\x04K\x01.", b"[1]", b"null", b'"text"', b"{", b"\xff", b"[" * 100_000, b""], ids=lambda p: p[:6]
)
async def test_a_poisoned_value_is_a_miss(connection, poison):
    cache = RedisCache(connection)
    await cache.put("k", {"a": 1}, ttl=60)
    await connection.call("SET", connection.key("cache", "value", "k"), poison)
    assert await cache.get("k") is None


async def test_a_very_large_value_is_not_kept_nor_the_one_before(connection):
    cache = RedisCache(connection)
    await cache.put("k", {"a": 1}, ttl=60)
    await cache.put("k", {"a": "x" * module.MAX_VALUE}, ttl=60)
    assert await cache.get("k") is None
    await cache.put("k", {"a": "x" * (module.MAX_VALUE - 100)}, ttl=60)
    assert await cache.get("k") is not None


async def test_redis_itself_forgets_a_cached_value_in_time(connection):
    await RedisCache(connection).put("k", {"a": 1}, ttl=60)
    assert 0 < await connection.call("PTTL", connection.key("cache", "value", "k")) <= 60_000


async def test_the_books_of_the_cache_are_right_after_everything_was_dropped(connection, clock):
    cache = RedisCache(connection, max_entries=3, now=clock.now)
    for number in range(10):
        await cache.put(f"k{number % 5}", {"n": number}, ttl=10)
    clock.time += 10
    for number in range(5):
        assert await cache.get(f"k{number}") is None
    assert await connection.call("HGET", connection.key("cache", "books"), "bytes") == b"0"
    assert await connection.call("KEYS", "*") == [connection.key("cache", "books").encode()]


async def test_tries_are_counted_over_all_workers_and_by_each_while_redis_is_away(connection, server, connect, clock):
    here, there = RedisThrottle(connection, clock), RedisThrottle(connect(server), clock)
    assert [await here.hit("n", 2, 60.0), await there.hit("n", 2, 60.0)] == [None, None]
    assert 0 < await here.hit("n", 2, 60.0) <= 60.0
    server.kill()
    assert [await here.hit("n", 2, 60.0) for _ in range(3)] == [None, None, 60.0]
    await here.forget("n")
    assert await here.hit("n", 2, 60.0) is None


async def test_names_of_people_are_not_written_to_redis(connection, clock):
    await RedisThrottle(connection, clock).hit("ada@example.org", 2, 60.0)
    assert b"ada" not in b" ".join(await connection.call("KEYS", "*"))
