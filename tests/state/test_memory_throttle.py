"""Names that are tried in memory are forgotten in time; what a throttle promises is in test_state_contract.py."""

from __future__ import annotations

from gateway.state.throttle import MemoryThrottle


async def test_names_are_forgotten_when_their_window_is_over(clock):
    throttle = MemoryThrottle(clock)
    for number in range(500):
        clock.time += 1
        assert await throttle.hit(f"n{number}", 1, 60.0) is None
        assert len(throttle) <= 120, "sixty are due, and as many wait to be looked at"
    await throttle.hit("n499", 0, 60.0)
    clock.time += 60
    for _ in range(40):
        await throttle.hit("last", 1, 60.0)
    assert len(throttle) == 1
