"""The outermost stage: it sees every request begin and end, writes its one log line, its metrics and its spans.

A request that was answered without a provider (from the cache) gets its row in the ledger here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import structlog

from gateway.errors import BudgetExhausted, GatewayError
from gateway.ledger.prices import usd
from gateway.ports import Clock, Ledger
from gateway.stages.spend import record, settlement
from gateway.telemetry.metrics import OTHER, Metrics
from gateway.telemetry.tracing import Tracing
from gateway.types import AttemptResult, Call, Outcome


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
        groups = {each.deployment.id: each.deployment.group for each in call.plan.candidates} if call.plan else {}
        group = metrics.group(call.model, next(iter(groups.values()), OTHER))
        metrics.request_ended(call.endpoint.value, outcome.http_status, group, seconds, own)
        if call.queue_ms > 0:
            metrics.queued(group, call.queue_ms / 1000)
        if (cache := call.headers.get("x-atelier-cache")) is not None:
            metrics.cache_looked_up(hit=cache == "hit")
        if outcome.error is not None and (scope := unpaid(outcome.error)) is not None:
            metrics.budget_refused(scope, outcome.error.code)
        for result in call.attempts:
            metrics.attempt_ended(result, groups.get(result.intent.deployment_id, OTHER))
            self._told(result)
        for before, after in pairwise(call.attempts):
            elsewhere = after.intent.deployment_id != before.intent.deployment_id
            metrics.tried_again(group, elsewhere=elsewhere)


def unpaid(error: GatewayError) -> str | None:
    """The account for want of whose money a request was refused; empty where the refusal does not say."""
    if not isinstance(error, BudgetExhausted) and error.code != "budget_busy":
        return None
    return str((error.extra.get("budget") or {}).get("scope", ""))


def line(call: Call, outcome: Outcome, seconds: float, trace_id: str | None) -> dict[str, object]:
    """The fields of the one log line (docs/observability.md); content is never among them."""
    identity = call.identity
    return {
        "generation_id": call.id,
        "request_id": call.request_id,
        "trace_id": trace_id,
        "endpoint": call.endpoint.value,
        "model": call.model[:200],
        "stream": call.stream,
        "status": outcome.status.value,
        "http_status": outcome.http_status,
        "error_code": outcome.error.code if outcome.error else None,
        "key_id": identity.key_id if identity else None,
        "team": identity.team if identity else None,
        "deployment": call.served.id if call.served else None,
        "policy": call.plan.policy if call.plan else None,
        "attempts": len(call.attempts),
        "cost_usd": usd(call.cost),
        "input_tokens": sum([result.usage.input for result in call.attempts]),
        "output_tokens": sum([result.usage.output for result in call.attempts]),
        "ttft_ms": None if call.first_byte_at is None else round((call.first_byte_at - call.started) * 1000, 1),
        "queue_ms": round(call.queue_ms, 1),
        "duration_ms": round(seconds * 1000, 1),
        "client_retry": call.retry_count,
        "tags": list(call.options.tags),
    }
