"""The spend page: periods, people, filters, files and budgets, each as far as its viewer may see them."""

from __future__ import annotations

import csv
import io
from datetime import date

import httpx
import pytest
from sqlalchemy import create_engine
from sqlmodel import Session

from dashboard.views import spend_chart
from gateway import reports
from gateway.store.directory import Team, User
from tests.dashboard.test_pages import words
from tests.dashboard.world import ANN, BOB, press
from tests.reports.books import DAY, NOON, Books

GPT, CLAUDE = ("openai", "gpt", 5_000_000_001), ("anthropic", "claude", 2_000_000_000)


@pytest.fixture
def books(tmp_path):
    """Two people of one team, one of another, and somebody with a dangerous name."""
    books = Books(tmp_path)
    with Session(create_engine(f"sqlite:///{tmp_path / 'atelier.db'}")) as session:
        people = (("ann", "Ann"), ("bob", "Bob"), ("eve", '=HYPERLINK("http://evil")'))
        session.add_all(User(id=user, name=name, created_at=1.0) for user, name in people)
        session.add(Team(id="blog", name="The blog", created_at=1.0))
        session.commit()
    books.add("gen-1", GPT, user="ann", team="blog", brand="acme")
    books.add("gen-2", CLAUDE, user="bob", team="blog")
    books.add("gen-3", GPT, CLAUDE, user="eve", team="other")
    books.add("gen-4", CLAUDE, user="ann", team="blog", at=NOON - 40 * DAY)
    return books


def sign_in(dashboard, stub, key, user, role, team="blog"):
    stub.member(key, user, role=role, team=team)
    dashboard.sign_in(key)
    page = dashboard.page("spend")
    assert not page.exception
    return page


def by(page, thing):
    page.segmented_control(key="spend_by").set_value(thing)
    page = page.run(timeout=20)
    assert not page.exception
    return page


def shares(page):
    frame = page.dataframe[0].value
    return dict(zip(frame.iloc[:, 0], frame["Cost"], strict=True))


def period(page, name):
    page.segmented_control(key="period").set_value(name)
    return page.run(timeout=20)


def narrow(page, thing, value):
    page.toggle(key="spend_filter").set_value(True)
    page = page.run(timeout=20)
    page.selectbox(key=f"spend_filter.{thing}").set_value(value)
    page = page.run(timeout=20)
    assert not page.exception
    return page


def test_an_admin_sees_everybody_by_name(dashboard, stub, books):
    page = sign_in(dashboard, stub, ANN, "ann", "admin", None)
    assert shares(by(page, "user")) == {'=HYPERLINK("http://evil")': "$7.00", "Ann": "$5.00", "Bob": "$2.00"}
    assert shares(by(page, "team")) == {"The blog": "$7.00", "other": "$7.00"}
    assert shares(by(page, "brand")) == {"No brand": "$9.00", "acme": "$5.00"}
    assert shares(by(page, "model")) == {"gpt": "$10.00", "claude": "$4.00"}


def test_a_name_that_stands_twice_has_what_tells_it_apart(dashboard, stub, tmp_path):
    books = Books(tmp_path)
    with Session(create_engine(f"sqlite:///{tmp_path / 'atelier.db'}")) as session:
        session.add_all(User(id=user, name="Ann", created_at=1.0) for user in ("ann", "ann_2"))
        session.commit()
    books.add("gen-1", ("groq", "llama-4", 3_000_000_000), GPT, user="ann")
    books.add("gen-2", ("vertex_ai", "llama-4", 20), user="ann_2")
    page = sign_in(dashboard, stub, ANN, "ann", "admin", None)
    assert shares(page) == {"gpt": "$5.00", "llama-4 (groq)": "$3.00", "llama-4 (vertex_ai)": "< $0.0001"}
    assert shares(by(page, "user")) == {"Ann (ann)": "$8.00", "Ann (ann_2)": "< $0.0001"}


def test_a_lead_sees_its_team_by_person(dashboard, stub, books):
    page = sign_in(dashboard, stub, ANN, "ann", "lead")
    assert shares(by(page, "user")) == {"Ann": "$5.00", "Bob": "$2.00"}
    assert "team" not in page.segmented_control(key="spend_by").options


