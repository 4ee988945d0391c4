"""The sliding window and the slots, held against a model that is obviously right."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import RateLimited
from gateway.ports import Allowance
from gateway.state.memory import MemoryLimiter
from gateway.types import Identity


class TurnedClock:
    def __init__(self) -> None:
        self.time = 50.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def limiter(clock: TurnedClock) -> MemoryLimiter:
    return MemoryLimiter(clock)


def key(name: str = "k", *, rpm: int | None = None, max_parallel: int | None = None) -> Identity:
    return Identity(name, "name", rpm=rpm, max_parallel=max_parallel)


async def test_a_key_without_limits_is_not_even_remembered(limiter):
    assert await limiter.acquire(key(), "c1") is None
    await limiter.release(key(), "c1")
    assert len(limiter) == 0


async def test_the_allowance_says_what_is_left(limiter, clock):
    assert await limiter.acquire(key(rpm=3), "c1") == Allowance(3, 2, 60.0)
    clock.time += 10
    assert await limiter.acquire(key(rpm=3), "c2") == Allowance(3, 1, 50.0)


async def test_the_window_slides_and_does_not_jump(limiter, clock):
    await limiter.acquire(key(rpm=2), "c1")
    clock.time += 40
    await limiter.acquire(key(rpm=2), "c2")
    with pytest.raises(RateLimited) as refused:
        await limiter.acquire(key(rpm=2), "c3")
    assert refused.value.retry_after == 20
    assert refused.value.code == "rate_limit_exceeded"
    assert refused.value.extra == {"rate_limit": {"limit": 2, "remaining": 0, "reset": 20.0}}
    clock.time += 20
    assert await limiter.acquire(key(rpm=2), "c4") == Allowance(2, 0, 40.0)
    with pytest.raises(RateLimited):
        await limiter.acquire(key(rpm=2), "c5")


async def test_a_refused_request_costs_nothing(limiter, clock):
    await limiter.acquire(key(rpm=1), "c1")
    for number in range(20):
        clock.time += 1
        with pytest.raises(RateLimited):
            await limiter.acquire(key(rpm=1), f"r{number}")
    clock.time += 40
    assert await limiter.acquire(key(rpm=1), "c2") == Allowance(1, 0, 60.0)


async def test_only_so_many_run_at_once_and_a_freed_slot_is_there_again(limiter):
    two = key(max_parallel=2)
    assert await limiter.acquire(two, "c1") is None
    assert await limiter.acquire(two, "c2") is None
    with pytest.raises(RateLimited) as refused:
        await limiter.acquire(two, "c3")
    assert refused.value.retry_after == 1
    assert refused.value.extra == {"max_parallel": 2}
    await limiter.release(two, "c1")
    await limiter.release(two, "c1")
    await limiter.release(two, "never there")
    assert await limiter.acquire(two, "c3") is None
    with pytest.raises(RateLimited):
        await limiter.acquire(two, "c4")


async def test_a_request_refused_for_its_slot_does_not_count_against_the_rate(limiter):
    both = key(rpm=2, max_parallel=1)
    await limiter.acquire(both, "c1")
    with pytest.raises(RateLimited):
        await limiter.acquire(both, "c2")
    await limiter.release(both, "c1")
    assert await limiter.acquire(both, "c3") == Allowance(2, 0, 60.0)


@pytest.mark.parametrize("identity", [key(rpm=0), key(max_parallel=0)])
async def test_a_limit_of_nothing_lets_nothing_through(limiter, identity):
    with pytest.raises(RateLimited) as refused:
        await limiter.acquire(identity, "c1")
    assert refused.value.retry_after > 0
    assert len(limiter) == 0


async def test_keys_do_not_share_their_limits(limiter):
    await limiter.acquire(key("a", rpm=1), "c1")
    assert await limiter.acquire(key("b", rpm=1), "c2") == Allowance(1, 0, 60.0)


async def test_the_refusal_names_neither_the_key_nor_the_call(limiter):
    await limiter.acquire(key("secret-key", rpm=1), "secret-call-1")
    with pytest.raises(RateLimited) as refused:
        await limiter.acquire(key("secret-key", rpm=1), "secret-call-2")
    assert "secret" not in f"{refused.value.body()} {refused.value.headers()}"


async def test_idle_keys_are_forgotten_and_running_ones_are_not(limiter, clock):
    await limiter.acquire(key("long", max_parallel=1), "long")
    for number in range(500):
        clock.time += 1
        name = f"k{number}"
        await limiter.acquire(key(name, rpm=5, max_parallel=5), name)
        await limiter.release(key(name, rpm=5, max_parallel=5), name)
        assert len(limiter) <= 63
    with pytest.raises(RateLimited):
        await limiter.acquire(key("long", max_parallel=1), "again")
    await limiter.release(key("long", max_parallel=1), "long")
    for _ in range(70):
        clock.time += 61
        await limiter.acquire(key("last", rpm=5), "c")
    assert len(limiter) <= 2


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["acquire", "wait", "release"]), st.sampled_from("xyz"), st.floats(0, 45)),
        max_size=60,
    ),
    rpm=st.none() | st.integers(0, 4),
    max_parallel=st.none() | st.integers(0, 3),
)
async def test_the_limiter_and_a_plain_model_agree(steps, rpm, max_parallel):
    clock = TurnedClock()
    limiter = MemoryLimiter(clock)
    passed: dict[str, list[float]] = {}
    running: dict[str, list[str]] = {}
    for number, (step, name, seconds) in enumerate(steps):
        identity = key(name, rpm=rpm, max_parallel=max_parallel)
        if step == "wait":
            clock.time += seconds
        elif step == "release":
            if running.get(name):
                await limiter.release(identity, running[name].pop())
        else:
            recent = [at for at in passed.get(name, []) if at > clock.time - 60]
            allowed = (rpm is None or len(recent) < rpm) and (
                max_parallel is None or len(running.get(name, [])) < max_parallel
            )
            try:
                await limiter.acquire(identity, f"c{number}")
                got = True
            except RateLimited:
                got = False
            assert got is allowed
            if got:
                passed.setdefault(name, []).append(clock.time)
                running.setdefault(name, []).append(f"c{number}")
