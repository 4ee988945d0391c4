"""Requests and tokens of a sliding minute, alone and as a reason to wait for a place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RateLimited
from gateway.queue.places import Places, Spot
from gateway.queue.rates import WINDOW, Demand, Rates

LONG = 1000.0  # seconds: no test runs that long


class StillClock:
    def __init__(self) -> None:
        self.time = 5_000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


def rates(clock: StillClock, workers: Callable[[], int] = lambda: 1) -> Rates:
    return Rates(clock, workers)


async def settled() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


def test_as_many_requests_as_the_limit_then_the_wait_until_the_oldest_slides_out(clock: StillClock) -> None:
    found = rates(clock)
    for _ in range(3):
        assert found.wait("a", 3, None, 0) == 0
        found.take("a", Demand())
        clock.time += 10
    assert found.wait("a", 3, None, 0) == 30
    clock.time += 30
    assert found.wait("a", 3, None, 0) == 0
    assert found.wait("a", None, None, 10**9) == 0


def test_tokens_wait_for_enough_of_them_to_slide_out(clock: StillClock) -> None:
    found = rates(clock)
    for tokens in (100, 200, 300):
        found.take("a", Demand(tokens=tokens))
        clock.time += 10
    assert found.wait("a", None, 1_000, 400) == 0
    assert found.wait("a", None, 1_000, 401) == 30
    assert found.wait("a", None, 1_000, 501) == 40
    assert found.wait("a", None, 1_000, 701) == 50
    assert found.wait("a", None, 1_000, 9_999) == 50  # larger than the limit: alone in the window it may go


def test_each_worker_has_its_share_and_one_at_least(clock: StillClock) -> None:
    found = rates(clock, workers=lambda: 4)
    found.take("a", Demand(tokens=10))
    assert found.wait("a", 8, None, 0) == 0
    assert found.wait("a", 3, None, 0) == WINDOW
    assert found.wait("a", None, 100, 15) == 0
    assert found.wait("a", None, 100, 16) == WINDOW


def test_what_was_used_replaces_the_estimate(clock: StillClock) -> None:
    found = rates(clock)
    for tokens in (500, 500):
        found.take("a", Demand("gen-1", tokens))
    found.take("b", Demand("gen-1", 500))
    found.take("a", Demand("gen-2", 5))
    assert found.settle("gen-1", [("b", 800), ("a", 40)])
    assert found.used(dict(zip("abc", "abc", strict=True))) == ({"a": 2, "b": 1}, {"a": 45, "b": 800})
    assert not found.settle("gen-1", [("a", 1)])
    assert not found.settle("gen-2", [("a", 7)])


def test_a_request_that_ends_after_its_minute_changes_nothing(clock: StillClock) -> None:
    found = rates(clock)
    found.take("a", Demand("gen-1", 500))
    clock.time += WINDOW
    found.take("a", Demand("gen-2", 10))
    assert not found.settle("gen-1", [("a", 20_000)])
    assert found.used({"a": "a"}) == ({"a": 1}, {"a": 10})


def test_idle_deployments_are_forgotten(clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.queue.rates.MOST_IDLE", 10)
    found = rates(clock)
    for number in range(100):
        found.take(f"d{number}", Demand())
        clock.time += WINDOW / 5
    assert len(found._windows) <= 10


def test_without_a_limit_a_busy_minute_takes_no_more_memory_than_its_seconds(clock: StillClock) -> None:
    found = rates(clock)
    for number in range(3_000):
        found.take("a", Demand(f"gen-{number}", 10), limited=False)
        found.settle(f"gen-{number}", [("a", 7)])
        clock.time += 0.05
    assert found.used({"a": "a"}) == ({"a": 1_200}, {"a": 8_400})
    assert len(found._windows["a"].sent) <= WINDOW + 1
    assert not found._open


def test_what_was_never_sent_is_taken_out_of_its_second(clock: StillClock) -> None:
    found = rates(clock)
    for owner in ("gen-1", "gen-2"):
        found.take("a", Demand(owner, 100), limited=False)
    assert found.settle("gen-1", [])
    assert found.used({"a": "a"}) == ({"a": 1}, {"a": 100})
    assert found.settle("gen-2", [])
    assert found.used({"a": "a"}) == ({}, {})


def test_those_of_one_second_leave_with_the_last_of_them(clock: StillClock) -> None:
    found = rates(clock)
    for _ in range(3):
        found.take("a", Demand(), limited=False)
        clock.time += 0.25
    clock.time = 5_000.4 + WINDOW
    assert found.used({"a": "a"})[0] == {"a": 3}
    clock.time = 5_000.5 + WINDOW
    assert found.used({"a": "a"})[0] == {}


def test_a_limit_that_is_new_counts_what_was_sent_without_one(clock: StillClock) -> None:
    found = rates(clock)
    for _ in range(3):
        found.take("a", Demand(tokens=10), limited=False)
    clock.time += 10
    found.take("a", Demand(tokens=10))
    assert found.wait("a", 5, None, 0) == 0
    assert found.wait("a", 4, None, 0) == 50
    assert found.wait("a", 1, None, 0) == WINDOW
    assert found.wait("a", None, 40, 10) == 50


@pytest.mark.parametrize("limited", [True, False])
@given(
    acts=st.lists(
        st.tuples(st.sampled_from(["take", "settle", "pass"]), st.integers(0, 3), st.integers(0, 50)), max_size=60
    )
)
def test_the_windows_agree_with_a_plain_list(limited: bool, acts: list[tuple[str, int, int]]) -> None:
    clock = StillClock()
    found, plain = rates(clock), []
    for act, owner, amount in acts:
        name = f"gen-{owner}"
        if act == "take":
            found.take("a", Demand(name, amount), limited=limited)
            plain.append([clock.time, name, amount])
        elif act == "pass":
            clock.time += amount
        else:
            found.settle(name, [("a", amount)])
            mine = [each for each in plain if each[1] == name]
            for place, each in enumerate(mine):
                if place == 0:
                    each[1:] = ["", amount]
                else:
                    plain.remove(each)
        counted = [each for each in plain if each[0] > clock.time - WINDOW]
        requests, tokens = found.used({"a": "a"})
        assert requests.get("a", 0) == len(counted)
        assert tokens.get("a", 0) == sum(each[2] for each in counted)


async def test_places_count_by_the_second_only_where_no_limit_asks(clock: StillClock) -> None:
    places = Places(clock)
    for spot in (Spot("free"), Spot("few", rpm=10), Spot("short", tpm=10_000)):
        for _ in range(3):
            await places.acquire([spot], LONG)
    sizes = {name: len(window.sent) for name, window in places.rates._windows.items()}
    assert sizes == {"free": 1, "few": 3, "short": 3}


async def test_a_full_minute_spills_over_to_the_next(clock: StillClock) -> None:
    places, two = Places(clock), [Spot("a", rpm=2), Spot("b", rpm=1)]
    assert [await places.acquire(two, LONG) for _ in range(3)] == ["a", "a", "b"]
    for name in "aab":
        places.release(name)
    assert places.snapshot().in_flight == {}


async def test_who_waits_is_served_when_the_minute_slides_on(clock: StillClock) -> None:
    places, spots = Places(clock), [Spot("a", rpm=1)]
    await places.acquire(spots, LONG)
    places.release("a")
    waiting = [asyncio.create_task(places.acquire(spots, LONG, demand=Demand(f"gen-{n}"))) for n in range(2)]
    await settled()
    assert places.snapshot().waiting == 2
    assert places._timer is not None
    assert places._timer.when() - asyncio.get_running_loop().time() == pytest.approx(WINDOW, abs=1)
    clock.time += WINDOW
    places.wake()
    assert await waiting[0] == "a"
    assert not waiting[1].done()
    assert places.snapshot().waiting == 1
    waiting[1].cancel()
    await asyncio.gather(waiting[1], return_exceptions=True)
    assert places.snapshot().waiting == 0


async def test_the_timer_itself_serves() -> None:
    class Near(StillClock):
        def monotonic(self) -> float:
            return asyncio.get_running_loop().time()

    places = Places(Near())
    spots = [Spot("a", rpm=1)]
    await places.acquire(spots, LONG)
    places.rates._windows["a"].sent[0].at -= WINDOW - 0.01
    assert await asyncio.wait_for(places.acquire(spots, LONG), 5) == "a"


async def test_the_first_in_line_goes_before_who_comes_as_the_minute_slides_on(clock: StillClock) -> None:
    places, spots = Places(clock), [Spot("a", rpm=1)]
    await places.acquire(spots, LONG)
    first = asyncio.create_task(places.acquire(spots, LONG))
    await settled()
    clock.time += WINDOW
    places._timer = asyncio.get_running_loop().call_at(0, places.wake)  # due, but it has not gone off yet
    second = asyncio.create_task(places.acquire(spots, LONG))
    await settled()
    assert (first.done(), second.done()) == (True, False)
    second.cancel()


async def test_tokens_that_were_not_used_let_the_next_in(clock: StillClock) -> None:
    places, spots = Places(clock), [Spot("a", tpm=1_000)]
    await places.acquire(spots, LONG, demand=Demand("gen-1", 900))
    waiting = asyncio.create_task(places.acquire(spots, LONG, demand=Demand("gen-2", 900)))
    await settled()
    assert not waiting.done()
    places.settle("gen-1", [("a", 100)])
    assert await waiting == "a"


async def test_a_wait_that_would_be_in_vain_is_refused_with_its_true_length(clock: StillClock) -> None:
    places, spots = Places(clock), [Spot("a", rpm=1), Spot("b", rpm=1)]
    await places.acquire(spots, LONG)
    clock.time += 15
    await places.acquire(spots, LONG)
    with pytest.raises(RateLimited) as caught:
        await places.acquire(spots, 30.0)
    assert (caught.value.code, caught.value.retry_after) == ("rate_limit_exceeded", 45)
    assert places.snapshot().waiting == 0


async def test_after_the_wait_the_answer_says_when(clock: StillClock) -> None:
    places, spots = Places(clock), [Spot("a", rpm=1)]
    await places.acquire(spots, LONG)
    clock.time += WINDOW - 0.01
    with pytest.raises(RateLimited) as caught:
        await places.acquire(spots, 0.02)
    assert (caught.value.code, caught.value.retry_after) == ("queue_timeout", pytest.approx(0.01))


async def test_a_place_and_the_minute_must_both_be_free(clock: StillClock) -> None:
    places, spots = Places(clock), [Spot("a", max_parallel=1, rpm=2)]
    await places.acquire(spots, LONG)
    waiting = asyncio.create_task(places.acquire(spots, LONG))
    await settled()
    assert not waiting.done()
    places.release("a")
    assert await waiting == "a"
    places.release("a")
    with pytest.raises(RateLimited):
        await places.acquire(spots, 1.0)


async def test_who_waited_for_a_place_waits_on_for_a_minute_that_filled_meanwhile(clock: StillClock) -> None:
    places, spots = Places(clock), [Spot("a", max_parallel=1, rpm=2)]
    await places.acquire(spots, LONG)
    waiting = [asyncio.create_task(places.acquire(spots, LONG)) for _ in range(2)]
    await settled()
    assert places._timer is None
    for _ in range(2):
        places.release("a")
        await settled()
    assert [each.done() for each in waiting] == [True, False]
    assert places._timer is not None
    clock.time += WINDOW
    places.wake()
    assert await waiting[1] == "a"
