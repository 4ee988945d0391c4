"""Spans by OpenTelemetry: one SERVER span a request, one CLIENT span an attempt, sent by OTLP over HTTP in batches.

The only module that imports OpenTelemetry; `tracing` imports it when traces are asked for. Spans are made after the fact
and sent by a thread of the SDK. With the collector away they wait in a bounded queue, then the oldest are dropped; it is
logged when that begins and when it ends.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from gateway import __version__
from gateway.config.watching_models import Otel
from gateway.telemetry import messages, semantics
from gateway.trace_context import TraceContext, span_id
from gateway.types import AttemptResult, Call, Outcome

log = structlog.get_logger(__name__)

PATH = "/v1/traces"
MOST_WAITING, BATCH = 4096, 512  # spans
EVERY = 2.0  # seconds between two batches
PATIENCE = 5.0  # seconds for one batch, and again for the last ones when the gateway stops
NANO = 1_000_000_000


class _Ids(IdGenerator):
    """Yields the ids that were decided before; set just before each span is made, on the same thread."""

    def __init__(self) -> None:
        self.trace = self.span = 0

    def generate_span_id(self) -> int:
        return self.span

    def generate_trace_id(self) -> int:
        return self.trace


class Told(SpanExporter):
    """An exporter whose failures are logged once, when they begin, and once when they are over."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed != self._failing:
            self._failing = failed
            (log.warning if failed else log.info)("traces_not_sent" if failed else "traces_sent_again")
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class Spans:
    """`tracing.Recorder`. `redact` takes secrets out of texts."""

    def __init__(self, exporter: SpanExporter, service: str, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._ids = _Ids()
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,  # what is not sampled never comes here
            resource=Resource.create({"service.name": service, "service.version": __version__}),
            id_generator=self._ids,
            span_limits=SpanLimits(max_attribute_length=1_048_576),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                Told(exporter),
                max_queue_size=MOST_WAITING,
                schedule_delay_millis=EVERY * 1000,
                max_export_batch_size=BATCH,
            )
        )
        self._tracer = self._provider.get_tracer("atelier", __version__, schema_url=semantics.SCHEMA)

    def record(self, call: Call, outcome: Outcome, seconds: float, context: TraceContext, *, content: bool) -> None:
        """The spans of a request that has ended. `context`: its caller's, or its own where it has no caller."""
        began = call.created_at
        span = self._span(
            semantics.request_name(call),
            call.id,
            context,
            SpanKind.SERVER,
            semantics.request_attributes(call, outcome, seconds),
            began,
        )
        if call.first_byte_at is not None:
            span.add_event("first_byte", timestamp=_nano(began + call.first_byte_at - call.started))
        if semantics.failed(outcome):
            span.set_status(Status(StatusCode.ERROR))
        span.end(_nano(began + seconds))
        own = TraceContext(context.trace_id, span_id(call.id), context.flags, context.state)
        for result in call.attempts:
            shown = content and result is call.attempts[-1]
            self._attempt(call, result, own, messages.content_attributes(call) if shown else {})

    def _attempt(self, call: Call, result: AttemptResult, parent: TraceContext, content: dict[str, str]) -> None:
        intent = result.intent
        span = self._span(
            semantics.attempt_name(call, result),
            f"{intent.request_id}:{intent.number}",
            parent,
            SpanKind.CLIENT,
            {**semantics.attempt_attributes(call, result), **content},
            intent.started_at,
        )
        if semantics.attempt_error(result) is not None:
            span.set_status(Status(StatusCode.ERROR))  # without the words: providers quote the prompt
        span.end(_nano(max(result.ended_at, intent.started_at)))

    def _span(
        self,
        name: str,
        of: str,
        parent: TraceContext,
        kind: SpanKind,
        attributes: semantics.Attributes,
        began: float,
    ) -> trace.Span:
        self._ids.trace, self._ids.span = int(parent.trace_id, 16), int(span_id(of), 16)
        return self._tracer.start_span(
            self._redact(name),
            context=Context() if parent.parent_id == span_id(of) else _remote(parent),
            kind=kind,
            attributes=semantics.redacted(attributes, self._redact),
            start_time=_nano(began),
        )

    async def close(self) -> None:
        """Send what waits, for at most `PATIENCE` seconds; the thread that goes on trying keeps no process alive."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def shut() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=shut, name="last spans", daemon=True).start()
        try:
            async with asyncio.timeout(PATIENCE):
                await ended.wait()
        except TimeoutError:
            log.warning("traces_lost")


def open_spans(settings: Otel, redact: Callable[[str], str]) -> Spans:
    """Spans for the collector of the configuration. Nothing is sent yet."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # `Told` says it, once
    address = (settings.endpoint or "").rstrip("/")
    exporter = OTLPSpanExporter(
        endpoint=address if address.endswith(PATH) else address + PATH,
        headers={name: value.get_secret_value() for name, value in settings.headers.items()},
        timeout=PATIENCE,
    )
    return Spans(exporter, settings.service_name, redact)


def _remote(context: TraceContext) -> Context:
    state = TraceState.from_header([context.state]) if context.state else TraceState()
    spoken = SpanContext(
        int(context.trace_id, 16), int(context.parent_id, 16), is_remote=True, trace_flags=TraceFlags(context.flags),
        trace_state=state,
    )  # fmt: skip
    return trace.set_span_in_context(NonRecordingSpan(spoken), Context())


def _nano(seconds: float) -> int:
    return round(seconds * NANO)
