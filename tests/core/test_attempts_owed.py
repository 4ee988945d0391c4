"""What an attempt is owed: the provider's own word where it gave it, else an estimate that is never under its bill."""

from __future__ import annotations

import pytest

from gateway.attempts import (
    FASTEST,
    IN_FLIGHT_TOKENS,
    OWES_NOTHING,
    REASONING_FLOOR,
    Attempts,
    callers_error,
    public_error,
)
from gateway.errors import Fault, GatewayError, ProviderError, Reason
from gateway.ledger.prices import bound, cost
from gateway.relay import note
from gateway.types import AttemptResult, Call, Chunk, Deployment, Status, Usage
from tests.core.fakes import (
    PRICE,
    SAID,
    FakeClock,
    SpyHealth,
    Words,
    asking,
    completion,
    deployment,
    running,
    text_chunk,
)

EARLY = Usage(input=9, output=1, cached_input=4, cache_write=2)  # as a stream says it at its start
D1, THINKING = deployment("d1"), deployment("d2", reasoning=True)
TOOL_CALL = Chunk(b"data: {}\n\n", content=True)


class Bench:
    """An attempt that was dispatched at second 0 with 100 output tokens at most."""

    def __init__(self, clock: FakeClock, where: Deployment = D1, *, limit: int | None = 100, n: int = 1) -> None:
        self.clock, self.health = clock, SpyHealth(clock)
        self.attempts = Attempts(self.health, Words(), clock)
        self.call: Call = asking(clock, where, body={"n": n}, input_bound=500, bound_tokens=100)
        self.running = running(self.call, where, clock, limit=limit)

    def chunks(self, *chunks: Chunk, after: float = 0.0) -> None:
        for chunk in chunks:
            self.clock.advance(after)
            note(self.running, chunk, self.clock.monotonic())

    def fail(self, fault: Fault) -> AttemptResult:
        self.attempts.fail(self.call, ProviderError(fault, "told"))
        (result,) = self.call.attempts
        assert self.call.running is None
        return result


@pytest.mark.parametrize("fault", Fault)
def test_nothing_came_back(clock: FakeClock, fault: Fault) -> None:
    bench = Bench(clock)
    clock.advance(1)
    result = bench.fail(fault)
    if fault in OWES_NOTHING:
        assert (result.cost, result.usage) == (0, Usage())
    else:
        assert result.usage == Usage(500, 100, estimated=True)
        assert result.cost == bound(PRICE, 500, 100)
    assert (result.status, result.fault, result.error) == (Status.FAILED, fault, "told")


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("where", [D1, THINKING])
@pytest.mark.parametrize("usage", [None, EARLY])
def test_some_of_it_came(clock: FakeClock, fault: Fault, where: Deployment, usage: Usage | None) -> None:
    bench = Bench(clock, where, limit=10_000)
    bench.chunks(Chunk(b"", usage=usage), *[text_chunk("word ")] * 20, after=0.05)
    result = bench.fail(fault)
    assert result.usage.estimated
    assert result.usage.output >= 20 + IN_FLIGHT_TOKENS
    assert result.usage.output >= (REASONING_FLOOR if where.reasoning else 0)
    if usage is not None:
        assert result.usage.input >= usage.input
        assert (result.usage.cached_input, result.usage.cache_write) == (usage.cached_input, usage.cache_write)
    assert result.cost == cost(PRICE, result.usage)


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("usage", [None, EARLY])
def test_only_a_role_came(clock: FakeClock, fault: Fault, usage: Usage | None) -> None:
    """The provider had begun, so that even a refusal in the stream may be billed; how much was made nobody saw."""
    bench = Bench(clock)
    bench.chunks(Chunk(b"role", usage=usage))
    clock.advance(5)
    result = bench.fail(fault)
    assert result.usage.estimated
    assert result.cost == bound(PRICE, 500, 100)


@pytest.mark.parametrize("fault", Fault)
def test_everything_came_before_it_broke(clock: FakeClock, fault: Fault) -> None:
    bench = Bench(clock)
    bench.chunks(text_chunk("Hello"), Chunk(b"", finish="stop"), Chunk(b"", usage=SAID))
    result = bench.fail(fault)
    assert result.usage == SAID
    assert result.cost == cost(PRICE, SAID)


