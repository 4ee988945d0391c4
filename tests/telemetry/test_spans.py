"""Spans as a collector gets them: names, kinds, parents and attributes by the conventions, and no secret among them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from structlog.testing import capture_logs

from gateway.config.watching_models import Otel, Telemetry
from gateway.errors import Fault, InvalidRequest, UpstreamError
from gateway.telemetry import spans as module
from gateway.telemetry.messages import LONGEST_TEXT, MOST_MESSAGES, content_attributes
from gateway.telemetry.redact import MARK, Redactor
from gateway.telemetry.spans import Spans, Told
from gateway.telemetry.tracing import Tracing, open_tracing
from gateway.trace_context import onward, span_id, trace_id
from gateway.types import Answer, AttemptResult, Call, Completion, Endpoint, Intent, Outcome, Status, Usage
from tests.core.fakes import PRICE, FakeClock, asking, completion, deployment, person, plan
from tests.telemetry.collector import Collector

SECRET = "sk-provider-canary-0123456789"
WORDS = "the-words-of-the-client"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
D1 = replace(deployment(), api_base="https://api.example.com:8443/v1/secret-path?key=x", api_key=SECRET)
D2 = replace(deployment("d2"), provider="gemini", api_base=None)
DONE = Outcome(Status.COMPLETED)


class Bench:
    """Requests whose spans are kept in memory."""

    def __init__(self, **settings: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.recorder = Spans(self.exporter, "atelier", Redactor([SECRET]).text)
        self.tracing = Tracing(Telemetry(**settings), self.recorder)

    def spans(self, call: Call, outcome: Outcome = DONE, seconds: float = 2.0) -> list[ReadableSpan]:
        """The request's span, then its attempts'."""
        self.tracing.begin(call)
        self.tracing.end(call, outcome, seconds)
        self.recorder._provider.force_flush()
        found = sorted(self.exporter.get_finished_spans(), key=lambda span: (span.kind.value, span.start_time))
        self.exporter.clear()
        return list(found)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.recorder._provider.shutdown()


def served(**changes: Any) -> Call:
    """A call that a second attempt answered; secrets and words wherever one could slip in."""
    clock = FakeClock()
    body = {
        "messages": [{"role": "user", "content": WORDS}],
        "max_tokens": 64,
        "temperature": 0.5,
        "stop": ["END"],
        "n": 2,
        "seed": 7,
        "response_format": {"type": "json_schema"},
    }
    call = asking(clock, D1, D2, body={**body, **changes.pop("body", {})}, **changes)
    began = clock.now()
    first = Intent("gen-1", 1, "d1", "openai", "gpt-6-luna", PRICE, 100, began + 0.1)
    second = Intent("gen-1", 2, "d2", "gemini", "gemini-3.5", PRICE, 100, began + 0.6)
    failed = AttemptResult(
        first, Status.FAILED, Usage(), 0, began + 0.5, fault=Fault.SERVER, error=f"{SECRET} {WORDS} refused"
    )
    usage = Usage(7, 3, cached_input=2, reasoning=1)
    call.attempts = [
        failed,
        AttemptResult(second, Status.COMPLETED, usage, 13_000, began + 1.9, 0.3, finish_reason="stop"),
    ]
    call.answer = Answer(completion=completion(WORDS))
    call.served, call.upstream_ms, call.queue_ms = D2, 1_700.0, 100.0
    call.first_byte_at = call.started + 1.95
    return call


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def hexadecimal(span: ReadableSpan) -> tuple[str, str, str | None]:
    assert span.context is not None
    parent = f"{span.parent.span_id:016x}" if span.parent is not None else None
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}", parent


def test_a_request_is_a_server_span_and_each_attempt_a_client_span_below_it(bench: Bench) -> None:
    request, first, second = bench.spans(served())
    assert [(span.name, span.kind) for span in (request, first, second)] == [
        ("POST /v1/chat/completions", SpanKind.SERVER),
        ("chat gpt-6-luna", SpanKind.CLIENT),
        ("chat gemini-3.5", SpanKind.CLIENT),
    ]
    trace = trace_id("gen-1")
    assert hexadecimal(request) == (trace, span_id("gen-1"), None)
    assert hexadecimal(first) == (trace, span_id("gen-1:1"), span_id("gen-1"))
    assert hexadecimal(second) == (trace, span_id("gen-1:2"), span_id("gen-1"))


def test_they_stand_where_they_happened(bench: Bench) -> None:
    call = served()
    began = round(call.created_at * 1e9)
    request, first, second = bench.spans(call)
    times = [(span.start_time - began, span.end_time - began) for span in (request, first, second)]  # type: ignore[operator]
    expected = [(0.0, 2.0), (0.1, 0.5), (0.6, 1.9)]
    assert [(a / 1e9, b / 1e9) for a, b in times] == [pytest.approx(pair, abs=1e-6) for pair in expected]
    (event,) = request.events
    assert (event.name, (event.timestamp - began) / 1e9) == ("first_byte", pytest.approx(1.95, abs=1e-6))


def test_a_caller_is_the_parent(bench: Bench) -> None:
    call = served(traceparent=f"00-{TRACE}-{PARENT}-01 a=1")
    request, first, _ = bench.spans(call)
    assert hexadecimal(request) == (TRACE, span_id("gen-1"), PARENT)
    assert hexadecimal(first) == (TRACE, span_id("gen-1:1"), span_id("gen-1"))
    assert request.parent is not None
    assert request.parent.is_remote
    assert request.context is not None
    assert request.context.trace_state.to_header() == "a=1"


def test_the_providers_parent_is_the_span_that_the_collector_gets(bench: Bench) -> None:
    call = served()
    bench.tracing.begin(call)
    sent = [str(onward(call.traceparent, f"gen-1:{number}")) for number in (1, 2)]
    bench.tracing.end(call, DONE, 2.0)
    bench.recorder._provider.force_flush()
    made = {"00-{}-{}-01".format(*hexadecimal(span)[:2]) for span in bench.exporter.get_finished_spans()}
    assert set(sent) <= made


def test_the_requests_attributes(bench: Bench) -> None:
    request, *_ = bench.spans(served())
    assert attributes(request) == {
        "http.request.method": "POST",
        "http.route": "/v1/chat/completions",
        "http.response.status_code": 200,
        "url.path": "/v1/chat/completions",
        "url.scheme": "http",
        "atelier.generation_id": "gen-1",
        "atelier.request_id": "req_1",
        "atelier.model": "fast",
        "atelier.status": "completed",
        "atelier.key_id": "k_1",
        "atelier.team": "red",
        "atelier.policy": "priority",
        "atelier.deployment": "d2",
        "atelier.attempts": 2,
        "atelier.queue_seconds": 0.1,
        "atelier.upstream_seconds": 1.7,
        "atelier.overhead_seconds": 0.15,
        "atelier.cost_usd": 0.000013,
    }
    assert request.status.status_code is StatusCode.UNSET
    assert dict(request.resource.attributes).items() >= {"service.name": "atelier"}.items()


def test_an_attempts_attributes(bench: Bench) -> None:
    _, first, second = bench.spans(served())
    asked = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.max_tokens": 64,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.seed": 7,
        "gen_ai.output.type": "json",
        "atelier.generation_id": "gen-1",
        "atelier.usage_estimated": False,
    }
    assert attributes(first) == {
        **asked,
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-6-luna",
        "gen_ai.usage.input_tokens": 0,
        "gen_ai.usage.output_tokens": 0,
        "server.address": "api.example.com",
        "server.port": 8443,
        "error.type": "server",
        "atelier.attempt": 1,
        "atelier.deployment": "d1",
        "atelier.status": "failed",
        "atelier.cost_usd": 0.0,
    }
    assert first.status.status_code is StatusCode.ERROR
    assert attributes(second) == {
        **asked,
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gemini-3.5",
        "gen_ai.response.id": "c",
        "gen_ai.response.model": "m",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.cache_read.input_tokens": 2,
        "gen_ai.usage.reasoning.output_tokens": 1,
        "atelier.attempt": 2,
        "atelier.deployment": "d2",
        "atelier.status": "completed",
        "atelier.cost_usd": 0.000013,
    }
    assert second.status.status_code is StatusCode.UNSET


def test_a_stream_says_when_its_first_chunk_came(bench: Bench) -> None:
    call = served(stream=True)
    call.answer, call.said = Answer(), ("Hello",)
    _, _, second = bench.spans(call)
    found = attributes(second)
    assert found["gen_ai.request.stream"] is True
    assert found["gen_ai.response.time_to_first_chunk"] == 0.3
    assert found["gen_ai.response.finish_reasons"] == ("stop",)


def test_embeddings_have_their_own_names(bench: Bench) -> None:
    call = served(endpoint=Endpoint.EMBEDDINGS)
    call.answer = Answer(completion=Completion({"object": "list", "model": "m"}))
    request, first, _ = bench.spans(call)
    assert (request.name, first.name) == ("POST /v1/embeddings", "embeddings gpt-6-luna")


@pytest.mark.parametrize(
    ("outcome", "error", "status"),
    [
        (Outcome(Status.FAILED, error=UpstreamError("x"), http_status=502), "upstream_error", StatusCode.ERROR),
        (Outcome(Status.FAILED, error=InvalidRequest("x"), http_status=400), None, StatusCode.UNSET),
        (Outcome(Status.CANCELLED, http_status=499), None, StatusCode.UNSET),
    ],
)
def test_the_server_fails_only_by_its_own_fault(
    bench: Bench, outcome: Outcome, error: str | None, status: StatusCode
) -> None:
    call = asking(FakeClock(), identity=None)
    (request,) = bench.spans(call, outcome)
    assert attributes(request).get("error.type") == error
    assert attributes(request)["http.response.status_code"] == outcome.http_status
    assert request.status.status_code is status


def everything(spans: list[ReadableSpan]) -> str:
    return "".join(span.to_json() for span in spans)


def test_no_secret_and_no_words_are_in_any_span(bench: Bench) -> None:
    call = served(body={"model": f"x {SECRET}", "user": WORDS, "metadata": {"k": WORDS}, "stop": SECRET})
    found = bench.spans(call)
    assert SECRET not in everything(found)
    assert WORDS not in everything(found)
    assert "secret-path" not in everything(found)
    assert attributes(found[0])["atelier.model"] == f"x {MARK}"
    assert attributes(found[1])["gen_ai.request.stop_sequences"] == (MARK,)


@pytest.mark.parametrize(
    "body",
    [
        {"temperature": "hot", "max_tokens": True, "n": 2**80, "seed": 1.5, "stop": [1, None], "top_p": [1]},
        {"temperature": 10**400, "response_format": "json", "stop": {"a": 1}, "max_tokens": None},
    ],
)
def test_settings_of_the_wrong_type_are_left_out(bench: Bench, body: dict[str, Any]) -> None:
    plain = {"temperature": None, "max_tokens": None, "n": None, "seed": None, "stop": None, "response_format": None}
    _, first, _ = bench.spans(served(body={**plain, **body}))
    assert not [name for name in attributes(first) if name.startswith(("gen_ai.request.", "gen_ai.output"))][1:]


def test_content_is_in_the_span_of_the_answer_and_redacted() -> None:
    bench = Bench(otel=Otel(content=True))
    tool = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"a": 1}'}}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": f"{WORDS} {SECRET}"}, image]},
        {"role": "assistant", "content": None, "tool_calls": [tool]},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
    ]
    _, first, second = bench.spans(served(identity=person(content="full"), body={"messages": messages}))
    bench.recorder._provider.shutdown()
    assert "gen_ai.input.messages" not in attributes(first)
    assert json.loads(attributes(second)["gen_ai.input.messages"]) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": f"{WORDS} {MARK}"}, {"type": "image_url"}]},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "c1", "name": "look_up", "arguments": '{"a": 1}'}],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "42"}]},
    ]
    assert json.loads(attributes(second)["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": WORDS}], "finish_reason": "stop"}
    ]


def test_content_of_a_stream_is_what_was_said() -> None:
    call = served(stream=True)
    call.answer, call.said = Answer(), ("Hello ", "world")
    assert json.loads(content_attributes(call)["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello world"}], "finish_reason": "stop"}
    ]


@pytest.mark.parametrize("content", [None, 5, {"a": 1}, ["x", None], [{"type": "text", "text": 5}]])
def test_content_of_a_strange_form_breaks_nothing(content: object) -> None:
    call = served(body={"messages": [{"role": "user", "content": content, "tool_calls": [{"function": 5}]}, "x"]})
    (message,) = json.loads(content_attributes(call)["gen_ai.input.messages"])
    assert message["role"] == "user"


def test_content_is_bounded() -> None:
    messages = [
        {"role": "user", "content": f"{number} " + "x" * 2 * LONGEST_TEXT} for number in range(MOST_MESSAGES + 5)
    ]
    found = json.loads(content_attributes(served(body={"messages": messages}))["gen_ai.input.messages"])
    assert len(found) == MOST_MESSAGES
    assert found[-1]["parts"][0]["content"].startswith(f"{MOST_MESSAGES + 4} ")
    assert all(len(message["parts"][0]["content"]) == LONGEST_TEXT for message in found)


@pytest.mark.parametrize("path", ["", "/", "/v1/traces"])
async def test_a_collector_gets_them_by_otlp_when_the_gateway_stops(path: str) -> None:
    with Collector().running() as collector:
        settings = Otel(endpoint=collector.url + path, headers={"authorization": f"Bearer {SECRET}"}, service_name="gw")
        tracing = open_tracing(Telemetry(otel=settings), Redactor([SECRET]).text)
        call = served(traceparent=f"00-{TRACE}-{PARENT}-01")
        tracing.begin(call)
        tracing.end(call, DONE, 2.0)
        await tracing.close()
    ((where, headers),) = collector.heads
    assert (where, headers["authorization"]) == ("/v1/traces", f"Bearer {SECRET}")
    assert headers["content-type"] == "application/x-protobuf"
    names = {span.name: (span.trace_id.hex(), span.parent_span_id.hex()) for span in collector.spans()}
    assert names == {
        "POST /v1/chat/completions": (TRACE, PARENT),
        "chat gpt-6-luna": (TRACE, span_id("gen-1")),
        "chat gemini-3.5": (TRACE, span_id("gen-1")),
    }
    resource = {
        each.key: each.value.string_value for each in collector.requests[0].resource_spans[0].resource.attributes
    }
    assert resource["service.name"] == "gw"
    assert SECRET.encode() not in b"".join(request.SerializeToString() for request in collector.requests)


async def test_a_collector_that_is_away_costs_no_request_and_no_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    tracing = open_tracing(Telemetry(otel=Otel(endpoint="http://127.0.0.1:1")), str)
    began = time.monotonic()
    for number in range(3 * module.MOST_WAITING):
        call = asking(FakeClock(), id=f"gen-{number}")
        tracing.begin(call)
        tracing.end(call, DONE, 1.0)
    worked = time.monotonic() - began
    await tracing.close()
    assert time.monotonic() - began - worked < 5


HALF = "\ud800 half a character \ud800"


async def test_what_is_not_unicode_keeps_no_span_from_being_sent() -> None:
    with Collector().running() as collector:
        tracing = open_tracing(Telemetry(otel=Otel(endpoint=collector.url, content=True)), str)
        messages = [{"role": HALF, "content": HALF, "tool_calls": [{"id": HALF}]}]
        call = served(identity=person(content="full"), body={"model": HALF, "stop": [HALF], "messages": messages})
        tracing.begin(call)
        tracing.end(call, DONE, 2.0)
        await tracing.close()
    request, *attempts = sorted(collector.spans(), key=lambda span: span.kind)
    assert len(attempts) == 2
    said = {each.key: each.value.string_value for each in request.attributes}
    assert said["atelier.model"] == "? half a character ?"


class Flaky(SpanExporter):
    def __init__(self, *results: SpanExportResult) -> None:
        self.results = list(results)

    def export(self, spans: Any) -> SpanExportResult:
        return self.results.pop(0)

    def shutdown(self) -> None: ...


def test_failures_are_told_when_they_begin_and_when_they_end() -> None:
    good, bad = SpanExportResult.SUCCESS, SpanExportResult.FAILURE
    told = Told(Flaky(good, bad, bad, bad, good, good))
    with capture_logs() as lines:
        for _ in range(6):
            told.export([])
    assert [line["event"] for line in lines] == ["traces_not_sent", "traces_sent_again"]


def test_an_unknown_deployment_says_no_address(bench: Bench) -> None:
    call = served()
    call.plan, call.served = plan(replace(D1, api_base="http://[broken")), None
    _, first, second = bench.spans(call)
    assert "server.address" not in attributes(first)
    assert "server.address" not in attributes(second)
