"""The journal: what `append` returned from is on the disk, once, and a torn end takes nothing else with it."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.ledger import journal
from gateway.ledger.journal import Journal, adopt, read, release


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.log"))


async def test_entries_that_come_together_are_all_there_in_their_order(tmp_path: Path) -> None:
    written = Journal(tmp_path)
    await asyncio.gather(*(written.append({"n": n, "text": "\ud800 caf\u00e9 \0 \n"}) for n in range(200)))
    (path,) = files(tmp_path)
    assert [entry["n"] for entry in read(path)] == list(range(200))
    assert path.stat().st_mode & 0o077 == 0
    await written.close()


async def test_entries_that_come_together_are_written_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(journal.os, "fsync", synced.append)
    written = Journal(tmp_path)
    await asyncio.gather(*(written.append({"n": n}) for n in range(200)))
    assert len(synced) < 5
    await written.close()


async def test_a_file_that_is_in_use_is_not_adopted_and_a_left_one_is_once(tmp_path: Path) -> None:
    alive, dead = Journal(tmp_path), Journal(tmp_path)
    for written, name in ((alive, "alive"), (dead, "dead")):
        await written.append({"who": name})
    await dead.close()
    (found,) = adopt(tmp_path)
    assert found.entries == ({"who": "dead"},)
    assert adopt(tmp_path) == []
    release(found, delete=False)
    (found,) = adopt(tmp_path)
    release(found, delete=True)
    assert adopt(tmp_path) == []
    await alive.close()


@pytest.mark.parametrize("cut", [1, 5, 12, 20])
async def test_a_torn_end_is_cut_and_told(tmp_path: Path, cut: int) -> None:
    written = Journal(tmp_path)
    for n in range(3):
        await written.append({"number": n})
    await written.close()
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[:-cut])
    with capture_logs() as lines:
        entries = read(path)
    assert entries == [{"number": 0}, {"number": 1}]
    assert [line["event"] for line in lines] == ["journal_torn"]


async def test_what_comes_after_a_changed_byte_is_not_believed(tmp_path: Path) -> None:
    written = Journal(tmp_path)
    for n in range(3):
        await written.append({"number": n})
    await written.close()
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"number":1', b'"number":7'))
    with capture_logs() as lines:
        assert read(path) == [{"number": 0}]
    assert lines[0]["lost"] == 2


async def test_a_full_disk_is_told_and_leaves_the_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = Journal(tmp_path)
    await written.append({"n": 1})
    whole = os.write

    def full(file: int, text: Any) -> int:
        whole(file, bytes(text[:3]))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal.os, "write", full)
    with pytest.raises(OSError, match="No space"):
        await written.append({"n": 2})
    monkeypatch.undo()
    await written.append({"n": 3})
    assert [entry["n"] for entry in read(files(tmp_path)[0])] == [1, 3]
    await written.close()


async def test_clearing_waits_for_what_came_in_between(tmp_path: Path) -> None:
    written = Journal(tmp_path)
    await written.append({"n": 1})
    seen = written.entries
    await written.append({"n": 2})
    await written.clear(seen)
    assert len(read(files(tmp_path)[0])) == 2
    await written.clear(written.entries)
    await written.close()
    assert files(tmp_path) == []
