"""The journal tells the truth, whatever the client does: one start, one end, and what had been generated."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.fleet import RunningFleet, Settings, Tally, start_fleet, tokenizer
from tests.fleet.fleet_clients import WIRES, Asker, ManualClock, text_in

TEXT = "one two three four five six"
TOTAL = tokenizer.count(TEXT)
every_wire = pytest.mark.parametrize("wire", WIRES)


@every_wire
@pytest.mark.parametrize("stream", [False, True])
async def test_a_whole_answer_is_billed_as_its_usage_says(asker: Asker, wire: str, stream: bool) -> None:
    answer = await asker.send(wire, TEXT, stream=stream, model="echo")
    [record] = asker.fleet.journal.ended
    expected = Tally(input=TOTAL + tokenizer.MESSAGE_TOKENS, output=TOTAL)
    assert record.usage == record.billed == expected
    assert (record.input_tokens, record.output_tokens) == (expected.input, TOTAL)
    assert (record.wire, record.model, record.endpoint, record.stream) == (wire, "echo", "chat", stream)
    assert (record.status, record.outcome, record.fault) == (answer.status_code, "completed", None)


async def test_a_request_is_found_by_the_id_it_carried(fleet: RunningFleet, asker: Asker) -> None:
    request = asker.request("openai", TEXT)
    request.headers["x-client-request-id"] = "gen-7:1"
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.send(request)
    await asker.send("openai", TEXT)
    assert [record.request for record in fleet.journal.of("gen-7:1")] == [1]


@every_wire
async def test_a_client_that_leaves_before_the_headers_owes_its_input(
    slow_asker: Asker, clock: ManualClock, wire: str
) -> None:
    asking = asyncio.create_task(slow_asker.send(wire, TEXT, stream=True, model="echo"))
    await clock.someone_waits()
    [running] = slow_asker.fleet.journal.running
    assert (running.outcome, running.model) == (None, "echo")
    asking.cancel()
    [record] = await slow_asker.fleet.journal.settled(1)
    assert (record.outcome, record.status, record.disconnected_at) == ("client_disconnected", None, clock.now())
    assert (record.billed.input, record.billed.output) == (record.input_tokens, 0)


@every_wire
async def test_a_client_that_leaves_in_the_midst_owes_what_was_sent(
    slow_asker: Asker, clock: ManualClock, wire: str
) -> None:
    asking = asyncio.create_task(slow_asker.open(wire, TEXT, stream=True, model="echo"))
    await clock.advance(1.0)
    answer = await asking
    pieces = answer.aiter_raw()
    got = b""
    for _ in range(2):
        await clock.advance(0.1)
    while text_in(wire, got.decode()) != "".join(tokenizer.split(TEXT)[:3]):
        got += await anext(pieces)
    await answer.aclose()
    [record] = await slow_asker.fleet.journal.settled(1)
    assert (record.outcome, record.output_tokens, record.usage) == ("client_disconnected", 3, None)
    assert record.billed == Tally(input=record.input_tokens, output=3)
    assert record.disconnected_at == clock.now()


@every_wire
async def test_a_client_can_leave_after_the_last_token_and_before_the_usage(
    slow_asker: Asker, clock: ManualClock, wire: str
) -> None:
    asking = asyncio.create_task(slow_asker.open(wire, TEXT, stream=True, model="echo"))
    await clock.advance(1.0)
    answer = await asking
    pieces = answer.aiter_raw()
    for _ in range(TOTAL - 1):
        await clock.advance(0.1)
    got = b""
    while text_in(wire, got.decode()) != TEXT:
        got += await anext(pieces)
    await clock.someone_waits()
    await answer.aclose()
    [record] = await slow_asker.fleet.journal.settled(1)
    assert (record.outcome, record.usage) == ("client_disconnected", None)
    assert record.billed == Tally(input=record.input_tokens, output=TOTAL)


@every_wire
@pytest.mark.parametrize(("elapsed", "generated"), [(0.5, 0), (1.05, 0), (1.35, 3)])
async def test_a_whole_answer_costs_what_the_clock_had_generated(
    slow_asker: Asker, clock: ManualClock, wire: str, elapsed: float, generated: int
) -> None:
    asking = asyncio.create_task(slow_asker.send(wire, TEXT, model="echo"))
    await clock.advance(elapsed)
    await clock.someone_waits()
    asking.cancel()
    [record] = await slow_asker.fleet.journal.settled(1)
    assert (record.outcome, record.output_tokens, record.billed.output) == ("client_disconnected", generated, generated)


async def test_hidden_thought_is_owed_too(slow_asker: Asker, clock: ManualClock) -> None:
    asking = asyncio.create_task(slow_asker.open("openai", TEXT, stream=True, model="gpt-6-luna"))
    await clock.advance(1.0)
    answer = await asking
    for _ in range(4):
        await clock.advance(0.1)
    await clock.someone_waits()
    await answer.aclose()
    [record] = await slow_asker.fleet.journal.settled(1)
    assert (record.output_tokens, record.billed.output, record.billed.reasoning) == (5, 5, 5)


async def test_what_is_running_when_the_fleet_stops_is_closed_as_stopped(
    clock: ManualClock, http: httpx.AsyncClient
) -> None:
    fleet = await start_fleet(Settings(), clock)
    asking = asyncio.create_task(Asker(fleet, http).send("openai", TEXT))
    await clock.someone_waits()
    await fleet.stop()
    with pytest.raises(httpx.TransportError):
        await asking
    [record] = fleet.journal.ended
    assert (record.outcome, record.disconnected_at) == ("stopped", None)


async def test_every_request_has_one_start_and_one_end_line_in_memory_and_on_disk(
    tmp_path: Path, http: httpx.AsyncClient
) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"from": "an earlier run"}\n')
    fleet = await start_fleet(Settings(speed=0, journal=path))
    asker = Asker(fleet, http)
    for wire in WIRES:
        await asker.send(wire, "x")
        await asker.send(wire, "x [[sim:429]]")
    await http.get(f"{fleet.origin('openai')}/nowhere")
    written = [json.loads(line) for line in path.read_text().splitlines()]
    assert written[0] == {"from": "an earlier run"}
    assert written[1:] == fleet.journal.since()
    lines: list[dict[str, Any]] = fleet.journal.since()
    assert [line["seq"] for line in lines] == list(range(1, 15))
    for number in range(1, 8):
        assert [line["event"] for line in lines if line["request"] == number] == ["start", "end"]
    await fleet.stop()


async def test_the_journal_is_read_from_a_number_on(fleet: RunningFleet, asker: Asker, http: httpx.AsyncClient) -> None:
    for _ in range(2):
        await asker.send("gemini", "x")
    lines = (await http.get(f"{fleet.origin('gemini')}/_sim/journal", params={"since": 2})).json()["lines"]
    assert [(line["seq"], line["event"], line["request"]) for line in lines] == [(3, "start", 2), (4, "end", 2)]
    assert lines == fleet.journal.since(2)


async def test_waiting_for_the_journal_ends_when_nothing_comes(fleet: RunningFleet) -> None:
    with pytest.raises(TimeoutError):
        await fleet.journal.settled(1, timeout=0.01)
