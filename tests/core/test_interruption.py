"""An interruption is a message: the first one counts, only the work at hand is cancelled, nothing taken is lost."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import Interrupted, Reason
from gateway.interruption import Interruption
from gateway.queue.places import Places
from tests.core.fakes import FakeClock, ticks


async def forever(ended: list[str]) -> str:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("ended")
    return "never"


async def soon(value: str = "result") -> str:
    await asyncio.sleep(0)
    return value


async def test_undisturbed_work_gives_its_result_and_its_error() -> None:
    interruption = Interruption()
    assert await interruption.run(soon()) == "result"

    async def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await interruption.run(broken())


async def test_the_first_reason_counts() -> None:
    interruption = Interruption()
    interruption.request(Reason.DEADLINE)
    interruption.request(Reason.CLIENT_GONE)
    assert interruption.reason is Reason.DEADLINE


async def test_what_was_interrupted_before_is_never_begun() -> None:
    interruption = Interruption()
    interruption.request(Reason.CLIENT_GONE)
    begun: list[str] = []
    with pytest.raises(Interrupted) as caught:
        await interruption.run(forever(begun))
    assert caught.value.reason is Reason.CLIENT_GONE
    assert begun == []


async def test_work_has_ended_when_interrupted_is_raised() -> None:
    interruption = Interruption()
    ended: list[str] = []
    walk = asyncio.create_task(interruption.run(forever(ended)))
    await ticks()
    interruption.request(Reason.STALLED)
    with pytest.raises(Interrupted) as caught:
        await walk
    assert caught.value.reason is Reason.STALLED
    assert ended == ["ended"]


async def test_the_walk_itself_is_not_cancelled() -> None:
    interruption = Interruption()
    after: list[str] = []

    async def walk() -> None:
        with pytest.raises(Interrupted):
            await interruption.run(forever([]))
        await asyncio.sleep(0)
        after.append("settled")

    task = asyncio.create_task(walk())
    await ticks()
    interruption.request(Reason.CLIENT_GONE)
    await task
    assert after == ["settled"]


async def test_a_request_between_two_works_stops_the_next() -> None:
    interruption = Interruption()
    assert await interruption.run(soon()) == "result"
    interruption.request(Reason.CLIENT_GONE)
    with pytest.raises(Interrupted):
        await interruption.run(soon())


async def test_a_result_that_is_ready_is_not_lost() -> None:
    interruption = Interruption()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    walk = asyncio.create_task(interruption.run(asyncio.wait_for(ready, 60)))
    await ticks()
    ready.set_result("taken")
    await asyncio.sleep(0)  # the work has its result; the walk has not been told
    await asyncio.sleep(0)
    interruption.request(Reason.CLIENT_GONE)
    assert await walk == "taken"


async def test_work_that_finishes_in_spite_of_it_keeps_its_result() -> None:
    interruption = Interruption()

    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "done all the same"
        return "never"

    walk = asyncio.create_task(interruption.run(stubborn()))
    await ticks()
    interruption.request(Reason.DRAINING)
    assert await walk == "done all the same"


async def test_nested_work_is_ended_from_the_inside_out() -> None:
    interruption = Interruption()
    ended: list[str] = []

    async def outer() -> None:
        try:
            await interruption.run(forever(ended))
        finally:
            ended.append("outer")

    walk = asyncio.create_task(interruption.run(outer()))
    await ticks()
    interruption.request(Reason.CANCELLED)
    with pytest.raises(Interrupted):
        await walk
    assert ended == ["ended", "outer"]


async def test_after_nested_work_the_outer_one_can_be_ended() -> None:
    interruption = Interruption()
    ended: list[str] = []

    async def outer() -> None:
        await interruption.run(soon())
        await forever(ended)

    walk = asyncio.create_task(interruption.run(outer()))
    await ticks()
    interruption.request(Reason.CANCELLED)
    with pytest.raises(Interrupted):
        await walk
    assert ended == ["ended"]


async def test_nested_work_whose_result_won_ends_the_outer_one_next() -> None:
    interruption = Interruption()
    kept: list[str] = []

    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "place"
        return "never"

    async def outer() -> None:
        kept.append(await interruption.run(stubborn()))
        await asyncio.Event().wait()

    walk = asyncio.create_task(interruption.run(outer()))
    await ticks()
    interruption.request(Reason.CLIENT_GONE)
    with pytest.raises(Interrupted):
        await walk
    assert kept == ["place"]


async def test_a_cancelled_walk_ends_its_work_first() -> None:
    interruption = Interruption()
    ended: list[str] = []
    walk = asyncio.create_task(interruption.run(forever(ended)))
    await ticks()
    walk.cancel()
    with pytest.raises(asyncio.CancelledError):
        await walk
    assert ended == ["ended"]


@pytest.mark.parametrize("steps", range(6))
async def test_a_place_is_held_or_free_whenever_the_message_comes(clock: FakeClock, steps: int) -> None:
    places = Places(clock)
    await places.acquire([("d1", 1)], 0)
    interruption = Interruption()
    walk = asyncio.create_task(interruption.run(places.acquire([("d1", 1)], 60)))
    await ticks(2)
    places.release("d1")
    await ticks(steps)
    interruption.request(Reason.CLIENT_GONE)
    (found,) = await asyncio.gather(walk, return_exceptions=True)
    held = places.snapshot().in_flight.get("d1", 0)
    assert (found == "d1" and held == 1) or (isinstance(found, Interrupted) and held == 0)
    assert places.snapshot().waiting == 0


async def test_work_may_take_so_much_time() -> None:
    interruption = Interruption()
    ended: list[str] = []
    with pytest.raises(TimeoutError):
        await interruption.run(forever(ended), within=0.0)
    assert ended == ["ended"]
    assert await interruption.run(soon(), within=60.0) == "result"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_message_after_the_time_was_over_counts_more() -> None:
    interruption = Interruption()

    async def slow_to_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await ticks(3)

    walk = asyncio.create_task(interruption.run(slow_to_end(), within=0.0))
    await ticks(2)
    interruption.request(Reason.CLIENT_GONE)
    with pytest.raises(Interrupted):
        await walk


async def test_work_that_is_done_in_spite_of_its_time_keeps_its_result() -> None:
    interruption = Interruption()

    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "done all the same"
        return "never"

    assert await interruption.run(stubborn(), within=0.0) == "done all the same"
    assert await interruption.run(soon()) == "result"
