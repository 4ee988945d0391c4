"""Every metric as it is shown once something was counted: its kind and its labels."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry.metrics import Metrics
from gateway.types import AttemptResult, Intent, Price, Status, Usage


def described(metrics: Metrics) -> dict[str, tuple[str, set[str]]]:
    """By name, "_total" included. Counts something of everything first."""
    metrics.request_started()
    metrics.request_ended("chat", 200, "fast", seconds=1.0, overhead=0.0)
    intent = Intent("gen-1", 1, "d1", "openai", "openai/x", Price(), 0, 0.0)
    metrics.attempt_ended(AttemptResult(intent, Status.COMPLETED, Usage(input=1), 1, 1.0, ttft=0.1))
    metrics.breaker_state("d1", "open")
    metrics.dependency_up("redis", up=True)
    metrics.queued("fast", 1.0)
    metrics.tried_again("fast", elsewhere=True)
    metrics.tried_again("fast", elsewhere=False)
    metrics.cache_looked_up(hit=True)
    metrics.budget_refused("team:red", "insufficient_quota")
    found = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        name = family.name + ("_total" if family.type == "counter" else "")
        found[name] = (family.type, {label for label in family.samples[0].labels if label != "le"})
    return found
