"""The one file of a backup: a gzip-compressed tar of plain files, first of them `manifest.json` with a digest of each.

Reading trusts nothing and extracts nothing: every header is looked at before its bytes are taken, every byte goes through
a digest, and a file is written only under a name that the manifest lists and `NAME` allows. What does not fit is
`MoveRefused`, with a sentence; what was written by then lies in the caller's own folder, to be thrown away.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from gateway.store.failures import MoveRefused

MANIFEST = "manifest.json"
FORMAT = 1
MAX_MANIFEST = 4 * 1024 * 1024  # bytes
MAX_MEMBERS = 10_000
MAX_NAME = 100  # bytes: what the plainest tar header holds
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,8}")  # no part begins with a point
_BLOCK = tarfile.BLOCKSIZE
_CHUNK = 1024 * 1024
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"  # what `write` begins with: no name, no time
_BROKEN = (gzip.BadGzipFile, zlib.error, EOFError, tarfile.TarError, UnicodeDecodeError, ValueError)


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the archive: its size in bytes and its SHA-256, hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds, and what its maker said of it. `facts` is JSON of the caller's own."""

    facts: Mapping[str, Any]
    members: Mapping[str, Member]

    @property
    def size(self) -> int:
        return sum(member.size for member in self.members.values())


def write(target: Path, files: Mapping[str, Path], facts: Mapping[str, Any]) -> Manifest:
    """Write `files`, by the names they get, to a new file that only this user may read. Raises MoveRefused, OSError."""
    for name in files:
        _check_name(name)
    manifest = Manifest(facts, {name: _measured(path) for name, path in files.items()})
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=9, mtime=0) as out:
            text = _encoded(manifest)
            out.write(_header(MANIFEST, len(text)) + text + _padding(len(text)))
            for name, path in files.items():
                _put(cast("BinaryIO", out), name, path, manifest.members[name])
            out.write(bytes(2 * _BLOCK))
        raw.flush()
        os.fsync(raw.fileno())
    return manifest


def unpack(source: Path, folder: Path, *, room: int) -> Manifest:
    """Write every member below `folder`, which is empty. `room`: the most bytes they may have together.

    Raises MoveRefused for anything but an archive as `write` makes it, whole and unchanged; and OSError.
    """
    try:
        with source.open("rb") as raw:
            if raw.read(len(_HEADER)) != _HEADER:
                raise MoveRefused(f"{source} is not a backup of Atelier's, or its first bytes are damaged.")
            raw.seek(0)
            with gzip.GzipFile(fileobj=raw, mode="rb") as packed:
                return _unpack(cast("BinaryIO", packed), folder, room)
    except _BROKEN as error:
        raise MoveRefused(
            f"The backup {source} is damaged ({error or type(error).__name__}); take another one."
        ) from None


def _unpack(packed: BinaryIO, folder: Path, room: int) -> Manifest:
    manifest = _read_manifest(packed)
    if manifest.size > room:
        raise MoveRefused(
            f"The backup holds {manifest.size} bytes, but there is room for {room} only; make room first."
        )
    for name, member in manifest.members.items():
        header = _next(packed)
        if header is None or header.name != name or header.size != member.size:
            raise ValueError(f"{name} is not where the manifest says")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _take(packed, path, member)
    if _next(packed) is not None:
        raise ValueError("it holds more than its manifest says")
    if packed.read(2 * _BLOCK) != bytes(_BLOCK):  # the end's second block; reading on to the last byte checks the sum
        raise ValueError("something follows its end")
    return manifest


def _read_manifest(packed: BinaryIO) -> Manifest:
    header = _next(packed)
    if header is None or header.name != MANIFEST or header.size > MAX_MANIFEST:
        raise ValueError("it does not begin with its manifest")
    text = _exactly(packed, header.size)
    _exactly(packed, -header.size % _BLOCK)
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise MoveRefused("The backup was made by a newer version of Atelier; install that version.")
        members = {str(name): Member(int(each["bytes"]), str(each["sha256"])) for name, each in data["members"].items()}
        facts = dict(data["facts"])
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("its manifest cannot be read") from error
    if len(members) > MAX_MEMBERS or any(member.size < 0 for member in members.values()):
        raise ValueError("its manifest lists too much")
    for name in members:
        _check_name(name)
    return Manifest(facts, members)


def _next(packed: BinaryIO) -> tarfile.TarInfo | None:
    """The next header; None at the end. Only plain files may come: no link, device, folder or extended header."""
    block = _exactly(packed, _BLOCK)
    if not block.strip(b"\0"):
        return None
    header = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    if header.type != tarfile.REGTYPE:
        raise ValueError(f"{header.name!r} is not a plain file")
    return header


def _take(packed: BinaryIO, path: Path, member: Member) -> None:
    digest, left = hashlib.sha256(), member.size
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        while left:
            chunk = _exactly(packed, min(left, _CHUNK))
            digest.update(chunk)
            out.write(chunk)
            left -= len(chunk)
        out.flush()
        os.fsync(out.fileno())
    _exactly(packed, -member.size % _BLOCK)
    if digest.hexdigest() != member.sha256:
        raise ValueError(f"{path.name} is not what the manifest says")


def _exactly(packed: BinaryIO, size: int) -> bytes:
    parts = []
    while size:
        part = packed.read(size)
        if not part:
            raise EOFError("it ends too early")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _put(out: BinaryIO, name: str, path: Path, member: Member) -> None:
    out.write(_header(name, member.size))
    left = member.size
    with path.open("rb") as file:
        while left:
            chunk = file.read(min(left, _CHUNK))
            if not chunk:
                raise MoveRefused(f"{path} became shorter while it was read; make the backup again.")
            out.write(chunk)
            left -= len(chunk)
    out.write(_padding(member.size))


def _measured(path: Path) -> Member:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return Member(file.tell(), digest.hexdigest())


def _encoded(manifest: Manifest) -> bytes:
    members = {name: {"bytes": member.size, "sha256": member.sha256} for name, member in manifest.members.items()}
    return json.dumps({"format": FORMAT, "facts": manifest.facts, "members": members}, indent=1).encode()


def _header(name: str, size: int) -> bytes:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o600
    return header.tobuf(tarfile.GNU_FORMAT, "ascii", "strict")


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


def _check_name(name: str) -> None:
    if name == MANIFEST or len(name) > MAX_NAME or NAME.fullmatch(name) is None:
        raise MoveRefused(f"{name[:200]!r} is no name that a backup may hold: at most {MAX_NAME} plain characters.")
