"""The list of requests and the look at one of them."""

from __future__ import annotations

from gateway import reports
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
