"""Versions that were served: who made them and when, kept once whoever says so, and none that others may read."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.config.edit import EDITABLE
from gateway.config.history import FOLDER, MOST, History

MAIN = Path("conf/config.yaml")


class Ticking:
    """A second later each time it is asked."""

    def __init__(self) -> None:
        self.time = 1_000.0

    def now(self) -> float:
        self.time += 1
        return self.time

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path, Ticking())


def name(number: int) -> str:
    return f"{number:012x}"


def keep(history: History, number: int, by: str = "file", what: str = "") -> None:
    history.keep(name(number), {MAIN: f"limits: {{rpm: {number}}}"}, by, [what] if what else [])


def versions(history: History) -> list[str]:
    return [each.version for each in history.versions()]


def test_the_newest_comes_first_with_who_and_what(history: History) -> None:
    assert history.versions() == ()
    keep(history, 1)
    keep(history, 2, "user:ada", "`limits.rpm` is 5")
    one, two = history.versions()
    assert (one.version, one.by, one.what, one.at) == (name(2), "user:ada", ("`limits.rpm` is 5",), 1_002.0)
    assert (two.version, two.by, two.what) == (name(1), "file", ())


def test_what_is_served_again_is_the_newest_again(history: History) -> None:
    for number in (1, 2, 1):
        keep(history, number)
    assert versions(history) == [name(1), name(2)]


def test_who_made_it_is_not_forgotten_when_it_is_served_again(history: History) -> None:
    keep(history, 1, "user:ada", "more")
    keep(history, 2)
    keep(history, 1)
    assert next((each.version, each.by, each.what) for each in history.versions()) == (name(1), "user:ada", ("more",))
    keep(history, 2, "file", "less")
    assert history.versions()[0].what == ("less",)


def test_several_workers_keep_one_version_and_the_one_who_knows_says_who_it_was(history: History) -> None:
    keep(history, 1)
    keep(history, 1, "user:ada", "more")
    keep(history, 1)
    keep(history, 1, "key:k_1", "other")
    [only] = history.versions()
    assert (only.by, only.what, only.at) == ("user:ada", ("more",), 1_001.0)


def test_workers_at_once(tmp_path: Path) -> None:
    each = [History(tmp_path, Ticking()) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for number in range(5):
            list(pool.map(lambda history: keep(history, number), each))  # noqa: B023
    assert sorted(versions(each[0])) == [name(number) for number in range(5)]


def test_fifty_are_kept(history: History) -> None:
    for number in range(MOST + 3):
        keep(history, number)
    assert versions(history) == [name(number) for number in range(MOST + 2, 2, -1)]


def test_only_the_owner_may_read_them(history: History, tmp_path: Path) -> None:
    keep(history, 1)
    folder = tmp_path / FOLDER
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()] == [0o600]


def test_the_editable_sections_come_back_and_no_credential_is_kept(history: History, tmp_path: Path) -> None:
    texts = {
        MAIN: "general_settings: {master_key: sk-secret}\r\nlimits:\r\n  rpm: 5  # ü\r\n",
        Path("conf/more.yaml"): "queue: {max_wait: 3}\nenvironment_variables: {A: sk-secret}",
    }
    history.keep(name(1), texts, "file", [])
    found = history.sections(name(1))
    assert found is not None
    assert tuple(found) == EDITABLE
    given = {section: text for section, text in found.items() if text}
    assert given == {"limits": "limits:\n  rpm: 5  # ü\n", "queue": "queue: {max_wait: 3}\n"}
    kept = b"".join(path.read_bytes() for path in (tmp_path / FOLDER).iterdir())
    assert b"sk-secret" not in kept


@pytest.mark.parametrize("version", ["", "0" * 12, "../../../etc/passwd", "g" * 12, "0" * 13, "*"])
def test_what_is_not_kept_is_not_there(history: History, version: str) -> None:
    keep(history, 1)
    assert history.sections(version) is None


def test_what_cannot_be_read_is_left_out(history: History, tmp_path: Path) -> None:
    keep(history, 1)
    (tmp_path / FOLDER / f"{name(2)}.json").write_text("{broken")
    (tmp_path / FOLDER / f"{name(3)}.json").write_text('{"version": 1}')
    assert versions(history) == [name(1)]
    assert history.sections(name(2)) is None
    keep(history, 4)
    assert versions(history) == [name(4), name(1)]


def test_a_folder_that_cannot_be_made_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file")
    history = History(tmp_path, Ticking())
    keep(history, 1)
    assert history.versions() == ()


def test_texts_that_never_served_are_set_aside_for_the_owner(history: History, tmp_path: Path) -> None:
    for number in range(12):
        history.set_aside({"limits": f"text {number}", "queue": ""})
    found = list((tmp_path / FOLDER).iterdir())
    assert len(found) == 10
    assert "text 11" in [each.read_text() for each in found]
    assert {stat.S_IMODE(each.stat().st_mode) for each in found} == {0o600}
    assert history.versions() == ()
