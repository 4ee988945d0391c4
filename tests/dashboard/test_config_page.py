"""The page Config, in front of a gateway that takes changes: rules, groups, limits, budgets, text, versions."""

from __future__ import annotations

import httpx
import pytest

from dashboard.views.config import asking, checked, state
from dashboard.views.config.page import ADMINS, TITLES
from dashboard.views.config.place import DROPPED, GONE
from tests.dashboard.test_pages import words
from tests.dashboard.world import press

EVIL = "<img src=x onerror=alert(1)> **b** $x$"
EVENING = {"when": {"team": "t_social", "input_tokens": {"max": 500}, "after": "18:00"}, "use": {"group": "fast"}}
PRESS = {"name": "press", "when": {"template": ["press"]}, "use": {"group": "best"}}
DRAFTS = {"when": {"tags": "draft"}, "use": {"tier": "fast"}}


@pytest.fixture
def config(stub):
    return stub.config


@pytest.fixture
def opened(dashboard, stub, now, monkeypatch):
    """Signs an admin in and opens a section."""
    stub.accounts.add("users", "u_ada", name="Ada", role="admin")
    stub.accounts.add("users", "u_bob", name="Bob", role="admin")
    monkeypatch.setattr("dashboard.wiring.monotonic", now)

    def open_section(section="rules", role="admin"):
        stub.member("sk-ada", "u_ada", role=role)
        dashboard.sign_in("sk-ada")
        page = dashboard.page("config.page")
        assert not page.exception
        return go(page, section) if section != "rules" else page

    return open_section


def go(page, section):
    page.segmented_control(key="config_section").set_value(section)
    page = page.run(timeout=20)
    assert not page.exception
    return page


def field(page, label):
    kinds = (page.text_input, page.number_input, page.multiselect, page.selectbox, page.toggle, page.text_area)
    return next(each for kind in kinds for each in kind if each.label == label)


def fill(page, **values):
    """Set fields by label, `_` for a blank."""
    for label, value in values.items():
        field(page, LABELS.get(label, label)).set_value(value)
    page = page.run(timeout=20)
    assert not page.exception
    return page


LABELS = {
    "team": "Of team",
    "tokens": "Prompt at most … tokens",
    "after": "From (time of day, UTC)",
    "group": "Group",
    "tags": "With a tag",
    "place": "Place in the order",
    "rpm": "Requests a minute",
    "total": "Everything that this gateway spends, in USD",
}


def act(page, label):
    page = press(page, label)
    assert not page.exception
    return page


def told(page):
    return words(page) + "\n".join(each.value for each in page.success)


def labels(page):
    return [button.label for button in page.button]


def problem(key, what="is wrong", mend="mend it"):
    return {"file": "/etc/config.yaml", "line": 12, "column": 3, "key": key, "what": what, "mend": mend}


# --- rules --------------------------------------------------------------------------------------------------------


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
    page = fill(act(opened(), "Add a rule"), after="25:99", group="fast")
    config.mistakes = [problem("routing.rules[0].when.after", "is not a time of day"), problem("groups.fast", "is odd")]
    page = act(page, "Check")
    at = [each.value for each in page.markdown if "Is not a time of day; mend it" in each.value]
    assert at
    assert at[0].startswith(":red[")
    assert "config.yaml:12:3 · groups.fast" in page.error[0].value
    assert "s not a time of day" not in page.error[0].value
    assert field(page, LABELS["after"]).value == "25:99"
    assert "Save" not in labels(page)


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


# --- somebody else ------------------------------------------------------------------------------------------------


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
    assert field(page, "Requests a minute").value == 5
    assert not page.warning


def test_limits_that_were_typed_stay_on_top_of_the_new_version(opened, config, now):
    page = fill(opened("limits"), rpm=60)
    config.somebody_else(limits={"max_parallel": 3})
    now.seconds += 5
    page = act(page.run(), "Go on from the new version")
    assert (field(page, "Requests a minute").value, field(page, "Requests at once").value) == (60, 3)
    act(act(page, "Check"), "Save")
    assert config.file["limits"] == {"max_parallel": 3, "rpm": 60}


# --- the other sections -------------------------------------------------------------------------------------------


def test_a_groups_fallbacks_and_policy_are_edited(opened, config):
    page = opened("groups")
    assert "when it fails: smart" in words(page)
    page.button(key=page.session_state["configuration"].key("edit.fast")).click().run()
    field(page, "When it fails, go on with").set_value(["best", "smart"])
    field(page, "Policy that ranks its deployments").set_value("cost")
    page = act(page.run(), "Check")
    act(page, "Save")
    assert config.file["groups"] == {"fast": {"fallbacks": ["best", "smart"], "policy": "cost"}}


def test_limits_are_set_and_taken_out(opened, config):
    config.file["limits"] = {"rpm": 5}
    page = fill(opened("limits"), rpm=None)
    field(page, "Refuse requests that do not name their user").set_value(True)
    act(act(page.run(), "Check"), "Save")
    assert config.file["limits"] == {"require_user": True}


