"""The page Config in a real browser, in front of a real `atelier run` with a file of its own."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.browser.driver import ROOT, Running, Tab, needs_chromium, started, sync_api
from tests.harness import wait_until

pytestmark = needs_chromium
MASTER = "sk-master-0123456789abcdef"
PASSWORD = "a few words in a row"
SECTIONS = ("Rules", "Groups", "Limits", "Budgets", "Reliability", "As text", "Versions")


@dataclass
class Place:
    """A gateway whose file may be changed, a team and its key."""

    running: Running
    file: Path
    team: str
    key: str

    def reason(self, words: int = 3) -> str:
        """Why a prompt of the team's was routed as it was."""
        body = {"model": "smart", "max_tokens": 5, "messages": [{"role": "user", "content": "word " * words}]}
        return asked(self.running, self.key, "/v1/chat/completions", body)[1]["x-atelier-route-reason"]

    @property
    def text(self) -> str:
        return self.file.read_text()


def asked(running: Running, key: str, address: str, body: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """A POST's answer and its headers."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(running.gateway + address, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer), answer.headers


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("configured")
    file = folder / "config.yaml"
    shutil.copy(ROOT / "config.yaml", file)
    with started(folder, ATELIER_CONFIG=str(file), ATELIER_MASTER_KEY=MASTER) as running:
        team = asked(running, MASTER, "/admin/teams", {"name": "Social"})[0]["id"]
        key = asked(running, MASTER, "/admin/keys", {"name": "Newsletter", "team": team})[0]["key"]
        yield Place(running, file, team, key)


@pytest.fixture
def tab(chromium: sync_api.Browser, place: Place) -> Iterator[Tab]:
    """An admin in front of the page."""
    tab = Tab(chromium, place.running)
    name = f"ada{time.monotonic_ns()}"
    tab.join(place.running.invitation("--admin"), name, f"{name}@example.org", PASSWORD)
    yield tab
    tab.context.close()


def quiet(tab: Tab) -> None:
    tab.page.locator("[data-test-script-state=notRunning]").wait_for()


def test_an_admin_sends_a_teams_short_requests_to_another_group_in_eight_steps(tab: Tab, place: Place) -> None:
    page = tab.page
    before = place.text
    assert "rule" not in place.reason()
    hour = f"{time.gmtime().tm_hour:02d}:00"

    tab.go("Config")  # 1
    page.get_by_role("button", name="Add a rule").click()  # 2
    tab.choose("Of team", "Social")  # 3
    page.keyboard.press("Escape")
    page.get_by_role("spinbutton", name="Prompt at most").fill("500")  # 4
    page.get_by_label("From (time of day").fill(hour)  # 5
    page.keyboard.press("Tab")
    page.get_by_text(f"Requests of team Social with at most 500 tokens, from {hour}").wait_for()
    tab.choose("Group", "best")  # 6
    page.get_by_text(f"from {hour} → best").wait_for()
    page.get_by_role("button", name="Check").click()  # 7
    sync_api.expect(page.get_by_text("What will change")).to_be_in_viewport()
    page.locator("code", has_text=f"team: {place.team}").wait_for()
    assert place.text == before
    page.get_by_role("button", name="Save", exact=True).click()  # 8
    page.get_by_text("Saved. The gateway serves version").wait_for()

    assert "rule 1" in place.reason()
    assert "rule" not in place.reason(words=3000)
    assert "# The models. Entries with the same model_name form a group" in place.text
    assert len(place.text.splitlines()) <= len(before.splitlines()) + 3

    tab.section("Versions")
    page.get_by_role("button", name="Go back to the version before").click()
    page.get_by_text("Going back changes this").wait_for()
    page.get_by_text("models and everything else stay").wait_for()
    page.locator("code", has_text=f"team: {place.team}").wait_for()
    page.get_by_role("button", name="Go back", exact=True).click()
    page.get_by_text("Saved. The gateway serves version").wait_for()
    assert place.text == before
    assert "rule" not in place.reason()
    assert (tab.alerts, tab.elsewhere) == ([], [])


def test_a_number_is_cleared_and_a_mistake_stands_at_its_field(tab: Tab, place: Place) -> None:
    page = tab.page
    tab.go("Config")
    tab.section("Limits")
    for typed in ("60", ""):
        page.get_by_role("spinbutton", name="Requests a minute").fill(typed)
        page.keyboard.press("Tab")
        quiet(tab)
        page.get_by_role("button", name="Check").click()
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("Saved. The gateway serves version").wait_for()
        wait_until(lambda typed=typed: ("\n  rpm: 60" in place.text) == bool(typed), f"the file with {typed!r}")
    tab.section("Rules")
    page.get_by_role("button", name="Add a rule").click()
    page.get_by_label("From (time of day").fill("25:99")
    page.keyboard.press("Tab")
    page.get_by_text("is no time of day; write it as 18:00").wait_for()
    page.get_by_role("button", name="Check").click()
    page.get_by_text("Please correct: From (time of day, UTC); choose a group").wait_for()
    assert page.get_by_label("From (time of day").input_value() == "25:99"


def test_a_file_that_somebody_breaks_on_the_disk_is_told_and_the_old_one_serves(tab: Tab, place: Place) -> None:
    page = tab.page
    whole = place.text
    tab.go("Config")
    page.get_by_role("button", name="Add a rule").wait_for()
    try:
        place.file.write_text(whole + "\nserver: {prot: 4001}\n")
        page.get_by_text("The file has mistakes and is not used").wait_for()
        page.get_by_text("server.prot").wait_for()
        page.locator("code", has_text="port").wait_for()
        assert place.running.answers_to(place.key) == 200
    finally:
        place.file.write_text(whole)
    page.get_by_text("The file has mistakes and is not used").wait_for(state="detached")


def test_two_admins_do_not_overwrite_each_other(chromium: sync_api.Browser, tab: Tab, place: Place) -> None:
    page = tab.page
    tab.go("Config")
    page.get_by_role("button", name="Add a rule").click()
    tab.choose("Of team", "Social")
    page.keyboard.press("Escape")
    page.get_by_text("Requests of team Social").wait_for()
    place.file.write_text(place.text + "\nqueue: {max_length: 900}\n")
    page.get_by_text("Somebody else changed the configuration meanwhile").wait_for()
    page.get_by_role("button", name="Look at the new version").click()
    page.locator("code", has_text="max_length: 900").wait_for()
    page.get_by_role("button", name="Go on from the new version").click()
    page.get_by_text("Somebody else changed the configuration meanwhile").wait_for(state="detached")
    page.get_by_text("Requests of team Social").wait_for()


def test_a_member_finds_no_such_page(chromium: sync_api.Browser, place: Place) -> None:
    tab = Tab(chromium, place.running)
    try:
        tab.sign_in(place.key)
        tab.heading("Studio")
        assert tab.page.get_by_role("link", name="Config").count() == 0
        tab.page.goto(f"{place.running.dashboard}/config")
        tab.heading("Studio")
        assert tab.page.get_by_text("Add a rule").count() == 0
    finally:
        tab.context.close()


def test_a_narrow_window_needs_no_sideways_scrolling_on_any_section(chromium: sync_api.Browser, place: Place) -> None:
    tab = Tab(chromium, place.running, width=400, height=800)
    try:
        tab.join(place.running.invitation("--admin"), "Fay", "fay@example.org", PASSWORD)
        tab.page.goto(f"{place.running.dashboard}/config")
        tab.heading("Config")
        for section in SECTIONS:
            tab.section(section)
            main = tab.page.get_by_test_id("stMainBlockContainer")
            assert main.evaluate("e => e.getBoundingClientRect().right <= window.innerWidth")
            assert main.evaluate("e => e.scrollWidth <= window.innerWidth")
    finally:
        tab.context.close()
