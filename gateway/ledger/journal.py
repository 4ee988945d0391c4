"""A file of this process for what Redis cannot take: each entry is on the disk before `append` returns.

Entries that come together are written together. A file whose process has died is found unlocked by the next one on
this machine. A line that was torn by a crash ends the file: it is cut off and told in the log. A full disk raises
OSError, and the file is as it was.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import structlog

from gateway.types import JsonObject

log = structlog.get_logger(__name__)


class Journal:
    """One file in `folder`, made when it is first written to and locked while the process lives."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.log"
        self._file: int | None = None
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self.entries = 0  # since it was last cleared

    async def append(self, entry: JsonObject) -> None:
        """Return once the entry is on the disk. Raises OSError."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((line(entry), future))
        self.entries += 1
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all(), name="ledger-journal")
        await future

    async def clear(self, entries: int) -> None:
        """Empty the file, unless more than `entries` have been written to it by now."""
        if self._file is not None and self.entries == entries:
            self.entries = 0
            os.ftruncate(self._file, 0)
            os.fsync(self._file)

    async def close(self) -> None:
        """Give the file free; an empty one is deleted."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)
        if self._file is not None:
            release(Adopted(self._path, self._file, ()), delete=os.fstat(self._file).st_size == 0)
            self._file = None

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self._write, b"".join(text for text, _ in batch))
            except OSError as error:
                log.critical("journal_not_written", entries=len(batch), error=str(error))
                _tell(batch, error)
            else:
                _tell(batch, None)

    def _write(self, text: bytes) -> None:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        before = os.fstat(self._file).st_size
        try:
            rest = memoryview(text)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, before)
            raise


@dataclass(frozen=True, slots=True)
class Adopted:
    """The file of a dead process, locked by this one, and what stands in it."""

    path: Path
    file: int
    entries: tuple[JsonObject, ...]


def adopt(folder: Path) -> list[Adopted]:
    """The files that no living process of this machine has locked; they are locked by this one now."""
    found: list[Adopted] = []
    for path in sorted(folder.glob("*.log")):
        try:
            file = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            continue
        if path.exists():
            found.append(Adopted(path, file, tuple(read(path))))
        else:
            os.close(file)
    return found


def release(adopted: Adopted, *, delete: bool) -> None:
    """Let go of a file: it is deleted once all of it is in Redis, else another process may adopt it."""
    if delete:
        adopted.path.unlink(missing_ok=True)
    os.close(adopted.file)


def line(entry: JsonObject) -> bytes:
    text = json.dumps(entry, separators=(",", ":")).encode()
    return b"%08x %s\n" % (crc32(text), text)


def read(path: Path) -> list[JsonObject]:
    """All entries up to the first that is not whole."""
    entries: list[JsonObject] = []
    lines = path.read_bytes().splitlines(keepends=True)
    for number, each in enumerate(lines):
        checksum, _, text = each.rstrip(b"\n").partition(b" ")
        if not each.endswith(b"\n") or checksum != b"%08x" % crc32(text):
            log.error("journal_torn", file=path.name, entries=len(entries), lost=len(lines) - number)
            break
        entries.append(json.loads(text))
    return entries


def _tell(batch: list[tuple[bytes, asyncio.Future[None]]], error: OSError | None) -> None:
    for _, future in batch:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