def test_times_are_written_without_needless_digits(opened, config):
    page = opened("reliability")
    field(page, "Wait at most (seconds)").set_value(45.0)
    field(page, "Attempts a request").set_value(4)
    act(act(page.run(), "Check"), "Save")
    assert (config.file["queue"], config.file["retry"]) == ({"max_wait": 45}, {"attempts": 4})
    assert isinstance(config.file["queue"]["max_wait"], int)


def test_budgets_are_set_changed_and_taken_out(opened, config, stub):
    stub.status = [{"id": "d", "group": "fast", "provider": "openai", "model": "m", "state": "ready"}]
    config.file["budgets"] = {"total": {"limit": 100}, "new_keys": {"limit": 5, "days": 30}}
    page = fill(opened("budgets"), total="250.50", **{"openai, in USD": "20", "Each new key, in USD": ""})
    act(act(page, "Check"), "Save")
    assert config.file["budgets"] == {"total": {"limit": 250.5}, "providers": {"openai": {"limit": 20}}}


def test_what_is_no_amount_is_said_at_its_field_and_not_sent(opened, config):
    page = act(fill(opened("budgets"), total="a lot"), "Check")
    assert "is no amount" in words(page)
    assert "Please correct" in page.error[0].value
    assert config.checks == []


def test_a_section_is_edited_as_text(opened, config):
    page = opened("text")
    page.selectbox(key="config_text").set_value("groups").run()
    area = page.text_area[0]
    assert area.value.startswith("groups:")
    area.set_value("groups:\n  # ours\n  fast: {fallbacks: [best]}")
    page = act(page.run(), "Check")
    act(page, "Save")
    assert config.saves == [{"sections": {"groups": "groups:\n  # ours\n  fast: {fallbacks: [best]}\n"}}]


# --- versions, and how it is --------------------------------------------------------------------------------------


def test_the_version_before_is_a_click_away_after_a_look_at_what_that_undoes(opened, config):
    config.somebody_else(limits={"rpm": 5})
    page = opened("versions")
    assert "Bob" in words(page)
    page = act(page, "Go back to the version before")
    assert words(page).count("Bob was here.") == 2
    assert config.version == "v2"
    page = act(page, "Go back")
    assert "limits" not in config.file
    assert any(address == "/versions/v1/restore" and seen == '"v2"' for _, address, _, seen in config.asked)
    assert "Saved." in told(page)


def test_a_broken_file_is_a_red_box_with_its_places(opened, config):
    found = problem("groups.fast.fallbacks[0]", "`smrt`: no model group", "did you mean `smart`?")
    config.more["rejected"] = {"at": 1.0, "problems": [found]}
    config.mistakes = [found]
    page = opened()
    box = page.error[0].value
    assert "config.yaml:12:3 · groups.fast.fallbacks\\[0\\]" in box
    assert "did you mean" in box
    assert "v1, goes on serving" in box
    page = act(page, "Read the file again")
    assert "still has mistakes" in told(page) + "".join(each.value for each in page.error)


def test_workers_behind_and_keys_that_wait_are_told(opened, config):
    config.workers.append({"name": "host-b", "version": "v0", "current": False})
    config.more["restart"] = ["server.port"]
    page = opened()
    assert "1 of 2 workers still on another version: host\\-b" in page.warning[0].value.replace("host-b", "host\\-b")
    assert "server.port" in page.info[0].value


def test_a_read_only_file_gives_the_text_to_copy(opened, config):
    config.more |= {"writable": False, "why_not": "The folder is read-only."}
    page = fill(opened("limits"), rpm=60)
    page = act(page, "Check")
    assert "The folder is read-only." in page.info[0].value
    assert "Save" not in labels(page)
    assert "limits:\n  rpm: 60" in [block.value for block in page.code]


@pytest.mark.parametrize("role", ["member", "lead", "viewer"])
def test_nobody_but_admins_sees_anything(opened, config, dashboard, stub, role):
    page = opened(role=role)
    assert page.info[0].value == ADMINS
    assert not page.segmented_control
    assert config.asked == []


def test_with_the_gateway_away_the_page_says_so_and_keeps_what_was_typed(opened, stub, now):
    page = fill(act(opened(), "Add a rule"), team=["t_social"])
    stub.refusals["/admin/config/check"] = httpx.ConnectError("refused")
    page = act(page, "Check")
    assert "does not answer" in page.error[0].value
    assert field(page, "Of team").value == ["t_social"]
    stub.refusals["/admin/config"] = httpx.ConnectError("refused")
    now.seconds += 5
    assert "does not answer" in page.run().error[0].value


@pytest.mark.parametrize("section", list(TITLES))
def test_every_section_stands_on_an_empty_file(opened, config, section):
    config.file = {}
    config.names |= {"groups": [], "models": [], "tiers": [], "teams": []}
    assert not opened(section).error
