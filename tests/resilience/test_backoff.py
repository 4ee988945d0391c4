"""Full jitter: spread out, bounded, and the provider's own wish first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.resilience.backoff import full_jitter


@pytest.mark.parametrize(("retry", "longest"), [(1, 0.2), (2, 0.4), (3, 0.8), (5, 3.2), (6, 5.0), (10_000, 5.0)])
def test_the_longest_wait_doubles_up_to_the_cap(retry, longest):
    assert full_jitter(retry, 0.0) == 0
    assert full_jitter(retry, 0.5) == pytest.approx(longest / 2)
    assert full_jitter(retry, 1.0) == pytest.approx(longest)


@pytest.mark.parametrize("asked", [0.0, 0.01, 7.5, 3600.0])
def test_what_the_provider_asks_for_wins(asked):
    assert full_jitter(3, 0.9, retry_after=asked) == asked


def test_a_wish_that_makes_no_sense_is_not_followed():
    assert full_jitter(1, 0.5, retry_after=-1.0) == pytest.approx(0.1)
    assert full_jitter(1, 0.5, retry_after=float("nan")) == pytest.approx(0.1)


def test_base_and_cap_can_be_set():
    assert full_jitter(1, 1.0, base=1.0, cap=3.0) == 1
    assert full_jitter(9, 1.0, base=1.0, cap=3.0) == 3


@given(retry=st.integers(-5, 10**6), draw=st.floats(0, 1, exclude_max=True))
def test_the_wait_is_always_between_nothing_and_the_cap(retry, draw):
    assert 0 <= full_jitter(retry, draw) <= 5
