"""When tokens come, how many answers a model gives at once, and that both can be changed while it runs."""

from __future__ import annotations

import asyncio

import httpx
import msgspec
import pytest

from gateway.fleet import UNPACED, Pacing, RunningFleet, Settings, start_fleet, tokenizer
from gateway.fleet.pacing import Pace
from tests.fleet.fleet_clients import Asker, ManualClock, text_in


async def test_tokens_come_one_by_one_at_their_time(slow_asker: Asker, clock: ManualClock) -> None:
    asking = asyncio.create_task(slow_asker.open("openai", "ab cd ef", stream=True, model="echo"))
    await clock.advance(0.9)
    await clock.someone_waits()
    assert not asking.done()
    await clock.advance(0.1)
    answer = await asking
    pieces = answer.aiter_raw()
    got = b""
    for said in ("ab", "ab cd", "ab cd ef"):
        while text_in("openai", got.decode()) != said:
            got += await anext(pieces)
        await clock.someone_waits()
        assert text_in("openai", got.decode()) == said
        await clock.advance(0.1)
    rest = b"".join([piece async for piece in pieces])
    assert rest.endswith(b"data: [DONE]\n\n")


async def test_a_late_token_does_not_delay_the_rest(clock: ManualClock) -> None:
    pace = Pace(Pacing(ttft=1.0, tokens_per_second=10.0), 1.0, clock, lambda: 0.0)
    waiting = asyncio.create_task(pace.until(5))
    await clock.advance(9.0)
    await waiting
    await asyncio.wait_for(pace.until(6), 1.0)  # it is long due: nobody moves the clock
    assert pace.generated(100) == 80


async def test_speed_divides_every_time(clock: ManualClock) -> None:
    pace = Pace(Pacing(ttft=1.0, tokens_per_second=10.0), 2.0, clock, lambda: 0.0)
    waiting = asyncio.create_task(pace.until(10))
    await clock.advance(1.0)
    await waiting
    assert pace.generated(100) == 10


@pytest.mark.parametrize(("pacing", "speed"), [(UNPACED, 1.0), (Pacing(ttft=9.0, tokens_per_second=1.0), 0.0)])
async def test_nothing_waits_when_told_so(clock: ManualClock, pacing: Pacing, speed: float) -> None:
    pace = Pace(pacing, speed, clock, lambda: 1.0)
    await asyncio.wait_for(pace.until(1_000), 1.0)
    assert pace.generated(7) == 7


async def test_jitter_delays_by_its_share_of_the_interval(clock: ManualClock) -> None:
    pace = Pace(Pacing(ttft=1.0, tokens_per_second=10.0, jitter=0.5), 1.0, clock, lambda: 1.0)
    waiting = asyncio.create_task(pace.until(1))
    await clock.advance(1.149)
    assert not waiting.done()
    await clock.advance(0.001)
    await waiting


async def test_over_its_limit_a_model_refuses_with_the_time_to_come_back(
    clock: ManualClock, http: httpx.AsyncClient
) -> None:
    fleet = await start_fleet(Settings(models={"narrow": Pacing(concurrency=1, retry_after=4.0)}), clock)
    asker = Asker(fleet, http)
    first = asyncio.create_task(asker.send("openai", "x", model="narrow"))
    await clock.someone_waits()
    state = (await http.get(f"{fleet.origin('openai')}/_sim/state")).json()
    assert state["in_flight"] == {"openai/narrow": 1}
    assert state["connections"]["openai"] >= 1
    refused = await asker.send("openai", "x", model="narrow")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "4")
    first.cancel()
    await fleet.journal.settled(2)
    again = asyncio.create_task(asker.send("openai", "x", model="narrow"))
    other = asyncio.create_task(asker.send("anthropic", "x", model="narrow"))
    await clock.someone_waits(2)
    await clock.advance(1_000.0)
    assert [(await answer).status_code for answer in (again, other)] == [200, 200]
    await fleet.stop()


async def test_settings_change_live_and_leave_the_rest_alone(fleet: RunningFleet, http: httpx.AsyncClient) -> None:
    url = f"{fleet.origin('admin')}/_sim/settings"
    changed = await http.post(url, json={"pacing": {"ttft": 0.5}, "models": {"slow": {"tokens_per_second": 3}}})
    assert changed.status_code == 200
    assert fleet.settings.pacing == msgspec.structs.replace(Pacing(), ttft=0.5)
    assert fleet.settings.pacing_of("slow") == Pacing(tokens_per_second=3)
    assert fleet.settings.speed == 0
    assert (await http.get(f"{fleet.origin('gemini')}/_sim/state")).json()["settings"]["pacing"]["ttft"] == 0.5
    await http.post(f"{fleet.origin('openai')}/_sim/reset")
    assert fleet.settings == Settings(speed=0)


@pytest.mark.parametrize(
    "changes", [{"sped": 2}, {"speed": -1}, {"pacing": {"ttft": "soon"}}, {"pacing": {"jitter": 2}}, []]
)
async def test_a_setting_that_cannot_be_is_refused(
    fleet: RunningFleet, http: httpx.AsyncClient, changes: object
) -> None:
    answer = await http.post(f"{fleet.origin('admin')}/_sim/settings", json=changes)
    assert answer.status_code == 400
    assert answer.headers["x-sim"] == "1"
    assert fleet.settings == Settings(speed=0)


async def test_an_unknown_admin_call_is_not_found(fleet: RunningFleet, http: httpx.AsyncClient) -> None:
    for path in ("/_sim/nothing", "/_sim/", "/else", "/_sim/_connections"):
        assert (await http.get(f"{fleet.origin('admin')}{path}")).status_code == 404


def test_the_tokenizer_splits_into_short_pieces_that_join_to_the_text() -> None:
    texts = ["", " ", "a", "lighthouses at  sea\n\n\n\n\nend ", "漢字仮名交じり文", "ü" * 9, "\u2028\t x"]
    for text in texts:
        pieces = tokenizer.split(text)
        assert "".join(pieces) == text
        assert tokenizer.count(text) == len(pieces) <= len(text.encode())
        assert all(len(piece) <= 5 for piece in pieces)
    assert tokenizer.split("lighthouses at") == ("ligh", "thou", "ses", " at")


def test_pacing_of_a_named_model_replaces_the_usual_one() -> None:
    named = Pacing(ttft=3.0)
    assert Settings(models={"m": named}).pacing_of("m") is named
    assert Settings(models={"m": named}).pacing_of("n") == Pacing()
