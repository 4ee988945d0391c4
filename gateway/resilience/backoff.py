"""How long to wait before the next attempt. Pure: the random draw comes from the caller, and nothing here waits."""

from __future__ import annotations

BASE = 0.2  # seconds
CAP = 5.0  # seconds


def full_jitter(
    retry: int, draw: float, *, retry_after: float | None = None, base: float = BASE, cap: float = CAP
) -> float:
    """Seconds to wait before retry number `retry` (1 for the first); `draw` is uniform in [0, 1).

    Uniform between nothing and `base`·2^(retry-1), at most `cap` ("Exponential Backoff And Jitter", AWS Architecture
    Blog, 2015). What the provider asked for in `retry_after` wins; the caller holds it against its deadline.
    """
    if retry_after is not None and retry_after >= 0:
        return retry_after
    doublings = min(max(retry - 1, 0), 30)  # past that the cap has long been reached
    return draw * min(cap, base * (1 << doublings))
