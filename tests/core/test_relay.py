"""The relay carries a stream to its client: it never ends silently, and the provider's connection closes on every way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from gateway.attempts import Attempts
from gateway.errors import Fault, Interrupted, ProviderError, Reason
from gateway.relay import Relay, close, note
from gateway.types import Answer, Call, Chunk, Completion, Outcome, Status
from tests.core.fakes import (
    ROLE,
    SAID,
    STOP,
    WHOLE,
    FakeClient,
    FakeClock,
    SpyHealth,
    Words,
    asking,
    deployment,
    running,
    text_chunk,
    texts,
    ticks,
)

D1 = deployment()


class Source:
    """A provider's stream by script; counts how often it was closed."""

    def __init__(self, *steps: object) -> None:
        self.steps, self.closed, self.given = steps, 0, 0

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        try:
            for step in self.steps:
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                    continue
                assert isinstance(step, Chunk)
                self.given += 1
                yield step
        finally:
            self.closed += 1


class Relayed:
    """One answer on its way, with everything around it."""

    def __init__(self, clock: FakeClock, source: Source, read: tuple[Chunk, ...] = (), **slots: object) -> None:
        self.clock, self.source, self.client = clock, source, FakeClient()
        self.health = SpyHealth(clock)
        self.call: Call = asking(clock, D1, stream=True, **slots)
        running(self.call, D1, clock)
        self.call.answer = Answer(chunks=source.chunks(), read=read)
        self.relay = Relay(Attempts(self.health, Words(), clock), clock)

    async def go(self) -> Outcome:
        return await self.relay.deliver(self.call, self.client)


async def test_a_whole_stream_is_passed_on_and_counted(clock: FakeClock) -> None:
    relayed = Relayed(clock, Source(*WHOLE), include_usage=True)
    outcome = await relayed.go()
    assert outcome == Outcome(Status.COMPLETED, finish_reason="stop")
    assert relayed.client.frames == [chunk.frame for chunk in WHOLE]
    assert relayed.client.begun == 1
    (result,) = relayed.call.attempts
    assert (result.status, result.usage, result.cost) == (Status.COMPLETED, SAID, 7 * 1 + 3 * 2)
    assert relayed.call.running is None
    assert relayed.source.closed == 1


@pytest.mark.parametrize("asked", [True, False])
async def test_usage_alone_is_for_those_who_asked(clock: FakeClock, asked: bool) -> None:
    relayed = Relayed(clock, Source(*WHOLE), include_usage=asked)
    await relayed.go()
    assert ('"usage"' in texts(relayed.client.frames)) is asked
    assert relayed.call.attempts[0].usage == SAID


async def test_chunks_without_a_frame_count_and_are_not_sent(clock: FakeClock) -> None:
    relayed = Relayed(clock, Source(text_chunk("a"), STOP, Chunk(b"", usage=SAID)))
    await relayed.go()
    assert len(relayed.client.frames) == 2
    assert relayed.call.attempts[0].usage == SAID


async def test_what_was_read_before_comes_first(clock: FakeClock) -> None:
    relayed = Relayed(clock, Source(text_chunk("b"), STOP), read=(ROLE, text_chunk("a")))
    await relayed.go()
    assert relayed.client.frames == [ROLE.frame, text_chunk("a").frame, text_chunk("b").frame, STOP.frame]


@pytest.mark.parametrize(("finish", "status"), [("length", Status.INCOMPLETE), ("tool_calls", Status.COMPLETED)])
async def test_the_finish_reason_makes_the_status(clock: FakeClock, finish: str, status: Status) -> None:
    relayed = Relayed(clock, Source(text_chunk("a"), Chunk(b"x", finish=finish)))
    outcome = await relayed.go()
    assert (outcome.status, outcome.finish_reason) == (status, finish)
    assert relayed.call.attempts[0].status is status


BREAKS = [
    (ProviderError(Fault.TRUNCATED, "cut"), "upstream_error"),
    (ProviderError(Fault.IN_BAND, "overloaded", code="overloaded"), "upstream_error"),
    (ProviderError(Fault.RESET, "reset by peer"), "upstream_error"),
    (ProviderError(Fault.MALFORMED, "no JSON"), "upstream_error"),
    (ProviderError(Fault.TIMEOUT, "slow"), "upstream_timeout"),
    (ProviderError(Fault.CONTENT_POLICY, "flagged"), "content_policy_violation"),
    (None, "upstream_error"),  # it simply ends, without a finish reason
]


@pytest.mark.parametrize(("broken", "code"), BREAKS)
async def test_a_stream_that_breaks_off_fails_and_is_recorded(
    clock: FakeClock, broken: ProviderError | None, code: str
) -> None:
    relayed = Relayed(clock, Source(text_chunk("some"), text_chunk(" words"), *([broken] if broken else [])))
    outcome = await relayed.go()
    assert outcome.status is Status.FAILED
    assert outcome.error is not None
    assert outcome.error.code == code
    assert outcome.http_status == outcome.error.status
    (result,) = relayed.call.attempts
    assert (result.status, result.fault) == (Status.FAILED, broken.fault if broken else Fault.TRUNCATED)
    assert result.usage.estimated
    assert result.usage.output >= 2
    assert relayed.source.closed == 1
    assert relayed.health.told[0] == ("d1", "failed")
    assert len(relayed.client.frames) == 2


