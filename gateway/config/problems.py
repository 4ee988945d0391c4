"""What can be wrong with a configuration, said so that an admin can mend it: file, line, column, key, what, how.

Nothing here ever holds a value of the file: values may be secrets.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath

MANY = 15  # more names than that are no help in one line
Path = tuple[str | int, ...]
Finding = tuple[Path, str, str]  # path, what is wrong, how to mend it


@dataclass(frozen=True, slots=True)
class Mark:
    """A place: 1-based line and column of a file, or a whole source when `line` is 0."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake or one warning: `file:line:column: key.path: what is wrong; how to mend it`."""

    mark: Mark
    path: Path
    what: str
    mend: str

    def __str__(self) -> str:
        place = f"{self.mark}: {key_path(self.path)}" if self.path else str(self.mark)
        return f"{place}: {self.what}; {self.mend}"


class ConfigError(Exception):
    """The configuration cannot be used. `problems` has every mistake that was found, in the order of the file.

    `files`: those that were read, or looked for.
    """

    def __init__(self, problems: Iterable[Problem], files: Iterable[FilePath] = ()) -> None:
        self.problems = in_order(problems)
        self.files = tuple(files)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """As they stand in the files."""
    return tuple(sorted(problems, key=lambda problem: (problem.mark.file, problem.mark.line, problem.mark.column)))


def key_path(path: Sequence[str | int]) -> str:
    """`("model_list", 0, "model_name")` as `model_list[0].model_name`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def did_you_mean(word: str, known: Iterable[str], prefix: str = "") -> str:
    """How to mend a name that is not known: the nearest one, or else all of them.

    `prefix`: what all of them begin with, which makes no two of them alike.
    """
    names = sorted(set(known))
    ends = [name.removeprefix(prefix) for name in names]
    near = difflib.get_close_matches(word.removeprefix(prefix), ends, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{names[ends.index(near[0])]}`?"
    if not names or len(names) > MANY:
        return "take it out, or look it up in docs/configuration.md"
    return f"known here: {', '.join(names)}"
