"""A place on the first deployment with room, or a bounded wait in line; the place is given back once."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import Fault, Interrupted, ProviderError, RateLimited, Reason
from gateway.queue.places import Places
from gateway.stages.wait import Wait
from gateway.types import Call, Deployment, Options, Outcome, Status
from tests.core.fakes import FakeClock, SpyHealth, asking, deployment, ticks

A, B = deployment("a", max_parallel=1), deployment("b", max_parallel=1)
DONE = Outcome(Status.COMPLETED)


class Bench:
    def __init__(self, clock: FakeClock, max_wait: float = 30.0) -> None:
        self.places, self.health = Places(clock), SpyHealth(clock)
        self.stage = Wait(self.places, self.health, clock, max_wait)

    async def fill(self, *deployments: Deployment) -> None:
        for each in deployments:
            await self.places.acquire([(each.id, 1)], 0)

    @property
    def taken(self) -> dict[str, int]:
        return dict(self.places.snapshot().in_flight)


def order(call: Call) -> list[str]:
    assert call.plan is not None
    return [candidate.deployment.id for candidate in call.plan.candidates]


async def test_the_first_choice_is_taken_and_given_back(clock: FakeClock) -> None:
    bench = Bench(clock)
    call = asking(clock, A, B)
    before = call.plan
    await bench.stage.enter(call)
    assert (call.place, bench.taken, call.plan) == ("a", {"a": 1}, before)
    await bench.stage.exit(call, DONE)
    assert (call.place, bench.taken) == (None, {})
    await bench.stage.exit(call, DONE)
    assert bench.taken == {}


async def test_the_next_with_room_moves_to_the_front(clock: FakeClock) -> None:
    bench = Bench(clock)
    await bench.fill(A)
    call = asking(clock, A, B)
    await bench.stage.enter(call)
    assert (call.place, order(call)) == ("b", ["b", "a"])
    assert call.plan is not None
    assert "the first choice is full" in call.plan.reason


async def test_unhealthy_ones_are_not_waited_for(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.health.failed("a", ProviderError(Fault.CREDENTIALS, "refused"))
    call = asking(clock, A, B)
    await bench.stage.enter(call)
    assert call.place == "b"


async def test_when_all_are_unhealthy_any_will_do(clock: FakeClock) -> None:
    bench = Bench(clock)
    for name in "ab":
        bench.health.failed(name, ProviderError(Fault.CREDENTIALS, "refused"))
    call = asking(clock, A, B)
    await bench.stage.enter(call)
    assert call.place == "a"


async def test_it_waits_in_line_and_says_where(clock: FakeClock) -> None:
    bench = Bench(clock)
    await bench.fill(A)
    calls = [asking(clock, A, id=f"gen-{n}") for n in range(2)]
    waiting = [asyncio.create_task(bench.stage.enter(call)) for call in calls]
    await ticks()
    assert [call.position for call in calls] == [1, 2]
    clock.advance(4)
    bench.places.release("a")
    await waiting[0]
    await ticks()
    assert (calls[0].place, calls[0].position, calls[0].queue_ms) == ("a", None, 4_000)
    assert calls[1].position == 1
    await bench.stage.exit(calls[0], DONE)
    await waiting[1]
    assert bench.taken == {"a": 1}


@pytest.mark.parametrize(
    ("max_wait", "patience", "left"), [(0.0, None, 60.0), (30.0, 0.001, 60.0), (30.0, None, 0.001), (30.0, None, -5.0)]
)
async def test_it_gives_up_in_time(clock: FakeClock, max_wait: float, patience: float | None, left: float) -> None:
    bench = Bench(clock, max_wait)
    await bench.fill(A)
    call = asking(clock, A, options=Options(patience=patience), deadline=clock.monotonic() + left)
    with pytest.raises(RateLimited) as caught:
        await bench.stage.enter(call)
    assert caught.value.code == "queue_timeout"
    assert (call.place, call.position, bench.taken) == (None, None, {"a": 1})
    assert bench.places.snapshot().waiting == 0


async def test_a_client_that_leaves_the_line_leaves_nothing(clock: FakeClock) -> None:
    bench = Bench(clock)
    await bench.fill(A)
    call = asking(clock, A)
    waiting = asyncio.create_task(bench.stage.enter(call))
    await ticks()
    clock.advance(3)
    call.interruption.request(Reason.CLIENT_GONE)
    with pytest.raises(Interrupted):
        await waiting
    assert (call.place, call.position, call.queue_ms) == (None, None, 3_000)
    assert bench.places.snapshot().waiting == 0
    bench.places.release("a")
    assert bench.taken == {}


async def test_a_full_minute_spills_over_and_is_waited_for_at_the_end(clock: FakeClock) -> None:
    bench = Bench(clock, max_wait=90.0)
    two = deployment("a", rpm=1), deployment("b", tpm=1)
    calls = [asking(clock, *two, id=f"gen-{n}", deadline=clock.monotonic() + 300) for n in range(3)]
    for call in calls[:2]:
        await bench.stage.enter(call)
    assert [call.place for call in calls[:2]] == ["a", "b"]
    waiting = asyncio.create_task(bench.stage.enter(calls[2]))
    await ticks()
    assert calls[2].position == 1
    clock.advance(60)
    bench.places.wake()
    await waiting
    assert (calls[2].place, calls[2].queue_ms) == ("a", 60_000)


async def test_who_would_wait_in_vain_hears_how_long_it_takes(clock: FakeClock) -> None:
    bench = Bench(clock)
    one = deployment("a", rpm=1)
    await bench.stage.enter(asking(clock, one))
    clock.advance(20)
    with pytest.raises(RateLimited) as caught:
        await bench.stage.enter(asking(clock, one, id="gen-2"))
    assert (caught.value.code, caught.value.retry_after) == ("rate_limit_exceeded", 40)


async def test_a_request_that_leaves_the_line_counts_nowhere(clock: FakeClock) -> None:
    bench = Bench(clock, max_wait=90.0)
    one = deployment("a", rpm=1)
    await bench.stage.enter(asking(clock, one, id="gen-1"))
    call = asking(clock, one, id="gen-2", deadline=clock.monotonic() + 300)
    waiting = asyncio.create_task(bench.stage.enter(call))
    await ticks()
    clock.advance(60)
    call.interruption.request(Reason.CLIENT_GONE)
    bench.places.wake()
    await asyncio.gather(waiting, return_exceptions=True)
    await bench.stage.exit(call, DONE)
    assert bench.places.rates.used({"a": "a"}) == ({}, {})