def test_two_members_see_their_own_and_never_each_others(dashboard, stub, books):
    ann = by(sign_in(dashboard, stub, ANN, "ann", "member"), "key")
    assert shares(ann) == {"k_ann": "$5.00"}
    bob = by(sign_in(dashboard, stub, BOB, "bob", "member"), "key")
    assert shares(bob) == {"k_bob": "$2.00"}
    for page, other in ((ann, "bob"), (bob, "ann")):
        assert page.metric[0].value == r"\$7.00"
        assert other not in str([frame.value.to_dict() for frame in page.dataframe])
        assert "Who" not in page.dataframe[-1].value


def test_a_viewer_sees_its_teams_total_and_nobody_by_name(dashboard, stub, books):
    page = sign_in(dashboard, stub, BOB, "bob", "viewer")
    assert page.metric[0].value == r"\$7.00"
    assert page.segmented_control(key="spend_by").options == ["Model", "Brand"]


def test_filters_narrow_chart_table_and_requests(dashboard, stub, books):
    page = narrow(sign_in(dashboard, stub, ANN, "ann", "admin", None), "user", "bob")
    assert shares(page) == {"claude": "$2.00"}
    assert list(page.dataframe[-1].value["Who"]) == ["Bob"]
    page = narrow(page, "user", "")
    assert shares(narrow(page, "brand", "\n")) == {"gpt": "$5.00", "claude": "$4.00"}


def test_other_days_are_chosen_in_a_calendar(dashboard, stub, books):
    page = sign_in(dashboard, stub, ANN, "ann", "admin", None)
    assert shares(period(page, "90 days"))["claude"] == "$6.00"
    page = period(page, "Other days")
    page.date_input(key="period_range").set_value((date(2030, 2, 1), date(2030, 2, 20)))
    assert shares(page.run(timeout=20)) == {"claude": "$2.00"}
    page.date_input(key="period_range").set_value((date(2029, 2, 1), date(2029, 2, 20)))
    assert "Nothing was spent" in words(page.run(timeout=20))


def test_a_file_is_exact_and_no_formula(tmp_path, books):
    with reports.Source(tmp_path).reading() as ledger:
        days = reports.Days(NOON)
        report = reports.report(ledger, reports.Viewer("user:ann", "k_ann", is_admin=True), days, "user")
    data = spend_chart.spreadsheet(report)
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert rows[0]["name"] == '\'=HYPERLINK("http://evil")'
    assert [row["cost_usd"] for row in rows] == ["7.000000001", "5.000000001", "2"]
    assert sum(int(row["cost_nano"]) for row in rows) == 14 * 10**9 + 2
    assert spend_chart.period(report) == "2030-02-16-to-2030-03-17"


def test_what_is_shown_can_be_downloaded(dashboard, stub, books):
    page = by(sign_in(dashboard, stub, ANN, "ann", "admin", None), "user")
    assert [button.label for button in page.get("download_button")] == ["CSV by person", "CSV by day"]


def test_budgets_stand_with_the_tightest_first(dashboard, stub, books):
    spend = {"spent_nano": 4 * 10**9, "held_nano": 5 * 10**8, "resets_at": NOON + DAY}
    stub.accounts.add("teams", "blog", name="The blog", budget="100.000000000", spend=spend)
    stub.accounts.add("keys", "k_1", name="Newsletter", budget="5.000000000", spend=spend)
    stub.accounts.add("keys", "k_2", name="Without limit", budget=None, spend=spend)
    stub.accounts.add("users", "bob", name="Bob", budget="5.000000000", spend=None)
    page = sign_in(dashboard, stub, ANN, "ann", "admin", None)
    rows = next(frame.value for frame in page.dataframe if "Used" in frame.value).to_dict("records")
    assert [row["Budget of"] for row in rows] == ["Key Newsletter", "Team The blog"]
    assert rows[0] == {
        "Budget of": "Key Newsletter",
        "Used": 0.9,
        "Spent": "$4.00",
        "Held": "$0.50",
        "Left": "$0.50",
        "Limit": "$5.00",
        "Renewed": "18 Mar 2030",
    }


WIDE = [
    {
        "scope": "gateway:total",
        "budget": "10",
        "budget_nano": 10**10,
        "used_up": False,
        "spend": {"spent_nano": 4 * 10**9, "held_nano": 10**9, "resets_at": NOON + DAY},
    },
    {
        "scope": "provider:openai",
        "budget": "8",
        "budget_nano": 8 * 10**9,
        "used_up": False,
        "spend": {"spent_nano": 2 * 10**9, "held_nano": 0, "resets_at": None},
    },
]


