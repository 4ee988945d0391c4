"""The page Config, in front of a gateway that takes changes: rules, and what two admins do to each other."""

from __future__ import annotations

import httpx
import pytest

from dashboard.views.config import asking, checked, state
from dashboard.views.config.place import DROPPED, GONE
from tests.dashboard.config_steps import DRAFTS, EVENING, LABELS, PRESS, act, field, fill, go, labels, problem, told
from tests.dashboard.test_pages import words

PARALLEL = "Requests at once of each key without a limit of its own"
EVIL = "<img src=x onerror=alert(1)> **b** $x$"


def test_a_rule_is_added_in_eight_steps_checked_and_saved(opened, config):
    page = act(opened(), "Add a rule")
    page = fill(page, team=["t_social"], tokens=500, after="18:00", group="fast")
    assert "Requests of team Social with at most 500 tokens, from 18:00 → fast" in words(page)
    assert "Save" not in labels(page)
    page = act(page, "Check")
    assert "The section routing changes." in words(page)
    assert "+  - when:" in page.code[0].value
    assert config.saves == []
    page = act(page, "Save")
    assert config.file["routing"]["rules"] == [EVENING]
    assert config.asked[-1][3] == '"v1"' or config.asked[-2][3] == '"v1"'
    assert "Saved. The gateway serves version v2 now." in told(page)
    assert "Requests of team Social with at most 500 tokens, from 18:00 → fast" in words(page)


def test_the_time_zone_of_rules_is_set_and_named_where_times_are_asked_for(opened, config):
    page = act(opened(), "Time zone and ranking")
    field(page, "Times in rules are those of").set_value("Europe/Berlin")
    field(page, "Groups are ranked by").set_value("cost")
    page = act(act(page.run(), "Check"), "Save")
    assert config.file["routing"] == {"timezone": "Europe/Berlin", "policy": "cost"}
    page = act(page, "Add a rule")
    assert field(page, "From (time of day, Europe/Berlin)").value == ""


def test_what_was_typed_after_the_check_is_not_saved_on_its_word(opened, config):
    page = act(fill(act(opened(), "Add a rule"), team=["t_social"], group="fast"), "Check")
    page = fill(page, tokens=7)
    assert checked.AGAIN in words(page)
    assert "Save" not in labels(page)
    page = act(act(page, "Check"), "Save")
    assert config.file["routing"]["rules"][0]["when"] == {"team": "t_social", "input_tokens": {"max": 7}}


def test_a_new_rule_can_go_before_the_others(opened, config):
    config.file["routing"] = {"rules": [PRESS, DRAFTS]}
    page = fill(act(opened(), "Add a rule"), tags=["new"], group="fast", place=0)
    act(act(page, "Check"), "Save")
    assert [each["when"] for each in config.file["routing"]["rules"]] == [
        {"tags": "new"},
        PRESS["when"],
        DRAFTS["when"],
    ]


def test_of_a_rule_that_is_edited_only_what_changed_is_sent(opened, config):
    config.file["routing"] = {"rules": [PRESS, EVENING]}
    page = act(opened(), "Edit rule 2")
    assert field(page, LABELS["after"]).value == "18:00"
    page = act(fill(page, after="", tokens=None, group="smart", place=0), "Check")
    assert config.checks[-1]["edits"] == [
        {"op": "remove", "path": "/routing/rules/1/when/input_tokens"},
        {"op": "remove", "path": "/routing/rules/1/when/after"},
        {"op": "add", "path": "/routing/rules/1/use/group", "value": "smart"},
        {"op": "move", "from": "/routing/rules/1", "path": "/routing/rules/0"},
    ]
    act(page, "Save")
    first = config.file["routing"]["rules"][0]
    assert first == {"when": {"team": "t_social"}, "use": {"group": "smart"}}


def test_rules_are_moved_and_removed_in_one_change(opened, config):
    config.file["routing"] = {"rules": [PRESS, DRAFTS, EVENING]}
    page = act(act(opened(), "Move up rule 3"), "Delete rule 1")
    assert config.saves == []
    assert "Nothing is saved yet" in words(page)
    act(page, "Save")
    assert config.file["routing"]["rules"] == [EVENING, DRAFTS]


