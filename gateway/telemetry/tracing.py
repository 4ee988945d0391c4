"""A request's trace, whether traces are made here or a caller's context is only passed on.

Everything happens before and after a request's work: the context is settled when it comes in, its spans are made when it
has ended. OpenTelemetry is imported only where `telemetry.otel.endpoint` is set; where its packages are missing then,
the start fails. A collector that is away costs spans, never a request.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from gateway import trace_context
from gateway.config.watching_models import Telemetry
from gateway.trace_context import SAMPLED, TraceContext
from gateway.types import Call, Outcome

MISSING = (
    "`telemetry.otel.endpoint` is set, but OpenTelemetry is not installed. "
    "Install it with `pip install 'atelier-gateway[otel]'`, or take the key out."
)


class TracingUnavailable(Exception):
    """Traces are asked for and cannot be made; the text is for the person who starts the gateway."""


class Recorder(Protocol):
    """Makes a request's spans; see `telemetry.spans`."""

    def record(self, call: Call, outcome: Outcome, seconds: float, context: TraceContext, *, content: bool) -> None: ...
    async def close(self) -> None: ...


class Tracing:
    """Lives as long as the process: a request may begin under one version of the configuration and end under the next."""

    def __init__(self, settings: Telemetry | None = None, recorder: Recorder | None = None) -> None:
        self._settings = settings or Telemetry()
        self._recorder = recorder
        self._begun: dict[str, TraceContext] = {}  # by call: the caller's, or the one that was made here

    def configure(self, settings: Telemetry) -> None:
        """Go by these from now on. Another collector waits for a restart."""
        self._settings = settings

    def begin(self, call: Call) -> None:
        """Settle what `call.traceparent` is for the attempts."""
        if call.traceparent is None and self._recorder is None:
            return
        context = trace_context.context_of(call.traceparent)
        if self._recorder is not None:
            own = trace_context.span_id(call.id)
            if context is None:
                context = self._made(call.id, own)
            call.traceparent = str(replace(context, parent_id=own))
        if not self._settings.traceparent:
            call.traceparent = None
        if context is not None:
            self._begun[call.id] = context

    def trace_id(self, call: Call) -> str | None:
        """Of a request that has begun and not ended."""
        context = self._begun.get(call.id)
        return None if context is None else context.trace_id

    def end(self, call: Call, outcome: Outcome, seconds: float) -> None:
        """Make the spans of a request that took so long."""
        context = self._begun.pop(call.id, None)
        if self._recorder is not None and context is not None and context.sampled:
            content = self._settings.otel.content and call.identity is not None and call.identity.content == "full"
            self._recorder.record(call, outcome, seconds, context, content=content)

    async def close(self) -> None:
        """Send what is waiting, for a few seconds."""
        if self._recorder is not None:
            await self._recorder.close()

    def _made(self, call_id: str, own: str) -> TraceContext:
        """A new trace. Its id is evenly spread, so its tail decides whether it is among those that are sampled."""
        trace = trace_context.trace_id(call_id)
        drawn = int(trace[16:], 16) < self._settings.otel.sample * 2**64
        return TraceContext(trace, own, SAMPLED if drawn else 0)


def open_tracing(settings: Telemetry, redact: Callable[[str], str]) -> Tracing:
    """Begin to trace as the settings say; may import for a moment. Raises TracingUnavailable."""
    if settings.otel.endpoint is None:
        return Tracing(settings)
    try:
        spans = importlib.import_module("gateway.telemetry.spans")
    except ImportError:
        raise TracingUnavailable(MISSING) from None
    recorder: Recorder = spans.open_spans(settings.otel, redact)
    return Tracing(settings, recorder)
