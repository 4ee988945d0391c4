"""Figures of several workers, each a process, come out as one set, whoever is asked and whoever has died."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.api import ops
from gateway.queue.places import Places
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.worker_metrics import PARENT, VARIABLE, MetricsFolder, keep_current
from tests.core.fakes import FakeClock
from tests.harness import ROOT, clean_environment

WORKER = """
import json, os, signal, sys
from gateway.telemetry import worker_metrics
number, breaker, waiting, requests = json.loads(sys.argv[1])
worker_metrics.count_as(number)
from gateway.telemetry.metrics import Metrics
metrics = Metrics(groups=["fast"], deployments=["d1"])
for _ in range(requests):
    metrics.request_started()
    metrics.request_ended("chat", 200, "fast", seconds=1.0, overhead=0.004)
metrics.request_started()
metrics.queue_waiting(waiting)
metrics.breaker_state("d1", breaker)
sys.stdout.write(metrics.render().decode())
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def worker(folder: MetricsFolder, number: int, *, breaker: str, waiting: int, requests: int) -> dict[str, float]:
    """What a worker counts and then shows when it is asked; it is killed with one request in flight."""
    return shown(folder, WORKER, [number, breaker, waiting, requests])


def shown(folder: MetricsFolder, program: str, told: list[object]) -> dict[str, float]:
    """What a worker of this program shows."""
    finished = subprocess.run(
        [sys.executable, "-c", program, json.dumps(told)],
        env={**clean_environment(), "PYTHONPATH": str(ROOT), VARIABLE: str(folder.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.stderr == ""
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(finished.stdout)
        for sample in family.samples
    }


@pytest.fixture
def folder(tmp_path: Path) -> MetricsFolder:
    return MetricsFolder.make(tmp_path)


def test_counters_add_up_and_gauges_each_in_their_way(folder):
    worker(folder, 1, breaker="open", waiting=3, requests=2)
    found = worker(folder, 2, breaker="closed", waiting=4, requests=5)
    assert found["gateway_requests_total chat fast 200"] == 7
    assert found["gateway_request_seconds_sum chat fast"] == 7
    assert found["gateway_overhead_seconds_count"] == 7
    assert found["gateway_overhead_seconds_bucket 0.005"] == 7
    assert found["gateway_overhead_seconds_bucket 0.002"] == 0
    assert found["gateway_in_flight"] == 2
    assert found["gateway_queue_waiting"] == 7
    assert found["gateway_breaker_state d1"] == 2
    assert not [name for name in found if "pid" in name or name.endswith("_created")]


def test_what_a_dead_worker_counted_stays_and_what_it_was_doing_goes(folder):
    worker(folder, 1, breaker="open", waiting=3, requests=2)
    folder.forget(1)
    found = worker(folder, 2, breaker="closed", waiting=4, requests=5)
    assert found["gateway_requests_total chat fast 200"] == 7
    assert found["gateway_in_flight"] == 1
    assert found["gateway_queue_waiting"] == 4
    assert found["gateway_breaker_state d1"] == 0


def test_a_successor_goes_on_where_it_ended_in_the_same_files(folder):
    for lives in range(1, 4):
        found = worker(folder, 1, breaker="closed", waiting=0, requests=2)
        assert found["gateway_requests_total chat fast 200"] == 2 * lives
        assert found["gateway_in_flight"] == 1
        folder.forget(1)
    assert sorted(path.name for path in folder.path.iterdir()) == ["counter_1.db", "histogram_1.db"]


def test_each_run_has_a_new_folder_and_takes_those_away_that_nobody_holds(tmp_path):
    left = tmp_path / PARENT / "left"
    left.mkdir(parents=True)
    (left / "counter_1.db").write_bytes(b"")
    first, second = MetricsFolder.make(tmp_path), MetricsFolder.make(tmp_path)
    assert {path.name for path in (tmp_path / PARENT).iterdir()} == {first.path.name, second.path.name}
    first.remove()
    assert list((tmp_path / PARENT).iterdir()) == [second.path]
    second.remove()


async def test_gauges_that_are_read_are_read_each_second():
    happened: list[str | float] = []

    async def sleep(seconds: float) -> None:
        happened.append(seconds)
        if len(happened) == 4:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await keep_current(lambda: happened.append("read"), sleep)
    assert happened == ["read", 1.0, "read", 1.0]


def test_a_folder_that_cannot_be_made_is_an_oserror(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        MetricsFolder.make(tmp_path / "file")


SERVING = """
import json, sys
from gateway.telemetry import worker_metrics
number, version, loaded_at, rejected, alerts = json.loads(sys.argv[1])
worker_metrics.count_as(number)
from gateway.telemetry.metrics import Metrics
metrics = Metrics()
metrics.config_serves("000000000000", 0.0)
metrics.config_reloaded(version, loaded_at)
if rejected:
    metrics.config_rejected()
metrics.alerts("deployment", alerts)
metrics.queued("fast", 2.0)
sys.stdout.write(metrics.render().decode())
"""


def test_of_what_workers_serve_the_one_furthest_behind_is_shown(folder):
    shown(folder, SERVING, [1, "00000000000a", 100.0, True, 0])
    found = shown(folder, SERVING, [2, "00000000000b", 200.0, False, 3])
    assert found["gateway_config_version"] == 10
    assert found["gateway_config_loaded_timestamp_seconds"] == 100
    assert found["gateway_config_rejected"] == 1
    assert found["gateway_config_reloads_total loaded"] == 2
    assert found["gateway_config_reloads_total rejected"] == 1
    assert found["gateway_alerts deployment"] == 3
    assert found["gateway_queue_seconds_sum other"] == 4
    assert [value for name, value in found.items() if name.startswith("gateway_build_info")] == [1]


LATER = """
import json, os, signal, sys
from gateway.telemetry import worker_metrics
number, told, kept = json.loads(sys.argv[1])
worker_metrics.count_as(number)
from gateway.telemetry.metrics import Metrics
from gateway.types import AttemptResult, Intent, Price, Status, Usage
metrics = Metrics(groups=["fast"], deployments=["d1"])
intent = Intent("gen-1", 1, "d1", "openai", "openai/x", Price(), 0, 0.0)
for number in range(told + kept):
    metrics.request_started()
    metrics.attempt_ended(AttemptResult(intent, Status.COMPLETED, Usage(input=5, output=2), 7, 1.0, ttft=0.1))
    if number + 1 == told:
        metrics.publish()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_others_see_what_a_worker_has_published(folder):
    shown(folder, LATER, [1, 3, 2000])
    found = worker(folder, 2, breaker="closed", waiting=0, requests=1)
    assert found["gateway_upstream_attempts_total d1 completed"] == 3
    assert (found["gateway_tokens_total input d1"], found["gateway_tokens_total output d1"]) == (15, 6)
    assert found["gateway_cost_nano_total d1"] == 21
    assert (found["gateway_ttft_seconds_count d1"], found["gateway_ttft_seconds_bucket d1 0.1"]) == (3, 3)
    assert found["gateway_in_flight"] == 3 + 1


def test_each_look_at_the_gauges_publishes(monkeypatch):
    metrics, published = Metrics(), []
    monkeypatch.setattr(metrics, "publish", lambda: published.append(True))
    found = SimpleNamespace(metrics=metrics, more_gauges=lambda _: None, places=Places(FakeClock()), deployments=())
    ops.read_gauges(found)  # type: ignore[arg-type]
    assert published == [True]
