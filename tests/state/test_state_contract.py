"""What limiter, cache and throttle promise, in memory and in every Redis alike."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import RateLimited
from gateway.ports import Allowance
from gateway.types import Identity

AGAIN = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def key(name: str = "k", *, rpm: int | None = None, max_parallel: int | None = None) -> Identity:
    return Identity(name, "name", rpm=rpm, max_parallel=max_parallel)


# --- limiter ------------------------------------------------------------------------------------------------------


async def test_a_key_without_limits_is_let_through(kind):
    limiter = kind.limiter()
    assert await limiter.acquire(key(), "c1") is None
    await limiter.release(key(), "c1")


async def test_the_allowance_says_what_is_left(kind):
    limiter = kind.limiter()
    assert await limiter.acquire(key(rpm=3), "c1") == Allowance(3, 2, 60.0)
    kind.clock.time += 10
    assert await limiter.acquire(key(rpm=3), "c2") == Allowance(3, 1, 50.0)
    kind.clock.time += 51
    assert await limiter.acquire(key(rpm=3), "c3") == Allowance(3, 1, 9.0)


async def test_the_window_slides_and_does_not_jump(kind):
    limiter = kind.limiter()
    await limiter.acquire(key(rpm=2), "c1")
    kind.clock.time += 40
    await limiter.acquire(key(rpm=2), "c2")
    with pytest.raises(RateLimited) as refused:
        await limiter.acquire(key(rpm=2), "c3")
    assert refused.value.retry_after == 20
    assert refused.value.code == "rate_limit_exceeded"
    assert refused.value.extra == {"rate_limit": {"limit": 2, "remaining": 0, "reset": 20.0}}
    kind.clock.time += 20
    assert await limiter.acquire(key(rpm=2), "c4") == Allowance(2, 0, 40.0)
    with pytest.raises(RateLimited):
        await limiter.acquire(key(rpm=2), "c5")


async def test_a_refused_request_costs_nothing(kind):
    limiter = kind.limiter()
    await limiter.acquire(key(rpm=1), "c1")
    for number in range(20):
        kind.clock.time += 1
        with pytest.raises(RateLimited):
            await limiter.acquire(key(rpm=1), f"r{number}")
    kind.clock.time += 40
    assert await limiter.acquire(key(rpm=1), "c2") == Allowance(1, 0, 60.0)


async def test_requests_of_one_moment_each_count(kind):
    limiter = kind.limiter()
    for left in (2, 1, 0):
        assert await limiter.acquire(key(rpm=3), "the same id") == Allowance(3, left, 60.0)
    with pytest.raises(RateLimited):
        await limiter.acquire(key(rpm=3), "c")


async def test_only_so_many_run_at_once_and_a_freed_slot_is_there_again(kind):
    limiter, two = kind.limiter(), key(max_parallel=2)
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


async def test_a_request_refused_for_its_slot_does_not_count_against_the_rate(kind):
    limiter, both = kind.limiter(), key(rpm=2, max_parallel=1)
    await limiter.acquire(both, "c1")
    with pytest.raises(RateLimited) as refused:
        await limiter.acquire(both, "c2")
    assert refused.value.extra == {"max_parallel": 1}
    await limiter.release(both, "c1")
    assert await limiter.acquire(both, "c3") == Allowance(2, 0, 60.0)
    with pytest.raises(RateLimited) as refused:
        await limiter.acquire(both, "c4")
    assert "rate_limit" in refused.value.extra, "of two reasons the rate is told, for its end is known"


@pytest.mark.parametrize("identity", [key(rpm=0), key(max_parallel=0)])
async def test_a_limit_of_nothing_lets_nothing_through(kind, identity):
    with pytest.raises(RateLimited) as refused:
        await kind.limiter().acquire(identity, "c1")
    assert refused.value.retry_after > 0


async def test_keys_do_not_share_their_limits(kind):
    limiter = kind.limiter()
    await limiter.acquire(key("a", rpm=1), "c1")
    assert await limiter.acquire(key("b", rpm=1), "c2") == Allowance(1, 0, 60.0)


@AGAIN
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["acquire", "wait", "release"]), st.sampled_from("xyz"), st.integers(0, 45)),
        max_size=40,
    ),
    rpm=st.none() | st.integers(0, 4),
    max_parallel=st.none() | st.integers(0, 3),
)
async def test_the_limiter_and_a_plain_model_agree(kind, steps, rpm, max_parallel):
    limiter = kind.limiter()
    passed: dict[str, list[float]] = {}
    running: dict[str, list[str]] = {}
    for number, (step, name, seconds) in enumerate(steps):
        identity = key(name, rpm=rpm, max_parallel=max_parallel)
        if step == "wait":
            kind.clock.time += seconds
        elif step == "release":
            if running.get(name):
                await limiter.release(identity, running[name].pop())
        else:
            recent = [at for at in passed.get(name, []) if at > kind.clock.time - 60]
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
                passed.setdefault(name, []).append(kind.clock.time)
                running.setdefault(name, []).append(f"c{number}")


# --- cache --------------------------------------------------------------------------------------------------------


async def test_what_was_put_is_there_until_its_time_is_over(kind):
    cache = kind.cache()
    await cache.put("k", {"a": 1}, ttl=10)
    kind.clock.time += 9.5
    assert await cache.get("k") == {"a": 1}
    kind.clock.time += 0.5
    assert await cache.get("k") is None
    assert await cache.get("never") is None


async def test_the_least_recently_used_goes_first(kind):
    cache = kind.cache(max_entries=2)
    await cache.put("a", {"n": 1}, ttl=10)
    await cache.put("b", {"n": 2}, ttl=10)
    await cache.get("a")
    await cache.put("c", {"n": 3}, ttl=10)
    assert [await cache.get(key) for key in "abc"] == [{"n": 1}, None, {"n": 3}]


async def test_bytes_are_bounded_too(kind):
    cache = kind.cache(max_bytes=100)
    await cache.put("a", {"text": "x" * 50}, ttl=10)
    await cache.put("b", {"text": "y" * 50}, ttl=10)
    assert await cache.get("a") is None
    assert await cache.get("b") is not None
    await cache.put("b", {"text": "z" * 500}, ttl=10)
    assert await cache.get("b") is None, "an older value must not stay when the new one is too large"
    await cache.put("c", {"text": "x" * 80}, ttl=10)
    assert await cache.get("c") is not None, "what is gone takes no room"
    await cache.put("d", {"text": "z" * 500}, ttl=10)
    assert await cache.get("c") is not None, "what is not kept pushes nothing out"


@pytest.mark.parametrize("ttl", [0, -1])
async def test_without_a_time_to_live_nothing_is_kept(kind, ttl):
    cache = kind.cache()
    await cache.put("k", {"old": True}, ttl=10)
    await cache.put("k", {"new": True}, ttl=ttl)
    assert await cache.get("k") is None


async def test_unusual_text_and_numbers_come_back_as_they_went_in(kind):
    cache = kind.cache()
    value = {"lone": "\ud800", "wide": "日本", "big": 2**80, "float": 0.1, "null": None, "nested": [[{}]]}
    await cache.put("ключ и пробел", value, ttl=10)
    assert await cache.get("ключ и пробел") == value


@AGAIN
@given(
    acts=st.lists(
        st.tuples(st.sampled_from(["put", "get", "wait"]), st.sampled_from("abcde"), st.integers(0, 30)), max_size=30
    ),
    max_entries=st.integers(1, 4),
    max_bytes=st.integers(20, 90),
)
async def test_the_cache_and_a_plain_model_agree(kind, acts, max_entries, max_bytes):
    cache = kind.cache(max_entries=max_entries, max_bytes=max_bytes)
    model: dict[str, tuple[int, float]] = {}  # length and end, the least recently used first
    for act, name, number in acts:
        if act == "wait":
            kind.clock.time += number
            continue
        length, ends = model.pop(name, (0, 0.0))
        if act == "put":
            await cache.put(name, {"t": "x" * number}, 20)
            if size(number) <= max_bytes:
                model[name] = (number, kind.clock.time + 20)
            while len(model) > max_entries or sum(size(length) for length, _ in model.values()) > max_bytes:
                del model[next(iter(model))]
        elif ends > kind.clock.time:
            assert await cache.get(name) == {"t": "x" * length}
            model[name] = (length, ends)
        else:
            assert await cache.get(name) is None


def size(length: int) -> int:
    return len("a") + len('{"t":""}') + length


# --- throttle -----------------------------------------------------------------------------------------------------


async def test_tries_are_counted_in_a_sliding_window(kind):
    throttle = kind.throttle()
    for _ in range(3):
        assert await throttle.hit("ada@example.org", 3, 900.0) is None
        kind.clock.time += 100
    assert await throttle.hit("ada@example.org", 3, 900.0) == 600.0
    assert await throttle.hit("bob@example.org", 3, 900.0) is None
    kind.clock.time += 600
    assert await throttle.hit("ada@example.org", 3, 900.0) is None
    assert await throttle.hit("ada@example.org", 3, 900.0) == 100.0


async def test_a_refused_try_does_not_make_the_wait_longer(kind):
    throttle = kind.throttle()
    assert await throttle.hit("n", 1, 10.0) is None
    for left in (9, 8, 7):
        kind.clock.time += 1
        assert await throttle.hit("n", 1, 10.0) == left
    kind.clock.time += 7
    assert await throttle.hit("n", 1, 10.0) is None


async def test_what_is_forgotten_begins_anew(kind):
    throttle = kind.throttle()
    assert await throttle.hit("n", 1, 10.0) is None
    await throttle.forget("n")
    await throttle.forget("never there")
    assert await throttle.hit("n", 1, 10.0) is None
    assert await throttle.hit("n", 1, 10.0) == 10.0


async def test_a_limit_of_no_tries_lets_none_through(kind):
    throttle = kind.throttle()
    assert await throttle.hit("n", 0, 10.0) == 10.0
    assert await throttle.hit("n", 0, 10.0) == 10.0
