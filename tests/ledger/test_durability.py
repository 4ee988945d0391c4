"""What the ledger has acknowledged outlives the process: SIGKILL in the middle of writing, then a second start."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from gateway.ledger.sqlite import SqliteLedger

ACKNOWLEDGEMENTS = 400
WRITE_FOR_EVER = textwrap.dedent(
    """
    import asyncio, sys
    from pathlib import Path
    from gateway.clock import SystemClock
    from gateway.ledger.sqlite import SqliteLedger
    from gateway.types import AttemptResult, Endpoint, HoldRequest, Intent, Price, RequestRecord, Settlement
    from gateway.types import Status, Usage

    async def client(ledger, name):
        for n in range(10**6):
            id = f"{name}-{n}"
            record = RequestRecord(id, id, "k_1", "key:k_1", Endpoint.CHAT, "m", True, 1.0)
            await ledger.open(record, HoldRequest(("key:k_1",), 100, 4e9))
            print("opened", id, flush=True)
            intent = Intent(id, 1, "dep", "openai", "m", Price(1000, 1000), 100, 1.0)
            await ledger.dispatch(intent, 100)
            print("dispatched", id, flush=True)
            result = AttemptResult(intent, Status.COMPLETED, Usage(3, 4), 7, 2.0)
            await ledger.settle(Settlement(id, (result,), Status.COMPLETED, 200, None, 2.0))
            print("settled", id, flush=True)

    async def main():
        ledger = SqliteLedger(Path(sys.argv[1]), SystemClock())
        await ledger.start()
        await asyncio.gather(*(client(ledger, f"c{n}") for n in range(16)))

    asyncio.run(main())
    """
)


@pytest.fixture
def world(sqlite_world: Any) -> Any:
    """The embedded set-up only."""
    return sqlite_world


def killed_writer(path: Path) -> dict[str, set[str]]:
    """Run a process that writes until it is killed; return what it said was durable."""
    said: dict[str, set[str]] = {"opened": set(), "dispatched": set(), "settled": set()}
    command = [sys.executable, "-c", WRITE_FOR_EVER, str(path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        for _ in range(ACKNOWLEDGEMENTS):
            word, generation = process.stdout.readline().split()
            said[word].add(generation)
        os.kill(process.pid, signal.SIGKILL)
        for line in process.stdout:
            if line.endswith("\n"):
                word, generation = line.split()
                said[word].add(generation)
    return said


@pytest.fixture
async def after_the_kill(world: Any) -> tuple[Any, dict[str, set[str]]]:
    await world.ledger.close()
    said = await asyncio.to_thread(killed_writer, world.path)
    world.ledger = SqliteLedger(world.path, world.clock)
    await world.ledger.start()
    return world, said


async def test_nothing_acknowledged_is_lost_and_everything_open_is_ended(after_the_kill: Any) -> None:
    world, said = after_the_kill
    ids = {row["id"] for row in world.read("SELECT id FROM request")}
    open_attempts = "SELECT id FROM request WHERE attempts IS NOT NULL"
    intents = {row["id"] for row in world.read(f"SELECT request_id AS id FROM ledger UNION {open_attempts}")}
    settled = {row["id"] for row in world.read("SELECT id FROM request WHERE status = 'completed'")}
    assert said["opened"] <= ids
    assert said["dispatched"] <= intents
    assert said["settled"] <= settled

    found = await world.ledger.recover()

    assert found.requests == len(ids - settled)
    assert found.cost == 100 * len(intents - settled)
    assert world.read("SELECT id FROM request WHERE status IS NULL") == []
    lines = world.read("SELECT request_id, cost_nano, estimated FROM ledger")
    assert sorted(line["request_id"] for line in lines) == sorted(intents), "one terminal record each"
    assert all(line["cost_nano"] == (100 if line["estimated"] else 7) for line in lines)
    balance = await world.balance()
    assert (balance.held, balance.spent) == (0, sum(line["cost_nano"] for line in lines))
