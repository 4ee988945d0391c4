"""Versions that were served: who made them and when, kept once whoever says so, and none that others may read."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.config.edit import EDITABLE
from gateway.config.history import FOLDER, MOST, SOON, History

MAIN = Path("conf/config.yaml")


class Ticking:
    """A second later each time it is asked."""

    def __init__(self, time: float = 1_000.0) -> None:
        self.time = time

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


def test_what_is_served_again_is_one_more_entry_and_the_others_stay(history: History) -> None:
    keep(history, 1, "user:ada", "more")
    keep(history, 2, "user:bob", "less")
    keep(history, 1, "user:eve", "more again")
    assert [(each.version, each.by, each.what, each.at) for each in history.versions()] == [
        (name(1), "user:eve", ("more again",), 1_003.0),
        (name(2), "user:bob", ("less",), 1_002.0),
        (name(1), "user:ada", ("more",), 1_001.0),
    ]


def test_several_workers_keep_one_change_once_as_of_the_first(history: History) -> None:
    for by in ("user:ada", "file", "user:bob"):
        keep(history, 1, by, "more")
    assert [each.by for each in history.versions()] == ["user:ada"]


def test_a_clock_that_goes_back_changes_no_order(tmp_path: Path) -> None:
    keep(History(tmp_path, Ticking(5_000.0)), 1)
    history = History(tmp_path, Ticking())
    for number in (2, 1):
        keep(history, number, "user:ada")
    assert versions(history) == [name(1), name(2), name(1)]
    assert [each.at for each in history.versions()] == [5_001.0] * 3


def test_the_first_to_keep_a_change_of_the_disk_is_told_what_was_before(history: History) -> None:
    one, two, three = ({MAIN: f"limits: {{rpm: {number}}}"} for number in (1, 2, 3))
    assert history.keep(name(1), one, "file", []) is None  # the first that was ever kept is no change
    assert history.keep(name(2), two, "file", ["less"]) == name(1)
    assert history.keep(name(2), two, "file", ["less"]) is None
    assert history.keep(name(3), three, "user:ada", ["more"]) is None


def test_whoever_announced_a_version_made_it_whichever_process_sees_it_first(history: History) -> None:
    keep(history, 1)
    history.announce(name(2), "user:ada", ["more"])
    assert history.keep(name(2), {MAIN: "limits: {rpm: 2}"}, "file", ["as a worker sees it"]) is None
    assert (history.versions()[0].by, history.versions()[0].what) == ("user:ada", ("more",))


@pytest.mark.parametrize("gone", ["withdrawn", "long ago"])
def test_what_was_announced_and_did_not_come_is_nobodys(history: History, tmp_path: Path, gone: str) -> None:
    keep(history, 1)
    history.announce(name(2), "user:ada", ["more"])
    if gone == "withdrawn":
        history.withdraw(name(2))
    later = History(tmp_path, Ticking(1_000.0 if gone == "withdrawn" else 1_000.0 + 2 * SOON))
    assert later.keep(name(2), {MAIN: "limits: {rpm: 2}"}, "file", []) == name(1)
    assert later.versions()[0].by == "file"


def test_a_process_that_is_behind_adds_nothing(history: History, tmp_path: Path) -> None:
    """Somebody edits and goes back; another process reads the file in between and tells of it afterwards."""
    file = tmp_path / "config.yaml"
    for number, by in ((1, "file"), (2, "user:ada"), (1, "user:ada")):
        file.write_text(f"limits: {{rpm: {number}}}")
        history.keep(name(number), {file: file.read_text()}, by, [])
    assert history.keep(name(2), {file: "limits: {rpm: 2}"}, "file", []) is None
    assert versions(history) == [name(1), name(2), name(1)]
    file.write_text("limits: {rpm: 2}")
    assert history.keep(name(2), {file: "limits: {rpm: 2}"}, "file", []) == name(1)


def test_a_secret_that_changes_alone_is_told_apart(history: History) -> None:
    text = {MAIN: "limits: {rpm: 1}"}
    history.keep(name(1), text, "file", [])
    assert history.keep(name(2), text, "file", ["the deployment `a`: its key is replaced"]) == name(1)
    assert history.versions()[0].by == "secret"
    history.keep(name(3), {MAIN: "limits: {rpm: 3}"}, "file", [])
    assert history.versions()[0].by == "file"


def test_deployments_that_change_alike_are_one_sentence(history: History) -> None:
    keys = [f"the deployment `d{number}`: its key is replaced" for number in range(20)]
    other, more = "the deployment `e`: weight 1 → 2", "`limits.rpm` is 5"
    history.keep(name(1), {MAIN: ""}, "user:ada", [*keys[:10], other, *keys[10:], more])
    assert history.versions()[0].what == (
        "20 deployments (`d0`, `d1`, `d2` and 17 more): its key is replaced",
        other,
        more,
    )


def test_entries_of_older_releases_are_read_and_come_before_the_others(history: History, tmp_path: Path) -> None:
    old = {"version": name(1), "at": 9_000.0, "by": "user:ada", "what": ["x"], "sections": {"limits": "limits: {}\n"}}
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / f"{name(1)}.json").write_text(json.dumps(old))
    keep(history, 2)
    assert versions(history) == [name(2), name(1)]
    found = history.sections(name(1))
    assert found is not None
    assert found["limits"] == "limits: {}\n"


def test_a_version_comes_back_as_it_was_when_it_came_last(history: History) -> None:
    for text, by in (("limits: {rpm: 1}\n", "file"), ("limits: {rpm: 1} # a word\n", "user:ada")):
        history.keep(name(1), {MAIN: text}, by, [])
        keep(history, 2)
    found = history.sections(name(1))
    assert found is not None
    assert found["limits"] == "limits: {rpm: 1} # a word\n"


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
