"""Every report takes its viewer, and shows nothing that is another's (S18)."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

from gateway import reports
from gateway.reports import BY, Days, Filters, Viewer, Wanted
from gateway.reports.snapshot import Snapshot
from gateway.types import Identity
from tests.reports.books import NOON

DAYS = Days(NOON)
SECRETS = {"gen-ann": 3, "gen-bob": 40, "gen-eve": 500, "gen-zoe": 6_000}

ADMIN = Viewer("key:master", "master", is_admin=True, role="admin")
LEAD = Viewer("team:blog", "k_lead", is_admin=False, role="lead", user="lou", team="blog")
ANN = Viewer("team:blog", "k_ann", is_admin=False, role="member", user="ann", team="blog")
BOB = Viewer("team:blog", "k_bob", is_admin=False, role="member", user="bob", team="blog")
EVE = Viewer("team:shop", "k_eve", is_admin=False, role="member", user="eve", team="shop")
ZOE = Viewer("user:zoe", "k_zoe", is_admin=False, role="member", user="zoe")
LOOKER = Viewer("team:blog", "k_look", is_admin=False, role="viewer", user="ann", team="blog")
KEY = Viewer("team:blog", "k_blog", is_admin=False, role="member", team="blog")  # a team's key that is nobody's
VIEWERS = {"admin": ADMIN, "lead": LEAD, "ann": ANN, "bob": BOB, "eve": EVE, "zoe": ZOE, "looker": LOOKER, "key": KEY}

TEAM, ALL = 43, 6_543
SEES = {  # nano-dollars; what is told apart, and what is not
    "admin": (ALL, ALL),
    "lead": (TEAM, TEAM),
    "ann": (TEAM, 3),
    "bob": (TEAM, 40),
    "eve": (500, 500),
    "zoe": (6_000, 6_000),
    "looker": (TEAM, 0),
    "key": (TEAM, 0),
}
TOGETHER = {
    "by_day": lambda db, viewer, **more: reports.by_day(db, viewer, DAYS, **more),
    "by_model": lambda db, viewer, **more: reports.by_model(db, viewer, DAYS, **more),
    "by_team": lambda db, viewer, **more: reports.by_team(db, viewer, DAYS, **more),
    "by_brand": lambda db, viewer, **more: reports.by_brand(db, viewer, DAYS, **more),
}
APART = {
    "by_person": lambda db, viewer, **more: reports.by_person(db, viewer, DAYS, **more),
    "by_key": lambda db, viewer, **more: reports.by_key(db, viewer, DAYS, **more),
}
SUMS = {**TOGETHER, **APART}
OTHERS = {"recent", "one", "report", "spend_report"}


@pytest.fixture(autouse=True)
def _three_teams(both_books):
    both_books.add("gen-ann", ("openai", "gpt", 3), user="ann", team="blog", brand="acme")
    both_books.add("gen-eve", ("openai", "gpt", 500), user="eve", team="shop", brand="acme")
    both_books.roll_up()
    both_books.add("gen-bob", ("openai", "gpt", 40), user="bob", team="blog", brand="acme")
    both_books.add("gen-zoe", ("openai", "gpt", 6_000), user="zoe")


def cost(rows):
    return sum(row.sum.cost for row in rows)


def test_a_sum_shows_what_its_viewer_may_see_and_nothing_else(both):
    with both.reading() as db:
        for name, (together, apart) in SEES.items():
            for query, ask in SUMS.items():
                expected = together if query in TOGETHER else apart
                assert cost(ask(db, VIEWERS[name])) == expected, (name, query)


def test_a_filter_never_shows_more(both):
    """In a team's totals nobody can be picked out by asking for one person's or one key's part."""
    with both.reading() as db:
        for name, (_, apart) in SEES.items():
            for whose, amount in (("ann", 3), ("bob", 40), ("eve", 500), ("zoe", 6_000)):
                seen = amount if VIEWERS[name].is_admin or (name == "lead" and amount < TEAM) else 0
                if VIEWERS[name].user == whose and name != "looker":
                    seen = amount
                for query, ask in SUMS.items():
                    assert cost(ask(db, VIEWERS[name], filters=Filters(user=whose))) == seen, (name, query, whose)
                    assert cost(ask(db, VIEWERS[name], filters=Filters(key_id=f"k_{whose}"))) == seen
            for query, ask in SUMS.items():
                elsewhere = cost(ask(db, VIEWERS[name], filters=Filters(team="shop")))
                assert elsewhere == (500 if name in {"admin", "eve"} else 0), (name, query, apart)


