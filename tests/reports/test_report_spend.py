"""Sums of the ledger: what is in them, and on which day."""

from __future__ import annotations

from datetime import date

import pytest

from gateway import reports
from gateway.reports import Days, Sum
from tests.reports.books import DAY, NOON

HOUR = 3_600.0


def total(source, viewer, days=None):
    with source.reading() as db:
        return reports.summed(reports.by_day(db, viewer, days or Days(NOON)))


def test_no_line_is_no_money(books, source, ann):
    assert total(source, ann) == Sum(0, 0, 0, estimated=False)


def test_retries_and_fallbacks_of_a_request_are_in_the_sum_but_count_once(books, source, ann):
    books.add("gen-1", ("openai", "gpt", 5, "failed"), ("anthropic", "claude", 7))
    assert total(source, ann) == Sum(12, 0, 1, estimated=False)


def test_simulated_money_is_told_from_real_money(books, source, ann):
    books.add("gen-1", ("openai", "gpt", 5), simulated=True)
    books.add("gen-2", ("openai", "gpt", 7))
    found = total(source, ann)
    assert (found.cost, found.simulated, found.paid) == (12, 5, 7)


def test_one_estimated_line_makes_the_sum_an_estimate(books, source, ann):
    books.add("gen-1", ("openai", "gpt", 5))
    assert not total(source, ann).estimated
    books.add("gen-2", ("openai", "gpt", 5), estimated=True)
    assert total(source, ann).estimated


def test_amounts_beyond_a_float_stay_exact(books, source, ann):
    books.add("gen-1", ("openai", "gpt", 2**53))
    books.add("gen-2", ("openai", "gpt", 1))
    assert total(source, ann).cost == 2**53 + 1


@pytest.mark.parametrize(("days", "cost"), [(1, 1), (7, 11), (8, 111), (30, 111)])
def test_the_last_days_include_today(days, cost, books, source, ann):
    books.add("gen-1", ("openai", "gpt", 1), at=NOON)
    books.add("gen-2", ("openai", "gpt", 10), at=NOON - 6 * DAY)
    books.add("gen-3", ("openai", "gpt", 100), at=NOON - 7 * DAY)
    assert total(source, ann, Days(NOON, count=days)).cost == cost


def test_days_without_spend_are_there_too_and_the_days_make_up_the_total(books, source, ann):
    books.add("gen-1", ("openai", "gpt", 1), at=NOON)
    books.add("gen-2", ("openai", "gpt", 10), at=NOON - 2 * DAY)
    with source.reading() as db:
        found = reports.by_day(db, ann, Days(NOON, count=4))
    assert [(each.day, each.sum.cost) for each in found] == [
        (date(2030, 3, 14), 0),
        (date(2030, 3, 15), 10),
        (date(2030, 3, 16), 0),
        (date(2030, 3, 17), 1),
    ]


@pytest.mark.parametrize(
    ("at", "offset", "day"),
    [
        (NOON + 5 * HOUR, 0, 17),  # 23:00 UTC
        (NOON + 5 * HOUR, 2 * 3600, 18),
        (NOON + 5 * HOUR, 19_800, 18),
        (NOON - 17 * HOUR, -5 * 3600, 16),  # 01:00 UTC
    ],
)
def test_a_request_belongs_to_the_viewers_own_day(at, offset, day, books, source, ann):
    books.add("gen-1", ("openai", "gpt", 1), at=at)
    with source.reading() as db:
        found = reports.by_day(db, ann, Days(at, offset, 3))
    assert [each.day for each in found if each.sum.cost] == [date(2030, 3, day)] == [found[-1].day]
    assert total(source, ann, Days(at, offset, 1)).cost == 1


def test_midnight_opens_a_day(books, source, ann):
    midnight = NOON - NOON % DAY
    books.add("gen-1", ("openai", "gpt", 1), at=midnight)
    books.add("gen-2", ("openai", "gpt", 10), at=midnight - 0.25)
    with source.reading() as db:
        found = reports.by_day(db, ann, Days(NOON, count=2))
    assert [each.sum.cost for each in found] == [10, 1]


def test_models_come_dearest_first_with_their_tokens(books, source, ann):
    books.add("gen-1", ("openai", "gpt", 5), ("anthropic", "claude", 7))
    books.add("gen-2", ("openai", "gpt", 5))
    with source.reading() as db:
        found = reports.by_model(db, ann, Days(NOON))
    assert [(each.provider, each.model, each.sum.cost, each.sum.requests) for each in found] == [
        ("openai", "gpt", 10, 2),
        ("anthropic", "claude", 7, 1),
    ]
    assert [(each.input_tokens, each.output_tokens) for each in found] == [(200, 20), (100, 10)]
