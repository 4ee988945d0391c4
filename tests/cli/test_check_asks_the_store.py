"""`atelier check` looks in the store for whom rules name: a warning, no file, and nothing at all with --offline."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import cli
from tests.cli.conftest import GOOD
from tests.harness import clean_environment

RULE = "routing: {rules: [{when: {team: a-team}, use: {group: fast}}]}\n"
Atelier = Callable[..., Result]


@pytest.fixture
def atelier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Atelier:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(GOOD + RULE)
    env = dict.fromkeys(os.environ.keys() - clean_environment().keys())
    runner = CliRunner(env=env)
    return lambda *arguments: runner.invoke(cli, arguments)


def test_a_team_that_nobody_has_is_a_warning_with_the_one_that_is_meant(atelier: Atelier) -> None:
    assert atelier("teams", "create", "--name", "A Team", "--id", "a").exit_code == 0
    found, offline = atelier("check"), atelier("check", "--offline")

    assert found.exit_code == 0
    assert "routing.rules[0].when.team[0]: no team has the id `a-team`; did you mean `a` (A Team)?" in found.stdout
    assert "no team has" not in offline.stdout


def test_before_the_first_start_there_is_nobody_to_compare_with_and_nothing_is_made(
    atelier: Atelier, tmp_path: Path
) -> None:
    found = atelier("check")

    assert (found.exit_code, "no team has" in found.stdout) == (0, False)
    assert [each.name for each in tmp_path.iterdir()] == ["config.yaml"]


def test_a_store_that_cannot_be_read_is_one_warning(atelier: Atelier, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "atelier.db").write_text("not a database at all")
    found = atelier("check")

    assert found.exit_code == 0
    assert found.stdout.count("was not checked: the store cannot be read") == 1
