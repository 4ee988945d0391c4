"""Every report takes its viewer, and shows nothing of another tenant."""

from __future__ import annotations

import inspect

import pytest

from gateway import reports
from gateway.reports import Days, Viewer
from tests.reports.books import NOON

DAYS = Days(NOON)
QUERIES = {
    "by_day": lambda db, viewer: sum(day.sum.cost for day in reports.by_day(db, viewer, DAYS)),
    "by_model": lambda db, viewer: sum(model.sum.cost for model in reports.by_model(db, viewer, DAYS)),
    "recent": lambda db, viewer: sum(row.cost for row in reports.recent(db, viewer).rows),
    "one": lambda db, viewer: sum(
        found.request.cost for name in ("gen-ann", "gen-bob") if (found := reports.one(db, viewer, name))
    ),
}


@pytest.fixture(autouse=True)
def _two_tenants(books):
    books.add("gen-ann", ("openai", "gpt", 3), user="ann")
    books.add("gen-bob", ("openai", "gpt", 40), user="bob")


@pytest.mark.parametrize("query", QUERIES)
def test_a_member_sees_only_its_own_tenant_and_an_admin_everybody(query, source, ann, bob, admin):
    with source.reading() as db:
        seen = [QUERIES[query](db, viewer) for viewer in (ann, bob, admin)]
    assert seen == [3, 40, 43]


def test_every_query_of_the_package_is_held_to_that():
    queries = {
        name
        for name in reports.__all__
        if inspect.isfunction(function := getattr(reports, name))
        and "session" in inspect.signature(function).parameters
    }
    assert queries == set(QUERIES)
    for name in queries:
        assert "viewer" in inspect.signature(getattr(reports, name)).parameters


@pytest.mark.parametrize(
    ("me", "tenant", "is_admin"),
    [
        ({"key_id": "k_1", "user": "ann", "team": "blog", "role": "member"}, "team:blog", False),
        ({"key_id": "k_1", "user": "ann", "team": None, "role": "member"}, "user:ann", False),
        ({"key_id": "k_1", "user": None, "team": None, "role": "admin"}, "key:k_1", True),
        ({"key_id": "k_1"}, "key:k_1", False),
    ],
)
def test_a_viewer_is_who_the_gateway_says(me, tenant, is_admin):
    assert Viewer.from_me(me) == Viewer(tenant, "k_1", is_admin)


def test_a_tenant_named_like_a_pattern_sees_nothing_more(source):
    for name in ("user:%", "user:ann' OR '1'='1", "", "user:ann\x00"):
        with source.reading() as db:
            assert reports.recent(db, Viewer(name, "k", is_admin=False)).rows == ()