def test_a_finish_without_usage_is_estimated(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.chunks(text_chunk("one two three"), Chunk(b"", finish="stop"))
    bench.attempts.succeed(bench.call)
    (result,) = bench.call.attempts
    assert result.status is Status.COMPLETED
    assert (result.usage.estimated, result.usage.output) == (True, 3)
    assert result.ttft == 0.0


@pytest.mark.parametrize("chunks", [[text_chunk("one two")], []])
def test_a_finish_without_usage_ends_what_may_have_been_made(clock: FakeClock, chunks: list[Chunk]) -> None:
    bench = Bench(clock)
    bench.chunks(*chunks, Chunk(b"x", finish="content_filter"))
    clock.advance(5)
    usage = bench.fail(Fault.RESET).usage
    assert (usage.output, usage.estimated) == (len(chunks) + 1, True)


def test_what_the_provider_said_so_far_is_the_least(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.chunks(text_chunk("one two"), Chunk(b"", usage=Usage(input=300, output=90)))
    usage = bench.fail(Fault.RESET).usage
    assert (usage.input, usage.output, usage.estimated) == (300, 90, True)


def test_chunks_that_show_no_text_are_a_token_each_at_least(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.chunks(*[TOOL_CALL] * 12, Chunk(b"", finish="tool_calls"))
    bench.attempts.succeed(bench.call)
    assert bench.call.attempts[0].usage.output >= 12


def test_a_silence_counts_at_the_speed_before_it(clock: FakeClock) -> None:
    bench = Bench(clock, limit=None)
    bench.chunks(*[text_chunk("word ")] * 11, after=0.1)  # ten a second
    clock.advance(2)
    assert bench.fail(Fault.RESET).usage.output >= 11 + IN_FLIGHT_TOKENS + 2 * 10


def test_a_silence_that_was_a_stall_adds_nothing(clock: FakeClock) -> None:
    bench = Bench(clock, limit=None)
    bench.chunks(*[text_chunk("word ")] * 11, after=0.1)
    clock.advance(20)
    assert bench.fail(Fault.STALLED).usage.output == 11 + IN_FLIGHT_TOKENS


def test_what_nobody_saw_is_bounded_by_the_time_there_was(clock: FakeClock) -> None:
    bench = Bench(clock, limit=None)
    bench.call.bound_tokens = 50_000
    bench.call.running = bench.running
    clock.advance(0.01)
    assert bench.fail(Fault.TIMEOUT).usage.output == IN_FLIGHT_TOKENS + 0.01 * FASTEST


@pytest.mark.parametrize("n", [1, 3])
def test_an_estimate_stays_within_the_limit_the_provider_was_told(clock: FakeClock, n: int) -> None:
    bench = Bench(clock, THINKING, n=n)
    bench.chunks(*[text_chunk("word ")] * 90, after=1)
    result = bench.fail(Fault.RESET)
    assert result.usage.output == 100 * n


def test_without_such_a_limit_all_that_was_read_counts(clock: FakeClock) -> None:
    bench = Bench(clock, limit=None)
    bench.chunks(*[text_chunk("word ")] * 900)
    assert bench.fail(Fault.RESET).usage.output >= 900


@pytest.mark.parametrize("n", [1, 4])
def test_every_choice_may_have_cost_the_input(clock: FakeClock, n: int) -> None:
    bench = Bench(clock, n=n)
    clock.advance(5)
    assert bench.fail(Fault.TIMEOUT).usage == Usage(500 * n, 100 * n, estimated=True)


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.CLIENT_GONE, Status.CANCELLED),
        (Reason.CANCELLED, Status.CANCELLED),
        (Reason.DEADLINE, Status.FAILED),
        (Reason.DRAINING, Status.FAILED),
    ],
)
@pytest.mark.parametrize("sent", [True, False])
def test_an_attempt_that_we_ended(clock: FakeClock, reason: Reason, status: Status, sent: bool) -> None:
    bench = Bench(clock)
    clock.advance(1)
    bench.attempts.interrupted(bench.call, reason, sent=sent)
    (result,) = bench.call.attempts
    assert result.status is status
    assert (result.cost > 0, result.usage.estimated) == (sent, sent)
    assert bench.health.told == [("d1", "abandoned")]


