"""A cache in memory hands out copies and keeps its books right; what else it promises is in test_state_contract.py."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.state.memory import MemoryCache, size_of
from tests.state.conftest import HandClock


async def test_what_was_put_is_there_until_its_time_is_over(clock):
    cache = MemoryCache(clock)
    await cache.put("k", {"a": 1}, ttl=10)
    clock.time += 9.5
    assert await cache.get("k") == {"a": 1}
    clock.time += 0.5
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
