"""The files that a configuration was read from: their texts, a version that changes with them, and whether they have.

A file or folder that cannot be looked at counts as absent; it is noticed again when it is there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gateway.config.environment import secret_files
from gateway.config.problems import Mark, Problem

Signature = tuple[tuple[str, int, int, int], ...]


class _Folder(Protocol):
    @property
    def path(self) -> Path | None: ...


class _Paths(Protocol):
    @property
    def path(self) -> Path: ...
    @property
    def templates(self) -> _Folder: ...
    @property
    def policies(self) -> _Folder: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """`texts`: the main file and those it includes, by path, as they were read. Texts may be secrets."""

    texts: Mapping[Path, str] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)  # as it was, with what stood in secret files
    secrets: Mapping[str, Path]  # files that hold the value of a variable, by the variable
    folders: tuple[Path, ...]  # templates and policies of the admin's own
    version: str

    @classmethod
    def of(cls, config: _Paths, texts: Mapping[Path, str | None], env: Mapping[str, str]) -> Sources:
        """What a configuration was read from, at the moment of reading."""
        known = {path: text for path, text in texts.items() if text is not None}
        secrets = secret_files(env)
        folders = tuple(each.path for each in (config.templates, config.policies) if each.path is not None)
        here = config.path.parent
        digest = hashlib.sha256()
        for path, text in known.items():
            digest.update(_framed(os.path.relpath(path, here).encode(), text.encode("utf-8", "surrogatepass")))
        for name in secrets:
            digest.update(_framed(name.encode(), env.get(name, "").encode("utf-8", "surrogateescape")))
        for path in _within(folders):
            digest.update(_framed(path.name.encode(), _bytes(path)))
        return cls(known, env, secrets, folders, digest.hexdigest()[:12])

    @property
    def files(self) -> tuple[Path, ...]:
        return (*self.texts, *self.secrets.values())

    def lost(self, now: Sources) -> list[Problem]:
        """Secret files that held a value here and hold none `now`: somebody may be in the middle of writing them."""
        mend = "put the value back, best by moving another file into its place; to go without it, restart"
        return [
            Problem(Mark(str(path)), (), f"the file of {name} holds no value any more", mend)
            for name, path in now.secrets.items()
            if self.environment.get(name) and not now.environment.get(name)
        ]


def signature(files: Iterable[Path], folders: Iterable[Path] = ()) -> Signature:
    """Changes whenever one of the files, or something in the folders, was written, replaced, made or taken away."""
    return tuple(_stamp(path) for path in (*files, *_within(folders)))


def _within(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        for place, inner, names in os.walk(folder):
            inner[:] = sorted(name for name in inner if not name.startswith((".", "__")))
            yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (str(path), 0, 0, 0)
    return (str(path), found.st_mtime_ns, found.st_size, found.st_ino)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _framed(name: bytes, data: bytes) -> bytes:
    return b"%d:%s%d:%s" % (len(name), name, len(data), data)
