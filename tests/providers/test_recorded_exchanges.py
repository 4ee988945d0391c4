"""Every recorded exchange is read as its provider's documentation says, wherever its bytes are cut."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.ports import Provider
from tests.providers.clientside import completed, streamed
from tests.providers.exchanges import ABSENT, RESPONSES, Exchange, answered_by_openai, exchanges
from tests.providers.oracle import Reading, Said, read
from tests.providers.replay import ReplayServer

NOT_ASKED_FOR = "a JSON array, which Gemini sends only to who does not ask for server-sent events; LiteLLM always asks"
KNOWN_DIFFERENCES = {
    "gemini/016-generate-stream-tool-call": NOT_ASKED_FOR,
    "vertex/006-generate-stream-reasoning-tokens": NOT_ASKED_FOR,
    "openrouter/007-chat-stream-error": "the error comes after the finish reason: the answer counts as whole",
}
ALL = [pytest.param(each, id=each.id) for each in exchanges()]
NONE = [pytest.param(None, marks=pytest.mark.skip(reason=ABSENT))]


@pytest.mark.parametrize("exchange", ALL or NONE)
async def test_a_recorded_answer_is_read_as_its_provider_wrote_it(
    exchange: Exchange, lane: Provider, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if exchange.wire == RESPONSES:
        answered_by_openai(monkeypatch)
    replay.answer = exchange.recorded
    for seed in (1, 2):
        replay.seed(seed)
        replay.seen.clear()
        got, _ = await (streamed if exchange.stream else completed)(lane, exchange.asked(replay.url))
        assert len(replay.seen) == 1
        wanted, found = plainly(read(exchange), exchange), plainly(got, exchange)
        if exchange.id in KNOWN_DIFFERENCES:
            assert found != wanted
        else:
            assert found == wanted


def plainly(reading: Reading, exchange: Exchange) -> dict[str, Any]:
    """A reading in a form that two of them can be compared in. Gemini's calls have no ids; LiteLLM makes some."""
    choices = {index: spoken(said, exchange) for index, said in reading.choices.items()}
    words = ("usage", "fault", "status", "code", "param", "retry_after")
    out = {"choices": choices, **{name: getattr(reading, name) for name in words}}
    return out | ({"message": reading.message} if exchange.status != 200 else {})


def spoken(said: Said, exchange: Exchange) -> dict[str, Any]:
    thought = "" if exchange.wire == RESPONSES else said.thought  # summaries of thoughts come in several shapes there
    tools = [
        (None if exchange.wire == "gemini" else key, name, decoded(text)) for key, name, text in said.tools.values()
    ]
    words = {"text": said.text, "thought": thought, "refusal": said.refusal, "finish": said.finish, "tools": tools}
    return words | {"tokens": said.tokens}


def decoded(arguments: str | None) -> Any:
    """Arguments as JSON where they are; a custom tool's input is plain text."""
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments
