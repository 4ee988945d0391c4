"""The metrics count what they say, in bounded labels, and the docs list exactly those there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import __version__
from gateway.config.watching_models import AlertKind
from gateway.errors import Fault
from gateway.telemetry.metrics import CONTENT_TYPE, Metrics
from gateway.types import AttemptResult, Intent, Price, Status, Usage
from tests.telemetry.described import described

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(groups=["fast"], deployments=["d1"])


def samples(metrics: Metrics) -> dict[str, float]:
    """Samples by name and label values, in the order of the labels' names."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def ended(deployment: str = "d1", status: Status = Status.COMPLETED, **more: object) -> AttemptResult:
    intent = Intent("gen-1", 1, deployment, "openai", "openai/x", Price(), 0, 0.0)
    values = {"usage": Usage(), "cost": 0, "ended_at": 1.0, **more}
    return AttemptResult(intent, status, **values)  # type: ignore[arg-type]


def test_a_request_is_counted_when_it_ends_and_in_flight_until_then(metrics):
    metrics.request_started()
    metrics.request_started()
    assert samples(metrics)["gateway_in_flight"] == 2
    metrics.request_ended("chat", 200, "fast", seconds=1.2, overhead=0.004)
    found = samples(metrics)
    assert found["gateway_in_flight"] == 1
    assert found["gateway_requests_total chat fast 200"] == 1
    assert found["gateway_request_seconds_sum chat fast"] == pytest.approx(1.2)
    assert found["gateway_overhead_seconds_bucket 0.005"] == 1
    assert found["gateway_overhead_seconds_bucket 0.002"] == 0


def test_an_attempt_counts_outcome_tokens_cost_and_first_token(metrics):
    usage = Usage(input=10, output=20, reasoning=5)
    metrics.attempt_ended(ended(usage=usage, cost=123, ttft=0.3))
    metrics.attempt_ended(ended(status=Status.FAILED, fault=Fault.CONNECT))
    found = samples(metrics)
    assert found["gateway_upstream_attempts_total d1 completed"] == 1
    assert found["gateway_upstream_attempts_total d1 connect"] == 1
    assert found["gateway_tokens_total input d1"] == 10
    assert found["gateway_tokens_total output d1"] == 20
    assert found["gateway_tokens_total reasoning d1"] == 5
    assert "gateway_tokens_total cached_input d1" not in found
    assert found["gateway_cost_nano_total d1"] == 123
    assert found["gateway_ttft_seconds_count d1"] == 1


def test_names_that_are_not_configured_share_one_series(metrics):
    for number in range(100):
        metrics.request_started()
        metrics.request_ended("chat", 404, f"made-up-{number}", seconds=0.1, overhead=-1.0)
        metrics.attempt_ended(ended(f"gone-{number}"))
        metrics.breaker_state(f"gone-{number}", "open")
    found = samples(metrics)
    assert found["gateway_requests_total chat other 404"] == 100
    assert found["gateway_upstream_attempts_total other completed"] == 100
    assert "made-up" not in metrics.render().decode()
    assert "gone" not in metrics.render().decode()
    assert found["gateway_overhead_seconds_sum"] == 0


@pytest.mark.parametrize(("state", "value"), [("closed", 0), ("half_open", 1), ("open", 2)])
def test_the_breakers_state_is_a_number(metrics, state, value):
    metrics.breaker_state("d1", state)
    assert samples(metrics)["gateway_breaker_state d1"] == value


def test_the_queue_and_the_loop_are_watched(metrics):
    metrics.queue_waiting(7)
    metrics.loop_lag(0.03)
    metrics.loop_lag(-0.001)
    found = samples(metrics)
    assert found["gateway_queue_waiting"] == 7
    assert found["gateway_loop_lag_seconds_count"] == 2
    assert found["gateway_loop_lag_seconds_sum"] == pytest.approx(0.03)


def test_the_stores_behind_the_gateway_are_watched(metrics):
    metrics.dependency_up("redis", up=False)
    metrics.dependency_up("database", up=True)
    metrics.ledger_drift(-12)
    metrics.outbox(3)
    found = samples(metrics)
    assert (found["gateway_dependency_up redis"], found["gateway_dependency_up database"]) == (0, 1)
    assert (found["gateway_ledger_drift_nano"], found["gateway_outbox_events"]) == (-12, 3)


