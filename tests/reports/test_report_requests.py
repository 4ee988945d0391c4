"""The list of requests and the look at one of them."""

from __future__ import annotations

import pytest

from gateway import reports
from gateway.reports import Wanted
from gateway.store.directory import User
from tests.reports.books import NOON


def test_requests_come_newest_first_page_by_page(books, source, ann):
    for number in range(5):
        books.add(f"gen-{number}", ("openai", "gpt", 1), at=NOON + number)
    with source.reading() as db:
        pages = [reports.recent(db, ann, limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [[row.id for row in page.rows] for page in pages] == [["gen-4", "gen-3"], ["gen-2", "gen-1"], ["gen-0"], []]
    assert [page.more for page in pages] == [True, True, False, False]


def test_a_page_is_never_longer_than_allowed(books, source, ann, monkeypatch):
    monkeypatch.setattr("gateway.reports.requests.MOST_ROWS", 2)
    for number in range(3):
        books.add(f"gen-{number}")
    with source.reading() as db:
        assert len(reports.recent(db, ann, limit=1_000_000).rows) == 2


def test_a_running_request_is_listed_as_running(books, source, ann):
    books.add("gen-1", status=None)
    with source.reading() as db:
        row = reports.recent(db, ann).rows[0]
    assert (row.status, row.model, row.cost) == ("in_progress", None, 0)


def test_the_model_shown_is_the_one_that_served(books, source, ann):
    books.add("gen-1", ("openai", "gpt", 1, "failed"), ("openai", "gpt", 1, "failed"), ("anthropic", "claude", 7))
    with source.reading() as db:
        found = reports.recent(db, ann).rows
    assert [(row.provider, row.model, row.cost) for row in found] == [("anthropic", "claude", 9)]


def test_a_deployment_that_was_tried_twice_gives_one_row(books, source, ann):
    books.add("gen-1", ("openai", "gpt", 1, "failed"), ("openai", "gpt", 2))
    with source.reading() as db:
        assert len(reports.recent(db, ann).rows) == 1


def test_one_request_has_its_attempts_in_order(books, source, ann):
    books.add("gen-1", ("openai", "gpt", 5, "failed"), ("anthropic", "claude", 7), template="blog_post")
    with source.reading() as db:
        found = reports.one(db, ann, "gen-1")
    assert found is not None
    assert (found.request.template, found.request.cost) == ("blog_post", 12)
    assert [(each.number, each.model, each.status, each.cost) for each in found.attempts] == [
        (1, "gpt", "failed", 5),
        (2, "claude", "completed", 7),
    ]


def test_an_unknown_request_is_none(books, source, ann):
    with source.reading() as db:
        assert reports.one(db, ann, "gen-x") is None


def test_a_cursor_goes_on_where_the_page_ended_though_new_requests_came(both_books, both, ann):
    for number in range(5):
        both_books.add(f"gen-{number}", ("openai", "gpt", 1), at=NOON + number // 2)  # two in one moment each
    seen, cursor = [], None
    for page_number in range(3):
        with both.reading() as db:
            page = reports.recent(db, ann, limit=2, after=cursor)
        seen += [row.id for row in page.rows]
        cursor = page.next
        both_books.add(f"gen-new-{page_number}", at=NOON + 100)
    assert seen == ["gen-4", "gen-3", "gen-2", "gen-1", "gen-0"]
    assert cursor is None


@pytest.mark.parametrize("cursor", ["", "gen-1", "x~gen-1"])
def test_what_is_no_cursor_is_a_value_error(cursor, books, source, ann):
    with source.reading() as db, pytest.raises(ValueError):
        reports.recent(db, ann, after=cursor)


def test_requests_are_found_by_whose_for_what_and_with_what(both_books, both, admin):
    both_books.add("gen-1", user="ann", team="blog", brand="acme")
    both_books.add("gen-2", user="bob", team="blog")
    both_books.add("gen-3", user="ann")
    found = {
        Wanted(): {"gen-1", "gen-2", "gen-3"},
        Wanted(team="blog"): {"gen-1", "gen-2"},
        Wanted(user="ann"): {"gen-1", "gen-3"},
        Wanted(brand="acme"): {"gen-1"},
        Wanted(team="blog", user="ann", model="auto"): {"gen-1"},
        Wanted(model="gpt"): set(),
    }
    with both.reading() as db:
        for wanted, ids in found.items():
            assert {row.id for row in reports.recent(db, admin, wanted=wanted).rows} == ids, wanted


def test_a_person_s_name_is_shown_where_it_is_known(both_books, both, admin):
    both_books.write(User(id="ann", name="Ann Example", created_at=NOON))
    both_books.add("gen-1", user="ann")
    both_books.add("gen-2", user="bob")
    with both.reading() as db:
        assert {(row.user, row.user_name) for row in reports.recent(db, admin).rows} == {
            ("ann", "Ann Example"),
            ("bob", None),
        }
