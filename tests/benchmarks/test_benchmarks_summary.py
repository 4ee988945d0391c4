"""Medians, intervals and ratios of the benchmarks."""

from __future__ import annotations

from benchmarks.machine import Cores
from benchmarks.report import LINES, doubts, number
from benchmarks.summary import Estimate, estimate, ratio

QUIET = {line.name: 1.0 for line in LINES} | {"busy": 0.2, "calibration_ms": 5.0, "calibration_elapsed_ms": 5.0}
CORES = Cores(frozenset({1}), frozenset({0}))


def test_a_single_round_is_its_own_interval() -> None:
    assert estimate([3.0]) == Estimate(3.0, 3.0, 3.0)


def test_an_interval_holds_the_median_and_leaves_a_lone_outlier_out() -> None:
    found = estimate([1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 9.0])
    assert found.median == 1.3
    assert 1.0 <= found.low < found.median < found.high < 9.0


def test_a_ratio_is_taken_round_by_round() -> None:
    assert ratio([2.0, 20.0, 6.0], [1.0, 10.0, 3.0]) == Estimate(2.0, 2.0, 2.0)


def test_there_is_no_ratio_to_nothing() -> None:
    assert ratio([1.0, 1.0], [0.5, -0.1]) is None


def test_a_quiet_run_leaves_no_doubts() -> None:
    assert doubts({"floor": [QUIET, QUIET]}, CORES) == []


def test_doubts_say_what_flatters_or_disturbs_the_figures() -> None:
    loud = QUIET | {"busy": 0.95, "reads_per_chunk": 0.5, "calibration_ms": 6.0, "calibration_elapsed_ms": 9.0}
    found = doubts({"floor": [QUIET], "atelier": [loud]}, Cores(frozenset({0}), frozenset({0})))
    assert [word for word in ("speed", "Other work", "one core", "95%", "0.50") if word not in "\n".join(found)] == []


def test_figures_are_shown_with_the_digits_that_count() -> None:
    assert [number(value) for value in (123.4, 12.34, 1.234, 0.1234, -0.5)] == [
        "123",
        "12.3",
        "1.23",
        "0.123",
        "-0.500",
    ]
