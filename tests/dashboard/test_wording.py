"""Figures as people read them."""

from __future__ import annotations

import pytest

from dashboard import wording


@pytest.mark.parametrize(
    ("nano", "shown"),
    [
        (0, "$0.00"),
        (1, "< $0.0001"),
        (99_999, "< $0.0001"),
        (100_000, "$0.00010"),
        (-20, "> -$0.0001"),
        (111_300, "$0.00011"),
        (999_600, "$0.00100"),
        (12_300_000, "$0.012"),
        (123_000_000, "$0.12"),
        (1_204_000_000, "$1.20"),
        (1_996_000_000_000, "$1,996.00"),
        (-1_500_000_000, "-$1.50"),
    ],
)
def test_an_amount_shows_cents_and_two_digits_that_say_something(nano, shown):
    assert wording.usd(nano) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0504, "50 ms"), (1.26, "1.3 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (125.4, "2 min 05 s")],
)
def test_a_duration_has_the_unit_that_fits(seconds, shown):
    assert wording.duration(seconds) == shown


def test_a_moment_of_today_has_seconds_and_an_older_one_its_day():
    noon = 1_900_000_800.0  # 2030-03-17 18:00:00 UTC
    assert wording.moment(noon, noon + 60, 0) == "18:00:00"
    assert wording.moment(noon, noon + 60, 7200) == "20:00:00"
    assert wording.moment(noon, noon + 86_400, 0) == "17 Mar 18:00"
    assert wording.moment(noon, noon + 7 * 3600, 0) == "17 Mar 18:00"
    assert wording.moment(noon, noon + 400 * 86_400, 0) == "17 Mar 2030 18:00"


def test_counts_have_their_plural():
    assert [wording.count(n, "request") for n in (0, 1, 1200)] == ["0 requests", "1 request", "1,200 requests"]


def test_a_file_is_named_without_anything_a_shell_could_mind():
    assert wording.file_name("Blog post: 5 ways / to $(rm) über") == "blog-post-5-ways-to-rm-ber"
    assert wording.file_name("日本") == "text"
