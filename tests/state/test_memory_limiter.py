"""What a limiter in memory remembers, and for how long; the limits themselves are in test_state_contract.py."""

from __future__ import annotations

import pytest

from gateway.errors import RateLimited
from gateway.state.memory import MemoryLimiter
from gateway.types import Identity
from tests.state.conftest import HandClock


@pytest.fixture
def limiter(clock: HandClock) -> MemoryLimiter:
    return MemoryLimiter(clock)


def key(name: str = "k", *, rpm: int | None = None, max_parallel: int | None = None) -> Identity:
    return Identity(name, "name", rpm=rpm, max_parallel=max_parallel)


async def test_a_key_without_limits_is_not_even_remembered(limiter):
    assert await limiter.acquire(key(), "c1") is None
    await limiter.release(key(), "c1")
    assert len(limiter) == 0


@pytest.mark.parametrize("identity", [key(rpm=0), key(max_parallel=0)])
async def test_a_limit_of_nothing_lets_nothing_through(limiter, identity):
    with pytest.raises(RateLimited) as refused:
        await limiter.acquire(identity, "c1")
    assert refused.value.retry_after > 0
    assert len(limiter) == 0


async def test_the_refusal_names_neither_the_key_nor_the_call(limiter):
    await limiter.acquire(key("secret-key", rpm=1), "secret-call-1")
    with pytest.raises(RateLimited) as refused:
        await limiter.acquire(key("secret-key", rpm=1), "secret-call-2")
    assert "secret" not in f"{refused.value.body()} {refused.value.headers()}"


async def test_what_came_within_the_minute_is_never_forgotten(limiter, clock):
    await limiter.acquire(key("early", rpm=1), "c1")
    await limiter.release(key("early", rpm=1), "c1")
    await limiter.acquire(key("running", max_parallel=1), "c2")
    clock.time += 59.5
    await limiter.acquire(key("late", rpm=1), "c3")
    with pytest.raises(RateLimited):
        await limiter.acquire(key("early", rpm=1), "c4")
    clock.time += 1
    await limiter.acquire(key("last", rpm=1), "c5")
    assert len(limiter) == 3  # all but the early one
    with pytest.raises(RateLimited):
        await limiter.acquire(key("late", rpm=1), "c6")
    with pytest.raises(RateLimited):
        await limiter.acquire(key("running", max_parallel=1), "c7")


async def test_after_a_long_silence_idle_keys_go_in_several_looks(limiter, clock, monkeypatch):
    monkeypatch.setattr("gateway.state.memory.MOST_SWEPT", 10)
    for number in range(25):
        await limiter.acquire(key(f"k{number}", rpm=5), "c")
        await limiter.release(key(f"k{number}", rpm=5), "c")
    clock.time += 3600
    left = []
    for _ in range(4):
        await limiter.acquire(key("now", rpm=500), "c")
        left.append(len(limiter))
        clock.time += 1
    assert left == [16, 6, 1, 1]


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


async def test_what_has_left_the_minute_is_dropped_many_at_once(limiter, clock, monkeypatch):
    monkeypatch.setattr("gateway.state.memory.FEW", 20)
    identity = key("busy", rpm=60)
    most = 0
    for number in range(1_000):
        clock.time += 1.25
        allowance = await limiter.acquire(identity, f"c{number}")
        await limiter.release(identity, f"c{number}")
        within = min(number + 1, 48)
        assert (allowance.remaining, allowance.reset) == (60 - within, pytest.approx(60 - 1.25 * (within - 1)))
        most = max(most, len(limiter._keys["busy"].times))
    assert 48 < most <= 48 + 21
