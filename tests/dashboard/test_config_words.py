"""Rules and groups in sentences, and changes as the gateway takes them."""

from __future__ import annotations

import pytest

from dashboard import wording
from dashboard.views.config import edits, sentences
from dashboard.views.config.fields import dollars, key_of, shown
from dashboard.views.config.rule import clock, compact

NAMES = {"team": {"t_social": "Social", "t_a": "Team A"}, "user": {"u_bob": "Bob"}}


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({"team": "t_social", "input_tokens": {"max": 500}, "after": "18:00"}, "of team Social with at most 500 tokens, from 18:00"),
        ({"team": "t_a"}, "of Team A"),
        ({"team": ["t_social", "t_x", "t_y"]}, "of team Social, t_x or t_y"),
        ({"user": "u_bob", "key": "Website", "model": ["auto", "fast"]}, "for auto or fast of Bob with key Website"),
        ({"brand": "acme", "template": "blog", "tags": "draft"}, "for brand acme from template blog tagged draft"),
        ({"input_tokens": {"min": 1000}}, "with at least 1,000 tokens"),
        ({"input_tokens": {"min": 10, "max": 20}}, "with 10 to 20 tokens"),
        ({"before": "06:00"}, "before 06:00"),
        ({"after": "22:00", "before": "06:00"}, "from 22:00 to 06:00"),
        ({"after": "09:00", "days": ["fri", "mon", "tue", "wed", "thu"]}, "from 09:00 on Mon to Fri"),
        ({"days": ["sat", "sun"]}, "on Sat and Sun"),
        ({"days": ["mon", "wed", "fri"]}, "on Mon, Wed and Fri"),
        ({"days": "sun"}, "on Sun"),
    ],
)  # fmt: skip
def test_conditions_read_as_a_sentence(when, words):
    assert sentences.whose(when, NAMES) == f"Requests {words}"


def test_conditions_with_their_defaults_read_the_same():
    whole = {"model": [], "team": ["t_social"], "input_tokens": None, "after": None, "before": None, "days": []}
    assert sentences.whose(whole, NAMES) == "Requests of team Social"
    assert sentences.whose({}, NAMES) == "All requests"


@pytest.mark.parametrize(
    ("use", "words"),
    [
        ({"group": "fast"}, "fast"),
        ({"tier": "best", "policy": "cost"}, "tier best, ranked by cost"),
        ({"policy": "cost"}, "ranked by cost"),
        ({}, "nothing yet"),
    ],
)
def test_what_requests_get_reads_as_words(use, words):
    assert sentences.rule({"when": {"tags": "a"}, "use": use}, {}) == f"Requests tagged a → {words}"


def test_a_group_says_where_it_goes_on():
    group = {"policy": None, "fallbacks": ["smart", "best"], "context_window_fallbacks": "long"}
    assert sentences.group(group, "priority") == (
        "Ranked by priority; when it fails: smart, then best; when a prompt is too long: long"
    )


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("18:00", "18:00"),
        ('"18:00"', "18:00"),
        ("'9:05'", "09:05"),
        ("“18”", "18:00"),
        ("18", "18:00"),
        ("9.30", "09:30"),
        (" ", " "),
        ("6pm", "6pm"),
        (None, None),
        ("123", "123"),
    ],
)
def test_times_are_taken_as_people_type_them_and_what_is_none_is_left_as_it_is(typed, meant):
    assert clock(typed) == meant


def test_a_rule_is_written_as_one_would_write_it():
    when = {"team": ["t"], "tags": ["a", "b"], "user": [], "input_tokens": {"min": 0, "max": 5}, "after": None}
    assert compact(when) == {"team": "t", "tags": ["a", "b"], "input_tokens": {"max": 5}}
    assert compact({"input_tokens": {"min": 0, "max": None}}) == {}


def test_paths_are_json_pointers_and_keys_are_named_as_the_gateway_does():
    assert edits.pointer(("groups", "a/b~c", 0)) == "/groups/a~1b~0c/0"
    assert edits.parts_of("/groups/a~1b~0c/0") == ["groups", "a/b~c", "0"]
    assert key_of(("routing", "rules", 2, "when", "after")) == "routing.rules[2].when.after"


def test_what_becomes_empty_is_taken_out_if_it_is_there_and_else_written_as_empty():
    said = {"limits": {"rpm": 5}, "routing": {"rules": [{"name": "a"}]}}
    assert edits.put(said, ("limits", "rpm"), None) == edits.remove(("limits", "rpm"))
    assert edits.put(said, ("limits", "max_parallel"), None) == edits.add(("limits", "max_parallel"), None)
    assert edits.put(said, ("groups", "fast", "fallbacks"), []) == edits.add(("groups", "fast", "fallbacks"), [])
    assert edits.put(said, ("routing", "rules", 0, "name"), None)["op"] == "remove"
    assert edits.put(said, ("routing", "rules", 1, "name"), None)["op"] == "add"
    assert edits.put(said, ("queue", "max_wait"), 0) == edits.add(("queue", "max_wait"), 0)


def test_rules_are_moved_and_removed_one_after_the_other():
    made = [edits.move((0,), (2,)), edits.remove((0,))]
    assert edits.moved(["a", "b", "c"], made) == ["c", "a"]


def test_a_rule_is_found_again_where_there_is_no_doubt():
    assert edits.found_again("b", 1, ["a", "b", "b"]) == 1
    assert edits.found_again("b", 0, ["a", "b"]) == 1
    assert edits.found_again("b", 0, ["a", "b", "b"]) is None
    assert edits.found_again("b", 5, []) is None


@pytest.mark.parametrize(
    ("typed", "amount"),
    [("25", 25), ("$12.50", 12.5), ("0", None), ("-1", None), ("a lot", None), ("", None), ("1e-10", None), ("nan", None)],
)  # fmt: skip
def test_dollars_are_read_and_what_is_no_amount_is_none(typed, amount):
    assert dollars(typed) == amount


def test_an_amount_is_shown_as_it_was_typed():
    assert [shown(each) for each in (None, 25, 12.5, 25.0)] == ["", "25", "12.5", "25"]


def test_teams_are_called_by_name_where_the_gateway_tells_of_their_ids():
    teams = {"t_0123456789abcdef": "Social"}
    told = wording.told("rule 1 is new: team t_0123456789abcdef, t_ffffffffffffffff", teams)
    assert told == "Rule 1 is new: team Social, t_ffffffffffffffff"


def test_a_sentence_that_begins_with_a_key_leaves_it_as_the_file_has_it():
    assert wording.told("budgets.total: none → $1.00 in all", {}) == "budgets.total: none → $1.00 in all"
