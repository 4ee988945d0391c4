"""People, their keys and their sessions in a real browser, in front of a real `atelier run`."""

from __future__ import annotations

import csv
import io
import re
import time

from tests.browser.driver import SHOWN, Running, Tab, needs_chromium, sync_api
from tests.harness import wait_until

pytestmark = needs_chromium
PASSWORD = "a few words in a row"
HOSTILE = "<img src=x onerror=alert(1)> ![p](http://127.0.0.1:9/stolen)"


def test_an_invited_admin_joins_makes_a_key_uses_it_and_revokes_it(tab: Tab, running: Running) -> None:
    page = tab.page
    link = running.invitation("--admin", "--email", "ada@example.org")
    token = link.partition("#")[2]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(link)
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("E-mail").fill("ada@example.org")
    page.get_by_label("Password").fill("password123")
    page.get_by_role("button", name="Join").click()
    page.get_by_role("alert").wait_for()
    assert page.get_by_label("Your name").input_value() == "Ada"
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    tab.heading("Studio")
    assert not [url for url in asked if token in url.partition("#")[0]]
    assert token not in page.url

    tab.go("People")
    tab.section("Keys")
    page.get_by_role("button", name="New key").click()
    page.get_by_label("What is it for?").fill("Newsletter tool")
    page.get_by_label("Budget in USD").fill("2.50")
    page.get_by_role("button", name="Make the key").click()
    key = page.locator(".st-key-secret code").inner_text()
    assert key.startswith("sk-atl-")
    assert running.answers_to(key) == 200
    page.get_by_role("button", name="I have copied it").click()
    page.get_by_text(key).wait_for(state="detached")

    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("button", name="Yes, revoke").click()
    page.get_by_text("The key is revoked.").wait_for()
    revoked = time.monotonic()
    wait_until(lambda: running.answers_to(key) == 401, "the revoked key is refused")
    assert time.monotonic() - revoked < 2
    assert (tab.alerts, tab.elsewhere) == ([], [])

    page.goto(link)
    page.get_by_label("Your name").fill("Eve")
    page.get_by_label("E-mail").fill("eve@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    page.get_by_text("This link does not work any more").wait_for()


def test_signing_out_everywhere_ends_other_browsers_within_seconds(
    chromium: sync_api.Browser, tab: Tab, running: Running
) -> None:
    tab.join(running.invitation("--admin"), "Bea", "bea@example.org", PASSWORD)
    other = Tab(chromium, running)
    try:
        other.sign_in_as("bea@example.org", "a wrong password")
        other.page.get_by_text("do not belong together").wait_for()
        other.sign_in_as("bea@example.org", PASSWORD)
        other.heading("Studio")
        tab.go("People")
        tab.section("My account")
        tab.page.get_by_text("this browser").wait_for()
        tab.page.get_by_role("button", name="Sign out everywhere").click()
        tab.page.get_by_role("button", name="Yes, sign out everywhere").click()
        for each in (tab, other):
            each.page.get_by_label("E-mail").wait_for()
    finally:
        other.context.close()


def test_an_invitation_made_in_the_dashboard_brings_somebody_into_a_team(
    chromium: sync_api.Browser, tab: Tab, running: Running
) -> None:
    page = tab.page
    tab.join(running.invitation("--admin"), "Cleo", "cleo@example.org", PASSWORD)
    tab.go("People")
    tab.section("Teams")
    page.get_by_role("button", name="New team").click()
    page.get_by_label("Name").fill(f"Blog {HOSTILE}")
    page.get_by_role("button", name="Make the team").click()
    page.get_by_text("The team is made").wait_for()

    tab.section("Invitations")
    page.get_by_role("button", name="Invite somebody").click()
    tab.choose("Into which team?", "Blog")
    tab.choose("Role", "Lead")
    page.get_by_role("button", name="Make the link").click()
    link = page.locator(".st-key-secret code").inner_text()
    assert link.startswith(f"{running.dashboard}/join#inv-atl-")

    invited = Tab(chromium, running)
    try:
        invited.join(link, HOSTILE, "dora@example.org", PASSWORD)
        invited.page.get_by_text("<img src=x onerror=alert(1)>").first.wait_for()
        invited.go("People")
        for section in ("Teams", "Keys", "Brands", "Invitations", "History", "My account", "People"):
            invited.section(section)
        invited.open_row(back="All people")
        assert (invited.alerts, invited.elsewhere) == ([], [])
        assert invited.page.locator("main img[src='x'], main img[src*='stolen']").count() == 0
    finally:
        invited.context.close()
    assert (tab.alerts, tab.elsewhere) == ([], [])


def test_spend_by_person_is_taken_away_as_a_file(tab: Tab, running: Running) -> None:
    tab.join(running.invitation("--admin"), "Ellen", "ellen@example.org", PASSWORD)
    assert running.answers_to(running.key) == 200
    page = tab.page
    tab.go("Spend")
    page.get_by_test_id("stMain").get_by_role("radio", name="Person", exact=True).click()
    page.get_by_role("button", name="CSV by person").wait_for()
    page.get_by_test_id("stMetricValue").filter(has_text=re.compile(r"\$0\.0*[1-9]")).first.wait_for(timeout=SHOWN)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV by person").click()
    assert download.value.suggested_filename.startswith("spend-by-person-")
    text = download.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sum(int(row["cost_nano"]) for row in rows) > 0
    assert tab.elsewhere == []


def test_a_narrow_window_needs_no_sideways_scrolling_on_any_section(
    chromium: sync_api.Browser, running: Running
) -> None:
    tab = Tab(chromium, running, width=400, height=800)
    try:
        tab.join(running.invitation("--admin"), "Fay", "fay@example.org", PASSWORD)
        tab.page.goto(f"{running.dashboard}/people")
        tab.heading("People")
        for section in ("Teams", "Keys", "Brands", "Invitations", "History", "My account", "People"):
            tab.section(section)
            main = tab.page.get_by_test_id("stMainBlockContainer")
            assert main.evaluate("e => e.getBoundingClientRect().right <= window.innerWidth")
    finally:
        tab.context.close()
