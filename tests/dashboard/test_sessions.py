"""Sign-ins: how long they last, whom they trust, what they leave behind."""

from __future__ import annotations

import httpx
import pytest

from dashboard import sessions as module
from dashboard.client import Client, Problem
from dashboard.draft import Order, Phase
from dashboard.sessions import Sessions, SignedOut
from tests.dashboard.stub import Body
from tests.dashboard.world import ANN, BOB

ORDER = Order("A text", {})


@pytest.fixture
def sessions(stub, now) -> Sessions:
    return Sessions(lambda key: Client("http://gateway", key, stub.transport), now)


def test_a_key_that_the_gateway_knows_opens_a_session(sessions):
    session = sessions.get(sessions.open(ANN))
    assert session.me().viewer.tenant == "user:ann"


def test_a_wrong_key_opens_none_and_gives_the_gateways_words(sessions):
    with pytest.raises(Problem, match="Incorrect API key provided"):
        sessions.open("sk-nobody")


def test_ids_are_long_random_and_tell_nothing_of_the_key(sessions):
    ids = {sessions.open(ANN) for _ in range(50)}
    assert len(ids) == 50
    assert all(len(each) >= 43 and ANN not in each for each in ids)


@pytest.mark.parametrize("strange", [None, "", "x", "../", "\x00"])
def test_an_unknown_id_is_nobody(sessions, strange):
    sessions.open(ANN)
    assert sessions.get(strange) is None


def test_a_session_ends_after_twelve_hours_whatever_is_done_with_it(sessions, now):
    session_id = sessions.open(ANN)
    now.seconds += module.LIFE
    assert sessions.get(session_id) is not None
    now.seconds += 1
    assert sessions.get(session_id) is None


def test_dead_sessions_are_swept_at_the_next_sign_in(sessions, now):
    sessions.open(ANN)
    now.seconds += module.LIFE + 1
    sessions.open(BOB)
    assert len(sessions._sessions) == 1


def test_too_many_sessions_push_out_the_oldest(sessions, monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    first, second, third = (sessions.open(ANN) for _ in range(3))
    assert sessions.get(first) is None
    assert sessions.get(second) is not None
    assert sessions.get(third) is not None


def test_signing_out_ends_the_session_and_what_it_was_writing(sessions, stub):
    body = Body([], hang=True)
    stub.answer = lambda: body
    session_id = sessions.open(ANN)
    session = sessions.get(session_id)
    draft = session.draft(session.write(ORDER))
    assert body.sent.wait(10)
    sessions.end(session_id)
    draft.wait(10)
    assert draft.look().phase is Phase.STOPPED
    assert sessions.get(session_id) is None


def test_the_gateway_is_asked_about_the_viewer_only_now_and_then(sessions, stub, now):
    session = sessions.get(sessions.open(ANN))
    for _ in range(5):
        session.me()
    assert stub.paths() == ["/v1/me"]
    now.seconds += module.FRESH
    session.me()
    assert len(stub.paths()) == 2


def test_a_revoked_key_is_signed_out_for_good(sessions, stub, now):
    session = sessions.get(sessions.open(ANN))
    del stub.members[ANN]
    now.seconds += module.FRESH
    for _ in range(2):
        with pytest.raises(SignedOut):
            session.me()


def test_with_the_gateway_away_a_known_viewer_goes_on_for_a_quarter_of_an_hour(sessions, stub, now):
    session = sessions.get(sessions.open(ANN))
    stub.refusals["/v1/me"] = httpx.ConnectError("refused")
    now.seconds += module.GRACE
    assert session.me().answers is False
    now.seconds += module.FRESH
    with pytest.raises(Problem, match="does not answer"):
        session.me()
    del stub.refusals["/v1/me"]
    assert session.me().answers is True


def test_a_change_of_the_key_is_seen_at_the_next_look(sessions, stub, now):
    session = sessions.get(sessions.open(ANN))
    stub.member(ANN, "ann", team="blog")
    now.seconds += module.FRESH
    assert session.me().viewer.tenant == "team:blog"


def test_money_that_has_moved_is_asked_for_at_once(sessions, stub):
    session = sessions.get(sessions.open(ANN))
    session.spent()
    session.me()
    assert len(stub.paths()) == 2


def test_the_catalogue_is_fetched_once_in_a_while(sessions, stub, now):
    session = sessions.get(sessions.open(ANN))
    assert session.catalogue() is session.catalogue()
    now.seconds += module.CATALOGUE_LIFE + 1
    session.catalogue()
    assert stub.paths().count("/v1/templates") == 2


def test_old_texts_make_room_for_new_ones(sessions, monkeypatch):
    monkeypatch.setattr(module, "MOST_DRAFTS", 2)
    session = sessions.get(sessions.open(ANN))
    first, second, third = (session.write(ORDER) for _ in range(3))
    assert session.draft(first) is None
    assert session.draft(second) is not None
    assert session.draft(third) is not None


def test_a_text_belongs_to_its_own_sign_in(sessions):
    ann, bob = (sessions.get(sessions.open(key)) for key in (ANN, BOB))
    assert bob.draft(ann.write(ORDER)) is None


def test_a_session_that_nobody_looks_at_is_not_watched(sessions, now):
    session = sessions.get(sessions.open(ANN))
    assert session.watched()
    now.seconds += module.WATCHED
    assert not session.watched()
    session.me()
    assert session.watched()
