"""Places: first come, first served, bounded, and nothing lost when a waiter leaves."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from types import MappingProxyType

import pytest

from gateway.errors import RateLimited
from gateway.queue.places import Places, QueueClass, Snapshot

LONG = 1000.0  # seconds: no test runs that long
ONE = [("a", 1)]


class StillClock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
async def places(clock: StillClock) -> AsyncIterator[Places]:
    """Nothing may be reported to the loop as forgotten, whatever a test does."""
    reports: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
    yield Places(clock, max_waiting=5)
    await settled()
    assert reports == []


async def settled() -> None:
    """Let everything run that can run now."""
    for _ in range(4):
        await asyncio.sleep(0)


async def waiting(places: Places, candidates: Sequence[tuple[str, int | None]], **more: object) -> asyncio.Task[str]:
    task = asyncio.create_task(places.acquire(candidates, LONG, **more))  # type: ignore[arg-type]
    await settled()
    return task


async def test_the_first_with_room_is_taken(places):
    two = [("a", 1), ("b", 1)]
    assert await places.acquire(two, LONG) == "a"
    assert await places.acquire(two, LONG) == "b"
    assert places.snapshot().in_flight == {"a": 1, "b": 1}
    places.release("a")
    assert await places.acquire([("b", 1), ("a", 1)], LONG) == "a"


async def test_without_a_bound_there_is_always_room(places):
    for _ in range(100):
        assert await places.acquire([("a", None)], 0) == "a"
    assert places.snapshot().in_flight == {"a": 100}


@pytest.mark.parametrize(("workers", "limit", "share"), [(1, 7, 7), (3, 7, 2), (3, 2, 1), (8, 8, 1)])
async def test_each_of_several_workers_has_its_share(clock, workers, limit, share):
    places = Places(clock, workers=lambda: workers)
    for _ in range(share):
        assert await places.acquire([("a", limit)], 0) == "a"
    with pytest.raises(RateLimited):
        await places.acquire([("a", limit)], 0)


async def test_a_freed_place_goes_to_the_first_waiter_it_suits(places):
    for key in "ab":
        await places.acquire([(key, 1)], LONG)
    only_b = await waiting(places, [("b", 1)])
    both = await waiting(places, [("a", 1), ("b", 1)])
    only_a = await waiting(places, [("a", 1)])
    places.release("a")
    await settled()
    assert both.result() == "a"
    assert not only_a.done()
    assert not only_b.done()
    places.release("b")
    places.release("a")
    await settled()
    assert (only_b.result(), only_a.result()) == ("b", "a")
    assert places.snapshot().waiting == 0


async def test_a_newcomer_does_not_overtake_who_was_just_given_the_place(places):
    await places.acquire(ONE, LONG)
    first = await waiting(places, ONE)
    places.release("a")
    newcomer = await waiting(places, ONE)
    assert first.result() == "a"
    assert not newcomer.done()
    newcomer.cancel()


async def test_the_classes_are_served_in_their_order(places):
    await places.acquire(ONE, LONG)
    order = [QueueClass.FLEX, QueueClass.DEFAULT, QueueClass.PRIORITY, QueueClass.DEFAULT]
    tasks = [await waiting(places, ONE, queue_class=queue_class) for queue_class in order]
    served = []
    for _ in tasks:
        places.release("a")
        await settled()
        served.append(next(number for number, task in enumerate(tasks) if task.done() and number not in served))
    assert served == [2, 1, 3, 0]


async def test_positions_are_told_whenever_they_change(places):
    await places.acquire(ONE, LONG)
    await places.acquire([("z", 1)], LONG)
    heard: dict[str, list[int]] = {"first": [], "second": [], "other": [], "urgent": []}
    await waiting(places, ONE, on_position=heard["first"].append)
    second = await waiting(places, ONE, on_position=heard["second"].append)
    other = await waiting(places, [("z", 1)], on_position=heard["other"].append)
    await waiting(places, ONE, on_position=heard["urgent"].append, queue_class=QueueClass.PRIORITY)
    assert heard == {"first": [1, 2], "second": [2, 3], "other": [1], "urgent": [1]}
    places.release("a")
    places.release("a")
    await settled()
    assert heard["second"] == [2, 3, 2, 1]
    assert heard["first"] == [1, 2, 1]
    second.cancel()
    other.cancel()


async def test_a_listener_that_fails_harms_nobody(clock):
    places = Places(clock)
    reports = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context["exception"]))

    def broken(position: int) -> None:
        raise RuntimeError(f"cannot show {position}")

    await places.acquire(ONE, LONG)
    task = await waiting(places, ONE, on_position=broken)
    places.release("a")
    assert await task == "a"
    assert [str(report) for report in reports] == ["cannot show 1"]


async def test_a_full_queue_refuses_at_once_and_only_those_who_want_the_same(places):
    await places.acquire(ONE, LONG)
    await places.acquire([("z", 1)], LONG)
    tasks = [await waiting(places, ONE) for _ in range(5)]
    with pytest.raises(RateLimited) as refused:
        await places.acquire(ONE, LONG)
    assert refused.value.code == "queue_full"
    assert refused.value.retry_after == 5
    other = await waiting(places, [("z", 1)])
    assert places.snapshot().waiting == 6
    for task in (*tasks, other):
        task.cancel()


async def test_who_waited_long_enough_is_told_when_to_come_back(places):
    await places.acquire(ONE, LONG)
    with pytest.raises(RateLimited) as refused:
        await places.acquire(ONE, 0.001)
    assert refused.value.code == "queue_timeout"
    assert refused.value.retry_after == 1
    assert places.snapshot().waiting == 0
    places.release("a")
    assert places.snapshot().in_flight == {}


async def test_the_eta_follows_how_fast_places_were_freed_of_late(places, clock):
    await places.acquire(ONE, LONG)
    tasks = [await waiting(places, ONE) for _ in range(5)]
    for _ in range(3):
        clock.time += 0.25
        places.release("a")
        await settled()
    with pytest.raises(RateLimited) as refused:
        await places.acquire(ONE, 0)
    assert refused.value.retry_after == pytest.approx(3 * 0.25)
    for task in tasks[3:]:
        task.cancel()
    await settled()
    clock.time += 500
    places.release("a")
    await places.acquire(ONE, LONG)
    await waiting(places, ONE)
    places.release("a")
    await settled()
    with pytest.raises(RateLimited) as refused:
        await places.acquire(ONE, 0)
    assert refused.value.retry_after == pytest.approx(0.25), "the quiet time in between says nothing"


async def test_the_eta_is_bounded(places, clock):
    await places.acquire(ONE, LONG)
    tasks = [await waiting(places, ONE) for _ in range(4)]
    for _ in range(3):
        clock.time += 3600
        places.release("a")
        await settled()
    with pytest.raises(RateLimited) as refused:
        await places.acquire(ONE, 0)
    assert refused.value.retry_after == 60
    tasks[3].cancel()


async def test_a_waiter_that_leaves_frees_its_place_in_line(places):
    await places.acquire(ONE, LONG)
    first, second = await waiting(places, ONE), await waiting(places, ONE)
    first.cancel()
    await settled()
    assert places.snapshot().waiting == 1
    places.release("a")
    assert await second == "a"


async def test_a_place_given_to_a_waiter_that_is_just_leaving_goes_to_the_next(places):
    await places.acquire(ONE, LONG)
    first, second = await waiting(places, ONE), await waiting(places, ONE)
    places.release("a")
    first.cancel()  # it has the place already, and will never know
    await settled()
    assert first.cancelled()
    assert second.result() == "a"
    assert places.snapshot().in_flight == {"a": 1}


async def test_a_place_freed_while_a_waiter_is_leaving_is_not_given_to_it(places):
    await places.acquire(ONE, LONG)
    heard: list[int] = []
    first = await waiting(places, ONE)
    second = await waiting(places, ONE, on_position=heard.append)
    third = await waiting(places, ONE)
    second.cancel()
    first.cancel()
    places.release("a")
    await settled()
    assert third.result() == "a"
    assert heard == [2]
    assert places.snapshot().in_flight == {"a": 1}


async def test_leaving_after_the_time_is_over_is_leaving(places):
    await places.acquire(ONE, LONG)
    task = await waiting(places, ONE)
    places._expire(places._waiters[0])
    task.cancel()
    await settled()
    assert task.cancelled()
    assert places.snapshot().waiting == 0


async def test_time_that_is_over_after_the_place_was_given_changes_nothing(places):
    await places.acquire(ONE, LONG)
    task = await waiting(places, ONE)
    waiter = places._waiters[0]
    places.release("a")
    places._expire(waiter)
    assert await task == "a"


async def test_giving_back_what_was_not_taken_is_an_error(places):
    with pytest.raises(ValueError, match="no place is taken on a"):
        places.release("a")
    assert places.snapshot().in_flight == {}


async def test_without_candidates_there_is_nothing_to_wait_for(places):
    with pytest.raises(ValueError, match="no candidate"):
        await places.acquire([], LONG)


class Crowd:
    """Many tasks that ask for places, what they got, and how they were refused."""

    limits = MappingProxyType({"a": 1, "b": 3, "c": 5})

    def __init__(self, places: Places, rng: random.Random) -> None:
        self.places = places
        self.rng = rng
        self.tasks: list[asyncio.Task[str]] = []
        self.held: list[str] = []
        self.refusals = {"queue_full": 0, "queue_timeout": 0}

    def act(self) -> None:
        chance = self.rng.random()
        if chance < 0.5:
            wanted = [(key, self.limits[key]) for key in self.rng.sample("abc", self.rng.randint(1, 3))]
            timeout = self.rng.choice([0.0, LONG, LONG, LONG])
            self.tasks.append(asyncio.create_task(self.places.acquire(wanted, timeout)))
        elif chance < 0.58 and self.tasks:
            self.rng.choice(self.tasks).cancel()
        elif self.held:
            self.places.release(self.held.pop(self.rng.randrange(len(self.held))))

    def collect(self) -> None:
        ended = [task for task in self.tasks if task.done()]
        self.tasks = [task for task in self.tasks if not task.done()]
        for task in ended:
            if not task.cancelled() and isinstance(error := task.exception(), RateLimited):
                self.refusals[error.code] += 1
            elif not task.cancelled():
                self.held.append(task.result())


async def test_ten_thousand_random_acts_leave_nothing_behind(clock):
    rng = random.Random(20)
    places = Places(clock, max_waiting=4)
    crowd = Crowd(places, rng)
    for _ in range(10_000):
        crowd.act()
        if rng.random() < 0.6:
            await asyncio.sleep(0)
        crowd.collect()
        assert all(taken <= crowd.limits[key] for key, taken in places.snapshot().in_flight.items())
    for task in crowd.tasks:
        task.cancel()
    await settled()
    crowd.collect()
    for key in crowd.held:
        places.release(key)
    assert crowd.tasks == []
    assert places.snapshot() == Snapshot({}, 0)
    assert min(crowd.refusals.values()) > 20, "both refusals must have been met"
