"""Two workers count; whichever is asked shows the sum, also of those that have gone."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil

from tests.harness import GatewayProcess, Stores, wait_until
from tests.loops import FleetThread

WORKERS = 2
REQUESTS = 20
HELLO = {"model": "echo", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}


def test_every_request_is_counted_once_by_all_workers_together_and_stays_so(
    stores: Stores, running_fleet: FleetThread, tmp_path: Path
) -> None:
    with GatewayProcess(tmp_path, running_fleet, stores, workers=WORKERS) as gateway:
        wait_until(lambda: len(gateway.workers()) == WORKERS and "workers" in gateway.log(), "all workers")
        before = gateway.workers()
        ask(gateway, REQUESTS)
        for pid in before:
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: len(alive(gateway) - set(before)) == WORKERS, "their successors")
        ask(gateway, 1)
        wait_until(lambda: counted(gateway) == REQUESTS + 1, "the sum")


def alive(gateway: GatewayProcess) -> set[int]:
    """None while one is just ending."""
    try:
        return set(gateway.workers())
    except psutil.Error:
        return set()


def ask(gateway: GatewayProcess, times: int) -> None:
    """Each over a connection of its own, which any worker may take."""
    for _ in range(times):
        with gateway.http() as http:
            answer = http.post("/v1/chat/completions", json=HELLO)
        assert answer.status_code == 200, answer.text


def counted(gateway: GatewayProcess) -> float:
    with gateway.http() as http:
        lines = http.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("gateway_requests_total{"))
