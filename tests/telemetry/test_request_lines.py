"""The short way of a request's line: the same line as by the long one, without secrets, one write for a turn of the loop."""

from __future__ import annotations

import asyncio
import io
import json
import logging

import pytest

from gateway.telemetry.redact import MARK, Redactor
from gateway.telemetry.request_lines import NAME, RequestLines

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
