"""Several workers see the same thing; a webhook is told once, and each worker's log says what it saw."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import GatewayProcess, Stores, wait_until
from tests.loops import FleetThread
from tests.recorder import Recorder

WORKERS = 3


@pytest.fixture
def hook() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.close()


def test_a_broken_file_is_told_once_by_all_workers_together(
    stores: Stores, running_fleet: FleetThread, tmp_path: Path, hook: Recorder
) -> None:
    secret = f"{hook.url}/secret-of-the-hook"
    alerts = {"webhooks": [{"url": secret}]}
    with GatewayProcess(tmp_path, running_fleet, stores, workers=WORKERS, alerts=alerts) as gateway:
        wait_until(lambda: len(gateway.workers()) == WORKERS and "workers" in gateway.log(), "all workers")
        good = gateway.config_file.read_text()
        for text, event, told in (("{", "alert_raised", ["raised"]), (good, "alert_cleared", ["raised", "cleared"])):
            gateway.config_file.write_text(text)
            wait_until(lambda event=event: gateway.log().count(event) == WORKERS, f"{event} of each worker")
            wait_until(lambda told=told: len(hook.requests) >= len(told), "the webhook")
            assert [(each.body["kind"], each.body["state"]) for each in hook.requests] == [("config", s) for s in told]
        log = gateway.log()
    assert "secret-of-the-hook" not in log
    assert [json.loads(line)["kind"] for line in log.splitlines() if "alert_raised" in line] == ["config"] * WORKERS
