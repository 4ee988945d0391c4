"""Which trace a request belongs to, what its attempts send on, and whether spans are made of it."""

from __future__ import annotations

import builtins
import sys
from typing import Any

import pytest

from gateway.config.watching_models import Otel, Telemetry
from gateway.telemetry.tracing import MISSING, Tracing, TracingUnavailable, open_tracing
from gateway.trace_context import TraceContext, context_of, onward, span_id, trace_id
from gateway.types import Call, Outcome, Status
from tests.core.fakes import FakeClock, asking, person

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"
DONE = Outcome(Status.COMPLETED)


class Recorder:
    def __init__(self) -> None:
        self.recorded: list[tuple[str, TraceContext, bool]] = []
        self.closed = False

    def record(self, call: Call, outcome: Outcome, seconds: float, context: TraceContext, *, content: bool) -> None:
        self.recorded.append((call.id, context, content))

    async def close(self) -> None:
        self.closed = True


def call(traceparent: str | None = None, **more: Any) -> Call:
    return asking(FakeClock(), traceparent=traceparent, **more)


def ended(tracing: Tracing, asked: Call) -> str | None:
    """End a request; the trace that it belonged to."""
    found = tracing.trace_id(asked)
    tracing.end(asked, DONE, 1.0)
    assert tracing.trace_id(asked) is None
    return found


def test_without_traces_a_callers_context_is_passed_on_and_named() -> None:
    tracing, asked = Tracing(), call(SAMPLED)
    tracing.begin(asked)
    assert onward(asked.traceparent, "gen-1:1") == SAMPLED
    assert ended(tracing, asked) == TRACE


def test_without_traces_and_without_a_caller_there_is_nothing() -> None:
    tracing, asked = Tracing(), call()
    tracing.begin(asked)
    assert asked.traceparent is None
    assert ended(tracing, asked) is None


@pytest.mark.parametrize("recorder", [None, Recorder()])
def test_nothing_is_sent_on_where_the_admin_says_so(recorder: Recorder | None) -> None:
    tracing, asked = Tracing(Telemetry(traceparent=False), recorder), call(SAMPLED)
    tracing.begin(asked)
    assert asked.traceparent is None
    assert ended(tracing, asked) == TRACE
    assert recorder is None or [context for _, context, _ in recorder.recorded] == [context_of(SAMPLED)]


def test_with_traces_attempts_send_their_own_span_in_the_callers_trace() -> None:
    recorder, asked = Recorder(), call(f"{SAMPLED} a=1")
    tracing = Tracing(Telemetry(), recorder)
    tracing.begin(asked)
    assert context_of(onward(asked.traceparent, "gen-1:2")) == TraceContext(TRACE, span_id("gen-1:2"), 1, "a=1")
    assert ended(tracing, asked) == TRACE
    assert recorder.recorded == [("gen-1", TraceContext(TRACE, PARENT, 1, "a=1"), False)]


def test_a_caller_that_does_not_sample_is_heeded() -> None:
    recorder, asked = Recorder(), call(UNSAMPLED)
    tracing = Tracing(Telemetry(), recorder)
    tracing.begin(asked)
    sent = context_of(onward(asked.traceparent, "gen-1:1"))
    assert sent is not None
    assert not sent.sampled
    assert ended(tracing, asked) == TRACE
    assert recorder.recorded == []


def test_a_request_without_a_caller_begins_a_trace() -> None:
    recorder, asked = Recorder(), call()
    tracing = Tracing(Telemetry(), recorder)
    tracing.begin(asked)
    assert ended(tracing, asked) == trace_id("gen-1")
    assert recorder.recorded == [("gen-1", TraceContext(trace_id("gen-1"), span_id("gen-1"), 1), False)]


def test_a_share_is_sampled_and_the_others_have_a_trace_all_the_same() -> None:
    recorder = Recorder()
    tracing = Tracing(Telemetry(otel=Otel(sample=0.25)), recorder)
    for number in range(2_000):
        asked = call(id=f"gen-{number}")
        tracing.begin(asked)
        assert ended(tracing, asked) == trace_id(f"gen-{number}")
    assert 400 < len(recorder.recorded) < 600


@pytest.mark.parametrize(
    ("wanted", "stored", "shown"),
    [(True, "full", True), (True, "metadata", False), (True, "off", False), (False, "full", False)],
)
def test_content_is_shown_only_where_the_admin_and_the_team_want_it(wanted: bool, stored: str, shown: bool) -> None:
    recorder, asked = Recorder(), call(identity=person(content=stored))
    tracing = Tracing(Telemetry(otel=Otel(content=wanted)), recorder)
    tracing.begin(asked)
    tracing.end(asked, DONE, 1.0)
    assert [content for _, _, content in recorder.recorded] == [shown]


def test_of_a_request_without_an_identity_no_content_is_shown() -> None:
    recorder, asked = Recorder(), call(identity=None)
    tracing = Tracing(Telemetry(otel=Otel(content=True)), recorder)
    tracing.begin(asked)
    tracing.end(asked, DONE, 1.0)
    assert [content for _, _, content in recorder.recorded] == [False]


def test_settings_can_change_while_a_request_runs() -> None:
    recorder, asked = Recorder(), call()
    tracing = Tracing(Telemetry(), recorder)
    tracing.begin(asked)
    tracing.configure(Telemetry(traceparent=False))
    assert ended(tracing, asked) == trace_id("gen-1")
    assert len(recorder.recorded) == 1
    later = call(id="gen-2")
    tracing.begin(later)
    assert later.traceparent is None


async def test_closing_closes_the_recorder() -> None:
    recorder = Recorder()
    await Tracing(Telemetry(), recorder).close()
    assert recorder.closed
    await Tracing().close()


def test_without_an_endpoint_nothing_of_opentelemetry_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtins, "__import__", refusing(builtins.__import__))
    assert ended(open_tracing(Telemetry(), str), call()) is None


def test_a_missing_extra_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("opentelemetry") or name.endswith("telemetry.spans")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", refusing(builtins.__import__))
    with pytest.raises(TracingUnavailable) as caught:
        open_tracing(Telemetry(otel=Otel(endpoint="http://127.0.0.1:1")), str)
    assert str(caught.value) == MISSING


def refusing(real: Any) -> Any:
    def imported(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ModuleNotFoundError(name)
        return real(name, *rest, **more)

    return imported