@pytest.mark.parametrize(
    ("reason", "status", "fault"),
    [
        (Reason.CLIENT_GONE, Status.CANCELLED, Fault.TIMEOUT),
        (Reason.CANCELLED, Status.CANCELLED, Fault.TIMEOUT),
        (Reason.STALLED, Status.FAILED, Fault.STALLED),
        (Reason.DEADLINE, Status.FAILED, Fault.TIMEOUT),
        (Reason.DRAINING, Status.FAILED, Fault.TIMEOUT),
    ],
)
async def test_an_interrupted_stream_is_closed_once_and_recorded_once(
    clock: FakeClock, reason: Reason, status: Status, fault: Fault
) -> None:
    relayed = Relayed(clock, Source(text_chunk("one"), asyncio.Event()))
    walk = asyncio.create_task(relayed.go())
    await ticks()
    relayed.call.interruption.request(reason)
    with pytest.raises(Interrupted):
        await walk
    assert relayed.source.closed == 1
    (result,) = relayed.call.attempts
    assert (result.status, result.fault, result.usage.estimated) == (status, fault, True)
    assert next(act for _, act in relayed.health.told) == ("failed" if reason is Reason.STALLED else "abandoned")


async def test_a_client_that_left_before_the_first_byte_still_closes_the_provider(clock: FakeClock) -> None:
    source = Source(text_chunk("a"), text_chunk("b"), asyncio.Event())
    relayed = Relayed(clock, source)
    assert relayed.call.answer is not None
    assert relayed.call.answer.chunks is not None
    first = await anext(relayed.call.answer.chunks)
    relayed.call.answer.read = (first,)
    relayed.call.interruption.request(Reason.CLIENT_GONE)
    with pytest.raises(Interrupted):
        await relayed.go()
    assert source.closed == 1
    assert relayed.client.begun == 0


async def test_a_client_whose_write_waits_can_be_let_go(clock: FakeClock) -> None:
    relayed = Relayed(clock, Source(text_chunk("a"), text_chunk("b"), STOP))

    async def never(frame: bytes) -> None:
        await asyncio.Event().wait()

    relayed.client.on_send = never
    walk = asyncio.create_task(relayed.go())
    await ticks()
    relayed.call.interruption.request(Reason.CLIENT_GONE)
    with pytest.raises(Interrupted):
        await walk
    assert relayed.source.closed == 1
    assert relayed.call.attempts[0].usage.output >= 1


async def test_a_bug_on_the_clients_side_closes_the_provider(clock: FakeClock) -> None:
    relayed = Relayed(clock, Source(text_chunk("a"), asyncio.Event()))

    async def broken(frame: bytes) -> None:
        raise KeyError("bug")

    relayed.client.on_send = broken
    with pytest.raises(KeyError):
        await relayed.go()
    assert relayed.source.closed == 1


async def test_a_whole_answer_has_been_recorded_already(clock: FakeClock) -> None:
    call = asking(clock, D1)
    call.answer = Answer(completion=Completion({"choices": []}, SAID, "length"))
    outcome = await Relay(Attempts(SpyHealth(clock), Words(), clock), clock).deliver(call, FakeClient())
    assert outcome == Outcome(Status.INCOMPLETE, finish_reason="length")
    assert call.attempts == []


async def test_a_replayed_stream_needs_no_attempt(clock: FakeClock) -> None:
    relayed = Relayed(clock, Source(text_chunk("from the cache"), STOP))
    relayed.call.running = None
    outcome = await relayed.go()
    assert outcome.status is Status.COMPLETED
    assert relayed.call.attempts == []


@pytest.mark.parametrize("answer", [None, Answer()])
async def test_no_answer_is_a_bug(clock: FakeClock, answer: Answer | None) -> None:
    call = asking(clock, D1, answer=answer)
    with pytest.raises(RuntimeError):
        await Relay(Attempts(SpyHealth(clock), Words(), clock), clock).deliver(call, FakeClient())


async def test_closing_never_raises() -> None:
    async def refusing() -> AsyncGenerator[Chunk, None]:
        try:
            yield ROLE
        finally:
            raise ProviderError(Fault.RESET, "already gone")

    chunks = refusing()
    await anext(chunks)
    await close(chunks)
    await close(chunks)


def test_a_read_of_several_chunks_counts_as_so_many(clock: FakeClock) -> None:
    attempt = running(asking(clock, deployment()), deployment(), clock)
    for chunk in (Chunk(b"data: 1\n\ndata: 2\n\n", "ab", content=True, count=2), Chunk(b"data: 3\n\n", count=0)):
        note(attempt, chunk, clock.monotonic())
    assert (attempt.chunks, attempt.text) == (3, ["ab"])