def test_an_admin_sees_the_whole_gateways_budget_and_the_providers(dashboard, stub, books):
    stub.budgets = WIDE
    page = sign_in(dashboard, stub, ANN, "ann", "admin", None)
    rows = next(frame.value for frame in page.dataframe if "Used" in frame.value).to_dict("records")
    assert [(row["Budget of"], row["Used"], row["Left"]) for row in rows] == [
        ("Whole gateway", 0.5, "$5.00"),
        ("Provider openai", 0.25, "$6.00"),
    ]
    assert (rows[0]["Spent"], rows[0]["Held"], rows[0]["Limit"]) == ("$4.00", "$1.00", "$10.00")


@pytest.mark.parametrize("role", ["lead", "member", "viewer"])
def test_nobody_else_does(dashboard, stub, books, role):
    stub.budgets = WIDE
    page = sign_in(dashboard, stub, ANN, "ann", role)
    assert "Whole gateway" not in str([frame.value.to_dict() for frame in page.dataframe])
    assert "/v1/status" not in stub.paths(ANN)


def test_a_budget_of_nothing_is_used_up(dashboard, stub, books):
    stub.accounts.add("keys", "k_1", name="Closed", budget="0", spend={"spent_nano": 0, "held_nano": 0})
    page = sign_in(dashboard, stub, ANN, "ann", "admin", None)
    assert next(frame.value for frame in page.dataframe if "Used" in frame.value)["Used"][0] == 1.0


def test_with_the_gateway_away_the_budgets_say_so_and_the_sums_stay(dashboard, stub, books):
    stub.refusals["/admin/teams"] = httpx.ConnectError("refused")
    page = sign_in(dashboard, stub, ANN, "ann", "admin", None)
    assert "does not answer" in words(page)
    assert page.metric[0].value == r"\$14.00"


def test_with_the_ledger_away_the_budgets_stay(dashboard, stub):
    spend = {"spent_nano": 1, "held_nano": 0}
    stub.accounts.add("keys", "k_1", name="Newsletter", budget="5.00", spend=spend)
    page = sign_in(dashboard, stub, ANN, "ann", "admin", None)
    assert "Nothing has been recorded yet" in page.info[0].value
    assert list(page.dataframe[0].value["Budget of"]) == ["Key Newsletter"]


def test_two_people_of_one_name_are_told_apart_in_filters(dashboard, stub, books, tmp_path):
    with Session(create_engine(f"sqlite:///{tmp_path / 'atelier.db'}")) as session:
        session.merge(User(id="bob", name="Ann", created_at=1.0))
        session.commit()
    page = sign_in(dashboard, stub, ANN, "ann", "admin", None)
    page.toggle(key="spend_filter").set_value(True)
    options = page.run(timeout=20).selectbox(key="spend_filter.user").options
    assert {"Ann (ann)", "Ann (bob)"} <= set(options)


def test_other_filters_begin_at_the_newest_request_again(dashboard, stub, books):
    for number in range(14):
        books.add(f"new-{number}", user="bob", at=NOON - 100 + number)
    page = press(sign_in(dashboard, stub, ANN, "ann", "admin", None), "Older")
    assert len(page.dataframe[-1].value) == 6
    page = narrow(page, "user", "ann")
    assert list(page.dataframe[-1].value["Who"]) == ["Ann", "Ann"]


def test_signed_out_neither_ledger_nor_gateway_is_asked(dashboard, stub, monkeypatch):
    def never():
        raise AssertionError("the ledger was opened")

    monkeypatch.setattr("dashboard.wiring.reports", never)
    page = dashboard.page("spend")
    assert "You are signed out" in page.info[0].value
    assert not page.exception
    assert stub.asked == []


def test_a_filter_stays_in_sight_where_other_days_do_not_offer_it(dashboard, stub, books):
    page = narrow(sign_in(dashboard, stub, ANN, "ann", "admin", None), "user", "bob")
    page = period(page, "Other days")
    page.date_input(key="period_range").set_value((date(2030, 2, 1), date(2030, 2, 20)))
    page = page.run(timeout=20)
    assert not page.exception
    assert "Bob" in page.selectbox(key="spend_filter.user").options
    assert "Nothing was spent" in words(page)
