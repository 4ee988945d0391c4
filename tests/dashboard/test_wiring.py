"""Which of the environment's settings the dashboard takes: its own, never the gateway's."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard import wiring
from gateway.reports import ReportsUnavailable, Viewer, recent
from tests.reports.books import Books

ADMIN = Viewer("user:ann", "k_ann", is_admin=True)


@pytest.fixture(autouse=True)
def gateways_own(monkeypatch, tmp_path):
    monkeypatch.setenv("ATELIER_DATABASE_URL", "postgresql://gateway:secret@127.0.0.1:1/atelier")
    monkeypatch.setenv("ATELIER_DATA_DIR", str(tmp_path / "nothing"))


def test_reports_are_read_with_the_dashboards_own_credential(monkeypatch, tmp_path):
    Books(tmp_path).add("gen-1", ("openai", "gpt", 3))
    monkeypatch.setenv("ATELIER_DASHBOARD_DATABASE_URL", f"sqlite:///{tmp_path / 'atelier.db'}")
    with wiring.reports.__wrapped__().reading() as ledger:
        assert [row.id for row in recent(ledger, ADMIN).rows] == ["gen-1"]


def test_without_one_the_data_folder_is_read_and_never_the_gateways_database():
    source = wiring.reports.__wrapped__()
    with pytest.raises(ReportsUnavailable, match="Nothing has been recorded yet"), source.reading():
        pass


@pytest.mark.parametrize(("url", "public"), [(None, ""), ("https://dash.example.org/", "https://dash.example.org")])
def test_the_public_address_ends_without_a_slash(monkeypatch, url, public):
    monkeypatch.delenv("ATELIER_DASHBOARD_URL", raising=False)
    if url:
        monkeypatch.setenv("ATELIER_DASHBOARD_URL", url)
    assert wiring.public_url() == public


def test_streamlit_finds_no_folder_that_it_takes_for_pages_of_its_own():
    """Else the first page that a new process is asked for by its address is "not found"."""
    assert not Path(wiring.__file__).with_name("pages").exists()


def test_a_provider_is_offered_only_when_one_is_configured(monkeypatch):
    assert wiring.issuer.__wrapped__() is None
    monkeypatch.setenv("ATELIER_OIDC_ISSUER", "https://id.example.org")
    monkeypatch.setenv("ATELIER_OIDC_CLIENT_ID", "atelier")
    monkeypatch.setenv("ATELIER_OIDC_NAME", "Example")
    assert wiring.issuer.__wrapped__().name == "Example"
