"""1,000 random requests with random cuts and faults: the ledger equals the providers' own journal, nothing is left."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from gateway.fleet import Pacing, Settings
from tests.faults.audit import check
from tests.faults.traffic import crowd, errand
from tests.harness import FleetThread, GatewayProcess

MODELS = ("pair", "gemini", "claude", "gpt")
QUICK = {
    "stream": {"idle_timeout": 1.5, "ttft_timeout": 1.5},
    "timeouts": {"total": 5},
    "groups": {"pair": {"fallbacks": ["gemini"]}},
}
COMPLAINTS = (
    "Traceback",
    "Task was destroyed",
    "never retrieved",
    "never awaited",
    "coroutine",
    "request_broke",
    "broke",
)


@pytest.mark.timeout(240)
async def test_the_ledger_equals_the_journal_after_a_thousand_random_requests(tmp_path: Path) -> None:
    await random_requests(tmp_path, seed=20261122, count=1000)


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(1, 6))
async def test_the_ledger_equals_the_journal_for_other_seeds(tmp_path: Path, seed: int) -> None:
    await random_requests(tmp_path, seed, count=2000)


async def random_requests(tmp_path: Path, seed: int, count: int) -> None:
    print(f"seed {seed}")
    rnd = random.Random(seed)
    fleet = FleetThread(Settings(pacing=Pacing(ttft=0.02, tokens_per_second=600)))
    try:
        with GatewayProcess(tmp_path, fleet, **QUICK) as gateway:
            key = gateway.key(max_budget=5000)
            seen = await crowd(gateway.url, key, [errand(rnd, n, MODELS) for n in range(count)], at_once=60)
            for never in ("silent end", "hung", "ServerDisconnectedError"):
                assert seen[never] == 0, seen
            idle(gateway, key)
            records = fleet.settled(1)
            log = gateway.log()
        books = check(gateway.data_dir, records)
    finally:
        fleet.close()
    assert len(books.lines) > 0.9 * count
    assert not [word for word in COMPLAINTS if word in log], log[-3000:]


def idle(gateway: GatewayProcess, key: str) -> None:
    """Wait until nothing runs and nothing is held; the time only bounds a failure."""
    until = time.monotonic() + 30
    with gateway.http(key) as http:
        while time.monotonic() < until:
            held = http.get("/v1/me").json()["spend"]["held_nano"]
            running = [line for line in http.get("/metrics").text.splitlines() if line.startswith("gateway_in_flight ")]
            if held == 0 and running == ["gateway_in_flight 0.0"]:
                return
            time.sleep(0.1)
    raise AssertionError("something is still running or held")
