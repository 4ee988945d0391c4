"""A ledger with rows, and a source that reads it."""

from __future__ import annotations

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


@pytest.fixture
def ann() -> Viewer:
    return ANN


@pytest.fixture
def bob() -> Viewer:
    return BOB


@pytest.fixture
def admin() -> Viewer:
    return ADMIN
