"""The cache forgets in time and in order, keeps within its bounds, and hands out copies."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.state.memory import MemoryCache, size_of


class HandClock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


async def test_what_was_put_is_there_until_its_time_is_over(clock):
    cache = MemoryCache(clock)
    await cache.put("k", {"a": 1}, ttl=10)
    clock.time += 9.9
    assert await cache.get("k") == {"a": 1}
    clock.time += 0.1
    assert await cache.get("k") is None
    assert len(cache) == 0
    assert cache.bytes == 0
    assert await cache.get("never") is None


async def test_neither_the_giver_nor_the_taker_can_change_what_is_stored(clock):
    cache = MemoryCache(clock)
    value = {"choices": [{"message": {"content": "x"}}]}
    await cache.put("k", value, ttl=10)
    value["choices"][0]["message"]["content"] = "changed by the giver"
    taken = await cache.get("k")
    assert taken == {"choices": [{"message": {"content": "x"}}]}
    taken["choices"].clear()
    assert await cache.get("k") == {"choices": [{"message": {"content": "x"}}]}


async def test_the_least_recently_used_goes_first(clock):
    cache = MemoryCache(clock, max_entries=2)
    await cache.put("a", {"n": 1}, ttl=10)
    await cache.put("b", {"n": 2}, ttl=10)
    await cache.get("a")
    await cache.put("c", {"n": 3}, ttl=10)
    assert [await cache.get(key) for key in "abc"] == [{"n": 1}, None, {"n": 3}]


async def test_bytes_are_bounded_too(clock):
    cache = MemoryCache(clock, max_bytes=100)
    await cache.put("a", {"text": "x" * 50}, ttl=10)
    await cache.put("b", {"text": "y" * 50}, ttl=10)
    assert await cache.get("a") is None
    assert await cache.get("b") is not None
    await cache.put("b", {"text": "z" * 500}, ttl=10)
    assert await cache.get("b") is None, "an older value must not stay when the new one is too large"
    assert cache.bytes == 0


@pytest.mark.parametrize("ttl", [0, -1])
async def test_without_a_time_to_live_nothing_is_kept(clock, ttl):
    cache = MemoryCache(clock)
    await cache.put("k", {"old": True}, ttl=10)
    await cache.put("k", {"new": True}, ttl=ttl)
    assert await cache.get("k") is None


async def test_unusual_text_and_numbers_come_back_as_they_went_in(clock):
    cache = MemoryCache(clock)
    value = {"lone": "\ud800", "wide": "日本", "big": 2**80, "float": 0.1, "null": None, "nested": [[{}]]}
    await cache.put("ключ", value, ttl=10)
    assert await cache.get("ключ") == value


@settings(max_examples=80, deadline=None)
@given(
    puts=st.lists(st.tuples(st.sampled_from("abcdef"), st.text(max_size=40), st.floats(-1, 20)), max_size=40),
    max_entries=st.integers(1, 4),
    max_bytes=st.integers(20, 120),
)
async def test_the_bounds_hold_and_the_books_are_right(puts, max_entries, max_bytes):
    clock = HandClock()
    cache = MemoryCache(clock, max_entries=max_entries, max_bytes=max_bytes)
    for key, text, ttl in puts:
        await cache.put(key, {"t": text}, ttl)
        assert len(cache) <= max_entries
        assert cache.bytes <= max_bytes
        assert cache.bytes == sum(size_of(key, entry.value) for key, entry in cache._entries.items())
        clock.time += 1
        assert await cache.get(key) in ({"t": text}, None)
