"""A backup's file: what it holds comes out as it went in, and nothing else comes out of anything else."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.store import archive
from gateway.store.failures import MoveRefused

ROOM = 10**6


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    folder = tmp_path / "stage"
    folder.mkdir()
    return folder


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    (tmp_path / "a").write_bytes(b"first" * 300)
    (tmp_path / "b").write_bytes(b"")
    target = tmp_path / "backup.tar.gz"
    archive.write(target, {"one.db": tmp_path / "a", "templates/brands/x.yaml": tmp_path / "b"}, {"version": "0.1"})
    return target


def test_what_went_in_comes_out(packed: Path, stage: Path) -> None:
    manifest = archive.unpack(packed, stage, room=ROOM)
    assert manifest.facts == {"version": "0.1"}
    assert {path.relative_to(stage).as_posix() for path in stage.rglob("*") if path.is_file()} == set(manifest.members)
    assert (stage / "one.db").read_bytes() == b"first" * 300
    assert (stage / "one.db").stat().st_mode & 0o777 == 0o600
    assert (stage / "templates" / "brands" / "x.yaml").read_bytes() == b""


def test_nobody_else_may_read_it(packed: Path) -> None:
    assert packed.stat().st_mode & 0o777 == 0o600


def test_it_is_a_tar_like_any_other(packed: Path) -> None:
    with tarfile.open(packed) as tar:
        assert tar.getnames() == ["manifest.json", "one.db", "templates/brands/x.yaml"]
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        assert json.load(manifest)["members"]["one.db"]["bytes"] == 1500


def test_the_same_files_make_the_same_archive(packed: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.tar.gz"
    archive.write(again, {"one.db": tmp_path / "a", "templates/brands/x.yaml": tmp_path / "b"}, {"version": "0.1"})
    assert again.read_bytes() == packed.read_bytes()


def refused(source: Path, stage: Path, room: int = ROOM) -> str:
    with pytest.raises(MoveRefused) as told:
        archive.unpack(source, stage, room=room)
    assert str(told.value).endswith(".")
    return str(told.value)


def test_a_change_of_any_byte_is_noticed(packed: Path, tmp_path: Path) -> None:
    """All but that of the few bits which fill up the last byte of the compressed stream, and mean nothing."""
    whole = packed.read_bytes()
    filling = len(whole) - 9
    for place in set(range(len(whole))) - {filling}:
        changed = tmp_path / "changed"
        changed.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        stage = tmp_path / f"stage{place}"
        stage.mkdir()
        refused(changed, stage)


def test_an_end_that_is_missing_is_noticed_wherever_it_begins(packed: Path, tmp_path: Path) -> None:
    whole = packed.read_bytes()
    for length in range(len(whole)):
        cut = tmp_path / "cut"
        cut.write_bytes(whole[:length])
        stage = tmp_path / f"stage{length}"
        stage.mkdir()
        refused(cut, stage)


def test_something_that_follows_is_noticed(packed: Path, stage: Path) -> None:
    packed.write_bytes(packed.read_bytes() + b"more")
    refused(packed, stage)


def test_a_second_archive_that_follows_is_noticed(packed: Path, stage: Path) -> None:
    packed.write_bytes(packed.read_bytes() * 2)
    refused(packed, stage)


def test_more_than_there_is_room_for_is_refused_before_it_is_written(packed: Path, stage: Path) -> None:
    assert "room" in refused(packed, stage, room=1499)
    assert list(stage.iterdir()) == []


def test_a_newer_format_says_so(tmp_path: Path, stage: Path) -> None:
    source = forged(tmp_path, plain("manifest.json", json.dumps({"format": 2}).encode()))
    assert "newer version" in refused(source, stage)


def plain(name: str, data: bytes = b"") -> bytes:
    header = tarfile.TarInfo(name)
    header.size = len(data)
    return header.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512)


def special(name: str, kind: bytes, target: str = "") -> bytes:
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, target
    return header.tobuf(tarfile.GNU_FORMAT)


def manifest(*names: str, size: int = 0, digest: str = "") -> bytes:
    members = {name: {"bytes": size, "sha256": digest or EMPTY} for name in names}
    return plain("manifest.json", json.dumps({"format": 1, "facts": {}, "members": members}).encode())


EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
END = bytes(1024)


def forged(tmp_path: Path, *blocks: bytes) -> Path:
    """An archive that `write` would not have made, in the wrapping that it would have."""
    source, out = tmp_path / "forged.tar.gz", io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=out, compresslevel=9, mtime=0) as packed:
        packed.write(b"".join(blocks) + END)
    source.write_bytes(out.getvalue())
    return source


def test_the_forger_can_make_one_that_is_taken(tmp_path: Path, stage: Path) -> None:
    archive.unpack(forged(tmp_path, manifest("x.db"), plain("x.db")), stage, room=ROOM)
    assert [path.name for path in stage.iterdir()] == ["x.db"]


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/etc/x",
        "a/../../x",
        "a//x",
        ".hidden",
        "a/.hidden",
        "a\\x",
        "",
        ".",
        "a/",
        "manifest.json",
        "é",
        "x" * 101,
    ],
)
def test_a_name_outside_the_folder_is_refused(tmp_path: Path, stage: Path, name: str) -> None:
    refused(forged(tmp_path, manifest(name), plain(name[:99])), stage)
    assert [path for path in tmp_path.rglob("*") if path.name == "x"] == []


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE,
     tarfile.CONTTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_SPARSE, tarfile.XHDTYPE, tarfile.XGLTYPE],
)  # fmt: skip
def test_anything_but_a_plain_file_is_refused(tmp_path: Path, stage: Path, kind: bytes) -> None:
    refused(forged(tmp_path, manifest("x.db"), special("x.db", kind, "/etc/passwd")), stage)
    assert list(stage.iterdir()) == []


def entries() -> Iterator[tuple[str, Callable[[], tuple[bytes, ...]]]]:
    yield "no manifest", lambda: (plain("x.db"),)
    yield "nothing", lambda: ()
    yield "a member too few", lambda: (manifest("x.db", "y.db"), plain("x.db"))
    yield "a member too many", lambda: (manifest("x.db"), plain("x.db"), plain("y.db"))
    yield "a member twice", lambda: (manifest("x.db"), plain("x.db"), plain("x.db"))
    yield "another size", lambda: (manifest("x.db", size=1), plain("x.db"))
    yield "another digest", lambda: (manifest("x.db", size=1), plain("x.db", b"a"))
    yield "a negative size", lambda: (manifest("x.db", size=-1), plain("x.db"))
    yield "a file that is also a folder", lambda: (manifest("x", "x/y"), plain("x"), plain("x/y"))
    yield "bytes after the end", lambda: (manifest("x.db"), plain("x.db"), END, b"more")


@pytest.mark.parametrize("blocks", [pytest.param(make(), id=name) for name, make in entries()])
def test_what_does_not_agree_with_its_manifest_is_refused(tmp_path: Path, stage: Path, blocks: Any) -> None:
    with pytest.raises((MoveRefused, OSError)):
        archive.unpack(forged(tmp_path, *blocks), stage, room=ROOM)


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"null", b"{", b'{"format": 1}', b'{"format": 1, "facts": {}, "members": {"a": 1}}', b"[" * 10**5],
)
def test_a_manifest_that_cannot_be_read_is_refused(tmp_path: Path, stage: Path, text: bytes) -> None:
    refused(forged(tmp_path, plain("manifest.json", text)), stage)


def test_a_bomb_is_not_unpacked(tmp_path: Path, stage: Path) -> None:
    """A header that announces 8 GB of manifest is refused by the header alone."""
    header = tarfile.TarInfo("manifest.json")
    header.size = 8 * 10**9
    refused(forged(tmp_path, header.tobuf(tarfile.GNU_FORMAT), bytes(10**6)), stage)


def test_a_name_that_it_cannot_hold_is_refused_when_it_is_made(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(MoveRefused, match="plain characters"):
        archive.write(tmp_path / "out", {"templates/my file.yaml": tmp_path / "a"}, {})
    assert not (tmp_path / "out").exists()
