"""Names in rules of routing that nobody has are told with whom they may mean; those that somebody has are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Config, load
from gateway.config.problems import Problem
from tests.accounts.conftest import World

TEXT = """model_list: [{model_name: fast, litellm_params: {model: openai/x}}]
routing:
  rules:
    - when: %s
      use: {group: fast}
"""


@pytest.fixture
async def people(teams: World) -> World:
    await teams.accounts.users.create(teams.admin, id="u_1", name="Ada", email="ada@example.com")
    await teams.accounts.brands.create(teams.admin, id="acme", name="Acme Tea")
    await teams.key(name="nightly", team="red")
    return teams


def config(when: str, folder: Path) -> Config:
    path = folder / "config.yaml"
    path.write_text(TEXT % when, encoding="utf-8")
    return load(path, {})


async def found(people: World, when: str, folder: Path) -> list[Problem]:
    return await people.accounts.unknown_names(config(when, folder), {"harbour"})


@pytest.mark.parametrize(
    ("when", "key", "what", "mend"),
    [
        ("{team: marketing}", "team[0]", "no team has the id `marketing`", "look it up with `atelier teams list`"),
        ("{team: Red}", "team[0]", "no team has the id `Red`", "did you mean `red` (Red)?"),
        ("{team: [red, bleu]}", "team[1]", "no team has the id `bleu`", "did you mean `blue` (Blue)?"),
        ("{user: ada}", "user[0]", "no user has the id `ada`", "did you mean `u_1`?"),
        ("{user: u_2}", "user[0]", "no user has the id `u_2`", "look it up with `atelier users list`"),
        ("{key: nihgtly}", "key[0]", "no key has the name `nihgtly`", "did you mean `nightly`?"),
        ("{brand: acme-tea}", "brand[0]", "no brand has the id `acme-tea`", "did you mean `acme` (Acme Tea)?"),
    ],
)
async def test_a_name_that_nobody_has_is_told(
    when: str, key: str, what: str, mend: str, people: World, tmp_path: Path
) -> None:
    (problem,) = await found(people, when, tmp_path)

    assert str(problem).endswith(f"config.yaml:{problem.mark.line}:{problem.mark.column}: {_said(key, what, mend)}")
    assert problem.mark.line == 4


def _said(key: str, what: str, mend: str) -> str:
    return f"routing.rules[0].when.{key}: {what}; {mend}"


@pytest.mark.parametrize(
    "when",
    [
        "{team: [red, blue]}",
        "{user: u_1}",
        "{key: nightly}",
        "{key: master key}",
        "{brand: [acme, harbour]}",
        "{tags: x}",
    ],
)
async def test_what_somebody_has_is_no_warning(when: str, people: World, tmp_path: Path) -> None:
    assert await found(people, when, tmp_path) == []


async def test_the_name_of_a_revoked_key_is_nobody_s(people: World, tmp_path: Path) -> None:
    info, _ = await people.key(name="gone")
    await people.accounts.keys.revoke(people.admin, info.id)

    (problem,) = await found(people, "{key: gone}", tmp_path)

    assert problem.what == "no key has the name `gone`"
