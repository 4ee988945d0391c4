"""A kind of mistake in a configuration, and what must be told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gateway.config import Problem

Refused = Callable[..., list[Problem]]
MODEL = "model_list: [{model_name: fast, litellm_params: {model: openai/x}}]\n"
TWO = """model_list:
  - {model_name: fast, litellm_params: {model: openai/x}}
  - {model_name: smart, litellm_params: {model: openai/y}}
"""


class Mistake(NamedTuple):
    """`key` must be named, in the line marked `#!`; `what` and `mend` must be in the words."""

    name: str
    text: str
    key: str
    what: str
    mend: str
    env: Mapping[str, str] = {}
    line: int = 0  # where no comment can mark it


def is_told_once(mistake: Mistake, refused: Refused) -> None:
    problems = refused(mistake.text, mistake.env)

    assert len(problems) == 1, [str(problem) for problem in problems]
    marked = next((number for number, line in enumerate(mistake.text.splitlines(), 1) if "#!" in line), mistake.line)
    place, _, said = str(problems[0]).partition(": ")
    assert place.rpartition("/")[2].startswith(f"config.yaml:{marked}:")
    assert not mistake.key or said.startswith(f"{mistake.key}: ")
    assert mistake.what in problems[0].what
    assert mistake.mend in problems[0].mend