def test_a_stall_is_the_providers_failure(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.chunks(text_chunk("a"))
    bench.attempts.interrupted(bench.call, Reason.STALLED)
    assert bench.call.attempts[0].fault is Fault.STALLED
    assert ("d1", "failed") in bench.health.told


def test_an_unclaimed_attempt_gives_nothing_back(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.running.claimed = False
    bench.attempts.interrupted(bench.call, Reason.CLIENT_GONE)
    assert bench.health.told == []


def test_an_attempt_that_a_bug_left_open_is_charged(clock: FakeClock) -> None:
    bench = Bench(clock)
    clock.advance(1)
    bench.attempts.abandoned(bench.call)
    (result,) = bench.call.attempts
    assert (result.status, result.usage.estimated) == (Status.FAILED, True)
    assert result.cost == bound(PRICE, 500, 100)
    assert bench.health.told == [("d1", "abandoned")]


def test_a_whole_answer_is_charged_as_the_provider_says(clock: FakeClock) -> None:
    bench = Bench(clock)
    clock.advance(2)
    bench.attempts.succeed(bench.call, completion())
    (result,) = bench.call.attempts
    assert (result.status, result.usage, result.cost) == (Status.COMPLETED, SAID, cost(PRICE, SAID))
    assert bench.health.told == [("d1", "succeeded")]


def test_a_whole_answer_without_usage_is_counted(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.attempts.succeed(bench.call, completion("some text of six words here", usage=None))
    usage = bench.call.attempts[0].usage
    assert usage.estimated
    assert usage.output >= 6
    assert usage.input >= 3


def test_an_explicit_zero_is_a_zero(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.attempts.succeed(bench.call, completion(usage=Usage()))
    result = bench.call.attempts[0]
    assert (result.cost, result.usage.estimated) == (0, False)


def test_with_no_attempt_running_nothing_happens(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.call.running = None
    bench.attempts.succeed(bench.call)
    bench.attempts.fail(bench.call, ProviderError(Fault.RESET, ""))
    bench.attempts.interrupted(bench.call, Reason.CANCELLED)
    bench.attempts.abandoned(bench.call)
    assert bench.call.attempts == []
    assert bench.health.told == []


@pytest.mark.parametrize(
    ("error", "status", "code", "headers"),
    [
        (ProviderError(Fault.RATE_LIMITED, "m", retry_after=7), 429, "rate_limit_exceeded", {"retry-after": "7"}),
        (ProviderError(Fault.RATE_LIMITED, "m"), 429, "rate_limit_exceeded", {"retry-after": "5"}),
        (ProviderError(Fault.CREDENTIALS, "m", status=401), 502, "upstream_credentials_exhausted", {}),
        (ProviderError(Fault.TIMEOUT, "m"), 504, "upstream_timeout", {}),
        (ProviderError(Fault.STALLED, "m"), 504, "upstream_timeout", {}),
        (ProviderError(Fault.CONNECT, "m"), 503, "upstream_unreachable", {"retry-after": "5"}),
        (ProviderError(Fault.SERVER, "m", status=500, retry_after=3), 502, "upstream_error", {"retry-after": "3"}),
        (ProviderError(Fault.MALFORMED, "m"), 502, "upstream_error", {}),
        (ProviderError(Fault.TRUNCATED, "m"), 502, "upstream_error", {}),
        (ProviderError(Fault.IN_BAND, "m"), 502, "upstream_error", {}),
        (ProviderError(Fault.CONTEXT_WINDOW, "too long", status=400), 400, "context_length_exceeded", {}),
        (ProviderError(Fault.CONTENT_POLICY, "flagged", status=400), 400, "content_policy_violation", {}),
        (ProviderError(Fault.NOT_FOUND, "gone", status=404), 404, "model_not_found", {}),
        (ProviderError(Fault.CALLER, "bad", status=400, code="bad_top_p", param="top_p"), 400, "bad_top_p", {}),
        (ProviderError(Fault.CALLER, "big", status=413), 413, "request_too_large", {}),
        (ProviderError(Fault.CALLER, "odd", status=422), 422, "validation_error", {}),
    ],
)
def test_what_the_client_is_told(
    clock: FakeClock, error: ProviderError, status: int, code: str, headers: dict[str, str]
) -> None:
    told = public_error(error, asking(clock, D1))
    assert (told.status, told.code) == (status, code)
    assert told.headers().items() >= headers.items()


@pytest.mark.parametrize(
    "fault", [Fault.CREDENTIALS, Fault.SERVER, Fault.RATE_LIMITED, Fault.TIMEOUT, Fault.CONNECT, Fault.IN_BAND]
)
def test_a_providers_own_words_stay_here(clock: FakeClock, fault: Fault) -> None:
    told = public_error(ProviderError(fault, "sk-secret of account 42"), asking(clock, D1))
    assert "secret" not in str(told.body())


def test_a_callers_mistake_keeps_the_providers_words_and_param() -> None:
    told: GatewayError = callers_error(ProviderError(Fault.CALLER, "top_p must be below 1", status=400, param="top_p"))
    assert (told.message, told.param) == ("top_p must be below 1", "top_p")
