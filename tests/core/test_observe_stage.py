"""Each request has one log line without a word of its content, its metrics, and a row even when nobody was asked."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.errors import BudgetExhausted, GatewayError, NotFound, RateLimited
from gateway.pipeline import Pipeline
from gateway.stages.cache import Cache
from gateway.stages.observe import Observe
from gateway.state.memory import MemoryCache
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.tracing import Tracing
from gateway.types import Answer, AttemptResult, Call, Intent, Options, Outcome, Status, Usage
from tests.core.fakes import (
    PRICE,
    FakeClock,
    FakeLedger,
    asking,
    completion,
    deployment,
    person,
    plan,
)

SECRET = "the-words-of-the-client"
D1 = deployment()


class Bench:
    def __init__(self, clock: FakeClock) -> None:
        self.ledger, self.metrics = FakeLedger(), Metrics(["fast"], ["d1"])
        self.stage = Observe(self.metrics, self.ledger, clock)

    async def walk(self, call: Call, outcome: Outcome) -> list[dict[str, object]]:
        with capture_logs() as lines:
            await self.stage.enter(call)
            await self.stage.exit(call, outcome)
        return [dict(line) for line in lines]

    def metric(self, name: str) -> float:
        found = [line for line in self.metrics.render().decode().splitlines() if line.startswith(name)]
        return sum(float(line.rpartition(" ")[2]) for line in found)


def served(clock: FakeClock) -> Call:
    """A call that two attempts have answered, and that says its secret wherever a client can say something."""
    call = asking(
        clock,
        D1,
        body={"messages": [{"role": "user", "content": SECRET}], "user": SECRET, "metadata": {"k": SECRET}},
        options=Options(variables={"v": SECRET}, tags=("spring",)),
        recorded=True,
        served=D1,
        retry_count=2,
        queue_ms=250.0,
    )
    intent = Intent("gen-1", 1, "d1", "openai", "d1", PRICE, 100, clock.now())
    call.attempts = [
        AttemptResult(intent, Status.FAILED, Usage(), 0, clock.now(), error=SECRET),
        AttemptResult(intent, Status.COMPLETED, Usage(7, 3), 13_000, clock.now(), ttft=0.5),
    ]
    call.answer = Answer(completion=completion(SECRET))
    call.first_byte_at = call.started + 0.75
    return call


async def test_one_line_says_how_it_went_and_nothing_of_what_was_said(clock: FakeClock) -> None:
    bench, call = Bench(clock), served(clock)
    clock.advance(2)
    (line,) = await bench.walk(call, Outcome(Status.COMPLETED))
    assert SECRET not in json.dumps(line)
    assert line == {
        "event": "request",
        "log_level": "info",
        "generation_id": "gen-1",
        "request_id": "req_1",
        "trace_id": None,
        "endpoint": "chat",
        "model": "fast",
        "stream": False,
        "status": "completed",
        "http_status": 200,
        "error_code": None,
        "key_id": "k_1",
        "team": "red",
        "deployment": "d1",
        "policy": "priority",
        "attempts": 2,
        "cost_usd": "0.000013",
        "input_tokens": 7,
        "output_tokens": 3,
        "ttft_ms": 750.0,
        "queue_ms": 250.0,
        "duration_ms": 2_000.0,
        "client_retry": 2,
        "tags": ["spring"],
    }


async def test_a_refused_request_has_its_line_too(clock: FakeClock) -> None:
    bench, call = Bench(clock), asking(clock, identity=None, body={"model": "x" * 5_000})
    outcome = Outcome(Status.FAILED, error=NotFound("no", code="model_not_found"), http_status=404)
    (line,) = await bench.walk(call, outcome)
    assert (line["error_code"], line["http_status"], line["key_id"]) == ("model_not_found", 404, None)
    assert len(str(line["model"])) == 200
    assert bench.ledger.recorded == []


async def test_what_runs_is_counted_in_and_out(clock: FakeClock) -> None:
    bench, call = Bench(clock), served(clock)
    await bench.stage.enter(call)
    assert bench.metric("gateway_in_flight") == 1
    await bench.stage.exit(call, Outcome(Status.COMPLETED))
    assert bench.metric("gateway_in_flight") == 0
    assert bench.metric("gateway_requests_total") == 1
    assert bench.metric("gateway_upstream_attempts_total") == 2
    assert bench.metric("gateway_cost_nano_total") == 13_000


async def test_overhead_is_neither_waiting_nor_the_provider(clock: FakeClock) -> None:
    bench, call = Bench(clock), served(clock)
    call.upstream_ms, call.queue_ms = 450.0, 250.0
    await bench.walk(call, Outcome(Status.COMPLETED))
    assert bench.metric("gateway_overhead_seconds_sum") == pytest.approx(0.05)


async def test_a_cache_hit_gets_its_row_in_the_ledger(clock: FakeClock) -> None:
    bench = Bench(clock)
    cache = Cache(MemoryCache(clock), b"secret", 60)
    first = asking(clock)
    await cache.enter(first)
    first.answer = Answer(completion=completion())
    await cache.exit(first, Outcome(Status.COMPLETED))

    async def deliver(call: Call) -> Outcome:
        return Outcome(Status.COMPLETED, finish_reason="stop")

    call = asking(clock, id="gen-2", identity=person(user="ann"))
    with capture_logs() as lines:
        await Pipeline([bench.stage, cache]).run(call, deliver)
    ((record, settled),) = bench.ledger.recorded
    assert (record.id, record.user, record.route) == ("gen-2", "ann", None)
    assert (settled.request_id, settled.status, settled.results, settled.cache) == (
        "gen-2",
        Status.COMPLETED,
        (),
        "hit",
    )
    assert len(lines) == 1


@pytest.mark.parametrize("change", [{"recorded": True}, {"identity": None}, {"answer": None}])
async def test_nobody_else_does(clock: FakeClock, change: dict[str, object]) -> None:
    bench = Bench(clock)
    call = asking(clock, **{"answer": Answer(completion=completion()), "plan": plan(D1), **change})
    await bench.walk(call, Outcome(Status.COMPLETED))
    assert bench.ledger.recorded == []


async def test_further_attempts_waits_and_cache_are_counted(clock: FakeClock) -> None:
    bench, call = Bench(clock), served(clock)
    elsewhere = Intent("gen-1", 3, "d9", "openai", "d9", PRICE, 100, clock.now())
    call.attempts.append(AttemptResult(elsewhere, Status.COMPLETED, Usage(), 0, clock.now()))
    call.headers["x-atelier-cache"] = "miss"
    await bench.walk(call, Outcome(Status.COMPLETED))
    assert bench.metric('gateway_retries_total{group="fast"}') == 1
    assert bench.metric('gateway_fallbacks_total{group="fast"}') == 1
    assert bench.metric('gateway_queue_seconds_sum{group="fast"}') == 0.25
    assert bench.metric('gateway_cache_lookups_total{outcome="miss"}') == 1
    assert bench.metric('gateway_cache_lookups_total{outcome="hit"}') == 0


@pytest.mark.parametrize(
    ("error", "series"),
    [
        (BudgetExhausted("x", budget={"scope": "team:red"}), 'payer="team"'),
        (BudgetExhausted("x"), 'payer="other"'),
        (RateLimited("x", code="budget_busy", budget={"scope": "key:k_1"}), 'payer="key"'),
    ],
)
async def test_a_budgets_refusal_is_counted_by_who_would_have_paid(
    clock: FakeClock, error: GatewayError, series: str
) -> None:
    bench = Bench(clock)
    await bench.walk(asking(clock, D1), Outcome(Status.FAILED, error=error, http_status=429))
    await bench.walk(asking(clock, D1), Outcome(Status.FAILED, error=RateLimited("x"), http_status=429))
    assert bench.metric("gateway_budget_refusals_total") == 1
    assert bench.metric(f'gateway_budget_refusals_total{{code="{error.code}",{series}}}') == 1


async def test_a_wildcards_models_are_counted_under_its_pattern(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.metrics.knows(["openai/*"], [])
    made = replace(D1, id="of-the-wildcard", group="openai/*")
    call = asking(clock, made, body={"model": "openai/gpt-9"}, recorded=True)
    intent = Intent("gen-1", 1, made.id, "openai", "gpt-9", PRICE, 100, clock.now())
    call.attempts = [AttemptResult(intent, Status.COMPLETED, Usage(), 5, clock.now())]
    await bench.walk(call, Outcome(Status.COMPLETED))
    assert bench.metric('gateway_requests_total{endpoint="chat",group="openai/*",status="200"}') == 1
    assert bench.metric('gateway_cost_nano_total{deployment="openai/*"}') == 5


async def test_whoever_watches_hears_of_each_attempt(clock: FakeClock) -> None:
    told: list[AttemptResult] = []
    call = served(clock)
    stage = Observe(Metrics(), FakeLedger(), clock, told=told.append)
    await stage.enter(call)
    await stage.exit(call, Outcome(Status.COMPLETED))
    assert told == call.attempts


async def test_the_line_names_the_trace(clock: FakeClock) -> None:
    bench, trace = Bench(clock), "4bf92f3577b34da6a3ce929d0e0e4736"
    call = asking(clock, D1, recorded=True, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    (line,) = await bench.walk(call, Outcome(Status.COMPLETED))
    assert line["trace_id"] == trace


async def test_a_bug_in_a_span_costs_neither_the_line_nor_the_row(clock: FakeClock) -> None:
    class Broken(Tracing):
        def end(self, call: Call, outcome: Outcome, seconds: float) -> None:
            raise ZeroDivisionError

    ledger, call = FakeLedger(), asking(clock)
    call.answer = Answer(completion=completion(), source="cache")
    stage = Observe(Metrics(), ledger, clock, Broken())
    await stage.enter(call)
    with capture_logs() as lines, pytest.raises(ZeroDivisionError):
        await stage.exit(call, Outcome(Status.COMPLETED))
    assert [line["event"] for line in lines] == ["request"]
    assert len(ledger.recorded) == 1


async def test_the_docs_describe_every_field_of_the_line_and_no_other(clock: FakeClock) -> None:
    (line,) = await Bench(clock).walk(served(clock), Outcome(Status.COMPLETED))
    text = (Path(__file__).parents[2] / "docs" / "observability.md").read_text("utf-8")
    section = text.partition("## The request's line")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert named == line.keys() - {"log_level"} | {"timestamp", "level", "logger"}  # every line of any logger has these
