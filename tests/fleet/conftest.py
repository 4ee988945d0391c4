"""Fleets inside the test's own event loop, and clients for each wire."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anthropic
import httpx
import openai
import pytest

from gateway.fleet import Pacing, RunningFleet, Settings, start_fleet
from tests.fleet.fleet_clients import KEYS, PATIENCE, Asker, ManualClock


@pytest.fixture
async def fleet() -> AsyncIterator[RunningFleet]:
    """A fleet in which nothing waits."""
    running = await start_fleet(Settings(speed=0))
    yield running
    await running.stop()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def slow_fleet(clock: ManualClock) -> AsyncIterator[RunningFleet]:
    """A fleet on the manual clock: the first token after one second, then ten a second."""
    running = await start_fleet(Settings(pacing=Pacing(ttft=1.0, tokens_per_second=10.0)), clock)
    yield running
    await running.stop()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A plain client that is signed in on every wire."""
    async with httpx.AsyncClient(headers=KEYS, timeout=PATIENCE, trust_env=False) as client:
        yield client


@pytest.fixture
async def openai_client(fleet: RunningFleet) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=fleet.urls["openai"], api_key="sim", max_retries=0) as client:
        yield client


@pytest.fixture
async def anthropic_client(fleet: RunningFleet) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=fleet.urls["anthropic"], api_key="sim", max_retries=0) as client:
        yield client


@pytest.fixture
def asker(fleet: RunningFleet, http: httpx.AsyncClient) -> Asker:
    return Asker(fleet, http)


@pytest.fixture
def slow_asker(slow_fleet: RunningFleet, http: httpx.AsyncClient) -> Asker:
    return Asker(slow_fleet, http)
