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
    secrets: tuple[Path, ...]  # files that hold the value of a variable
    folders: tuple[Path, ...]  # templates and policies of the admin's own
    version: str

    @classmethod
    def of(cls, config: _Paths, texts: Mapping[Path, str | None], env: Mapping[str, str]) -> Sources:
        """What a configuration was read from, at the moment of reading."""
        known = {path: text for path, text in texts.items() if text is not None}
        secrets = tuple(secret_files(env).values())
        folders = tuple(each.path for each in (config.templates, config.policies) if each.path is not None)
        here = config.path.parent
        digest = hashlib.sha256()
        for path, text in known.items():
            digest.update(_framed(os.path.relpath(path, here).encode(), text.encode("utf-8", "surrogatepass")))
        for path in (*secrets, *_within(folders)):
            digest.update(_framed(path.name.encode(), _bytes(path)))
        return cls(known, secrets, folders, digest.hexdigest()[:12])

    @property
    def files(self) -> tuple[Path, ...]:
        return (*self.texts, *self.secrets)


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
