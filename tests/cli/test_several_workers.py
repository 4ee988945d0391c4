"""`atelier serve --workers N`: what it needs, and who supervises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.start import Start
from tests.cli.conftest import GOOD, Atelier, one_sentence

Config = Callable[[str], Path]


def test_several_workers_without_their_stores_are_refused(atelier: Atelier, config: Config, tmp_path: Path) -> None:
    config(GOOD)
    told = one_sentence(atelier("serve", "--workers", "2", "--port", "0"))
    assert "store.database_url" in told
    assert "store.redis_url" in told
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_that_is_none_is_refused(atelier: Atelier, number: str) -> None:
    refused = atelier("serve", "--workers", number)
    assert refused.returncode == 2
    assert "--workers" in refused.stderr


def test_the_help_says_what_several_workers_need(atelier: Atelier) -> None:
    text = " ".join(atelier("serve", "--help").stdout.split())
    assert "more than one needs PostgreSQL and Redis" in text


@pytest.mark.parametrize(("asked", "demo", "workers"), [(None, False, 1), (1, False, 1), (4, False, 4), (4, True, 1)])
def test_one_worker_supervises_nobody(
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    asked: int | None,
    demo: bool,
    workers: int,
) -> None:
    monkeypatch.setenv("ATELIER_DATA_DIR", "unused")
    start = Start(config(GOOD), None, 0, asked, demo=demo)
    listener = start.listen()
    if listener is not None:
        listener.close()
    assert start.workers == workers
    assert (listener is None) == (workers > 1)
    assert ("store.redis_url" in capsys.readouterr().err) == (workers > 1)
