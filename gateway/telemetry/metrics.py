"""Prometheus metrics in a registry of their own. docs/metrics.md lists them; a test holds the two together.

Labels come from the config only: a group or deployment that is not configured is counted as "other", so that no client
can make the number of series grow. Counting happens in memory and cannot fail a request. Under a supervisor every worker
shows the figures of all (`worker_metrics`): a gauge says how those of several workers make one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from gateway.telemetry.worker_metrics import add_up, count_together
from gateway.types import AttemptResult, Usage

CONTENT_TYPE = CONTENT_TYPE_LATEST
OTHER = "other"
BREAKER = {"closed": 0, "half_open": 1, "open": 2}
TOKEN_CLASSES = ("input", "output", "cached_input", "cache_write", "reasoning", "audio_input", "audio_output")
WHOLE_REQUEST = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 300)  # seconds
FIRST_TOKEN = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 12, 30)
OWN_TIME = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1)


class _Registry(CollectorRegistry):
    """Leaves out the time at which each series began: nobody asks for it, and it doubles what is read."""

    def collect(self) -> Iterator[Metric]:
        for family in super().collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


class Metrics:
    """Everything the gateway counts. Durations in seconds, money in nano-dollars."""

    def __init__(self, groups: Iterable[str] = (), deployments: Iterable[str] = ()) -> None:
        self.knows(groups, deployments)
        registry = _Registry()
        self._shown = add_up(_Registry()) if count_together() else registry
        self._requests = Counter(
            "gateway_requests", "Requests that ended", ["endpoint", "status", "group"], registry=registry
        )
        self._request_seconds = Histogram(
            "gateway_request_seconds",
            "From a request's arrival to the end of its answer",
            ["endpoint", "group"],
            buckets=WHOLE_REQUEST,
            registry=registry,
        )
        self._ttft_seconds = Histogram(
            "gateway_ttft_seconds",
            "From an attempt's dispatch to its first token",
            ["deployment"],
            buckets=FIRST_TOKEN,
            registry=registry,
        )
        self._attempts = Counter(
            "gateway_upstream_attempts", "Attempts that ended", ["deployment", "outcome"], registry=registry
        )
        self._tokens = Counter("gateway_tokens", "Tokens of all attempts", ["deployment", "class"], registry=registry)
        self._cost = Counter("gateway_cost_nano", "Cost in nano-dollars", ["deployment"], registry=registry)
        self._make_gauges(registry)
        self._overhead_seconds = Histogram(
            "gateway_overhead_seconds",
            "A request's time in the gateway itself, without waiting for providers or places",
            buckets=OWN_TIME,
            registry=registry,
        )
        self._loop_lag_seconds = Histogram(
            "gateway_loop_lag_seconds",
            "How much later than asked for the event loop ran a timer",
            buckets=OWN_TIME,
            registry=registry,
        )

    def _make_gauges(self, registry: CollectorRegistry) -> None:
        added_up = partial(Gauge, registry=registry, multiprocess_mode="livesum")
        self._in_flight = added_up("gateway_in_flight", "Requests that are being served")
        self._queue_waiting = added_up("gateway_queue_waiting", "Requests that wait for a place")
        self._breaker = Gauge(
            "gateway_breaker_state",
            "0 closed, 1 half-open, 2 open",
            ["deployment"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._dependency = Gauge(
            "gateway_dependency_up",
            "1: a store behind the gateway answers, 0: it is away",
            ["dependency"],
            registry=registry,
            multiprocess_mode="livemin",
        )
        self._ledger_drift = Gauge(
            "gateway_ledger_drift_nano",
            "What Redis and SQL disagree by, in nano-dollars, over all accounts",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._outbox = Gauge(
            "gateway_outbox_events",
            "Settlements that wait to be booked in SQL",
            registry=registry,
            multiprocess_mode="livemax",
        )

    def knows(self, groups: Iterable[str], deployments: Iterable[str]) -> None:
        """The names that labels may have, from now on; any other one is counted as "other"."""
        self._groups = frozenset(groups)
        self._deployments = frozenset(deployments)

    def request_started(self) -> None:
        """A request came in; `request_ended` follows."""
        self._in_flight.inc()

    def request_ended(self, endpoint: str, status: int, group: str, seconds: float, overhead: float) -> None:
        """A request ended with this HTTP status (499: the client left)."""
        self._in_flight.dec()
        group = group if group in self._groups else OTHER
        self._requests.labels(endpoint, str(status), group).inc()
        self._request_seconds.labels(endpoint, group).observe(seconds)
        self._overhead_seconds.observe(max(0.0, overhead))

    def attempt_ended(self, result: AttemptResult) -> None:
        """An attempt got its terminal record: outcome, tokens, cost and time to first token at once."""
        deployment = self._known(result.intent.deployment_id)
        outcome = result.status if result.fault is None else result.fault
        self._attempts.labels(deployment, outcome.value).inc()
        self._count_tokens(deployment, result.usage)
        self._cost.labels(deployment).inc(result.cost)
        if result.ttft is not None:
            self._ttft_seconds.labels(deployment).observe(result.ttft)

    def queue_waiting(self, waiting: int) -> None:
        """How many requests wait for a place now."""
        self._queue_waiting.set(waiting)

    def breaker_state(self, deployment_id: str, state: str) -> None:
        """The state as `ports.Health` names it."""
        self._breaker.labels(self._known(deployment_id)).set(BREAKER[state])

    def dependency_up(self, name: str, *, up: bool) -> None:
        """Whether a store behind the gateway answers."""
        self._dependency.labels(name).set(1 if up else 0)

    def ledger_drift(self, nano: int) -> None:
        """The sum of the accounts' differences between Redis and SQL, as the last look found it."""
        self._ledger_drift.set(nano)

    def outbox(self, events: int) -> None:
        """How many settlements wait for SQL."""
        self._outbox.set(events)

    def loop_lag(self, seconds: float) -> None:
        """One sample of the event loop's lag."""
        self._loop_lag_seconds.observe(max(0.0, seconds))

    def render(self) -> bytes:
        """All metrics as Prometheus reads them, to be sent as `CONTENT_TYPE`."""
        return generate_latest(self._shown)

    def _known(self, deployment_id: str) -> str:
        return deployment_id if deployment_id in self._deployments else OTHER

    def _count_tokens(self, deployment: str, usage: Usage) -> None:
        for token_class in TOKEN_CLASSES:
            count = getattr(usage, token_class)
            if count > 0:
                self._tokens.labels(deployment, token_class).inc(count)
