"""A real `atelier run` with its simulated fleet, and a browser in front of its dashboard."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
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
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SHOWN = 15_000  # milliseconds until something that does not appear counts as missing

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium: `apt-get install --no-install-recommends chromium`, or any Chrome on PATH"
)


@dataclass
class Running:
    """A gateway with its dashboard."""

    gateway: str
    dashboard: str
    key: str
    data: Path

    def invitation(self, *options: str) -> str:
        """A link to join, as an admin makes one on the command line."""
        command = [sys.executable, "-m", "gateway", "invite", "--url", self.dashboard, *options]
        env = clean_environment() | {"ATELIER_DATA_DIR": str(self.data)}
        return subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True).stdout.strip()

    def answers_to(self, key: str) -> int:
        """The status of a chat completion with this key."""
        body = {"model": "auto", "max_tokens": 5, "messages": [{"role": "user", "content": "Say hi"}]}
        request = urllib.request.Request(
            f"{self.gateway}/v1/chat/completions",
            json.dumps(body).encode(),
            {"authorization": f"Bearer {key}", "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def spent(self) -> int:
        """Nano-dollars that the gateway's ledger knows of."""
        request = urllib.request.Request(f"{self.gateway}/v1/me", headers={"authorization": f"Bearer {self.key}"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)["spend"]["spent_nano"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with started(tmp_path_factory.mktemp("data")) as running:
        yield running


@contextmanager
def started(data: Path, *options: str, **env: str) -> Iterator[Running]:
    """`atelier run` with a data folder of its own, further options and variables."""
    gateway, dashboard = free_port(), free_port()
    own = {"ATELIER_DATA_DIR": str(data), "ATELIER_DASHBOARD_PORT": str(dashboard)}
    with (data / "run.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "run", "--port", str(gateway), *options],
            cwd=ROOT,
            env=clean_environment() | own | env,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        for url in (f"http://127.0.0.1:{gateway}/health/ready", f"http://127.0.0.1:{dashboard}/_stcore/health"):
            wait_until(lambda url=url: answers(url) or process.poll() is not None, url)
        assert process.poll() is None, (data / "run.log").read_text()
        key = (data / "demo.key").read_text().strip()
        yield Running(f"http://127.0.0.1:{gateway}", f"http://127.0.0.1:{dashboard}", key, data)
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
        """With a key."""
        field = self.page.get_by_label("Your key")
        if not field.is_visible():
            self.page.get_by_text("Use an API key instead").click()
        field.fill(key)
        self.page.get_by_role("button", name="Sign in with the key").click()

    def sign_in_as(self, email: str, password: str) -> None:
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def join(self, link: str, name: str, email: str, password: str) -> None:
        """Follow an invitation's link and make an account."""
        self.page.goto(link)
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Join").click()
        self.heading("Studio")

    def section(self, name: str) -> None:
        """Open a section of the page about people."""
        choice = self.page.get_by_test_id("stMain").get_by_role("radio", name=name, exact=True)
        choice.click()
        sync_api.expect(choice).to_be_checked()
        self.page.locator("[data-test-script-state=notRunning]").wait_for()

    def choose(self, label: str, option: str) -> None:
        """Pick from a list, which may be about to get the option."""
        wanted = self.page.get_by_role("option", name=option).first

        def offered() -> bool:
            self.page.get_by_role("combobox", name=label).click()
            try:
                wanted.wait_for(timeout=1_000)
            except sync_api.TimeoutError:
                self.page.keyboard.press("Escape")
                return False
            return True

        wait_until(offered, option)
        wanted.click()

    def open_row(self, back: str) -> None:
        """Click the first row of the table; `back` is the button that leads away from what it opens."""
        way_back = self.page.get_by_role("button", name=back)

        def opened() -> bool:
            self.page.get_by_test_id("stDataFrame").first.click(position={"x": 60, "y": 52})
            try:
                way_back.wait_for(timeout=2_000)
            except sync_api.TimeoutError:
                return False
            return True

        wait_until(opened, back)

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
