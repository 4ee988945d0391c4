"""What is known of every deployment: a circuit breaker, cooldowns after a 429, and the time to first token.

Pure bookkeeping. A deployment nobody has reported on is healthy. Whether the last usable one of a group is tried all
the same is the caller's decision: `retry_after` tells which of several would be back first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gateway.errors import Fault, ProviderError
from gateway.ports import Clock
from gateway.resilience.retries import KINDS

MOST_RECORDS = 5_000  # deployments; from so many on, those with nothing against them are forgotten
SAYS_NOTHING = frozenset({Fault.CALLER, Fault.CONTEXT_WINDOW, Fault.CONTENT_POLICY})


@dataclass(frozen=True, slots=True)
class Rules:
    """When a deployment is taken out and for how long; durations in seconds."""

    failures: int = 5  # in a row, of any kind
    failures_by_error: Mapping[str, int] = field(default_factory=dict)  # the same for kinds of error, see `KINDS`
    connect_failures: int = 3  # in a row
    open_for: float = 5.0  # the first time; doubled at each failed probe
    open_cap: float = 300.0
    cooldown: float = 5.0  # after a 429 that does not say how long
    cooldown_cap: float = 300.0
    probe_timeout: float = 60.0  # a probe that nobody reported on counts as lost
    smoothing: float = 0.3  # weight of the newest latency
    disabled: bool = False  # LiteLLM's `disable_cooldowns`: every deployment is always usable


@dataclass(slots=True)
class _Record:
    """One deployment. Points in time are monotonic."""

    failures: int = 0
    connect_failures: int = 0
    tripped: int = 0  # how often it opened since it last worked; 0 means closed
    open_until: float = -math.inf
    cool_until: float = -math.inf
    probe_until: float = -math.inf
    latency: float | None = None
    clear: bool = True  # nothing of the above stands against it, whatever the time is


class DeploymentHealth:
    """`ports.Health` for any number of deployments.

    closed → open after failures in a row, at once when our credentials are refused → half-open when the time is over:
    one attempt is let through, its success closes, its failure opens again for twice as long. A 429 never counts as a
    failure, but where `failures_by_error` names it; it makes the deployment unusable for as long as the provider asks. An attempt claims its deployment with
    `claim` and ends in `succeeded`, `failed` or `abandoned`.
    """

    def __init__(self, clock: Clock, rules: Rules | None = None) -> None:
        self._clock = clock
        self._rules = rules or Rules()
        self._records: dict[str, _Record] = {}
        self._most = MOST_RECORDS

    def configure(self, rules: Rules) -> None:
        """Go by these rules from now on."""
        self._rules = rules

    def forget(self, deployment_id: str) -> None:
        """Begin anew with a deployment whose address or credential is another one now.

        Of a wildcard's entry: with all its models, whose ids are its own and theirs after it.
        """
        self._records = {
            name: record
            for name, record in self._records.items()
            if name != deployment_id and not name.startswith(f"{deployment_id}/")
        }

    def state(self, deployment_id: str) -> str:
        """The breaker alone, without cooldowns: "closed", "open" or "half_open"."""
        record = self._records.get(deployment_id)
        if record is None or not record.tripped:
            return "closed"
        return "open" if self._clock.monotonic() < record.open_until else "half_open"

    def retry_after(self, deployment_id: str) -> float:
        """Seconds until the deployment can be used again; 0 when it can be used now."""
        record = self._records.get(deployment_id)
        if record is None:
            return 0.0
        blocked_until = max(record.open_until, record.cool_until, record.probe_until)
        return max(0.0, blocked_until - self._clock.monotonic())

    def usable(self, deployment_id: str) -> bool:
        """Whether an attempt would be let through now. A question only: it takes nothing."""
        record = self._records.get(deployment_id)
        return record is None or record.clear or self.retry_after(deployment_id) <= 0

    def claim(self, deployment_id: str) -> bool:
        """Say that an attempt is about to be dispatched. False when it should not be.

        On a half-open deployment the first claim gets the probe, and everybody else False until it has ended.
        """
        record = self._records.get(deployment_id)
        if record is None or record.clear:
            return True
        if not self.usable(deployment_id):
            return False
        if self.state(deployment_id) == "half_open":
            record.probe_until = self._clock.monotonic() + self._rules.probe_timeout
        return True

    def succeeded(self, deployment_id: str, latency: float) -> None:
        """An attempt was answered; `latency` is its time to first token, 0 when unknown. Closes the breaker."""
        record = self._record(deployment_id)
        record.failures = record.connect_failures = record.tripped = 0
        if not record.clear:
            record.open_until = record.probe_until = -math.inf
            record.clear = record.cool_until <= self._clock.monotonic()
        if latency > 0 and math.isfinite(latency):
            old = latency if record.latency is None else record.latency
            record.latency = old + self._rules.smoothing * (latency - old)

    def failed(self, deployment_id: str, error: Exception) -> None:
        """An attempt failed. Only a `ProviderError` says something about the deployment, and not each of them does."""
        self.abandoned(deployment_id)
        if self._rules.disabled or not isinstance(error, ProviderError):
            return
        named = self._rules.failures_by_error.get(KINDS[error.fault])
        if named is None and error.fault in SAYS_NOTHING:
            return
        record = self._record(deployment_id)
        if named is None and error.fault is Fault.RATE_LIMITED:
            self._cool(record, error.retry_after)
            return
        record.failures += 1
        record.connect_failures = record.connect_failures + 1 if error.fault is Fault.CONNECT else 0
        too_many = self._too_many(record, error.fault) if named is None else record.failures >= named
        state = self.state(deployment_id)
        if state == "half_open" or (state == "closed" and too_many):
            self._open(record)

    def abandoned(self, deployment_id: str) -> None:
        """An attempt ended without saying anything about the deployment, for example because the client left."""
        record = self._records.get(deployment_id)
        if record is not None:
            record.probe_until = -math.inf

    def latencies(self, deployment_ids: Iterable[str]) -> dict[str, float]:
        """Smoothed seconds to first token of those whose latency is known."""
        known = ((key, self._records[key].latency) for key in deployment_ids if key in self._records)
        return {key: latency for key, latency in known if latency is not None}

    def _record(self, deployment_id: str) -> _Record:
        found = self._records.get(deployment_id)
        if found is None:
            self._forget_healthy()
            found = self._records[deployment_id] = _Record()
        return found

    def _forget_healthy(self) -> None:
        """A client may ask a wildcard for any number of models; what is known of them must not grow for ever."""
        if len(self._records) < self._most:
            return
        now = self._clock.monotonic()
        kept = {name: each for name, each in self._records.items() if each.tripped or each.cool_until > now}
        self._records = kept
        self._most = max(MOST_RECORDS, 2 * len(kept))

    def _too_many(self, record: _Record, fault: Fault) -> bool:
        return (
            fault is Fault.CREDENTIALS
            or record.failures >= self._rules.failures
            or record.connect_failures >= self._rules.connect_failures
        )

    def _open(self, record: _Record) -> None:
        seconds = min(self._rules.open_cap, self._rules.open_for * (1 << min(record.tripped, 30)))
        record.tripped += 1
        record.clear = False
        record.open_until = self._clock.monotonic() + seconds

    def _cool(self, record: _Record, asked: float | None) -> None:
        seconds = self._rules.cooldown if asked is None or not asked >= 0 else min(asked, self._rules.cooldown_cap)
        record.clear = False
        record.cool_until = max(record.cool_until, self._clock.monotonic() + seconds)
