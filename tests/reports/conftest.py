"""A ledger with rows, and a source that reads it: a SQLite file, or one after the other a file and a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.reports import Source, Viewer
from tests.reports.books import Books

ANN = Viewer("user:ann", "k_ann", is_admin=False)
BOB = Viewer("user:bob", "k_bob", is_admin=False)
ADMIN = Viewer("key:master", "master", is_admin=True)


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def both_books(request: pytest.FixtureRequest, tmp_path: Path) -> Books:
    """A SQLite file, then a server."""
    return Books(tmp_path, request.getfixturevalue("postgres_url") if request.param == "postgresql" else None)


@pytest.fixture
def both(both_books: Books) -> Iterator[Source]:
    """A source that reads `both_books`."""
    source = Source(both_books.data_dir, both_books.url)
    yield source
    source.close()


@pytest.fixture
def ann() -> Viewer:
    return ANN


@pytest.fixture
def bob() -> Viewer:
    return BOB


@pytest.fixture
def admin() -> Viewer:
    return ADMIN
