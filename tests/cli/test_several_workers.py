"""`atelier serve --workers N`: what it needs, and who supervises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.start import Start
from tests.cli.conftest import GOOD, Atelier, one_sentence

Config = Callable[[str], Path]
STORES = {"ATELIER_DATABASE_URL": "postgresql://127.0.0.1:1/atelier", "ATELIER_REDIS_URL": "redis://127.0.0.1:1"}


def test_several_workers_without_their_stores_are_refused(atelier: Atelier, config: Config, tmp_path: Path) -> None:
    config(GOOD)
    refused = atelier("serve", "--workers", "2", "--port", "0")
    assert (refused.returncode, refused.stdout) == (1, "")
    (told,) = refused.stderr.splitlines()
    assert "store.database_url" in told
    assert "store.redis_url" in told
    assert not (tmp_path / "data").exists()


def test_several_workers_need_a_folder_to_count_in(atelier: Atelier, config: Config, tmp_path: Path) -> None:
    config(GOOD)
    (tmp_path / "a-file").write_text("")
    data = str(tmp_path / "a-file" / "data")
    told = one_sentence(atelier("serve", "--workers", "2", "--port", "0", ATELIER_DATA_DIR=data, **STORES))
    assert data in told
    assert "ATELIER_DATA_DIR" in told


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_that_is_none_is_refused(atelier: Atelier, number: str) -> None:
    refused = atelier("serve", "--workers", number)
    assert refused.returncode == 2
    assert "--workers" in refused.stderr


def test_the_help_says_what_several_workers_need(atelier: Atelier) -> None:
    text = " ".join(atelier("serve", "--help").stdout.split())
    assert "more than one needs PostgreSQL and Redis" in text


@pytest.mark.parametrize(
    ("in_file", "option", "demo", "workers"),
    [("", None, False, 1), ("", 1, False, 1), ("", 4, False, 4), ("server: {workers: 3}\n", None, False, 3),
     ("server: {workers: 3}\n", 1, False, 1), ("", 4, True, 1)],
)  # fmt: skip
def test_one_worker_supervises_nobody(
    config: Config, monkeypatch: pytest.MonkeyPatch, in_file: str, option: int | None, demo: bool, workers: int
) -> None:
    for name, value in STORES.items():
        monkeypatch.setenv(name, value)
    start = Start(config(GOOD + in_file), None, 0, option, demo=demo)
    listener = start.listen()
    assert listener is not None
    listener.close()
    assert start.workers == workers