def test_two_sets_of_metrics_know_nothing_of_each_other(metrics):
    other = Metrics()
    metrics.queue_waiting(7)
    assert samples(other)["gateway_queue_waiting"] == 0


def test_it_renders_what_prometheus_reads(metrics):
    assert metrics.render().startswith(b"# HELP gateway_requests_total")
    assert CONTENT_TYPE.startswith("text/plain")


def test_names_can_change_and_what_was_counted_stays(metrics):
    metrics.request_started()
    metrics.request_ended("chat", 200, "fast", seconds=0.1, overhead=0.0)
    metrics.knows(groups=["smart", "openai/*"], deployments=["d2"])
    for group in ("fast", "smart"):
        metrics.request_started()
        metrics.request_ended("chat", 200, group, seconds=0.1, overhead=0.0)
    metrics.attempt_ended(ended("d2"))
    metrics.attempt_ended(ended("openai/gpt-9"), pattern="openai/*")
    metrics.attempt_ended(ended("d1"), pattern="of-another-file")
    found = samples(metrics)
    assert (found["gateway_requests_total chat fast 200"], found["gateway_requests_total chat smart 200"]) == (1, 1)
    assert found["gateway_requests_total chat other 200"] == 1
    assert found["gateway_upstream_attempts_total d2 completed"] == 1
    assert found["gateway_upstream_attempts_total openai/* completed"] == 1
    assert found["gateway_upstream_attempts_total other completed"] == 1


def test_the_configuration_is_watched(metrics):
    version = "fedcba987654"
    metrics.config_serves("000000000001", 90.0)
    assert samples(metrics)["gateway_config_reloads_total loaded"] == 0
    metrics.config_rejected()
    found = samples(metrics)
    assert (found["gateway_config_rejected"], found["gateway_config_version"]) == (1, 1)
    metrics.config_reloaded(version, 100.0)
    found = samples(metrics)
    assert (found["gateway_config_rejected"], found["gateway_config_loaded_timestamp_seconds"]) == (0, 100)
    assert f"{int(found['gateway_config_version']):012x}" == version
    assert (found["gateway_config_reloads_total loaded"], found["gateway_config_reloads_total rejected"]) == (1, 1)


def test_further_attempts_caches_budgets_and_lines_are_counted(metrics):
    metrics.tried_again("fast", elsewhere=True)
    metrics.tried_again("fast", elsewhere=False)
    metrics.cache_looked_up(hit=True)
    metrics.cache_looked_up(hit=False)
    metrics.budget_refused("team:red", "insufficient_quota")
    metrics.budget_refused("made-up:x", "made-up")
    metrics.queued("fast", 3.0)
    found = samples(metrics)
    assert (found["gateway_fallbacks_total fast"], found["gateway_retries_total fast"]) == (1, 1)
    assert (found["gateway_cache_lookups_total hit"], found["gateway_cache_lookups_total miss"]) == (1, 1)
    assert found["gateway_budget_refusals_total insufficient_quota team"] == 1
    assert found["gateway_budget_refusals_total other other"] == 1
    assert found["gateway_queue_seconds_sum fast"] == 3


def test_alerts_and_the_build_have_series_from_the_start(metrics):
    found = samples(metrics)
    assert {name for name in found if name.startswith("gateway_alerts ")} == {
        f"gateway_alerts {kind}" for kind in get_args(AlertKind)
    }
    assert [value for name, value in found.items() if name.startswith("gateway_build_info")] == [1]
    assert __version__ in next(name for name in found if name.startswith("gateway_build_info"))
    metrics.alerts("config", 2)
    metrics.alert_delivered("failed")
    found = samples(metrics)
    assert (found["gateway_alerts config"], found["gateway_alert_deliveries_total failed"]) == (2, 1)


def test_the_docs_list_every_metric_with_kind_and_labels_and_no_other(metrics):
    rows = re.findall(r"^\| `(gateway_\w+)` \| (\w+) \| ([^|]+) \|", DOCS.read_text("utf-8"), re.MULTILINE)
    assert {name: (kind, set(re.findall(r"\w+", labels))) for name, kind, labels in rows} == described(metrics)
