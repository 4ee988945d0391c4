"""The spend report: its table, and CSV that no spreadsheet takes for anything but text."""

from __future__ import annotations

import csv

import pytest

from gateway import errors, reports
from gateway.reports import BY, Days
from gateway.store.directory import User
from tests.reports.books import NOON


@pytest.fixture
def _spent(both_books):
    both_books.write(User(id="ann", name="=cmd()", created_at=NOON))
    both_books.add("gen-1", ("openai", "gpt", 1_500_000_000), user="ann", team="blog")
    both_books.roll_up()
    both_books.add("gen-2", ("openai", "gpt", 2), user="bob", simulated=True)


@pytest.mark.usefixtures("_spent")
@pytest.mark.parametrize("by", BY)
def test_each_table_has_every_line_in_it(by, both, admin):
    with both.reading() as db:
        found = reports.report(db, admin, Days(NOON, count=2), by).body()
    assert (found["object"], found["by"], found["from"], found["to"]) == (
        "spend_report",
        by,
        "2030-03-16",
        "2030-03-17",
    )
    assert sum(row["cost_nano"] for row in found["data"]) == 1_500_000_002
    assert sum(row["simulated_nano"] for row in found["data"]) == 2
    assert sum(row["requests"] for row in found["data"]) == 2
    assert sum(row["input_tokens"] for row in found["data"]) == 200


@pytest.mark.usefixtures("_spent")
def test_a_row_says_who_what_and_how_much(both, admin):
    with both.reading() as db:
        report = reports.report(db, admin, Days(NOON), "user")
    assert report.body()["data"][0] == {
        "id": "ann",
        "name": "=cmd()",
        "cost": "1.5",
        "cost_nano": 1_500_000_000,
        "simulated": "0",
        "simulated_nano": 0,
        "requests": 1,
        "estimated": False,
        "input_tokens": 100,
        "output_tokens": 10,
    }
    heads, first, *_ = csv.reader(report.csv())
    assert heads[:4] == ["user", "name", "cost_usd", "cost_nano"]
    assert first == ["ann", "'=cmd()", "1.5", "1500000000", "0", "0", "1", "False", "100", "10"]


def test_an_unknown_table_is_a_key_error(books, source, admin):
    with source.reading() as db, pytest.raises(KeyError):
        reports.report(db, admin, Days(NOON), "password_hash")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_text_becomes_a_formula(cell):
    (row,) = csv.reader(reports.csv_rows([cell], []))
    assert row == [f"'{cell}"]


def test_other_texts_and_numbers_stay_as_they_are():
    heads, row = csv.reader(reports.csv_rows(["a"], [["x=1", -5, 'say "no"', "a,b", "Ümit", ""]]))
    assert (heads, row) == (["a"], ["x=1", "-5", 'say "no"', "a,b", "Ümit", ""])


def test_a_store_that_is_away_says_when_to_come_back(both_books, admin):
    async def read(database):
        async with database.engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE spend_day RENAME TO gone")
        with pytest.raises(errors.Unavailable):
            await reports.spend_report(database.engine, admin, Days(NOON), "day")

    both_books.run(read)
