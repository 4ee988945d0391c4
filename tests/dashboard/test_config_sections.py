"""The other sections of the page Config, and what it says of the configuration as it is."""

from __future__ import annotations

import httpx
import pytest

from dashboard.views.config import versions
from dashboard.views.config.page import ADMINS, TITLES
from tests.dashboard.config_steps import DRAFTS, LABELS, PRESS, act, field, fill, go, labels, problem, told
from tests.dashboard.test_pages import words


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


def test_the_version_before_is_two_clicks_away_and_its_difference_is_seen_first(opened, config):
    config.somebody_else(limits={"rpm": 5})
    page = opened("versions")
    assert "Bob" in words(page)
    page = act(page, "Go back to the version before")
    assert versions.WHAT in words(page)
    assert "-  rpm: 5" in page.code[0].value
    assert "The section limits changes." in words(page)
    assert words(page).index("Going back changes this") < words(page).index("serves now")
    assert config.version == "v2"
    page = act(page, "Go back")
    assert "limits" not in config.file
    assert any(address == "/versions/v1/restore" and seen == '"v2"' for _, address, _, seen in config.asked)
    assert "Saved." in told(page)


def test_going_back_is_asked_at_the_line_whose_button_was_pressed(opened, config):
    for rpm in (5, 6, 7):
        config.somebody_else(limits={"rpm": rpm})
    page = opened("versions")
    page.button(key=page.session_state["configuration"].key("back.2")).click()
    text = words(page.run(timeout=20))
    assert text.count("Bob was here.") == 3
    places = [number for number in range(len(text)) if text.startswith("Bob was here.", number)]
    assert places[1] < text.index("Going back changes this")
    assert "+  rpm: 5" in page.code[0].value


def test_a_change_of_no_section_offers_no_way_back(opened, config):
    config.keep("secret", ["20 deployments (`a`, `b`, `c` and 17 more): its key is replaced"])
    page = opened("versions")
    assert "a secret's file" in words(page)
    assert "20 deployments" in words(page)
    assert not [label for label in labels(page) if label.startswith("Go back")]


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


def test_while_the_file_is_broken_nothing_is_offered_that_would_be_refused(opened, config, now):
    config.file["routing"] = {"rules": [PRESS, DRAFTS]}
    page = opened()
    assert not [button.label for button in page.button if button.disabled and "Move" not in button.label]
    config.more["rejected"] = {"at": 1.0, "problems": [problem("server.prot")]}
    now.seconds += 5
    page = page.run()
    assert {button.label for button in page.button if not button.disabled} == {"Read the file again"}
    assert next(each for each in go(page, "limits").button if each.label == "Check").disabled
    config.more["rejected"] = None
    now.seconds += 5
    assert not next(each for each in page.run().button if each.label == "Check").disabled


def test_a_change_on_top_of_a_broken_file_is_refused_in_the_gateways_words(opened, config):
    page = act(fill(opened("limits"), rpm=60), "Check")
    config.more["rejected"] = {"at": 1.0, "problems": [problem("server.prot")]}
    page = act(page, "Save")
    assert "Refused: version\\_conflict." in [box.value for box in page.error]
    assert field(page, LABELS["rpm"]).value == 60
    assert "limits" not in config.file


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
    page = fill(act(opened(), "Add a rule"), team=["t_social"], group="fast")
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
