"""The client's end of a generation: a client that leaves before, or while, its request runs is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.api.delivery import Delivery, Pace
from gateway.errors import Reason
from gateway.types import Call
from tests.core.fakes import FakeClock, asking, deployment


class Line:
    """A server's own way to a client."""

    def __init__(self, *, gone: bool = False) -> None:
        self.gone, self.arrived = gone, True
        self.left: Callable[[], None] = lambda: None
        task = asyncio.current_task()
        assert task is not None
        self.task = task


class Running:
    """Generations of which one runs until it is told that its client left."""

    def __init__(self) -> None:
        self.told: list[Call] = []
        self.waiting = asyncio.Event()

    async def run(self, call: Call, client: Any, task: Any) -> None:
        await self.waiting.wait()

    def left(self, call: Call) -> None:
        self.told.append(call)
        call.interruption.request(Reason.CLIENT_GONE)
        self.waiting.set()


async def receive() -> Any:
    raise AssertionError("nobody is asked: the server tells")


async def test_a_client_that_left_before_its_request_began_is_noticed(clock: FakeClock) -> None:
    running, call = Running(), asking(clock, deployment())
    client: Any = Delivery(call, Line(gone=True), clock, Pace(), running)  # type: ignore[arg-type]
    await client.follow(receive)
    assert (running.told, client.gone) == ([call], True)


async def test_a_client_that_leaves_is_noticed_and_then_forgotten(clock: FakeClock) -> None:
    running, call, line = Running(), asking(clock, deployment()), Line()
    client: Any = Delivery(call, line, clock, Pace(), running)  # type: ignore[arg-type]
    asyncio.get_running_loop().call_soon(lambda: line.left())  # noqa: PLW0108 - whatever it is by then
    await client.follow(receive)
    assert running.told == [call]
    line.left()
    assert running.told == [call]
