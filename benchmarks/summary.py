"""Medians over the rounds with 95 % intervals, for figures and for ratios of figures; pure.

Rounds are interleaved, so a ratio is taken within a round first: what slowed the machine then slowed both sides of it.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A median and the interval in which the true one lies in 95 of 100 cases."""

    median: float
    low: float
    high: float


def estimate(values: Sequence[float], seed: int = 0) -> Estimate:
    """The median with its interval by the percentile bootstrap (Efron); of one value, the value. Raises on none."""
    draw = random.Random(seed)  # noqa: S311 - no secret hangs on it
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return Estimate(statistics.median(values), medians[round(RESAMPLES * 0.025)], medians[round(RESAMPLES * 0.975) - 1])


def ratio(values: Sequence[float], base: Sequence[float]) -> Estimate | None:
    """`values` divided by `base`, round by round; None when the base is not above zero in every round."""
    if any(value <= 0 for value in base):
        return None
    return estimate([value / under for value, under in zip(values, base, strict=True)])
