"""The shipped library, and a way to write one of your own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import templates
from gateway.prompts import Library

SHIPPED = Path(templates.__file__).parent

MINIMAL = """\
id: note
title: Note
description: A note.
category: test
current: 1
versions:
  - version: 1
    notes: First.
    variables:
      topic: {type: string, title: Topic, required: true}
    messages:
      - {role: system, content: You write notes.}
      - {role: user, content: "A note about {{ topic }}."}
"""


@pytest.fixture(scope="session")
def shipped() -> Library:
    return Library.load([SHIPPED])


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write files below a folder of their own; `write("a", note=MINIMAL)` makes `a/prompts/note.yaml`."""

    def _write(folder: str, kind: str = "prompts", /, **files: str) -> Path:
        target = tmp_path / folder / kind
        target.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (target / f"{name}.yaml").write_text(text, encoding="utf-8")
        return tmp_path / folder

    return _write


@pytest.fixture
def minimal() -> str:
    return MINIMAL
