"""What a response says about itself, and that no value of it can split or break it (S12)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.api.headers import error_headers, printable, response_headers, shown
from gateway.errors import RateLimited
from gateway.ledger.scopes import TOTAL
from gateway.types import AttemptResult, Balance, Call, Intent, Plan, Status, Usage
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


@pytest.mark.parametrize("bad", ["a\r\nset-cookie: x=1", "\0" * 700, "naïve " * 300])
def test_no_stage_policy_or_deployment_can_break_a_response(clock: FakeClock, bad: str) -> None:
    served = replace(deployment(bad, lane=bad), provider=bad, model=bad)
    call = asking(clock, served, served=served, plan=Plan((), bad, bad))
    call.headers = {"x-atelier-cache": bad, "x-own": bad}
    for value in headers(call, clock).values():
        assert value.isprintable()
        assert value.isascii()
        assert len(value) <= 500


def test_an_error_says_when_to_try_again_on_one_line() -> None:
    class Odd(RateLimited):
        def headers(self) -> dict[str, str]:
            return {**super().headers(), "x-odd": "a\r\nb"}

    assert dict(error_headers(Odd("x", retry_after=1.5))) == {
        b"retry-after": b"2",
        b"retry-after-ms": b"1500",
        b"x-should-retry": b"true",
        b"x-odd": b"a??b",
    }


def test_a_deployment_that_was_changed_is_told_of_as_it_is_now(clock: FakeClock) -> None:
    assert headers(asking(clock, D1, served=D1), clock)["x-atelier-lane"] == "wire"
    changed = replace(D1, lane="sdk", provider="groq", model="groq/other", simulated=True)
    found = headers(asking(clock, changed, served=changed), clock)
    told = ("model", "provider", "deployment", "lane", "simulated")
    assert [found[f"x-atelier-{name}"] for name in told] == ["other", "groq", "d1", "sdk", "true"]
    assert "x-atelier-simulated" not in headers(asking(clock, D1, served=D1), clock)


def test_a_stages_own_header_takes_the_place_of_ours(clock: FakeClock) -> None:
    call = asking(clock, D1, served=D1, attempts=[attempt(1, 0), attempt(2, 0)])
    call.headers["x-atelier-fallbacks"] = "0"
    assert headers(call, clock)["x-atelier-fallbacks"] == "0"


def test_what_is_remembered_of_values_is_bounded_however_long_they_are(clock: FakeClock) -> None:
    shown.cache_clear()
    for number in range(shown.cache_info().maxsize + 50):
        headers(asking(clock, body={"model": f"{'x' * 490}{number}" + "y" * 10_000}), clock)
    info = shown.cache_info()
    assert info.currsize == info.maxsize
    assert (
        headers(asking(clock, body={"model": f"{'x' * 499}ab"}), clock)["x-atelier-model-requested"] == f"{'x' * 499}a"
    )
    before = info.misses + 1
    headers(asking(clock, body={"model": f"{'x' * 499}a{'z' * 1_000_000}"}), clock)
    assert shown.cache_info().misses == before, "what is remembered is cut to what is shown"


def test_the_tightest_budget_is_told_but_never_the_whole_gateways(clock: FakeClock) -> None:
    unlimited, total = Balance("user:ann", None, 5, 0), Balance(TOTAL, 10, 9, 0)
    tight, wide = Balance("key:k", 1_000, 400, 300), Balance("team:red", 10**9, 0, 0)
    for balances in ([unlimited, wide, tight, total], [tight, total, wide]):
        found = headers(asking(clock, balances=tuple(balances)), clock)
        assert found["x-atelier-budget-remaining"] == "0.0000006"
    assert headers(asking(clock, balances=(replaced(tight, 2_000),)), clock)["x-atelier-budget-remaining"] == "0"
    assert "x-atelier-budget-remaining" not in headers(asking(clock, balances=(unlimited, total)), clock)


def test_litellms_clients_find_its_names_where_they_are_asked_for(clock: FakeClock) -> None:
    call = asking(clock, D1, served=D1, attempts=[attempt(1, 13_000)])
    found = dict(response_headers(call, clock.monotonic(), settled=True, litellm=True))
    assert {name: value for name, value in found.items() if name.startswith(b"x-litellm-")} == {
        b"x-litellm-call-id": b"gen-1",
        b"x-litellm-model-id": b"d1",
        b"x-litellm-model-group": b"fast",
        b"x-litellm-response-cost": b"0.000013",
        b"x-litellm-attempted-fallbacks": b"0",
        b"x-litellm-overhead-duration-ms": b"0.0",
        b"x-litellm-response-duration-ms": b"0",
    }


def replaced(balance: Balance, spent: int) -> Balance:
    return Balance(balance.scope, balance.limit, spent, balance.held)
