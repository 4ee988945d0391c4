"""The configuration's files: reads one, follows its `include`, and lays all of them together.

Lists of several files are joined, the including file's entries first; sections are merged; a single value that stands
in two files is a mistake, because nobody could tell which one counts. Each file is read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.config.positions import Items, Section, parse
from gateway.config.problems import Mark, Problem
from gateway.config.problems import Path as KeyPath

MAX_BYTES = 4_000_000


@dataclass(slots=True)
class Reading:
    """One reading of the files. `instead`: texts that count in place of files'; `texts`: what was read, None: nothing."""

    problems: list[Problem]
    instead: Mapping[Path, str] = field(default_factory=dict)
    warnings: list[Problem] = field(default_factory=list)
    texts: dict[Path, str | None] = field(default_factory=dict)

    def read(self, path: Path) -> Section:
        """What `path` and the files it includes hold together. Files that cannot be read become problems."""
        return _read(path, Mark(str(path)), self, set(), ())


def _read(path: Path, asked_at: Mark, reading: Reading, seen: set[Path], above: tuple[Path, ...]) -> Section:
    """`seen`: what was read already; `above`: the files whose `include` led here."""
    seen.add(path.resolve())
    above = (*above, path.resolve())
    problems = reading.problems
    text = reading.instead.get(path)
    text = reading.texts[path] = _text(path, asked_at, problems) if text is None else text
    root = parse(text, str(path), problems, reading.warnings) if text is not None else Section(asked_at)
    included = root.get("include")
    names = included if isinstance(included, Items) else [included] if isinstance(included, str) else []
    for index, name in enumerate(names):
        if isinstance(name, str):
            mark = included.values_at[index] if isinstance(included, Items) else root.values_at["include"]
            target = path.parent / name
            if target.resolve() in above:
                circle = " → ".join(each.name for each in (*above[above.index(target.resolve()) :], target))
                what = f"the files include each other in a circle: {circle}"
                problems.append(Problem(mark, ("include", index), what, "take one of them out"))
            elif target.resolve() not in seen:
                _merge(root, _read(target, mark, reading, seen, above), (), problems)
    return root


def _text(path: Path, asked_at: Mark, problems: list[Problem]) -> str | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        mend = "check the name" if asked_at.line else "name it with --config or ATELIER_CONFIG"
        problems.append(Problem(asked_at, (), f"there is no file {path}", mend))
        return None
    except OSError as error:
        what = f"{path} cannot be read ({error.strerror or 'unknown reason'})"
        problems.append(Problem(asked_at, (), what, "check that it is a file and may be read"))
        return None
    if len(data) > MAX_BYTES:
        problems.append(Problem(Mark(str(path)), (), "the file is larger than 4 MB", "check that it is the right one"))
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        before = data[data.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8-sig")
        mark = Mark(str(path), line, len(before) + 1)
        problems.append(Problem(mark, (), "a character that is not UTF-8 stands here", "save the file as UTF-8"))
        return None


def _merge(into: Section, other: Section, path: KeyPath, problems: list[Problem]) -> None:
    for key, value in other.items():
        spot = (*path, key)
        if spot == ("include",):
            continue
        if into.get(key) is None:
            into.put(key, value, other.keys_at[key], other.values_at[key])
        elif isinstance(into[key], Section) and isinstance(value, Section):
            _merge(into[key], value, spot, problems)
        elif isinstance(into[key], Items) and isinstance(value, Items):
            for item, mark in zip(value, value.values_at, strict=True):
                into[key].put(item, mark)
        elif value is not None:
            what = f"is given in {into.keys_at[key]} too"
            problems.append(Problem(other.keys_at[key], spot, what, "keep one of them"))