def test_filters_narrow_a_sum(both):
    with both.reading() as db:
        for query, ask in SUMS.items():
            assert cost(ask(db, ADMIN, filters=Filters(brand="acme"))) == 543, query
            assert cost(ask(db, ADMIN, filters=Filters(brand=""))) == 6_000, query
            assert cost(ask(db, ADMIN, filters=Filters(team="blog", brand="acme", model="gpt"))) == 43, query
            assert cost(ask(db, ADMIN, filters=Filters(model="none"))) == 0, query


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("admin", {"gen-ann", "gen-bob", "gen-eve", "gen-zoe"}),
        ("lead", {"gen-ann", "gen-bob"}),
        ("ann", {"gen-ann", "gen-bob"}),
        ("eve", {"gen-eve"}),
        ("zoe", {"gen-zoe"}),
        ("looker", {"gen-ann"}),
        ("key", {"gen-ann", "gen-bob"}),
    ],
)
def test_requests_are_those_of_the_viewers_tenant(both, name, ids):
    with both.reading() as db:
        assert {row.id for row in reports.recent(db, VIEWERS[name]).rows} == ids
        assert {each for each in SECRETS if reports.one(db, VIEWERS[name], each)} == ids
        for wanted in (Wanted(team="shop"), Wanted(user="eve"), Wanted(brand="acme")):
            assert {row.id for row in reports.recent(db, VIEWERS[name], wanted=wanted).rows} <= ids


def test_the_spend_report_is_held_to_the_same(both_books):
    async def read(database):
        return {
            (name, by): [row.sum.cost for row in (await reports.spend_report(database.engine, who, DAYS, by)).rows]
            for name, who in VIEWERS.items()
            for by in BY
        }

    found = both_books.run(read)
    for (name, by), costs in found.items():
        assert sum(costs) == SEES[name][by in {"user", "key"}], (name, by)


def test_every_query_of_the_package_takes_its_viewer_and_is_tested_here():
    """A function that reads and takes no viewer fails this test, exported or not, unless its name says it is private."""
    queries = set()
    for module in pkgutil.iter_modules(reports.__path__):
        for name, function in inspect.getmembers(importlib.import_module(f"gateway.reports.{module.name}")):
            if not inspect.isfunction(function) or not function.__module__.startswith("gateway.reports"):
                continue
            parameters = inspect.signature(function).parameters
            reads = {"session", "engine", "connection"} & set(parameters) or "Snapshot" in {
                parameter.annotation for parameter in parameters.values()
            }
            if reads and not name.startswith("_"):
                queries.add(name)
                assert "viewer" in parameters, name
    assert queries == {*SUMS, *OTHERS}
    assert {name for name in dir(reports) if name in queries} == queries
    assert Snapshot is reports.Snapshot


@pytest.mark.parametrize(
    ("me", "viewer"),
    [
        (
            {"key_id": "k_1", "user": "ann", "team": "blog", "role": "member"},
            Viewer("team:blog", "k_1", False, "member", "ann", "blog"),
        ),
        (
            {"key_id": "session:ann", "user": {"id": "ann", "name": "Ann"}, "team": "blog", "role": "lead"},
            Viewer("team:blog", "session:ann", False, "lead", "ann", "blog"),
        ),
        ({"key_id": "k_1", "user": {"id": "ann"}, "team": None}, Viewer("user:ann", "k_1", False, "member", "ann")),
        ({"key_id": "k_1", "user": None, "team": None, "role": "admin"}, Viewer("key:k_1", "k_1", True, "admin")),
        ({"key_id": "k_1"}, Viewer("key:k_1", "k_1", False)),
    ],
)
def test_a_viewer_is_who_the_gateway_says(me, viewer):
    assert Viewer.from_me(me) == viewer


def test_a_request_s_identity_is_the_same_viewer():
    assert Viewer.of(Identity("k_1", "n", user="ann", team="blog", role="lead")) == Viewer(
        "team:blog", "k_1", False, "lead", "ann", "blog"
    )


def test_a_tenant_named_like_a_pattern_sees_nothing_more(both):
    for name in ("user:%", "user:ann' OR '1'='1", "", "team:_log"):
        strange = Viewer(name, "k", is_admin=False)
        with both.reading() as db:
            assert reports.recent(db, strange).rows == ()
            assert [cost(ask(db, strange)) for ask in SUMS.values()] == [0] * len(SUMS)
