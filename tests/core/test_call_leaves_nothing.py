"""Whatever ends the attempts of a request, nothing is left behind: no probe, no open attempt, no provider's stream."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import (
    BudgetExhausted,
    Fault,
    Interrupted,
    ProviderError,
    RateLimited,
    Reason,
    Unavailable,
    UpstreamError,
)
from gateway.ledger.prices import bound
from gateway.types import Chunk, Options, Outcome, Status
from tests.core.call_bench import DOWN, SLOW, A, B, Bench, C, claims
from tests.core.fakes import (
    PRICE,
    ROLE,
    WHOLE,
    FakeClock,
    completion,
    deployment,
    ticks,
)


async def test_a_deadline_that_has_passed_sends_nothing(clock: FakeClock) -> None:
    bench = Bench(clock)
    call = await bench.call(A)
    clock.advance(60)
    with pytest.raises(Interrupted) as caught:
        await bench.stage.enter(call)
    assert caught.value.reason is Reason.DEADLINE
    assert (bench.tried, bench.ledger.intents, bench.health.told) == ([], [], [])


class PlainStream:
    """A stream that is no generator function: nothing but `aclose` closes it."""

    def __init__(self) -> None:
        self.closed = 0

    def __aiter__(self) -> PlainStream:
        return self

    async def __anext__(self) -> Chunk:
        raise DOWN

    async def aclose(self) -> None:
        self.closed += 1


async def test_a_stream_that_fails_is_closed_whatever_it_is(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, stream = Bench(clock), PlainStream()
    monkeypatch.setattr(bench.lane, "stream", lambda request: stream)
    with pytest.raises(UpstreamError):
        await bench.stage.enter(await bench.call(A, stream=True, options=Options(num_retries=0)))
    assert stream.closed == 1


async def half_open(clock: FakeClock, *scripts: object) -> Bench:
    bench = Bench(clock, *scripts)
    bench.open("a")
    clock.advance(6)
    assert bench.health.state("a") == "half_open"
    return bench


async def test_a_half_open_deployment_gets_one_probe_at_a_time(clock: FakeClock) -> None:
    hang = asyncio.Event()
    bench = await half_open(clock, [hang, completion()], completion())
    first = asyncio.create_task(bench.stage.enter(await bench.call(A, B)))
    await ticks()
    await bench.stage.enter(await bench.call(A, B, id="gen-2"))
    assert bench.tried == ["a", "b"]
    hang.set()
    await first
    assert bench.health.state("a") == "closed"


@pytest.mark.parametrize("when", ["before the claim", "while it is written down", "while it is sent", "store away"])
async def test_a_probe_is_given_back_whatever_happens(clock: FakeClock, when: str) -> None:
    bench = await half_open(clock, [asyncio.Event()])
    call = await bench.call(A)
    if when == "before the claim":
        call.interruption.request(Reason.CLIENT_GONE)
    if when == "while it is written down":
        bench.ledger.before_dispatch = lambda: call.interruption.request(Reason.CLIENT_GONE)
    bench.ledger.away = when == "store away"
    walk = asyncio.create_task(bench.stage.enter(call))
    await ticks()
    call.interruption.request(Reason.CLIENT_GONE)
    with pytest.raises((Interrupted, Unavailable)):
        await walk
    assert claims(bench.health.told) == 0
    assert bench.health.usable("a")


async def test_a_probe_whose_hold_is_refused_is_given_back(clock: FakeClock) -> None:
    bench = await half_open(clock)
    bench.ledger.limit = 1
    with pytest.raises(BudgetExhausted):
        await bench.stage.enter(await bench.call(A))
    assert bench.tried == []
    assert bench.health.usable("a")


async def test_a_deployment_whose_probe_somebody_else_took_is_passed_by(clock: FakeClock) -> None:
    bench = await half_open(clock, DOWN, completion())
    other = deployment("a")

    def taken() -> None:
        bench.health.claim("a")
        bench.health.told.clear()

    bench.lane.scripts[0] = [taken, DOWN]
    await bench.stage.enter(await bench.call(B, other, C))
    assert bench.tried == ["b", "c"]
    assert ("a", "not granted") in bench.health.told


async def test_what_a_second_attempt_needs_more_is_held_first(clock: FakeClock) -> None:
    bench = Bench(clock, [lambda: clock.advance(1), SLOW], completion())
    call = await bench.call(A, B)
    await bench.stage.enter(call)
    owed, most = call.attempts[0].cost, bound(PRICE, 500, 100)
    assert owed > 0
    assert [hold for _, hold in bench.ledger.intents] == [most, owed + most]


async def test_a_budget_that_does_not_cover_another_attempt_ends_it(clock: FakeClock) -> None:
    bench = Bench(clock, [lambda: clock.advance(1), SLOW])
    bench.ledger.limit = bound(PRICE, 500, 100)
    with pytest.raises(BudgetExhausted) as caught:
        await bench.stage.enter(await bench.call(A, B))
    assert caught.value.headers()["x-should-retry"] == "false"
    assert bench.tried == ["a"]


async def test_a_store_that_is_away_dispatches_nothing(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.ledger.away = True
    with pytest.raises(Unavailable):
        await bench.stage.enter(await bench.call(A, B))
    assert bench.tried == []
    assert bench.health.told == [("a", "claimed"), ("a", "abandoned")]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("reason", [Reason.CLIENT_GONE, Reason.CANCELLED, Reason.DEADLINE])
async def test_an_interruption_ends_the_attempt_and_closes_the_provider(
    clock: FakeClock, stream: bool, reason: Reason
) -> None:
    bench = Bench(clock, [asyncio.Event()])
    call = await bench.call(A, B, stream=stream)
    walk = asyncio.create_task(bench.stage.enter(call))
    await ticks()
    assert bench.tried == ["a"]
    call.interruption.request(reason)
    with pytest.raises(Interrupted):
        await walk
    assert bench.lane.closed == 1
    assert [result.usage.estimated for result in call.attempts] == [True]
    assert bench.tried == ["a"]


async def test_a_client_that_leaves_while_it_is_written_down_owes_nothing(clock: FakeClock) -> None:
    bench = Bench(clock)
    call = await bench.call(A)
    bench.ledger.before_dispatch = lambda: call.interruption.request(Reason.CLIENT_GONE)
    with pytest.raises(Interrupted):
        await bench.stage.enter(call)
    assert bench.tried == []
    assert [(result.status, result.cost) for result in call.attempts] == [(Status.CANCELLED, 0)]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_bug_in_a_lane_still_ends_the_attempt(clock: FakeClock, stream: bool) -> None:
    bench = Bench(clock, KeyError("bug"))
    call = await bench.call(A, B, stream=stream)
    with pytest.raises(KeyError):
        await bench.stage.enter(call)
    assert [result.status for result in call.attempts] == [Status.FAILED]
    assert claims(bench.health.told) == 0


async def test_an_attempt_that_the_relay_left_open_ends_with_the_stage(clock: FakeClock) -> None:
    bench = Bench(clock, WHOLE)
    call = await bench.call(A, stream=True)
    await bench.stage.enter(call)
    await bench.stage.exit(call, Outcome(Status.FAILED))
    assert [result.status for result in call.attempts] == [Status.FAILED]
    assert call.running is None


async def test_a_fault_after_a_role_is_not_free(clock: FakeClock) -> None:
    """The provider had begun to answer before it said 429 in the stream."""
    bench = Bench(clock, [ROLE, ProviderError(Fault.RATE_LIMITED, "in the stream")])
    call = await bench.call(A, stream=True, options=Options(num_retries=0))
    with pytest.raises(RateLimited):
        await bench.stage.enter(call)
    assert call.attempts[0].cost > 0
