"""The outermost stage: it sees every request begin and end, writes its one log line, its metrics and its spans.

A request that was answered without a provider (from the cache) gets its row in the ledger here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import structlog

from gateway.errors import BudgetExhausted, GatewayError
from gateway.ledger.prices import usd
from gateway.ports import Clock, Ledger
from gateway.stages.spend import record, settlement
from gateway.telemetry.metrics import OTHER, Metrics
from gateway.telemetry.tracing import Tracing
from gateway.types import AttemptResult, Call, Candidate, Outcome


def logged(fields: Mapping[str, object]) -> None:
    """The request's line, through the logging library."""
    structlog.get_logger("gateway.request").info("request", **fields)


def nobody(_: AttemptResult) -> None:
    """Is told of attempts where nobody watches."""


class Observe:
    """`told`: who else hears of each attempt that ended; `write`: takes the fields of each request's log line."""

    def __init__(
        self,
        metrics: Metrics,
        ledger: Ledger,
        clock: Clock,
        tracing: Tracing | None = None,
        told: Callable[[AttemptResult], None] = nobody,
        write: Callable[[Mapping[str, object]], None] = logged,
    ) -> None:
        self._metrics = metrics
        self._ledger = ledger
        self._clock = clock
        self._tracing = tracing or Tracing()
        self._told = told
        self._write = write

    async def enter(self, call: Call) -> None:
        self._metrics.request_started()
        self._tracing.begin(call)

    async def exit(self, call: Call, outcome: Outcome) -> None:
        seconds = self._clock.monotonic() - call.started
        self._count(call, outcome, seconds)
        self._write(line(call, outcome, seconds, self._tracing.trace_id(call)))
        try:
            if not call.recorded and call.identity is not None and call.answer is not None:
                await self._ledger.record(record(call), settlement(call, outcome, self._clock.now(), None))
        finally:
            self._tracing.end(call, outcome, seconds)

    def _count(self, call: Call, outcome: Outcome, seconds: float) -> None:
        metrics = self._metrics
        answered = seconds if call.first_byte_at is None else call.first_byte_at - call.started
        own = answered - (call.upstream_ms + call.queue_ms) / 1000
        candidates = call.plan.candidates if call.plan is not None else ()
        group = metrics.group(call.model, candidates[0].deployment.group if candidates else OTHER)
        metrics.request_ended(call.endpoint, outcome.http_status, group, seconds, own)
        if call.queue_ms > 0:
            metrics.queued(group, call.queue_ms / 1000)
        if (cache := call.headers.get("x-atelier-cache")) is not None:
            metrics.cache_looked_up(hit=cache == "hit")
        if outcome.error is not None and (scope := unpaid(outcome.error)) is not None:
            metrics.budget_refused(scope, outcome.error.code)
        before: str | None = None
        for result in call.attempts:
            deployment = result.intent.deployment_id
            metrics.attempt_ended(result, group_of(deployment, candidates))
            self._told(result)
            if before is not None:
                metrics.tried_again(group, elsewhere=deployment != before)
            before = deployment


def group_of(deployment_id: str, candidates: Sequence[Candidate]) -> str:
    """The group, or the wildcard's pattern, that a deployment of the plan is of."""
    for candidate in candidates:
        if candidate.deployment.id == deployment_id:
            return candidate.deployment.group
    return OTHER


def unpaid(error: GatewayError) -> str | None:
    """The account for want of whose money a request was refused; empty where the refusal does not say."""
    if not isinstance(error, BudgetExhausted) and error.code != "budget_busy":
        return None
    return str((error.extra.get("budget") or {}).get("scope", ""))


def line(call: Call, outcome: Outcome, seconds: float, trace_id: str | None) -> dict[str, object]:
    """The fields of the one log line (docs/observability.md); content is never among them."""
    identity, served, plan = call.identity, call.served, call.plan
    cost, given, made = 0, 0, 0
    for result in call.attempts:
        cost += result.cost
        given += result.usage.input
        made += result.usage.output
    return {
        "generation_id": call.id,
        "request_id": call.request_id,
        "trace_id": trace_id,
        "endpoint": call.endpoint,
        "model": call.model[:200],
        "stream": call.stream,
        "status": outcome.status,
        "http_status": outcome.http_status,
        "error_code": outcome.error.code if outcome.error is not None else None,
        "key_id": identity.key_id if identity is not None else None,
        "team": identity.team if identity is not None else None,
        "deployment": served.id if served is not None else None,
        "policy": plan.policy if plan is not None else None,
        "attempts": len(call.attempts),
        "cost_usd": usd(cost),
        "input_tokens": given,
        "output_tokens": made,
        "ttft_ms": None if call.first_byte_at is None else round((call.first_byte_at - call.started) * 1000, 1),
        "queue_ms": round(call.queue_ms, 1),
        "duration_ms": round(seconds * 1000, 1),
        "client_retry": call.retry_count,
        "tags": list(call.options.tags),
    }
