"""The app's own tasks, and the only maker of stream bytes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.sse import encode_comment, encode_frame
from gateway.tasks import Tasks, supervise
from tests.core.fakes import ticks

MARKS = ["\r", "\n", "\u2028", "\u2029", "\0", "\x0b", ":", "a", "é", "data: [DONE]\n\n"]
TRICKY = st.lists(st.sampled_from(MARKS)).map("".join)


async def test_a_failing_task_is_logged_and_touches_no_neighbour() -> None:
    tasks = Tasks()
    go_on = asyncio.Event()

    async def broken() -> None:
        raise KeyError("bug")

    neighbour = tasks.spawn(go_on.wait(), "neighbour")
    with capture_logs() as lines:
        tasks.spawn(broken(), "broken one")
        await ticks()
    assert [(line["event"], line["task"]) for line in lines] == [("task_failed", "broken one")]
    assert not neighbour.done()
    go_on.set()
    assert await tasks.drain(5) is True
    assert len(tasks) == 0


async def test_a_drain_says_whether_anything_is_left() -> None:
    tasks = Tasks()
    assert await tasks.drain(0) is True
    tasks.spawn(asyncio.Event().wait(), "for ever")
    assert await tasks.drain(0) is False
    tasks.cancel()
    assert await tasks.drain(5) is True


def read_back(data: bytes) -> list[str]:
    """The data of every event, as the HTML standard's parser has it: lines end at CR LF, LF or CR."""
    lines = data.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    events, current = [], list[str]()
    for line in lines:
        if not line and current:
            events.append("\n".join(current))
            current = []
        elif line.startswith("data:"):
            current.append(line[5:].removeprefix(" "))
        assert line == "" or line.startswith(("data:", ":")), line
    return events


@settings(deadline=None)
@given(TRICKY | st.dictionaries(TRICKY, st.lists(TRICKY, max_size=3), max_size=3))
def test_any_text_is_one_event(data: Any) -> None:
    (event,) = read_back(encode_frame({"text": data}))
    assert json.loads(event) == {"text": data}


@settings(deadline=None)
@given(TRICKY)
def test_a_comment_is_never_an_event(text: str) -> None:
    assert read_back(encode_comment(text)) == []
    assert encode_comment(text).count(b"\n") == 2


def test_what_is_no_json_is_refused_before_a_byte() -> None:
    with pytest.raises(TypeError):
        encode_frame({"value": object()})


async def test_work_that_breaks_or_ends_begins_anew_until_it_is_cancelled() -> None:
    begun: list[int] = []
    waits: list[float] = []
    third = asyncio.Event()

    async def work() -> None:
        begun.append(len(begun))
        if len(begun) == 1:
            raise RuntimeError("a bug")
        if len(begun) == 3:
            third.set()
            await asyncio.Event().wait()

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    with capture_logs() as logs:
        task = asyncio.create_task(supervise("work", work, wait))
        await third.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert [line["event"] for line in logs] == ["work_failed", "work_ended"]
    assert len(waits) == 2
