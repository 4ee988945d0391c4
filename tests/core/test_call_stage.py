"""The attempts of a request: which deployments are tried, in which order, with what, and for how long."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import (
    Fault,
    GatewayError,
    NotFound,
    ProviderError,
    Unavailable,
    UpstreamError,
    UpstreamTimeout,
)
from gateway.ledger.prices import bound, cost
from gateway.stages.spend_limits import attempt_at
from gateway.types import Chunk, Endpoint, Options, Status
from tests.core.call_bench import DOWN, SLOW, A, B, Bench, C, D
from tests.core.fakes import (
    PRICE,
    ROLE,
    SAID,
    WHOLE,
    FakeClock,
    completion,
    deployment,
)


async def test_the_first_deployment_answers(clock: FakeClock) -> None:
    bench = Bench(clock, completion())
    call = await bench.call(A, B)
    await bench.stage.enter(call)
    assert bench.tried == ["a"]
    assert call.answer is not None
    assert call.answer.completion is not None
    assert call.served is A
    (result,) = call.attempts
    assert (result.status, result.usage, result.cost) == (Status.COMPLETED, SAID, cost(PRICE, SAID))
    assert bench.health.told == [("a", "claimed"), ("a", "succeeded")]


async def test_an_attempt_is_written_down_before_it_is_sent(clock: FakeClock) -> None:
    bench = Bench(clock, completion())
    bench.ledger.before_dispatch = lambda: sent.append(len(bench.lane.requests))
    sent: list[int] = []
    await bench.stage.enter(await bench.call(A))
    assert sent == [0]
    ((intent, hold),) = bench.ledger.intents
    assert (intent.number, intent.deployment_id, intent.price) == (1, "a", PRICE)
    assert intent.bound == hold == bound(PRICE, 500, 100)


async def test_the_attempts_own_id_goes_along(clock: FakeClock) -> None:
    bench = Bench(clock, DOWN, completion())
    await bench.stage.enter(await bench.call(A, B))
    assert [request.attempt_id for request in bench.lane.requests] == ["gen-1:1", "gen-1:2"]


async def test_a_stream_is_read_up_to_its_first_word(clock: FakeClock) -> None:
    bench = Bench(clock, WHOLE)
    call = await bench.call(A, stream=True)
    await bench.stage.enter(call)
    assert call.answer is not None
    assert call.answer.read == tuple(WHOLE[:2])
    assert call.answer.chunks is not None
    assert [chunk async for chunk in call.answer.chunks] == WHOLE[2:]
    assert call.attempts == []
    assert call.running is not None
    assert (call.running.chunks, call.running.first_chunk) == (2, clock.monotonic())


@pytest.mark.parametrize(
    "fault",
    [
        Fault.CONNECT,
        Fault.TIMEOUT,
        Fault.RESET,
        Fault.RATE_LIMITED,
        Fault.SERVER,
        Fault.CREDENTIALS,
        Fault.NOT_FOUND,
        Fault.CONTEXT_WINDOW,
        Fault.MALFORMED,
        Fault.TRUNCATED,
        Fault.IN_BAND,
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_fault_before_the_first_byte_goes_on_to_the_next(clock: FakeClock, fault: Fault, stream: bool) -> None:
    bench = Bench(clock, [ROLE, ProviderError(fault, "x")] if stream else ProviderError(fault, "x"), WHOLE)
    if not stream:
        bench.lane.scripts[1] = completion()
    call = await bench.call(A, B, stream=stream)
    await bench.stage.enter(call)
    assert bench.tried == ["a", "b"]
    assert call.served is B
    assert call.attempts[0].fault is fault
    assert bench.lane.closed >= 1


@pytest.mark.parametrize("fault", [Fault.CALLER, Fault.CONTENT_POLICY])
async def test_the_callers_own_mistake_is_not_tried_elsewhere(clock: FakeClock, fault: Fault) -> None:
    bench = Bench(clock, ProviderError(fault, "your fault", status=400))
    with pytest.raises(GatewayError) as caught:
        await bench.stage.enter(await bench.call(A, B))
    assert caught.value.status == 400
    assert bench.tried == ["a"]


async def test_a_stream_that_ends_before_its_first_word_is_cut(clock: FakeClock) -> None:
    bench = Bench(clock, [ROLE], WHOLE)
    call = await bench.call(A, B, stream=True)
    await bench.stage.enter(call)
    assert call.attempts[0].fault is Fault.TRUNCATED
    assert bench.tried == ["a", "b"]


async def test_an_answer_without_a_word_is_an_answer(clock: FakeClock) -> None:
    bench = Bench(clock, [ROLE, Chunk(b"x", finish="content_filter")])
    call = await bench.call(A, stream=True)
    await bench.stage.enter(call)
    assert call.answer is not None
    assert len(call.answer.read) == 2
    assert call.running is not None
    assert call.running.first_chunk == clock.monotonic()  # from here on its silence counts


@pytest.mark.parametrize(("asked", "tries"), [(None, 3), (0, 1), (1, 2), (2, 3), (9, 3)])
async def test_as_many_attempts_as_are_allowed_and_asked_for(clock: FakeClock, asked: int | None, tries: int) -> None:
    bench = Bench(clock, *[DOWN] * 4)
    call = await bench.call(A, B, C, D, options=Options(num_retries=asked))
    with pytest.raises(UpstreamError):
        await bench.stage.enter(call)
    assert len(bench.tried) == len(call.attempts) == tries


async def test_the_last_attempts_error_is_the_answer(clock: FakeClock) -> None:
    bench = Bench(clock, DOWN, SLOW, ProviderError(Fault.NOT_FOUND, "no such model", status=404))
    with pytest.raises(NotFound):
        await bench.stage.enter(await bench.call(A, B, C))


async def test_after_the_deadline_nothing_more_is_tried(clock: FakeClock) -> None:
    bench = Bench(clock, [lambda: clock.advance(61), DOWN])
    with pytest.raises(UpstreamError):
        await bench.stage.enter(await bench.call(A, B))
    assert bench.tried == ["a"]


@pytest.mark.parametrize("stream", [True, False])
async def test_an_attempt_has_the_time_that_is_left(clock: FakeClock, stream: bool) -> None:
    bench = Bench(clock, WHOLE if stream else completion())
    call = await bench.call(deployment("a", timeout=300), stream=stream)
    clock.advance(50)
    await bench.stage.enter(call)
    assert bench.lane.requests[0].timeout == 10


@pytest.mark.parametrize(("stream", "bound"), [(True, "ttft_timeout"), (False, "timeout"), (True, "timeout")])
async def test_an_attempt_that_takes_too_long_is_given_up(clock: FakeClock, stream: bool, bound: str) -> None:
    hang = asyncio.Event()
    bench = Bench(clock, [hang], [hang])
    short = [deployment(name, **{bound: 0.001}) for name in "ab"]
    with pytest.raises(UpstreamTimeout):
        await bench.stage.enter(await bench.call(*short, stream=stream, options=Options(num_retries=1)))
    assert bench.lane.closed == 2
    assert bench.tried == ["a", "b"]


async def test_time_at_providers_is_no_overhead(clock: FakeClock) -> None:
    bench = Bench(clock, [lambda: clock.advance(2), DOWN], [lambda: clock.advance(1), completion()])
    call = await bench.call(A, B)
    await bench.stage.enter(call)
    assert call.upstream_ms == 3_000


async def test_the_place_moves_along(clock: FakeClock) -> None:
    bench = Bench(clock, DOWN, [lambda: seen.append(dict(bench.places.snapshot().in_flight)), completion()])
    seen: list[dict[str, int]] = []
    call = await bench.call(A, B)
    await bench.stage.enter(call)
    assert seen == [{"b": 1}]
    assert call.place == "b"


async def test_a_full_deployment_is_passed_by(clock: FakeClock) -> None:
    bench = Bench(clock, DOWN, completion())
    full = deployment("b", max_parallel=1)
    await bench.places.acquire([("b", 1)], 0)
    call = await bench.call(A, full, C)
    await bench.stage.enter(call)
    assert bench.tried == ["a", "c"]
    assert bench.places.snapshot().in_flight == {"b": 1, "c": 1}


async def test_everything_full_is_said_to_be_busy(clock: FakeClock) -> None:
    bench = Bench(clock)
    full = deployment("b", max_parallel=1)
    call = await bench.call(full)
    bench.places.release("b")
    call.place = None
    await bench.places.acquire([("b", 1)], 0)
    with pytest.raises(Unavailable) as caught:
        await bench.stage.enter(call)
    assert caught.value.retry_after is not None
    assert bench.places.snapshot().in_flight == {"b": 1}


async def test_unhealthy_ones_are_left_out(clock: FakeClock) -> None:
    bench = Bench(clock, completion())
    bench.open("a")
    call = await bench.call(A, B)
    await bench.stage.enter(call)
    assert bench.tried == ["b"]
    assert "x-atelier-degraded" not in call.headers


async def test_when_none_is_healthy_all_are_tried_and_the_client_is_told(clock: FakeClock) -> None:
    bench = Bench(clock, DOWN, completion())
    for name in "ab":
        bench.open(name)
    call = await bench.call(A, B)
    await bench.stage.enter(call)
    assert bench.tried == ["a", "b"]
    assert call.headers["x-atelier-degraded"]
    assert ("a", "claimed") not in bench.health.told


@pytest.mark.parametrize(
    ("body", "budgeted", "max_output", "sent"),
    [
        ({}, False, None, None),
        ({}, True, None, 100),
        ({}, True, 64, 64),
        ({}, True, 4_000, 100),
        ({"max_tokens": 40}, True, 20, None),
        ({"max_completion_tokens": 40}, True, None, 40),
        ({"max_completion_tokens": None}, True, None, 100),
    ],
)
async def test_the_limit_that_a_budget_needs_is_sent_along(
    clock: FakeClock, body: dict[str, object], budgeted: bool, max_output: int | None, sent: int | None
) -> None:
    bench = Bench(clock, completion())
    where = deployment("a", max_output=max_output)
    call = await bench.call(where, body=body, budgeted=budgeted)
    before = dict(call.body)
    await bench.stage.enter(call)
    assert bench.lane.requests[0].body.get("max_completion_tokens") == sent
    assert call.body == before


async def test_embeddings_get_no_such_limit(clock: FakeClock) -> None:
    bench = Bench(clock, completion())
    call = await bench.call(A, endpoint=Endpoint.EMBEDDINGS, budgeted=True, bound_tokens=0)
    await bench.stage.enter(call)
    assert "max_completion_tokens" not in bench.lane.requests[0].body


async def test_what_a_provider_does_not_get_is_a_warning(clock: FakeClock) -> None:
    bench = Bench(clock, completion())
    bench.lane.not_sent = ("seed", "user_id")
    call = await bench.call(A)
    await bench.stage.enter(call)
    assert call.warnings == ["not sent to this provider: seed, user_id"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_mock_response_asks_nobody(clock: FakeClock, stream: bool) -> None:
    bench = Bench(clock)
    call = await bench.call(A, options=Options(mock_response="canned"), stream=stream)
    await bench.stage.enter(call)
    assert bench.tried == []
    assert call.answer is not None
    assert call.answer.source == "mock"
    if call.answer.completion is not None:
        assert call.answer.completion.body["choices"][0]["message"]["content"] == "canned"
    else:
        assert call.answer.chunks is not None
        assert "canned" in "".join([chunk.text async for chunk in call.answer.chunks])


async def test_an_attempt_that_was_opened_with_its_request_is_not_written_down_again(clock: FakeClock) -> None:
    bench = Bench(clock, completion())
    call = await bench.call(A)
    call.opened = attempt_at(A, call, 1, clock.now())
    await bench.stage.enter(call)
    assert bench.ledger.intents == []
    assert ([result.intent.number for result in call.attempts], call.unsent) == ([1], ())


async def test_an_attempt_opened_for_another_deployment_ends_unsent_and_the_next_has_its_own_number(
    clock: FakeClock,
) -> None:
    bench = Bench(clock, completion())
    call = await bench.call(B)
    call.opened = attempt_at(A, call, 1, clock.now())
    await bench.stage.enter(call)
    assert [(intent.number, intent.deployment_id) for intent, _ in bench.ledger.intents] == [(2, "b")]
    assert [(result.intent.number, result.cost) for result in call.unsent] == [(1, 0)]
    assert [result.intent.number for result in call.attempts] == [2]
    assert call.headers["x-atelier-fallbacks"] == "0"


async def test_a_fallback_after_an_opened_attempt_is_written_down_by_itself(clock: FakeClock) -> None:
    bench = Bench(clock, DOWN, completion())
    call = await bench.call(A, B)
    call.opened = attempt_at(A, call, 1, clock.now())
    await bench.stage.enter(call)
    assert [(intent.number, intent.deployment_id) for intent, _ in bench.ledger.intents] == [(2, "b")]
    assert call.unsent == ()
