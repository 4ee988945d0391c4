"""The dashboard in a real browser, in front of a real `atelier run` with its simulated fleet."""

from __future__ import annotations

import re
import time

from tests.browser.driver import SHOWN, Running, Tab, needs_chromium, sync_api

pytestmark = needs_chromium
PLACES = (("/", "Studio"), ("/spend", "Spend"), ("/people", "People"), ("/health", "Health"))


def test_a_member_writes_stops_and_finds_the_cost(tab: Tab, running: Running) -> None:
    page = tab.page
    tab.sign_in("sk-atl-wrong")
    page.get_by_text("Incorrect API key provided").wait_for()
    tab.sign_in(running.key)
    tab.heading("Studio")
    page.get_by_text("Simulated answers").wait_for()

    page.get_by_role("combobox", name="Template").click()
    page.get_by_role("option", name="Blog post").click()
    page.get_by_role("textbox", name="Topic").fill("How a small bakery plans its week for $5")
    page.get_by_role("button", name="Generate").click()

    first = tab.grow(80)
    second = tab.grow(len(first) + 20)
    assert second.startswith(first[:40])
    page.get_by_text(re.compile(r"Writing.*words of about 900")).wait_for()
    page.get_by_role("button", name="Stop").click()
    page.locator(".st-key-verdict", has_text="Stopped").wait_for()
    stopped = time.monotonic()
    kept = tab.grow(len(second) - 21)
    assert "$5" in kept
    cost = page.get_by_text(re.compile(r"^\$0\.0\d+$")).first.inner_text()

    tab.go("Spend")
    page.get_by_test_id("stMetricValue").filter(has_text=cost).first.wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('[role=gridcell]')].some(c => /stopped/.test(c.textContent))"
    )
    assert time.monotonic() - stopped < 5
    assert running.spent() > 0

    tab.go("Studio")
    assert tab.grow(80)[:40] == kept[:40]
    page.reload()
    assert tab.grow(80)[:40] == kept[:40]
    page.locator(".st-key-verdict", has_text="Stopped").wait_for()

    tab.go("Health")
    page.get_by_text("deployments take requests").wait_for()

    assert running.key not in page.url + page.content() + page.evaluate(
        "JSON.stringify({...localStorage, ...sessionStorage})"
    )
    assert all(cookie["httpOnly"] for cookie in tab.context.cookies() if cookie["name"].startswith("atelier"))
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("E-mail").wait_for()
    page.goto(f"{running.dashboard}/spend")
    page.get_by_label("E-mail").wait_for()
    assert tab.elsewhere == []


def test_signing_out_ends_the_other_tabs_too(tab: Tab, running: Running) -> None:
    tab.sign_in(running.key)
    tab.heading("Studio")
    other = tab.context.new_page()
    other.set_default_timeout(SHOWN)
    other.goto(f"{running.dashboard}/spend")
    other.get_by_role("heading", name="Spend", exact=True).wait_for()
    tab.page.get_by_role("button", name="Sign out").click()
    other.get_by_label("E-mail").wait_for()


def test_hostile_text_runs_and_loads_nothing(tab: Tab, running: Running) -> None:
    tab.sign_in(running.key)
    tab.heading("Studio")
    hostile = "<img src=x onerror=alert(1)> <script>alert(2)</script> ![p](http://127.0.0.1:9/stolen) [l](javascript:alert(3))"
    tab.page.get_by_role("textbox", name="What should be written").fill(f"Say {hostile}")
    tab.page.get_by_role("button", name="Generate").click()
    tab.page.locator(".st-key-verdict", has_text="Completed").wait_for()
    assert "<img src=x onerror=alert(1)>" in tab.written()
    assert tab.page.locator(".st-key-text img, .st-key-text script, .st-key-text a[href^='javascript']").count() == 0
    tab.go("Spend")
    tab.page.get_by_text("Recent requests").wait_for()
    assert (tab.alerts, tab.elsewhere) == ([], [])


def test_a_narrow_window_needs_no_sideways_scrolling(chromium: sync_api.Browser, running: Running) -> None:
    tab = Tab(chromium, running, width=400, height=800)
    try:
        tab.sign_in(running.key)
        for path, name in PLACES:
            tab.page.goto(running.dashboard + path)
            tab.heading(name)
            assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            main = tab.page.get_by_test_id("stMainBlockContainer")
            assert main.evaluate("e => e.getBoundingClientRect().right <= window.innerWidth")
    finally:
        tab.context.close()
