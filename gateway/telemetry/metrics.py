"""Prometheus metrics in a registry of their own. docs/metrics.md lists them; a test holds the two together.

Labels come from the config only: a group or deployment that is not configured is counted as "other", so that no client
can make the number of series grow. Counting happens in memory (`tallies`) and cannot fail a request. Under a supervisor
every worker shows the figures of all (`worker_metrics`), those of the others as they last published them: a gauge says how
those of several workers make one. A wildcard's models are counted under its pattern.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from functools import partial

from prometheus_client import CollectorRegistry, Gauge, Metric, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from gateway import __version__
from gateway.telemetry.tallies import Tallies
from gateway.telemetry.worker_metrics import add_up, count_together
from gateway.types import AttemptResult, Usage

CONTENT_TYPE = CONTENT_TYPE_LATEST
OTHER = "other"
BREAKER = {"closed": 0, "half_open": 1, "open": 2}
TOKEN_CLASSES = ("input", "output", "cached_input", "cache_write", "reasoning", "audio_input", "audio_output")
WHOLE_REQUEST = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 300)  # seconds
FIRST_TOKEN = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 12, 30)
OWN_TIME = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1)
IN_LINE = (0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 20, 40, 80)
PAYERS = frozenset({"key", "user", "team", "brand", "gateway"})  # kinds of accounts
REFUSALS = frozenset({"insufficient_quota", "budget_busy"})
RELOADS = ("loaded", "rejected")
DELIVERIES = ("sent", "failed", "dropped")
ALERT_KINDS = ("config", "deployment", "dependency", "budget", "ledger")


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
        together = count_together()
        self._shown = add_up(_Registry()) if together else registry
        self._tallies = Tallies(registry, together=together)
        self._serving = 0
        self._make_counters()
        self._make_histograms()
        self._make_gauges(registry)
        self._make_worst_gauges(registry)

    def knows(self, groups: Iterable[str], deployments: Iterable[str]) -> None:
        """The names that have series of their own from now on; what was counted stays. Groups: with wildcards' patterns."""
        self._groups = frozenset(groups)
        self._deployments = frozenset(deployments)

    def _make_counters(self) -> None:
        counter = self._tallies.counter
        self._requests = counter("gateway_requests", "Requests that ended", ["endpoint", "status", "group"])
        self._attempts = counter("gateway_upstream_attempts", "Attempts that ended", ["deployment", "outcome"])
        self._retries = counter("gateway_retries", "Further attempts at the same deployment", ["group"])
        self._fallbacks = counter("gateway_fallbacks", "Further attempts at another deployment", ["group"])
        self._tokens = counter("gateway_tokens", "Tokens of all attempts", ["deployment", "class"])
        self._cost = counter("gateway_cost_nano", "Cost in nano-dollars", ["deployment"])
        self._cache = counter("gateway_cache_lookups", "Looks into the cache of answers", ["outcome"])
        self._refused = counter("gateway_budget_refusals", "Requests refused for want of budget", ["payer", "code"])
        self._reloads = counter("gateway_config_reloads", "Configurations that were read anew", ["outcome"])
        self._deliveries = counter("gateway_alert_deliveries", "Alerts told to webhooks", ["outcome"])
        for outcome in RELOADS:
            self._reloads.add(0, outcome)
        for outcome in DELIVERIES:
            self._deliveries.add(0, outcome)

    def _make_histograms(self) -> None:
        histogram = self._tallies.histogram
        self._request_seconds = histogram(
            "gateway_request_seconds",
            "From a request's arrival to the end of its answer",
            WHOLE_REQUEST,
            ["endpoint", "group"],
        )
        self._queue_seconds = histogram(
            "gateway_queue_seconds", "A request's wait for a place at a provider", IN_LINE, ["group"]
        )
        self._ttft_seconds = histogram(
            "gateway_ttft_seconds", "From an attempt's dispatch to its first token", FIRST_TOKEN, ["deployment"]
        )
        self._overhead_seconds = histogram(
            "gateway_overhead_seconds",
            "A request's time in the gateway itself, without waiting for providers or places",
            OWN_TIME,
        )
        self._loop_lag_seconds = histogram(
            "gateway_loop_lag_seconds", "How much later than asked for the event loop ran a timer", OWN_TIME
        )

    def _make_gauges(self, registry: CollectorRegistry) -> None:
        added_up = partial(Gauge, registry=registry, multiprocess_mode="livesum")
        self._in_flight = added_up("gateway_in_flight", "Requests that are being served")
        self._queue_waiting = added_up("gateway_queue_waiting", "Requests that wait for a place")

    def _make_worst_gauges(self, registry: CollectorRegistry) -> None:
        """Of several workers, the one that is worst off is shown."""
        highest = partial(Gauge, registry=registry, multiprocess_mode="livemax")
        lowest = partial(Gauge, registry=registry, multiprocess_mode="livemin")
        self._breaker = highest("gateway_breaker_state", "0 closed, 1 half-open, 2 open", ["deployment"])
        self._dependency = lowest(
            "gateway_dependency_up", "1: a store behind the gateway answers, 0: it is away", ["dependency"]
        )
        self._ledger_drift = highest(
            "gateway_ledger_drift_nano", "What Redis and SQL disagree by, in nano-dollars, over all accounts"
        )
        self._outbox = highest("gateway_outbox_events", "Settlements that wait to be booked in SQL")
        self._alerts = highest("gateway_alerts", "What is wrong at the moment", ["kind"])
        self._config_version = lowest("gateway_config_version", "The version that is served, as a number")
        self._config_loaded = lowest("gateway_config_loaded_timestamp_seconds", "When it was loaded, in Unix seconds")
        self._config_rejected = highest("gateway_config_rejected", "1: the files are broken, the version before serves")
        build = highest("gateway_build_info", "Always 1", ["version", "python"])
        build.labels(__version__, platform.python_version()).set(1)
        for kind in ALERT_KINDS:
            self._alerts.labels(kind).set(0)

    def request_started(self) -> None:
        """A request came in; `request_ended` follows."""
        self._serving += 1

    def request_ended(self, endpoint: str, status: int, group: str, seconds: float, overhead: float) -> None:
        """A request ended with this HTTP status (499: the client left)."""
        self._serving -= 1
        group = self.group(group)
        self._requests.add(1, endpoint, str(status), group)
        self._request_seconds.observe(seconds, endpoint, group)
        self._overhead_seconds.observe(max(0.0, overhead))

    def queued(self, group: str, seconds: float) -> None:
        """A request had its place, or gave up waiting, after so long."""
        self._queue_seconds.observe(seconds, self.group(group))

    def tried_again(self, group: str, *, elsewhere: bool) -> None:
        """A further attempt of a request, at the same deployment or elsewhere."""
        (self._fallbacks if elsewhere else self._retries).add(1, self.group(group))

    def attempt_ended(self, result: AttemptResult, pattern: str = OTHER) -> None:
        """An attempt got its terminal record: outcome, tokens, cost and time to first token at once.

        `pattern`: the wildcard that the deployment was made from, if any.
        """
        deployment = self._known(result.intent.deployment_id, pattern)
        self._attempts.add(1, deployment, result.fault or result.status)
        self._count_tokens(deployment, result.usage)
        self._cost.add(result.cost, deployment)
        if result.ttft is not None:
            self._ttft_seconds.observe(result.ttft, deployment)

    def cache_looked_up(self, *, hit: bool) -> None:
        """The cache of answers was asked."""
        self._cache.add(1, "hit" if hit else "miss")

    def budget_refused(self, scope: str, code: str) -> None:
        """A request was refused, because the account "team:red" is spent, or held by others."""
        payer = scope.partition(":")[0]
        self._refused.add(1, payer if payer in PAYERS else OTHER, code if code in REFUSALS else OTHER)

    def config_reloaded(self, version: str, loaded_at: float) -> None:
        """Another version is served, as `config_serves` has it."""
        self._reloads.add(1, "loaded")
        self.config_serves(version, loaded_at)

    def config_serves(self, version: str, loaded_at: float) -> None:
        """The version is served since then. Its twelve hexadecimal digits are shown as a number, which holds them exactly."""
        self._config_version.set(int(version, 16))
        self._config_loaded.set(loaded_at)
        self._config_rejected.set(0)

    def config_rejected(self) -> None:
        """The files are broken; the version before goes on serving."""
        self._reloads.add(1, "rejected")
        self._config_rejected.set(1)

    def alerts(self, kind: str, active: int) -> None:
        """How many alerts of a kind go on."""
        self._alerts.labels(kind).set(active)

    def alert_delivered(self, outcome: str) -> None:
        """What became of telling a webhook: "sent", "failed", "dropped"."""
        self._deliveries.add(1, outcome)

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
        self.publish()
        return generate_latest(self._shown)

    def publish(self) -> None:
        """Let a scrape see what was counted until now: of one of several workers, a scrape that another one answers."""
        self._in_flight.set(self._serving)
        self._tallies.publish()

    def group(self, name: str, pattern: str = OTHER) -> str:
        """The label for a group: its name, else the pattern that made it, else "other"."""
        return name if name in self._groups else pattern if pattern in self._groups else OTHER

    def _known(self, deployment_id: str, pattern: str = OTHER) -> str:
        return deployment_id if deployment_id in self._deployments else self.group(OTHER, pattern)

    def _count_tokens(self, deployment: str, usage: Usage) -> None:
        for token_class in TOKEN_CLASSES:
            count = getattr(usage, token_class)
            if count > 0:
                self._tokens.add(count, deployment, token_class)
