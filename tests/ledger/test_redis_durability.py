"""A worker of the scaled ledger is killed at each named place: every attempt has its one line, and the sums agree."""

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
from sqlmodel import select

from gateway.store.tables import Account, LedgerLine, Request

PLACES = (
    "before_hold",
    "after_hold",
    "before_dispatch",
    "after_dispatch",
    "before_capture",
    "after_capture",
    "before_commit",
    "after_commit",
    "before_ack",
    "after_ack",
)
WORK_FOR_EVER = textwrap.dedent(
    """
    import asyncio, sys
    from pathlib import Path
    from sqlalchemy.ext.asyncio import create_async_engine
    from gateway.clock import SystemClock
    from gateway.ledger.redis import RedisLedger
    from gateway.state.connection import RedisConnection
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
        redis = RedisConnection(sys.argv[1], SystemClock(), timeout=2.0)
        ledger = RedisLedger(redis, create_async_engine(sys.argv[2]), SystemClock(), Path(sys.argv[3]))
        await ledger.start()
        print("owner", ledger.presence.owner, flush=True)
        await asyncio.gather(*(client(ledger, f"c{n}") for n in range(4)))

    asyncio.run(main())
    """
)


def killed_worker(scaled: Any, place: str) -> dict[str, set[str]]:
    """Run a worker until it is killed at the place; what it said."""
    said: dict[str, set[str]] = {"owner": set(), "opened": set(), "dispatched": set(), "settled": set()}
    url = scaled.engine.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-c", WORK_FOR_EVER, scaled.server.url, url, str(scaled.folder)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "ATELIER_KILL_AT": f"{place}:6"},
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    for line in done.stdout.splitlines():
        word, name = line.split()
        said[word].add(name)
    return said


@pytest.mark.parametrize("place", PLACES)
async def test_a_worker_that_is_killed_anywhere_loses_nothing_and_doubles_nothing(scaled: Any, place: str) -> None:
    survivor = await scaled.worker()
    said = await asyncio.to_thread(killed_worker, scaled, place)
    await survivor.ledger.presence._bury(said["owner"].pop())

    requests = {row["id"]: row for row in await survivor.rows(select(Request.__table__))}
    lines = {row["request_id"]: row for row in await survivor.rows(select(LedgerLine.__table__))}
    assert said["opened"] <= requests.keys()
    assert said["dispatched"] <= lines.keys()
    assert all(lines[name]["cost_nano"] == 7 for name in said["settled"])
    assert all(line["cost_nano"] == (100 if line["estimated"] else 7) for line in lines.values())
    assert {row["status"] for row in requests.values()} <= {"completed", "expired"}
    total = sum(line["cost_nano"] for line in lines.values())
    assert [row["spent_nano"] for row in await survivor.rows(select(Account.__table__))] == [total] * bool(total)
    balance = await survivor.balance()
    assert (balance.spent, balance.held) == (total, 0)
    assert await survivor.ledger.reconciler.run() == {}
