"""The dashboard in a real browser, in front of a real `atelier run` with its simulated fleet."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness import clean_environment, free_port, wait_until

sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright: install the 'dev' extra")

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SHOWN = 15_000  # milliseconds until something that does not appear counts as missing

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium: `apt-get install --no-install-recommends chromium`, or any Chrome on PATH"
)


@dataclass
class Running:
    """A gateway with its dashboard."""

    gateway: str
    dashboard: str
    key: str

    def spent(self) -> int:
        """Nano-dollars that the gateway's ledger knows of."""
        request = urllib.request.Request(f"{self.gateway}/v1/me", headers={"authorization": f"Bearer {self.key}"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)["spend"]["spent_nano"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    data, gateway, dashboard = tmp_path_factory.mktemp("data"), free_port(), free_port()
    env = clean_environment() | {"ATELIER_DATA_DIR": str(data), "ATELIER_DASHBOARD_PORT": str(dashboard)}
    with (data / "run.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "run", "--port", str(gateway)],
            cwd=ROOT,
            env=env,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        for url in (f"http://127.0.0.1:{gateway}/health/ready", f"http://127.0.0.1:{dashboard}/_stcore/health"):
            wait_until(lambda url=url: answers(url) or process.poll() is not None, url)
        assert process.poll() is None, (data / "run.log").read_text()
        key = (data / "demo.key").read_text().strip()
        yield Running(f"http://127.0.0.1:{gateway}", f"http://127.0.0.1:{dashboard}", key)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def chromium() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Tab:
    """A browser of its own at the dashboard. It notes whatever the page asks of other hosts, and every alert."""

    def __init__(self, browser: sync_api.Browser, running: Running, width: int = 1280, height: int = 800) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height}, timezone_id="Europe/Berlin")
        self.page = self.context.new_page()
        self.page.set_default_timeout(SHOWN)
        self.running = running
        self.elsewhere: list[str] = []
        self.alerts: list[str] = []
        self.page.on("request", self._asked)
        self.page.on("dialog", lambda dialog: (self.alerts.append(dialog.message), dialog.dismiss()))
        self.page.goto(running.dashboard)

    def _asked(self, request: sync_api.Request) -> None:
        if not request.url.startswith((self.running.dashboard, "data:", "blob:")):
            self.elsewhere.append(request.url)

    def sign_in(self, key: str) -> None:
        self.page.get_by_label("Your key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()

    def heading(self, name: str) -> None:
        """Wait for a page."""
        self.page.get_by_role("heading", name=name, exact=True).wait_for()

    def go(self, name: str) -> None:
        self.page.get_by_role("link", name=name).click()
        self.heading(name)

    def written(self) -> str:
        return self.page.locator(".st-key-text").inner_text()

    def grow(self, length: int) -> str:
        """Wait until more than `length` characters are written; the text."""
        self.page.wait_for_function(
            "n => (document.querySelector('.st-key-text')?.innerText ?? '').length > n", arg=length
        )
        return self.written()


@pytest.fixture
def tab(chromium: sync_api.Browser, running: Running) -> Iterator[Tab]:
    tab = Tab(chromium, running)
    yield tab
    tab.context.close()


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
    kept = tab.written()
    assert len(kept) >= len(second) - 20
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
    page.get_by_label("Your key").wait_for()
    page.goto(f"{running.dashboard}/spend")
    page.get_by_label("Your key").wait_for()
    assert tab.elsewhere == []


def test_signing_out_ends_the_other_tabs_too(tab: Tab, running: Running) -> None:
    tab.sign_in(running.key)
    tab.heading("Studio")
    other = tab.context.new_page()
    other.set_default_timeout(SHOWN)
    other.goto(f"{running.dashboard}/spend")
    other.get_by_role("heading", name="Spend", exact=True).wait_for()
    tab.page.get_by_role("button", name="Sign out").click()
    other.get_by_label("Your key").wait_for()


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
        for path, name in (("/", "Studio"), ("/spend", "Spend"), ("/health", "Health")):
            tab.page.goto(running.dashboard + path)
            tab.heading(name)
            assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            main = tab.page.get_by_test_id("stMainBlockContainer")
            assert main.evaluate("e => e.getBoundingClientRect().right <= window.innerWidth")
    finally:
        tab.context.close()
