"""A text while it is written: it grows, it can be stopped, and it always ends with a word about how."""

from __future__ import annotations

import pytest

from dashboard import draft as drafts
from dashboard.client import Client
from dashboard.draft import Draft, Order, Phase
from tests.dashboard.stub import Body, StubGateway, events
from tests.dashboard.world import ANN

ORDER = Order("A text", {"model": "auto", "messages": []}, {"x-atelier-brand": "lumen"})
SOON = 10.0


def written(stub: StubGateway, order: Order = ORDER, **more) -> Draft:
    return Draft(order, Client("http://gateway", ANN, stub.transport), **more).start()


def hanging(stub: StubGateway, *pieces: bytes) -> Body:
    body = Body(pieces, hang=True)
    stub.answer = lambda: body
    return body


def test_a_text_that_is_completed_has_its_words_its_model_and_its_cost(stub):
    stub.record = {"cost_nano": 7}
    draft = written(stub)
    draft.wait(SOON)
    look = draft.look()
    assert (look.phase, look.text, look.words, look.finish) == (Phase.DONE, "Hello world", 2, "stop")
    assert (look.model, look.simulated, look.reason) == ("gpt", True, "priority: first in order")
    assert look.record is not None
    assert look.record["cost_nano"] == 7
    assert stub.headers[0]["x-atelier-brand"] == "lumen"


def test_stop_closes_the_connection_at_once_and_has_the_generation_cancelled(stub, monkeypatch):
    monkeypatch.setattr(drafts, "WATCH", 3_600.0)
    body = hanging(stub, *events("Half", " a", finish=None, done=False))
    draft = written(stub)
    assert body.sent.wait(SOON)
    assert draft.look().running
    assert not body.closed.is_set()
    draft.stop()
    draft.wait(SOON)
    assert body.closed.is_set()
    assert (draft.look().phase, draft.look().text) == (Phase.STOPPED, "Half a")
    assert ("POST", "/v1/generations/gen-1/cancel", ANN) in stub.asked
    assert draft.look().record is not None


def test_stop_before_the_first_word_ends_without_one(stub):
    body = hanging(stub)
    draft = written(stub)
    assert body.sent.wait(SOON)
    draft.stop()
    draft.wait(SOON)
    assert (draft.look().phase, draft.look().text) == (Phase.STOPPED, "")


def test_stop_at_once_does_not_lose_the_wish(stub):
    hanging(stub)
    draft = Draft(ORDER, Client("http://gateway", ANN, stub.transport))
    draft.stop()
    draft.start()
    draft.wait(SOON)
    assert draft.look().phase is Phase.STOPPED


def test_stopping_what_has_ended_changes_nothing(stub):
    draft = written(stub)
    draft.wait(SOON)
    draft.stop()
    assert draft.look().phase is Phase.DONE
    assert not [path for path in stub.paths() if path.endswith("/cancel")]


def test_a_text_that_nobody_looks_at_is_stopped(stub, monkeypatch):
    monkeypatch.setattr(drafts, "WATCH", 0.01)
    body = hanging(stub, *events("Half", finish=None, done=False))
    draft = written(stub, watched=lambda: not body.sent.is_set())
    draft.wait(SOON)
    assert draft.look().phase is Phase.STOPPED
    assert body.closed.is_set()


@pytest.mark.parametrize(
    ("status", "message"),
    [(429, "The budget of this key is used up."), (401, "Incorrect API key provided."), (503, "No model is healthy.")],
)
def test_a_refusal_is_shown_in_the_gateways_own_words(stub, status, message):
    stub.refuse("/v1/chat/completions", status, message)
    draft = written(stub)
    draft.wait(SOON)
    look = draft.look()
    assert (look.phase, look.problem, look.text, look.record) == (Phase.FAILED, message, "", None)


def test_an_error_in_the_stream_keeps_what_had_come(stub):
    stub.answer = lambda: Body(
        [*events("Half", finish=None, done=False), b'data: {"error": {"message": "It broke."}}\n\n']
    )
    draft = written(stub)
    draft.wait(SOON)
    assert (draft.look().phase, draft.look().text, draft.look().problem) == (Phase.FAILED, "Half", "It broke.")


def test_a_stream_that_ends_silently_is_not_taken_for_complete(stub):
    stub.answer = lambda: Body(events("Half", finish=None, done=False))
    draft = written(stub)
    draft.wait(SOON)
    assert draft.look().phase is Phase.FAILED
    assert draft.look().problem == drafts.ENDED_EARLY


def test_without_the_gateways_account_the_text_is_still_there(stub):
    stub.refuse("/v1/generations/gen-1", 503, "The store is away.")
    draft = written(stub)
    draft.wait(SOON)
    assert (draft.look().phase, draft.look().text, draft.look().record) == (Phase.DONE, "Hello world", None)


def test_a_gateway_that_is_away_is_said_to_be(stub):
    import httpx

    stub.refusals["/v1/chat/completions"] = httpx.ConnectError("refused")
    draft = written(stub)
    draft.wait(SOON)
    assert "does not answer" in str(draft.look().problem)


def test_what_the_dashboard_itself_breaks_ends_the_text_too(stub, monkeypatch, caplog):
    monkeypatch.setattr(Draft, "_take", lambda *_: 1 / 0)
    draft = written(stub)
    draft.wait(SOON)
    assert (draft.look().phase, draft.look().problem) == (Phase.FAILED, drafts.BROKEN)
    assert "ZeroDivisionError" in caplog.text


def test_the_clock_stops_with_the_text(stub, now):
    draft = written(stub, clock=now)
    draft.wait(SOON)
    now.seconds += 60
    assert draft.look().seconds == 0
