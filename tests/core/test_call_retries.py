"""The call stage tries again: after a pause, without a place meanwhile, and never for longer than it may."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import Fault, Interrupted, InvalidRequest, ProviderError, RateLimited, Reason, UpstreamError
from gateway.queue.places import Spot
from gateway.resilience.retries import Retries
from gateway.stages.call import Pauses
from gateway.stages.wait import Wait
from gateway.types import Candidate, Deployment, Options, Outcome, Plan, Price, Status
from tests.core.call_bench import DOWN, A, B, Bench, C
from tests.core.fakes import FakeClock, asking, completion, deployment, ticks

TOO_LONG = ProviderError(Fault.CONTEXT_WINDOW, "too long", status=400)


def plan(*groups: tuple[Deployment, str, Fault | None]) -> Plan:
    after = [frozenset() if fault is None else frozenset({fault}) for _, _, fault in groups]
    return Plan(
        tuple(Candidate(each, "", group, faults) for (each, group, _), faults in zip(groups, after, strict=True)),
        "priority",
        "in order",
    )


async def test_the_only_deployment_is_tried_again_after_a_pause(clock: FakeClock) -> None:
    bench = Bench(clock, DOWN, DOWN, completion())
    call = await bench.call(A)
    await bench.stage.enter(call)
    assert (bench.tried, bench.slept) == (["a"] * 3, [0.1, 0.2])
    assert (len(call.attempts), call.served, call.place) == (3, A, "a")
    assert call.headers["x-atelier-fallbacks"] == "0"
    assert call.queue_ms == pytest.approx(300)


async def test_its_place_is_free_during_the_pause(clock: FakeClock) -> None:
    bench = Bench(clock, DOWN, completion())
    one = deployment("a", max_parallel=1)
    call = await bench.call(one)
    taken: list[dict[str, int]] = []

    async def look(seconds: float) -> None:
        taken.append(dict(bench.places.snapshot().in_flight))

    bench.stage._pauses = Pauses(look, lambda: 0.5)
    await bench.stage.enter(call)
    assert taken == [{}]
    assert bench.places.snapshot().in_flight == {"a": 1}


async def test_a_client_that_leaves_ends_the_pause(clock: FakeClock) -> None:
    bench = Bench(clock, DOWN)
    call = await bench.call(A)
    bench.stage._pauses = Pauses(lambda _: asyncio.sleep(3600), lambda: 0.5)
    entering = asyncio.create_task(bench.stage.enter(call))
    await ticks()
    call.interruption.request(Reason.CLIENT_GONE)
    with pytest.raises(Interrupted):
        await entering
    assert (bench.tried, call.place, bench.places.snapshot().in_flight) == (["a"], None, {})


async def test_a_429_is_tried_again_when_the_provider_said(clock: FakeClock) -> None:
    bench = Bench(clock, ProviderError(Fault.RATE_LIMITED, "slow down", retry_after=4), completion())
    await bench.stage.enter(await bench.call(A))
    assert (bench.tried, bench.slept) == (["a", "a"], [4])


async def test_a_429_that_says_no_time_is_tried_again_although_it_cools_down(clock: FakeClock) -> None:
    bench = Bench(clock, ProviderError(Fault.RATE_LIMITED, "slow down"), completion())
    await bench.stage.enter(await bench.call(A))
    assert (bench.tried, bench.slept) == (["a", "a"], [0.1])


async def test_a_deployment_that_was_taken_out_meanwhile_is_not(clock: FakeClock) -> None:
    bench = Bench(clock, DOWN)
    for _ in range(4):
        bench.health.failed("a", DOWN)
    with pytest.raises(UpstreamError):
        await bench.stage.enter(await bench.call(A))
    assert bench.tried == ["a"]


async def test_a_wait_past_the_deadline_is_the_clients_to_decide_on(clock: FakeClock) -> None:
    bench = Bench(
        clock, ProviderError(Fault.RATE_LIMITED, "slow down", retry_after=50), retries=Retries(3, per_group=3)
    )
    with pytest.raises(RateLimited) as caught:
        await bench.stage.enter(await bench.call(A, deadline=clock.monotonic() + 40))
    assert (bench.slept, caught.value.retry_after) == ([], 50)


async def test_a_groups_attempts_come_before_its_fallback(clock: FakeClock) -> None:
    bench = Bench(clock, DOWN, DOWN, completion(), retries=Retries(9, per_group=2))
    call = await bench.call(A, B)
    call.plan = plan((A, "fast", None), (B, "smart", None))
    await bench.stage.enter(call)
    assert bench.tried == ["a", "a", "b"]
    assert call.headers["x-atelier-fallbacks"] == "1"


async def test_a_prompt_that_is_too_long_goes_to_its_own_fallback(clock: FakeClock) -> None:
    bench = Bench(clock, TOO_LONG, completion())
    call = await bench.call(A)
    wide = deployment("w")
    call.plan = plan((A, "fast", None), (wide, "wide", Fault.CONTEXT_WINDOW), (B, "smart", None))
    await bench.stage.enter(call)
    assert bench.tried == ["a", "w"]


async def test_a_fallback_for_long_prompts_is_no_healthy_deployment_for_others(clock: FakeClock) -> None:
    bench = Bench(clock, DOWN, DOWN, DOWN)
    bench.open("a")
    call = await bench.call(A)
    call.plan = plan((A, "fast", None), (deployment("w"), "wide", Fault.CONTEXT_WINDOW))
    with pytest.raises(UpstreamError):
        await bench.stage.enter(call)
    assert bench.tried[0] == "a"
    assert "w" not in bench.tried
    assert call.headers["x-atelier-degraded"]


UNPRICED = deployment("u", group="openai/*", price=Price())


async def test_a_budget_cannot_pay_for_a_wildcards_model_without_a_price(clock: FakeClock) -> None:
    bench = Bench(clock)
    with pytest.raises(InvalidRequest) as caught:
        await bench.stage.enter(await bench.call(UNPRICED, A, budgeted=True))
    assert (caught.value.code, caught.value.param) == ("model_price_unknown", "model")
    assert "input_cost_per_token" in caught.value.message
    assert "openai/u" in caught.value.message
    assert bench.tried == []


async def test_without_a_budget_it_is_served_with_a_warning(clock: FakeClock) -> None:
    bench = Bench(clock, completion())
    call = await bench.call(UNPRICED)
    await bench.stage.enter(call)
    assert call.warnings == ["no price is known for openai/u: it counts as free"]


async def test_a_budget_does_not_fall_back_to_one_either(clock: FakeClock) -> None:
    bench = Bench(clock, *[DOWN] * 3)
    with pytest.raises(UpstreamError):
        await bench.stage.enter(await bench.call(A, UNPRICED, budgeted=True))
    assert set(bench.tried) == {"a"}


async def test_a_group_of_the_file_without_a_price_was_the_admins_choice(clock: FakeClock) -> None:
    bench = Bench(clock, completion())
    await bench.stage.enter(await bench.call(deployment("a", price=Price()), budgeted=True))
    assert bench.tried == ["a"]


async def test_each_attempt_counts_in_its_deployments_minute(clock: FakeClock) -> None:
    bench = Bench(clock, DOWN, DOWN, completion())
    limited = deployment("a", rpm=2)
    call = asking(clock, limited, B)
    call.plan = plan((limited, "fast", None), (B, "smart", None))
    wait = Wait(bench.places, bench.health, clock, 30)
    await wait.enter(call)
    await bench.stage.enter(call)
    assert bench.tried == ["a", "b", "a"]
    assert bench.places.rates.wait("a", 2, None, 0) > 0
    await wait.exit(call, Outcome(Status.COMPLETED))
    requests, tokens = bench.places.rates.used({"a": "a", "b": "b"})
    assert (requests, tokens) == ({"a": 2, "b": 1}, {"a": 10, "b": 0})


async def test_a_full_minute_is_passed_by(clock: FakeClock) -> None:
    bench = Bench(clock, DOWN, completion())
    full = deployment("b", rpm=1)
    await bench.places.acquire([Spot.of(full)], 0)
    await bench.stage.enter(await bench.call(A, full, C))
    assert bench.tried == ["a", "c"]


async def test_nobody_waits_for_longer_than_its_client_does(clock: FakeClock) -> None:
    bench = Bench(
        clock,
        ProviderError(Fault.RATE_LIMITED, "slow down", retry_after=20),
        DOWN,
        DOWN,
        retries=Retries(9, per_group=2),
    )
    call = await bench.call(A, options=Options(patience=15))
    call.plan = plan((A, "fast", None), (B, "smart", None))
    with pytest.raises(UpstreamError):
        await bench.stage.enter(call)
    assert (bench.tried, call.headers["x-atelier-fallbacks"]) == (["a", "b", "b"], "1")
