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