def test_what_was_done_to_the_rules_is_saved_with_the_next_change_elsewhere(opened, config):
    config.file["routing"] = {"rules": [PRESS, DRAFTS]}
    page = fill(go(act(opened(), "Delete rule 1"), "limits"), rpm=60)
    page = act(page, "Check")
    assert "The section routing changes." in words(page)
    act(page, "Save")
    assert (config.file["routing"]["rules"], config.file["limits"]) == ([DRAFTS], {"rpm": 60})


def test_moving_a_rule_back_leaves_nothing_to_save(opened, config):
    config.file["routing"] = {"rules": [PRESS, DRAFTS]}
    page = act(act(opened(), "Move down rule 1"), "Move up rule 2")
    assert "Nothing is saved yet" not in words(page)
    page = act(act(page, "Delete rule 1"), "Leave everything as it is")
    assert ("press" in words(page), config.saves) == (True, [])


def test_a_problem_stands_at_its_field_and_others_above(opened, config):
    page = fill(act(opened(), "Add a rule"), after="18:00", group="fast")
    config.mistakes = [problem("routing.rules[0].when.after", "is not a time of day"), problem("groups.fast", "is odd")]
    page = act(page, "Check")
    at = [each.value for each in page.markdown if "Is not a time of day; mend it" in each.value]
    assert at
    assert at[0].startswith(":red[")
    assert "config.yaml:12:3 · groups.fast" in page.error[0].value
    assert "s not a time of day" not in page.error[0].value
    assert field(page, LABELS["after"]).value == "18:00"
    assert "Save" not in labels(page)


@pytest.mark.parametrize(
    ("typed", "mend"),
    [("6pm", "18:00"), ("12 a.m.", "00:00"), ("9:30 PM", "21:30"), ("25:99", "18:00"), ("x", "18:00")],
)
def test_what_is_no_time_is_told_with_what_is_missing_and_how_to_write_it(opened, config, typed, mend):
    page = act(fill(act(opened(), "Add a rule"), after=typed), "Check")
    assert f"is no time of day; write it as {mend}" in words(page).replace("\\", "")
    assert page.error[0].value == "Please correct: From (time of day, UTC); choose a group"
    assert config.checks == []
    page = fill(page, after="18:00", group="fast")
    assert not page.error
    page = act(page, "Check")
    assert config.checks[0]["edits"][0]["value"] == {"when": {"after": "18:00"}, "use": {"group": "fast"}}


def test_what_a_rule_names_and_is_not_there_is_marked(opened, config, stub):
    stub.accounts.add("keys", "k_1", name="Website")
    config.file["routing"] = {
        "rules": [
            {
                "when": {
                    "team": ["t_social", "t_gone"],
                    "brand": "acne",
                    "user": "u_bob",
                    "key": ["Website", "Webseite"],
                },
                "use": {"group": "fast"},
            }
        ]
    }
    page = opened()
    text = words(page).replace("\\", "")
    assert [name in text for name in ("no such team: t_gone", "no such brand: acne", "no such key: Webseite")] == [
        True
    ] * 3
    assert text.count("no such") == 3
    assert "no such team: t_gone" in words(act(page, "Edit rule 1")).replace("\\", "")


def test_with_the_lists_away_nothing_is_marked(opened, config, stub):
    config.file["routing"] = {"rules": [{"when": {"team": "t_gone"}, "use": {"group": "fast"}}]}
    config.names["teams"] = []
    stub.refusals["/admin/users"] = httpx.ConnectError("refused")
    assert "no such" not in words(opened())


def test_groups_that_answer_no_chat_say_so(opened, config):
    config.names["groups"].append("vectors")
    config.names["embeddings"] = ["vectors"]
    page = act(opened(), "Add a rule")
    assert "vectors (embeddings only)" in field(page, "Group").options
    assert "fast" in field(page, "Group").options


def test_checking_an_empty_form_asks_nothing(opened, config):
    page = act(act(opened(), "Add a rule"), "Check")
    assert checked.NOTHING in told(page)
    assert config.checks == []


