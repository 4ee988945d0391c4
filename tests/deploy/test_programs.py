"""The small programs inside the images."""

from __future__ import annotations

import importlib.util
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType

import asyncpg
import pytest

from gateway.store.database import open_database
from tests.harness import ROOT, free_port


def program(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "deploy" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def answering(status: int) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/live" else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "well"), [(200, True), (400, True), (500, False), (503, False)])
def test_healthy_is_who_answers_below_500(status: int, well: bool) -> None:
    with answering(status) as port:
        assert program("healthy").healthy(port, "/health/live") is well


def test_who_does_not_answer_is_not_healthy() -> None:
    assert program("healthy").healthy(free_port(), "/health/live") is False


def test_the_dashboard_reads_its_secrets_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = program("serve_dashboard")
    (tmp_path / "url").write_text("redis://reader:x@redis/0\n")
    monkeypatch.setenv("ATELIER_DASHBOARD_REDIS_URL", "the variable")
    monkeypatch.setenv("ATELIER_DASHBOARD_REDIS_URL_FILE", str(tmp_path / "url"))
    monkeypatch.setenv("ATELIER_DASHBOARD_DATABASE_URL", "as it is")
    environment = served.os.environ
    served.read_secrets()
    assert environment["ATELIER_DASHBOARD_REDIS_URL"] == "redis://reader:x@redis/0"
    assert environment["ATELIER_DASHBOARD_DATABASE_URL"] == "as it is"


@pytest.mark.parametrize(("url", "host"), [("https://desk.example.com/x", "desk.example.com"), ("", "localhost")])
def test_streamlit_is_told_its_public_host(monkeypatch: pytest.MonkeyPatch, url: str, host: str) -> None:
    monkeypatch.setenv("ATELIER_DASHBOARD_URL", url)
    assert program("serve_dashboard").public_host() == host


async def test_the_reader_is_made_once_and_brought_up_to_date_after_that(tmp_path: Path, postgres_url: str) -> None:
    grant, role = program("grant_reader").grant, f"reader_{secrets.token_hex(4)}"
    await (await open_database(tmp_path, postgres_url, exclusive=False)).close()
    owner = await asyncpg.connect(postgres_url)
    passwords = set()
    for password in ("one", "tw%2Fo"):
        reader_url = postgres_url.replace("//postgres@", f"//{role}:{password}@")
        await grant(postgres_url, reader_url)
        passwords.add(await owner.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = $1", role))
        reader = await asyncpg.connect(reader_url)
        assert await reader.fetchval("SELECT count(id) FROM request") == 0
        for statement in ("SELECT digest FROM virtual_key", "DELETE FROM request"):
            with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)):
                await reader.execute(statement)
        await reader.close()
    assert len(passwords) == 2
    await owner.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    await owner.close()
