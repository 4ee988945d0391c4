"""A stub gateway with two members, and a dashboard wired to it and to a ledger in a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from dashboard import auth, gate, wiring
from dashboard.client import Client
from dashboard.draft import Draft
from dashboard.sessions import Sessions
from gateway.reports import Source
from tests.dashboard.stub import StubGateway
from tests.reports.books import NOON

ANN, BOB = "sk-ann", "sk-bob"
SOON = 10.0  # seconds


def press(page: Any, label: str) -> Any:
    """Press the button with this label."""
    next(button for button in page.button if button.label == label).click()
    return page.run(timeout=20)


@pytest.fixture
def stub() -> StubGateway:
    stub = StubGateway()
    stub.member(ANN, "ann")
    stub.member(BOB, "bob")
    return stub


@dataclass
class Now:
    """A clock that is set by hand."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now() -> Now:
    return Now()


@dataclass
class Dashboard:
    """What a test does with a dashboard: sign somebody in and look at pages."""

    sessions: Sessions
    monkeypatch: pytest.MonkeyPatch

    def sign_in(self, key: str) -> str:
        session_id = self.sessions.open(key)
        self.use(session_id)
        return session_id

    def use(self, cookie: str | None) -> None:
        """From now on pages are opened with this cookie."""
        self.monkeypatch.setattr(gate, "cookie", lambda: cookie)

    def generate(self, page: Any) -> Any:
        """Press Generate, wait until the text has ended, and look at the page again."""
        press(page, "Generate")
        self.draft(page).wait(SOON)
        return page.run(timeout=20)

    def draft(self, page: Any) -> Draft:
        """The text that a page shows."""
        session = self.sessions.get(gate.cookie())
        assert session is not None
        draft = session.draft(page.session_state["text"])
        assert draft is not None
        return draft

    def write(self, prompt: str) -> Any:
        """A page of the Studio on which a free prompt was written."""
        page = self.page("main")
        page.text_area[0].set_value(prompt)
        return self.generate(page)

    def page(self, name: str, query: dict[str, Any] | None = None) -> Any:
        """Open a page: "main" is the whole dashboard with the Studio, the others are single pages."""
        from streamlit.testing.v1 import AppTest

        if name == "main":
            app = AppTest.from_file(str(Path(gate.__file__).with_name("main.py")))
        else:
            app = AppTest.from_string(f"import dashboard.views.{name} as view\nview.show()")
        for key, value in (query or {}).items():
            app.query_params[key] = value
        return app.run(timeout=20)


@pytest.fixture
def dashboard(stub: StubGateway, now: Now, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dashboard:
    sessions = Sessions(lambda key: Client("http://gateway", key, stub.transport), now)
    source = Source(tmp_path)
    monkeypatch.setattr(wiring, "sessions", lambda: sessions)
    monkeypatch.setattr(wiring, "reports", lambda: source)
    monkeypatch.setattr(wiring, "now", lambda: NOON)
    dashboard = Dashboard(sessions, monkeypatch)
    dashboard.use(None)
    return dashboard


def front() -> Starlette:
    """The door, and something behind it."""
    inside = [
        Route(path, lambda _: PlainTextResponse("inside")) for path in ("/", "/spend", "/media/x", "/_stcore/health")
    ]
    return Starlette(routes=[*auth.ROUTES, *inside], middleware=[Middleware(auth.Guard)])


@pytest.fixture
def browser(dashboard: Dashboard) -> Iterator[TestClient]:
    with TestClient(front(), "http://dash:8501", follow_redirects=False) as client:
        yield client


@pytest.fixture
def https_browser(dashboard: Dashboard) -> Iterator[TestClient]:
    with TestClient(front(), "https://dash", follow_redirects=False) as client:
        yield client
