"""A lane, a fleet and a replay server, all in one event loop; what a lane leaves behind fails the test that left it."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.fleet import RunningFleet, Settings, start_fleet
from gateway.ports import Provider
from gateway.providers import runtime
from gateway.telemetry.redact import Redactor
from tests.providers.asking import KEY
from tests.providers.lanes import Lanes, all_lanes
from tests.providers.replay import Canary, ReplayServer, replaying, watching


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop a file: LiteLLM keeps its connections for the loop they were made in."""
    for item in items:
        if item.path.parent == Path(__file__).parent and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest.fixture(scope="session", autouse=True)
def _litellm() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LiteLLM's import has some
        runtime.load()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def lanes() -> AsyncIterator[Lanes]:
    before = asyncio.all_tasks()
    async with all_lanes(Redactor([KEY]).text) as made:
        yield made
    await runtime.close()
    await asyncio.sleep(0)
    left = [
        task
        for task in asyncio.all_tasks() - before
        if not task.done() and ("litellm" in repr(task) or "gateway/providers" in repr(task))
    ]
    assert not left


@pytest.fixture(scope="module", params=["sdk", "chosen"])
def lane(request: pytest.FixtureRequest, lanes: Lanes) -> Provider:
    """LiteLLM for everything; and for each deployment the lane that a gateway takes."""
    return lanes.slow if request.param == "sdk" else lanes.chosen


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def replay() -> AsyncIterator[ReplayServer]:
    async with replaying() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running() -> AsyncIterator[RunningFleet]:
    fleet = await start_fleet(Settings(speed=0))
    yield fleet
    await fleet.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def fleet(running: RunningFleet) -> RunningFleet:
    """The module's fleet, with no faults and an empty journal."""
    await running.reset()
    return running


@pytest_asyncio.fixture(loop_scope="module")
async def canary() -> AsyncIterator[Canary]:
    async with watching() as found:
        yield found
