"""The lanes on three wires with no server: every answer comes from a cassette, and every request has to be on it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.errors import Fault
from gateway.ports import Provider
from gateway.types import Usage
from tests.providers.asking import KEY, WIRES
from tests.providers.clientside import completed, streamed
from tests.providers.oracle import Reading
from tests.providers.scenarios import BASES, EMBEDDING, FOLDER, HOST, SCENARIOS, cassette

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
DINNER = "Dîner à huit heures, 約束だよ 🍜"


async def played(lane: Provider, wire: str, name: str) -> Reading:
    scenario = BY_NAME[name]
    with cassette(wire, scenario) as tape:
        asked = scenario.asked(wire, HOST + BASES[wire])
        reading, _ = await (streamed if scenario.stream else completed)(lane, asked)
        assert tape.play_count == 1
        return reading


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", ["whole", "stream"])
async def test_text_arrives_with_its_end_and_its_usage(lane: Provider, wire: str, name: str) -> None:
    reading = await played(lane, wire, name)
    assert (reading.choice(0).text, reading.choice(0).finish) == (DINNER, "stop")
    assert reading.usage is not None
    assert (reading.usage.input, reading.usage.output) == (11, 8)
    assert not reading.usage.estimated


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", ["tool", "tool-stream"])
async def test_a_tool_call_arrives_whole(lane: Provider, wire: str, name: str) -> None:
    said = (await played(lane, wire, name)).choice(0)
    ((identity, called, arguments),) = said.tools.values()
    assert identity
    assert (called, arguments, said.finish) == ("look_up", "{}", "tool_calls")


@pytest.mark.parametrize("wire", WIRES)
async def test_an_answer_at_its_limit_says_length(lane: Provider, wire: str) -> None:
    reading = await played(lane, wire, "length")
    assert (reading.choice(0).text, reading.choice(0).finish) == ("one two thre", "length")
    assert reading.usage == Usage(input=12, output=3)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", ["refused", "refused-stream"])
async def test_a_refusal_keeps_its_status_and_its_wait(lane: Provider, wire: str, name: str) -> None:
    reading = await played(lane, wire, name)
    assert (reading.fault, reading.status, reading.retry_after) == (Fault.RATE_LIMITED, 429, 7.0)
    assert reading.message


@pytest.mark.parametrize("wire", WIRES)
async def test_an_error_within_the_stream_is_told(lane: Provider, wire: str) -> None:
    reading = await played(lane, wire, "in-band-error")
    assert reading.fault is Fault.IN_BAND
    assert (reading.choice(0).text, reading.choice(0).finish) == ("[[sim:in", None)


@pytest.mark.parametrize("wire", WIRES)
async def test_a_cut_is_told_from_an_end(lane: Provider, wire: str) -> None:
    reading = await played(lane, wire, "cut")
    assert reading.fault is Fault.TRUNCATED
    assert reading.choice(0).finish is None


@pytest.mark.parametrize("wire", WIRES)
async def test_usage_that_nobody_told_is_not_made_up(lane: Provider, wire: str) -> None:
    reading = await played(lane, wire, "no-usage")
    assert reading.choice(0).finish == "stop"
    assert reading.usage is None


@pytest.mark.parametrize("encoding", [None, "float", "base64"])
async def test_an_embedding_comes_in_the_form_asked_for(lane: Provider, encoding: str | None) -> None:
    asked = EMBEDDING.asked("openai", HOST + BASES["openai"])
    if encoding is not None:
        asked = replace(asked, body={**asked.body, "encoding_format": encoding})
    with cassette("openai", EMBEDDING):
        completion = await lane.complete(asked)
    (item,) = completion.body["data"]
    assert isinstance(item["embedding"], str if encoding == "base64" else list)
    assert completion.usage == Usage(input=4)


def test_no_cassette_holds_an_address_or_a_key() -> None:
    tapes = list(FOLDER.glob("*.yaml"))
    assert len(tapes) == len(WIRES) * len(SCENARIOS) + 1
    for tape in tapes:
        text = tape.read_text()
        assert KEY not in text
        assert "127.0.0.1" not in text
        assert "uthorization" not in text
