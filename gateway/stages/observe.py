"""The outermost stage: it sees every request begin and end, writes its one log line and its metrics.

A request that was answered without a provider (from the cache) gets its row in the ledger here.
"""

from __future__ import annotations

import structlog

from gateway.ledger.prices import usd
from gateway.ports import Clock, Ledger
from gateway.stages.spend import record, settlement
from gateway.telemetry.metrics import Metrics
from gateway.types import Call, Outcome

log = structlog.get_logger("gateway.request")


class Observe:
    def __init__(self, metrics: Metrics, ledger: Ledger, clock: Clock) -> None:
        self._metrics = metrics
        self._ledger = ledger
        self._clock = clock

    async def enter(self, call: Call) -> None:
        self._metrics.request_started()

    async def exit(self, call: Call, outcome: Outcome) -> None:
        seconds = self._clock.monotonic() - call.started
        self._count(call, outcome, seconds)
        log.info("request", **line(call, outcome, seconds))
        if not call.recorded and call.identity is not None and call.answer is not None:
            await self._ledger.record(record(call), settlement(call, outcome, self._clock.now(), None))

    def _count(self, call: Call, outcome: Outcome, seconds: float) -> None:
        answered = seconds if call.first_byte_at is None else call.first_byte_at - call.started
        own = answered - (call.upstream_ms + call.queue_ms) / 1000
        self._metrics.request_ended(call.endpoint.value, outcome.http_status, call.model, seconds, own)
        for result in call.attempts:
            self._metrics.attempt_ended(result)


def line(call: Call, outcome: Outcome, seconds: float) -> dict[str, object]:
    """The fields of the one log line; content is never among them."""
    identity = call.identity
    return {
        "generation_id": call.id,
        "request_id": call.request_id,
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
        "input_tokens": sum(result.usage.input for result in call.attempts),
        "output_tokens": sum(result.usage.output for result in call.attempts),
        "ttft_ms": None if call.first_byte_at is None else round((call.first_byte_at - call.started) * 1000, 1),
        "queue_ms": round(call.queue_ms, 1),
        "duration_ms": round(seconds * 1000, 1),
        "client_retry": call.retry_count,
        "tags": list(call.options.tags),
    }
