"""The short way of a request's line: the same line as by the long one, without secrets, one write for a turn of the loop."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from enum import StrEnum

import pytest

from gateway.errors import GatewayError
from gateway.stages.observe import line
from gateway.telemetry.redact import MARK, Redactor
from gateway.telemetry.request_lines import NAME, OURS, RequestLines
from gateway.types import Call, Options, Outcome, Plan, Status
from tests.core.fakes import FakeClock, asking, deployment, person

SECRET = "s3cret-of-the-provider"


class Out(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return super().write(text)

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


class Full(Out):
    def write(self, text: str) -> int:
        if SECRET in text or "gen-1" in text:
            raise OSError(28, "no space left")
        return super().write(text)


@pytest.fixture(autouse=True)
def _level():  # type: ignore[no-untyped-def]
    logger = logging.getLogger(NAME)
    before = logger.level
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(before)


async def test_a_line_has_its_fields_and_those_of_every_line() -> None:
    out = Out()
    RequestLines(Redactor(), out)({"generation_id": "gen-1", "cost_usd": "0.1", "tags": ["spring"], "team": None})
    await asyncio.sleep(0)
    (line,) = out.lines
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {
        "generation_id": "gen-1",
        "cost_usd": "0.1",
        "tags": ["spring"],
        "team": None,
        "event": "request",
        "logger": "gateway.request",
        "level": "info",
    }


async def test_lines_of_one_turn_are_one_write() -> None:
    out = Out()
    lines = RequestLines(Redactor(), out)
    for number in range(3):
        lines({"generation_id": f"gen-{number}"})
    assert out.writes == []
    await asyncio.sleep(0)
    assert len(out.writes) == 1
    lines({"generation_id": "gen-3"})
    await asyncio.sleep(0)
    assert [line["generation_id"] for line in out.lines] == ["gen-0", "gen-1", "gen-2", "gen-3"]


async def test_secrets_are_taken_out_also_those_learned_later() -> None:
    out, redactor = Out(), Redactor()
    lines = RequestLines(redactor, out)
    for _ in range(2):
        lines({"model": f"model-{SECRET}", "tags": [SECRET, "sk-atl-0123456789"]})
    redactor.add(SECRET)
    lines({"model": f"model-{SECRET}", "tags": [SECRET]})
    await asyncio.sleep(0)
    assert out.lines[0]["tags"] == [SECRET, MARK]
    assert (out.lines[2]["model"], out.lines[2]["tags"]) == (f"model-{MARK}", [MARK])


async def test_a_line_that_cannot_be_written_is_dropped_with_a_note_that_names_nothing_of_it() -> None:
    out = Full()
    lines = RequestLines(Redactor(), out)
    lines({"generation_id": "gen-1"})
    await asyncio.sleep(0)
    lines({"generation_id": "gen-2"})
    await asyncio.sleep(0)
    assert out.lines[0] == {"event": "log lines could not be written", "error": "OSError"}
    assert out.lines[1]["generation_id"] == "gen-2"


async def test_a_higher_level_keeps_them_back() -> None:
    out = Out()
    logging.getLogger(NAME).setLevel(logging.WARNING)
    RequestLines(Redactor(), out)({"generation_id": "gen-1"})
    await asyncio.sleep(0)
    assert out.writes == []


async def test_the_time_is_told_in_utc_to_the_microsecond() -> None:
    out, times = Out(), iter([1_800_000_000.0, 1_800_000_000.25, 1_800_000_059.999_999, 1_800_000_060.000_001])
    lines = RequestLines(Redactor(), out, lambda: next(times))
    for _ in range(4):
        lines({})
    await asyncio.sleep(0)
    assert [line["timestamp"] for line in out.lines] == [
        "2027-01-15T08:00:00.000000Z",
        "2027-01-15T08:00:00.250000Z",
        "2027-01-15T08:00:59.999999Z",
        "2027-01-15T08:01:00.000000Z",
    ]


async def test_what_is_nothing_to_be_hidden_keeps_its_kind() -> None:
    out = Out()
    fields = {"model": "", "tags": [], "team": None, "attempts": 0, "stream": False, "status": Status.COMPLETED}
    RequestLines(Redactor([SECRET]), out)(fields)
    await asyncio.sleep(0)
    assert {name: out.lines[0][name] for name in fields} == {**fields, "status": "completed"}


async def test_no_field_that_anybody_else_can_fill_lets_a_secret_out() -> None:
    """Each at its turn, twice, so that what is remembered of one line cannot help the next one."""
    clock, out = FakeClock(), Out()
    secret = "0123456789abcdef0123456789abcdef"  # fit to be an id, a trace, a model, a tag
    lines = RequestLines(Redactor([secret]), out)
    for planted in [*FILLED, *FILLED]:
        call, outcome, trace = filled(clock, planted, secret)
        fields = line(call, outcome, 1.0, trace)
        assert secret in str(fields[planted])
        lines(fields)
    await asyncio.sleep(0)
    assert secret not in out.getvalue()
    for planted, written in zip([*FILLED, *FILLED], out.lines, strict=True):
        assert MARK in str(written[planted])
    assert set(FILLED) == out.lines[0].keys() - OURS - {"event", "logger", "level", "timestamp"}


async def test_what_is_not_looked_through_is_of_the_gateways_own_making() -> None:
    call, outcome, _ = filled(FakeClock(), "model", SECRET)
    fields = line(call, outcome, 1.0, None)
    words = {name for name in OURS if isinstance(fields[name], str) and not isinstance(fields[name], StrEnum)}
    assert words == {"generation_id", "cost_usd"}
    assert fields.keys() >= OURS


FILLED = ("request_id", "trace_id", "model", "error_code", "key_id", "team", "deployment", "policy", "tags")


def filled(clock: FakeClock, planted: str, secret: str) -> tuple[Call, Outcome, str | None]:
    """A request that ended, with the secret in one field that a client, a provider or an admin fills."""
    said = dict.fromkeys(FILLED, "plain") | {planted: secret}
    served = deployment(said["deployment"])
    call = asking(
        clock,
        served,
        request_id=said["request_id"],
        body={"model": f"x-{said['model']}"},
        identity=person(key_id=said["key_id"], team=said["team"]),
        options=Options(tags=("first", said["tags"])),
        served=served,
        plan=Plan((), said["policy"], "in order"),
    )
    return call, Outcome(Status.FAILED, error=GatewayError("no", code=said["error_code"])), said["trace_id"]
