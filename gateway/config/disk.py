"""Writes the configuration's files: only over the texts that were read, each at once, as the file it was.

Mode, owner and symbolic links stay. Where a file cannot be put in the place of another (a mount of its own), it is
written in place. What cannot be written raises `NotWritable` and is put back.
"""

from __future__ import annotations

import codecs
import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK = "config.lock"  # in the data folder


class Changed(Exception):
    """A file is not what was read: somebody else was faster."""


class NotWritable(Exception):
    """A file cannot be written; the message says why."""


def why_not(path: Path) -> str | None:
    """Why a file cannot be written, or None when it can."""
    try:
        target = path.resolve(strict=True)
        with target.open("r+b"):
            return None
    except OSError as error:
        return f"{path} cannot be written ({_reason(error)})"


def read(path: Path) -> str | None:
    """The text of a file, with its line ends and without a byte order mark; None when it is not there or no text."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None


class Writing:
    """New texts for some of the files of `old`, written if all of them still have theirs."""

    def __init__(self, data_dir: Path, old: Mapping[Path, str], new: Mapping[Path, str]) -> None:
        self._data_dir = data_dir
        self._old = old
        self._new = new
        self._before: dict[Path, bytes] = {}

    def write(self) -> None:
        """Raises Changed, NotWritable; then no file is different from before. Blocks."""
        with _alone(self._data_dir):
            for path, text in self._old.items():
                if read(path) != text:
                    raise Changed(str(path))
            for path, text in self._new.items():
                try:
                    self._write(path, text)
                except OSError as error:
                    self._put_back()
                    raise NotWritable(f"{path} cannot be written ({_reason(error)})") from None

    def put_back(self) -> None:
        """Undo it, where nobody has written since. Never raises for the disk. Blocks."""
        with suppress(NotWritable), _alone(self._data_dir):
            self._before = {path: data for path, data in self._before.items() if read(path) == self._new[path]}
            self._put_back()

    def _write(self, path: Path, text: str) -> None:
        before = self._before[path] = path.read_bytes()
        mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
        _put(path, mark + text.encode())

    def _put_back(self) -> None:
        for path, data in self._before.items():
            with suppress(OSError):
                _put(path, data)


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    """Let no other process of this host write meanwhile."""
    try:
        lock = os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise NotWritable(f"{data_dir / LOCK} cannot be made ({_reason(error)})") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _put(path: Path, data: bytes) -> None:
    target = path.resolve()
    with target.open("r+b"):  # a file that may not be written is not replaced either
        pass
    try:
        _replace(target, data)
    except OSError as error:
        if error.errno not in {errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS}:
            raise
        _overwrite(target, data)


def _replace(target: Path, data: bytes) -> None:
    """Another file in its place, on the disk before it has the name."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            found = target.stat()
            os.fchown(handle, found.st_uid, found.st_gid)
            os.fchmod(handle, found.st_mode & 0o7777)
            file.write(data)
            file.flush()
            os.fsync(handle)
        os.replace(name, target)  # noqa: PTH105 - one of the two is a name
    except OSError:
        with suppress(OSError):
            os.unlink(name)  # noqa: PTH108
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _overwrite(target: Path, data: bytes) -> None:
    with target.open("r+b") as file:
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
