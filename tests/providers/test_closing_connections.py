"""A provider's connection ends with whoever reads it, and serves the next request when its answer was read to the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import pytest

from gateway.fleet import RunningFleet
from gateway.fleet.journal import DISCONNECTED
from gateway.ports import Provider
from gateway.providers import runtime
from tests.providers.asking import ANSWER, HELLO, TEXT, WIRES, request
from tests.providers.replay import Recorded, ReplayServer

SOON = 1.0  # seconds
STREAMS = 2_010

EVENTS = b"".join(
    b"data: %s\n\n" % json.dumps({**ANSWER, "choices": choices}).encode()
    for choices in (
        [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": None}],
        [{"index": 0, "delta": {}, "finish_reason": "stop"}],
    )
)


async def reached(fleet: RunningFleet) -> None:
    """Return once a request is being served."""
    async with asyncio.timeout(5):
        while not fleet.journal.running:  # noqa: ASYNC110 - the journal tells of ends, not of beginnings
            await asyncio.sleep(0.001)


async def left(fleet: RunningFleet) -> None:
    """The one request was left by its client, within a second."""
    (record,) = await fleet.journal.settled(1, SOON)
    assert record.outcome == DISCONNECTED
    assert record.disconnected_at is not None


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_cancelled_request_leaves_its_provider(
    lane: Provider, fleet: RunningFleet, wire: str, stream: bool
) -> None:
    fleet.fault("hang_before_headers")
    asked = request(f"{wire}/echo", fleet.urls[wire])
    work = anext(lane.stream(asked)) if stream else lane.complete(asked)
    task = asyncio.ensure_future(work)
    await reached(fleet)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await left(fleet)


async def test_a_cancelled_embedding_leaves_its_provider(lane: Provider, fleet: RunningFleet) -> None:
    fleet.fault("hang_before_headers")
    task = asyncio.ensure_future(lane.complete(request("openai/text-embedding-3-small", fleet.urls["openai"], TEXT)))
    await reached(fleet)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await left(fleet)


@pytest.mark.parametrize("wire", WIRES)
async def test_a_stream_closed_half_way_leaves_its_provider(lane: Provider, fleet: RunningFleet, wire: str) -> None:
    fleet.fault("endless")
    stream = lane.stream(request(f"{wire}/echo", fleet.urls[wire]))
    await anext(stream)
    await stream.aclose()
    await left(fleet)


@pytest.mark.parametrize("wire", WIRES)
async def test_a_reader_cancelled_between_two_chunks_leaves_its_provider(
    lane: Provider, fleet: RunningFleet, wire: str
) -> None:
    fleet.fault("hang", after_tokens=2)

    async def read() -> None:
        async for _ in lane.stream(request(f"{wire}/echo", fleet.urls[wire])):
            begun.set()

    begun = asyncio.Event()
    task = asyncio.ensure_future(read())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await left(fleet)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("closing", [True, False], ids=["closed", "dropped"])
async def test_a_consumer_that_fails_leaves_its_provider(
    lane: Provider, fleet: RunningFleet, wire: str, closing: bool
) -> None:
    fleet.fault("endless")

    async def consume() -> None:
        stream = lane.stream(request(f"{wire}/echo", fleet.urls[wire]))
        async with contextlib.aclosing(stream) if closing else contextlib.nullcontext():
            async for _ in stream:
                raise LookupError

    with pytest.raises(LookupError):
        await consume()
    await left(fleet)


@pytest.mark.parametrize("model", ["openai/m", "groq/m", "mistral/m", "openrouter/m", "deepseek/m"])
async def test_a_connection_serves_one_request_after_the_other(
    lane: Provider, replay: ReplayServer, model: str
) -> None:
    await runtime.close()
    before = replay.connections
    for number in range(20):
        asked = request(model, replay.url)
        if number % 2:
            replay.answer = Recorded(EVENTS + b"data: [DONE]\n\n", headers={"content-type": "text/event-stream"})
            assert [chunk async for chunk in lane.stream(asked)]
        else:
            replay.answer = Recorded(json.dumps(ANSWER).encode())
            await lane.complete(asked)
    assert replay.connections - before <= 1  # none, where one was left from before


@pytest.mark.parametrize("wire", WIRES)
async def test_requests_at_once_share_their_connections_with_those_after_them(
    lane: Provider, fleet: RunningFleet, wire: str
) -> None:
    async def read() -> None:
        async for _ in lane.stream(request(f"{wire}/echo", fleet.urls[wire])):
            pass

    for _ in range(3):
        await asyncio.gather(*(read() for _ in range(12)))
    assert len(fleet.journal.ended) == 36
    assert fleet._connections()[wire] <= 14


async def test_two_thousand_streams_leave_no_socket_open(lane: Provider, fleet: RunningFleet) -> None:
    async def read(wire: str) -> None:
        async for _ in lane.stream(request(f"{wire}/echo", fleet.urls[wire], {**HELLO, "max_completion_tokens": 1})):
            pass

    for wire in WIRES:
        await read(wire)
    before, tasks = open_files(), len(asyncio.all_tasks())
    for number in range(STREAMS):
        await read(WIRES[number % 3])
    assert open_files() <= before + 2
    assert len(asyncio.all_tasks()) <= tasks + 2


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))
