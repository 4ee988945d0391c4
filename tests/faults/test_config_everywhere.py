"""A change over HTTP, on three workers at once: every worker serves it soon, and whoever made it is the one who is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness import GatewayProcess, Stores, wait_until
from tests.loops import FleetThread

WORKERS = 3


@pytest.fixture
def gateway(running_fleet: FleetThread, stores: Stores, tmp_path: Path) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path, running_fleet, stores, workers=WORKERS) as running:
        wait_until(lambda: len(running.workers()) == WORKERS and "workers" in running.log(), "all workers")
        yield running


def test_every_worker_serves_a_change_and_the_way_back(gateway: GatewayProcess) -> None:
    with gateway.http() as http:
        before = http.get("/admin/config").json()["version"]

        def current() -> bool:
            workers = http.get("/admin/config").json()["workers"]
            return len(workers) == WORKERS and all(each["current"] for each in workers)

        wait_until(current, "three workers on the first version")
        body = {"edits": [{"op": "add", "path": "/limits", "value": {"rpm": 1000}}]}
        answer = http.patch("/admin/config", json=body, headers={"if-match": f'"{before}"'})
        assert answer.status_code == 200, answer.text
        wait_until(current, "three workers on the new version")
        assert json.loads(gateway.config_file.read_text())["limits"] == {"rpm": 1000}
        listed = http.get("/admin/config/versions").json()["data"]
        assert [(each["version"], each["by"]) for each in listed] == [
            (answer.json()["version"], "master"),
            (before, "file"),
        ]
        restored = http.post(f"/admin/config/versions/{before}/restore", headers={"if-match": "*"})
        assert restored.status_code == 200, restored.text
        wait_until(current, "three workers on the old version")
        assert http.get("/admin/config").json()["version"] == before


def test_of_many_at_once_on_all_workers_one_wins(gateway: GatewayProcess) -> None:
    with gateway.http() as http:
        match = http.get("/admin/config").headers["etag"]

    def add(rpm: int) -> int:
        with gateway.http() as other:
            body = {"edits": [{"op": "add", "path": "/limits", "value": {"rpm": rpm}}]}
            return other.patch("/admin/config", json=body, headers={"if-match": match}).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(add, range(1001, 1007))) == [200, *[409] * 5]
