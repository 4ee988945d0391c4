"""The files that make images and set-ups, as data."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.harness import ROOT


@dataclass(frozen=True)
class Stage:
    """One FROM of the Dockerfile, with what follows: (instruction, the rest of the line)."""

    name: str
    base: str
    steps: tuple[tuple[str, str], ...]

    def given(self, instruction: str) -> list[str]:
        return [rest for name, rest in self.steps if name == instruction]


@pytest.fixture(scope="session")
def stages() -> dict[str, Stage]:
    """The Dockerfile's stages, in order."""
    text = "\n".join(line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#"))
    lines = [line.split(maxsplit=1) for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    found: dict[str, Stage] = {}
    for instruction, rest in lines:
        if instruction == "FROM":
            base, _, name = rest.split()
            found[name] = Stage(name, base, ())
        elif found:
            last = list(found)[-1]
            found[last] = Stage(last, found[last].base, (*found[last].steps, (instruction, " ".join(rest.split()))))
    return found


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    made: dict[str, Any] = YAML(typ="safe").load(ROOT / "compose.yaml")
    return made


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A folder in which deploy/prepare.sh was run."""
    prepare(tmp_path)
    return tmp_path


def prepare(folder: Path) -> None:
    subprocess.run(["sh", str(ROOT / "deploy" / "prepare.sh"), str(folder)], check=True, stdout=subprocess.DEVNULL)
