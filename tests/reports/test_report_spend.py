"""Sums of the ledger: what is in them, and on which day."""

from __future__ import annotations

from datetime import date

import pytest

from gateway import reports
from gateway.reports import Days, Share, Sum
from gateway.store.directory import Brand, Team, User
from gateway.store.tables import VirtualKey
from tests.reports.books import DAY, NOON

HOUR = 3_600.0


@pytest.fixture(params=["lines", "rolled up", "half and half"], autouse=True)
def _read_from(request, books, monkeypatch):
    """Every sum is the same from lines, from the roll-up and from both."""
    if request.param == "lines":
        return
    add, calls = books.add, iter(range(1_000))

    def add_and_roll_up(*args, **more):
        add(*args, **more)
        if request.param == "rolled up" or next(calls) % 2 == 0:
            books.roll_up()

    monkeypatch.setattr(books, "add", add_and_roll_up)


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


def test_a_model_that_was_called_twice_for_one_request_counts_both_calls(books, source, ann):
    books.add("gen-1", ("openai", "gpt", 5, "failed"), ("openai", "gpt", 7))
    with source.reading() as db:
        (found,) = reports.by_model(db, ann, Days(NOON))
    assert (found.sum.cost, found.sum.requests) == (12, 2)


def test_people_teams_brands_and_keys_come_dearest_first_by_their_names(books, source, admin):
    books.write(User(id="ann", name="Ann Example", created_at=NOON), Team(id="blog", name="The Blog", created_at=NOON))
    books.write(Brand(id="acme", name="Acme Inc.", created_at=NOON))
    books.write(VirtualKey(id="k_ann", digest=b"d", name="Ann's laptop", prefix="sk-atl-abcd", created_at=NOON))
    books.add("gen-1", ("openai", "gpt", 5), user="ann", team="blog", brand="acme")
    books.add("gen-2", ("openai", "gpt", 7), user="bob", simulated=True, estimated=True)
    mine = (Sum(5, 0, 1, estimated=False), 100, 10)
    yours = (Sum(7, 7, 1, estimated=True), 100, 10)
    with source.reading() as db:
        days = Days(NOON)
        assert reports.by_person(db, admin, days) == [Share("bob", None, *yours), Share("ann", "Ann Example", *mine)]
        assert reports.by_team(db, admin, days) == [Share("", None, *yours), Share("blog", "The Blog", *mine)]
        assert reports.by_brand(db, admin, days) == [Share("", None, *yours), Share("acme", "Acme Inc.", *mine)]
        assert reports.by_key(db, admin, days) == [Share("k_bob", None, *yours), Share("k_ann", "Ann's laptop", *mine)]


def test_days_can_be_given_by_their_dates(books, source, ann):
    books.add("gen-1", ("openai", "gpt", 1), at=NOON)
    books.add("gen-2", ("openai", "gpt", 10), at=NOON - DAY)
    books.add("gen-3", ("openai", "gpt", 100), at=NOON - 2 * DAY)
    for offset in (0, 3_600, -36_000):
        days = Days.between(date(2030, 3, 15), date(2030, 3, 16), offset)
        with source.reading() as db:
            found = reports.by_day(db, ann, days)
        assert [each.day for each in found] == [date(2030, 3, 15), date(2030, 3, 16)]
    assert total(source, ann, Days.between(date(2030, 3, 15), date(2030, 3, 16))).cost == 110


def test_a_quarter_of_an_hour_in_an_offset_is_cut(books, source, ann):
    nepal = 20_700
    assert Days(NOON, nepal).since == Days(NOON, 19_800).since
    books.add("gen-1", ("openai", "gpt", 1), at=NOON)
    assert total(source, ann, Days(NOON, nepal)).cost == 1
