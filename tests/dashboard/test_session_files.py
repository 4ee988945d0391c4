"""Sign-ins outlive a restart of the dashboard; their files say nothing to whoever has not the cookie."""

from __future__ import annotations

import os
import stat

import httpx
import pytest

from dashboard import wiring
from dashboard.client import Client, Problem
from dashboard.session_files import SessionFiles
from dashboard.sessions import LIFE, Sessions, SignedOut
from tests.dashboard.world import ANN, BOB

ID, OTHER = "a" * 43, "b" * 43


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data" / "dashboard-sessions"


@pytest.fixture
def started(stub, now, folder):
    """Starts a dashboard; each time is another process, as it were."""
    return lambda: Sessions(
        lambda key: Client("http://gateway", key, stub.transport), now, files=SessionFiles(folder, LIFE, now)
    )


def test_a_session_made_before_a_restart_works_after_it(started, now):
    session_id = started().open(ANN)
    now.seconds += 60
    session = started().get(session_id)
    assert session.me().viewer.tenant == "user:ann"
    assert session.me().answers


def test_it_lasts_no_longer_for_that(started, now):
    session_id = started().open(ANN)
    now.seconds += LIFE - 1
    restarted = started()
    assert restarted.get(session_id) is not None
    now.seconds += 2
    assert restarted.get(session_id) is None
    assert started().get(session_id) is None


def test_nobody_is_found_by_an_id_that_was_never_given(started):
    started().open(ANN)
    for strange in (None, "", ID, "../", "\x00", "\udc80"):
        assert started().get(strange) is None


def test_signing_out_is_for_good_and_for_all_that_share_the_folder(started):
    first, second = started(), started()
    session_id = first.open(ANN)
    assert second.get(session_id) is not None
    first.end(session_id)
    assert second.get(session_id) is None
    assert started().get(session_id) is None


def test_signing_out_after_a_restart_ends_the_session_at_the_gateway(started, stub):
    session_id = started().open(ANN)
    restarted = started()
    restarted.get(session_id)
    restarted.end(session_id)
    assert stub.paths(ANN)[-1] == "/auth/sign-out"


def test_a_key_that_was_revoked_meanwhile_is_signed_out(started, stub):
    session_id = started().open(ANN)
    del stub.members[ANN]
    with pytest.raises(SignedOut):
        started().get(session_id).me()


def test_while_the_gateway_starts_too_the_session_waits_for_it(started, stub):
    session_id = started().open(ANN)
    stub.refusals["/v1/me"] = httpx.ConnectError("refused")
    session = started().get(session_id)
    with pytest.raises(Problem, match="does not answer"):
        session.me()
    del stub.refusals["/v1/me"]
    assert session.me().answers


def test_files_are_for_their_owner_alone_and_do_not_show_the_key(started, folder):
    session_id = started().open(ANN)
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert ANN.encode() not in file.read_bytes()
    assert session_id not in file.name
    assert ANN not in repr(SessionFiles(folder, LIFE).recall(session_id))


def test_what_one_id_sealed_no_other_opens(folder, now):
    files = SessionFiles(folder, LIFE, now)
    assert files.keep(ID, ANN)
    assert files.keep(OTHER, BOB)
    files._path(OTHER).write_bytes(files._path(ID).read_bytes())
    assert files.recall(OTHER) is None
    assert files.recall(ID).key == ANN


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 100])
def test_a_damaged_file_is_nobody(started, folder, damage):
    session_id = started().open(ANN)
    (file,) = folder.iterdir()
    file.write_bytes(damage)
    assert started().get(session_id) is None


def test_old_files_are_swept_at_the_next_sign_in(started, folder, now):
    started().open(ANN)
    (old,) = folder.iterdir()
    os.utime(old, (now() - LIFE - 1, now() - LIFE - 1))
    started().open(BOB)
    assert old not in folder.iterdir()


def test_a_folder_that_cannot_be_written_leaves_sessions_in_memory(started, folder, caplog):
    folder.parent.mkdir()
    folder.write_text("a file in its place")
    sessions = started()
    session_id = sessions.open(ANN)
    assert sessions.get(session_id).me().viewer.tenant == "user:ann"
    assert started().get(session_id) is None
    assert "cannot be kept" in caplog.text
    assert ANN not in caplog.text


def test_the_dashboard_keeps_them_in_its_data_folder(monkeypatch, tmp_path, stub):
    monkeypatch.setenv("ATELIER_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(wiring, "Client", lambda _url, key: Client("http://gateway", key, stub.transport))
    session_id = wiring.sessions.__wrapped__().open(ANN)
    assert wiring.sessions.__wrapped__().get(session_id).me().viewer.tenant == "user:ann"
    assert [each.name for each in tmp_path.iterdir()] == ["dashboard-sessions"]


def test_a_browser_stays_signed_in_across_a_restart(started, browser, monkeypatch):
    before, after = started(), started()
    monkeypatch.setattr(wiring, "sessions", lambda: before)
    browser.post("/sign-in", data={"key": ANN})
    monkeypatch.setattr(wiring, "sessions", lambda: after)
    assert browser.get("/").text == "inside"
