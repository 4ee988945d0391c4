"""The simulated fleet through every lane: what it does well, and each of its faults, wherever they strike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.fleet import RunningFleet
from gateway.fleet.faults import KINDS
from gateway.types import JsonObject
from tests.providers.asking import HELLO, TOOL, WIRES, request
from tests.providers.lanes import Lanes, carded
from tests.providers.lanes_told import Told, comparable, differences, made_up_ids, told

HANGING = frozenset({"hang", "hang_before_headers"})  # the call stage ends these: test_closing_connections.py
STRIKING = frozenset({"reset", "clean_end", "in_band_error", "malformed", "drip"})
STREAMED_ONLY = frozenset({"endless"})  # of a whole answer: test_upstream_bombs.py
PLACES = (0, 2, 10_000)  # tokens before a fault strikes; the last: before the end
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
TWO = [TOOL, {"type": "function", "function": {**TOOL["function"], "name": "look_down"}}]
WELL: dict[str, JsonObject] = {
    "text": {},
    "limit": {"max_completion_tokens": 3},
    "stop": {"stop": ["how"]},
    "tool": {"tools": [TOOL], "tool_choice": "required"},
    "tools": {"tools": TWO, "tool_choice": "required", "parallel_tool_calls": True},
    "schema": {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}}},
    "system": {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "約束だよ 🍜?"}]},
    "effort": {"reasoning_effort": "high", "max_completion_tokens": 4096},
}  # fmt: skip
THINKERS = {"openai": "gpt-6-luna", "anthropic": "claude-haiku-5-5", "gemini": "gemini-2.5-flash"}
FAULTS = [
    pytest.param(kind, place, stream, id=f"{kind}-{place}-{'stream' if stream else 'whole'}")
    for kind in sorted(KINDS - HANGING)
    for stream in (False, True)
    for place in (PLACES if stream and kind in STRIKING | STREAMED_ONLY else PLACES[:1])
    if stream or kind not in STREAMED_ONLY
]


async def compared(
    lanes: Lanes, fleet: RunningFleet, wire: str, body: JsonObject, fault: dict[str, Any] | None, *, stream: bool
) -> tuple[Told, list[str]]:
    """What the sdk lane told, and what differs. Each lane meets the fleet as if it were the first to ask."""
    model = THINKERS[wire] if "reasoning_effort" in body else "writer" if "tools" in body else "echo"
    asked = request(f"{wire}/{model}", fleet.urls[wire], {**HELLO, **body})
    asked = replace(asked, deployment=carded(asked.deployment))
    found: list[Told] = []
    for lane in (lanes.slow, lanes.chosen):
        await fleet.reset()
        if fault is not None:
            fleet.fault(**fault)
        found.append(comparable(await told(lane, asked, stream=stream), asked))
        assert len(await fleet.journal.settled(1)) == 1
    for each in found:
        each.answer = made_up_ids(each.answer)
        (each.answer or {}).pop("created", None)  # the fleet's clock goes on
    return found[0], differences(*found)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", WELL)
async def test_lanes_agree_on_what_the_fleet_answers(
    lanes: Lanes, fleet: RunningFleet, name: str, wire: str, stream: bool
) -> None:
    slow, found = await compared(lanes, fleet, wire, WELL[name], None, stream=stream)
    assert found == []
    assert slow.error is None
    assert slow.problems == slow.misfits == []
    assert slow.usage is not None


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("kind", "place", "stream"), FAULTS)
async def test_lanes_agree_on_the_fleets_faults(
    lanes: Lanes, fleet: RunningFleet, kind: str, place: int, wire: str, stream: bool
) -> None:
    fault = {"kind": kind, "after_tokens": place, "interval": 0.0, "retry_after": 3.0}
    slow, found = await compared(lanes, fleet, wire, {}, fault, stream=stream)
    assert found == []
    assert slow.problems == []