def test_names_of_others_stay_text(opened, config):
    config.names["teams"] = [{"id": "t_1", "name": EVIL}]
    config.file["routing"] = {"rules": [{"name": EVIL, "when": {"team": "t_1"}, "use": {"group": "fast"}}]}
    page = opened()
    shown = next(each.value for each in page.markdown if "onerror" in each.value)
    assert r"\<img" in shown
    assert r"\*\*b\*\*" in shown


def test_many_rules_can_be_searched(opened, config):
    config.file["routing"] = {"rules": [{"when": {"tags": f"t{n}"}, "use": {"group": "fast"}} for n in range(20)]}
    page = opened()
    page.text_input(key="config_search_rules").set_value("tagged t17").run()
    assert [label for label in labels(page) if label.startswith("Edit")] == ["Edit rule 18"]


def test_somebody_elses_change_is_not_overwritten_and_nothing_typed_is_lost(opened, config):
    page = act(fill(act(opened(), "Add a rule"), team=["t_social"], group="fast"), "Check")
    config.somebody_else(limits={"rpm": 5})
    page = act(page, "Save")
    assert asking.OVERTAKEN in page.error[0].value
    assert "routing" not in config.file
    page = act(page, "Look at the new version")
    assert "+  rpm: 5" in page.code[0].value
    page = act(page, "Go on from the new version")
    assert field(page, "Of team").value == ["t_social"]
    act(act(page, "Check"), "Save")
    assert config.file["limits"] == {"rpm": 5}
    assert config.file["routing"]["rules"][0]["when"] == {"team": "t_social"}


def test_somebody_elses_change_is_told_before_saving(opened, config, now):
    page = fill(act(opened(), "Add a rule"), team=["t_social"])
    config.somebody_else(limits={"rpm": 5})
    now.seconds += 5
    page = page.run()
    assert state.KEPT in page.warning[0].value
    assert field(page, "Of team").value == ["t_social"]


def test_the_rule_that_is_open_is_found_again_at_its_new_place(opened, config, now):
    config.file["routing"] = {"rules": [PRESS, DRAFTS]}
    page = fill(act(opened(), "Edit rule 2"), tags=["draft", "idea"])
    config.somebody_else(routing={"rules": [DRAFTS, PRESS]})
    now.seconds += 5
    page = act(page.run(), "Go on from the new version")
    act(act(page, "Check"), "Save")
    assert config.file["routing"]["rules"][0]["when"] == {"tags": ["draft", "idea"]}


def test_a_rule_that_is_gone_becomes_a_new_one(opened, config, now):
    config.file["routing"] = {"rules": [PRESS, DRAFTS]}
    page = fill(act(opened(), "Edit rule 2"), tags=["draft", "idea"])
    config.somebody_else(routing={"rules": [PRESS]})
    now.seconds += 5
    page = act(page.run(), "Go on from the new version")
    assert page.error[0].value == GONE
    act(act(page, "Check"), "Save")
    assert config.file["routing"]["rules"] == [PRESS, {"when": {"tags": ["draft", "idea"]}, "use": {"tier": "fast"}}]


def test_an_order_of_rules_that_are_others_now_is_dropped(opened, config, now):
    config.file["routing"] = {"rules": [PRESS, DRAFTS]}
    page = act(opened(), "Delete rule 1")
    config.somebody_else(routing={"rules": [EVENING, DRAFTS]})
    now.seconds += 5
    page = act(page.run(), "Go on from the new version")
    assert DROPPED in page.error[0].value
    assert "team Social" in words(page)


def test_without_anything_typed_the_page_follows_the_file(opened, config, now):
    page = opened("limits")
    config.somebody_else(limits={"rpm": 5})
    now.seconds += 5
    page = page.run()
    assert field(page, LABELS["rpm"]).value == 5
    assert not page.warning


def test_limits_that_were_typed_stay_on_top_of_the_new_version(opened, config, now):
    page = fill(opened("limits"), rpm=60)
    config.somebody_else(limits={"max_parallel": 3})
    now.seconds += 5
    page = act(page.run(), "Go on from the new version")
    assert (field(page, LABELS["rpm"]).value, field(page, PARALLEL).value) == (60, 3)
    act(act(page, "Check"), "Save")
    assert config.file["limits"] == {"max_parallel": 3, "rpm": 60}
