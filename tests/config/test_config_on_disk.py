"""How the configuration's files are written: over what was read only, as the files they were, or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config import disk
from gateway.config.disk import Changed, NotWritable, Writing


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "conf").mkdir()
    (tmp_path / "data").mkdir()
    path = tmp_path / "conf" / "config.yaml"
    path.write_text("old\n")
    return path


def writing(file: Path, new: str = "new\n", old: str = "old\n") -> Writing:
    return Writing(file.parent.parent / "data", {file: old}, {file: new})


def others(file: Path) -> list[str]:
    return sorted(each.name for each in file.parent.iterdir() if each != file)


def test_the_new_text_takes_the_place_of_the_old_one(file: Path) -> None:
    before = file.stat().st_ino
    writing(file).write()
    assert file.read_text() == "new\n"
    assert file.stat().st_ino != before  # whoever reads has one or the other
    assert others(file) == []


def test_mode_and_owner_stay(file: Path) -> None:
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 1234, 4321)
    owner = (file.stat().st_uid, file.stat().st_gid)
    writing(file).write()
    found = file.stat()
    assert (found.st_mode & 0o7777, found.st_uid, found.st_gid) == (0o640, *owner)


def test_a_link_goes_on_to_point_to_the_file(file: Path) -> None:
    link = file.parent.parent / "link.yaml"
    link.symlink_to(file)
    Writing(link.parent / "data", {link: "old\n"}, {link: "new\n"}).write()
    assert link.is_symlink()
    assert file.read_text() == "new\n"


def test_what_somebody_else_has_changed_is_not_written_over(file: Path) -> None:
    file.write_text("theirs\n")
    with pytest.raises(Changed):
        writing(file).write()
    assert file.read_text() == "theirs\n"
    file.unlink()
    with pytest.raises(Changed):
        writing(file).write()


def test_line_ends_and_byte_order_mark_stay(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfold\r\n")
    assert disk.read(file) == "old\r\n"
    change = writing(file, "new\r\n", "old\r\n")
    change.write()
    assert file.read_bytes() == b"\xef\xbb\xbfnew\r\n"
    change.put_back()
    assert file.read_bytes() == b"\xef\xbb\xbfold\r\n"


def test_what_was_written_is_put_back_unless_somebody_wrote_since(file: Path) -> None:
    change = writing(file)
    change.write()
    change.put_back()
    assert file.read_text() == "old\n"
    change = writing(file)
    change.write()
    file.write_text("theirs\n")
    change.put_back()
    assert file.read_text() == "theirs\n"


@pytest.fixture
def no_rename(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A single file that is mounted: another one cannot take its name."""

    def busy(*_: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", busy)
        yield


@pytest.mark.usefixtures("no_rename")
def test_a_mounted_file_is_written_in_place(file: Path) -> None:
    file.write_text("a longer old text\n")
    before = file.stat().st_ino
    writing(file, old="a longer old text\n").write()
    assert (file.read_text(), file.stat().st_ino) == ("new\n", before)
    assert others(file) == []


def test_of_several_files_all_are_written_or_none(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second = file.parent / "more.yaml"
    second.write_text("old\n")
    put = disk._put

    def full(path: Path, data: bytes) -> None:
        if path == second:
            raise OSError(errno.ENOSPC, "No space left on device")
        put(path, data)

    monkeypatch.setattr(disk, "_put", full)
    old, new = dict.fromkeys((file, second), "old\n"), dict.fromkeys((file, second), "new\n")
    with pytest.raises(NotWritable, match=r"more.yaml cannot be written \(No space left on device\)"):
        Writing(file.parent.parent / "data", old, new).write()
    assert (file.read_text(), second.read_text()) == ("old\n", "old\n")


def test_a_file_that_may_not_be_written_says_why(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert disk.why_not(file) is None
    assert "No such file" in (disk.why_not(file.parent / "none.yaml") or "")
    opened = Path.open

    def read_only(path: Path, mode: str = "r", *more: object, **named: object) -> object:
        if path == file and "+" in mode:
            raise OSError(errno.EROFS, "Read-only file system")
        return opened(path, mode, *more, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", read_only)
    assert disk.why_not(file) == f"{file} cannot be written (Read-only file system)"
    with pytest.raises(NotWritable, match="Read-only file system"):
        writing(file).write()
    assert file.read_text() == "old\n"


def test_the_lock_lies_in_the_data_folder(file: Path) -> None:
    (file.parent.parent / "data").rmdir()
    with pytest.raises(NotWritable, match=r"config.lock cannot be made \(No such file"):
        writing(file).write()
