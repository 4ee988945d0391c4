"""What a response says about itself, and that no value of it can split or break it (S12)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.api.headers import printable, response_headers
from gateway.types import AttemptResult, Call, Intent, Status, Usage
from tests.core.fakes import PRICE, FakeClock, asking, deployment, running

D1 = deployment("d1", lane="wire")


def headers(call: Call, clock: FakeClock, *, settled: bool = True) -> dict[str, str]:
    found = [
        (name.decode(), value.decode()) for name, value in response_headers(call, clock.monotonic(), settled=settled)
    ]
    assert len(found) == len(dict(found))
    return dict(found)


def attempt(number: int, cost: int, *, estimated: bool = False) -> AttemptResult:
    intent = Intent("gen-1", number, "d1", "openai", "d1", PRICE, 100, 0.0)
    return AttemptResult(intent, Status.COMPLETED, Usage(estimated=estimated), cost, 0.0)


def test_a_refused_request_says_the_least(clock: FakeClock) -> None:
    clock.advance(0.012)
    call = asking(clock)
    call.started -= 0.012
    assert headers(call, clock) == {
        "x-atelier-generation-id": "gen-1",
        "x-atelier-model-requested": "fast",
        "x-atelier-cost": "0",
        "openai-processing-ms": "12",
        "openai-version": "2020-10-01",
    }


def test_a_served_request_says_by_whom_why_and_for_how_much(clock: FakeClock) -> None:
    call = asking(
        clock,
        D1,
        served=D1,
        attempts=[attempt(1, 0), attempt(2, 13_000)],
        queue_ms=5.0,
        upstream_ms=900.0,
        template="blog_post",
        template_version="2",
        brand="lumen",
        brand_version="1",
        warnings=["not sent: seed", "and more"],
    )
    call.headers["x-atelier-cache"] = "miss"
    clock.advance(1)
    assert headers(call, clock) == {
        "x-atelier-generation-id": "gen-1",
        "x-atelier-model-requested": "fast",
        "x-atelier-model": "d1",
        "x-atelier-provider": "openai",
        "x-atelier-deployment": "d1",
        "x-atelier-lane": "wire",
        "x-atelier-route-reason": "priority: in order",
        "x-atelier-attempts": "2",
        "x-atelier-fallbacks": "1",
        "x-atelier-queue-ms": "5.0",
        "x-atelier-overhead-ms": "95.0",
        "x-atelier-cost": "0.000013",
        "x-atelier-prompt-version": "blog_post@2",
        "x-atelier-brand-voice-version": "lumen@1",
        "x-atelier-warning": "not sent: seed; and more",
        "x-atelier-cache": "miss",
        "openai-processing-ms": "1000",
        "openai-version": "2020-10-01",
    }


def test_a_running_stream_counts_its_attempt_and_does_not_know_its_cost(clock: FakeClock) -> None:
    call = asking(clock, D1, served=D1)
    running(call, D1, clock)
    found = headers(call, clock, settled=False)
    assert (found["x-atelier-attempts"], found["x-atelier-fallbacks"]) == ("1", "0")
    assert "x-atelier-cost" not in found


def test_an_estimate_is_marked(clock: FakeClock) -> None:
    call = asking(clock, D1, attempts=[attempt(1, 5, estimated=True), attempt(2, 5)])
    assert headers(call, clock)["x-atelier-cost-estimated"] == "true"
    assert "x-atelier-cost-estimated" not in headers(call, clock, settled=False)


def test_a_simulated_answer_says_so(clock: FakeClock) -> None:
    sim = deployment("sim", simulated=True)
    assert headers(asking(clock, sim, served=sim), clock)["x-atelier-simulated"] == "true"


@settings(deadline=None)
@given(st.text(max_size=2_000))
def test_any_value_is_visible_ascii_on_one_line(value: str) -> None:
    shown = printable(value)
    assert len(shown) <= 500
    assert all(0x20 <= byte <= 0x7E for byte in shown)


@pytest.mark.parametrize("bad", ["a\r\nset-cookie: x=1", "a\nb", "a\0b", "naïve", "\x7f", "😀"])
def test_what_a_client_sends_comes_back_harmless(clock: FakeClock, bad: str) -> None:
    call = asking(clock, body={"model": bad}, template=bad, template_version=bad, brand=bad, warnings=[bad])
    for value in headers(call, clock).values():
        assert value.isprintable()
        assert value.isascii()


def test_a_model_that_is_no_text_breaks_nothing(clock: FakeClock) -> None:
    assert headers(asking(clock, body={"model": {"a": 1}}), clock)["x-atelier-model-requested"] == "{'a': 1}"
