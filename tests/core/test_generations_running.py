"""Generations belong to the app: watched once a second, ended by a message, settled whatever their client does."""

from __future__ import annotations

import asyncio

import pytest

from gateway.attempts import Attempts
from gateway.errors import Reason
from gateway.generations.running import HEARTBEAT, HOLD_LIFE, Generation, Generations
from gateway.pipeline import Pipeline
from gateway.relay import Relay
from gateway.tasks import Tasks
from gateway.types import Answer, Call, Options, Outcome, Status
from tests.core.fakes import (
    STOP,
    FakeClient,
    FakeClock,
    FakeLedger,
    SpyHealth,
    Words,
    asking,
    deployment,
    person,
    running,
    text_chunk,
    ticks,
)

D1 = deployment(idle_timeout=20.0)


class Streaming:
    """A stage that answers with a stream: one word, then silence until `more` is set."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.more, self.exited = clock, asyncio.Event(), list[Outcome]()

    async def enter(self, call: Call) -> None:
        async def chunks():  # type: ignore[no-untyped-def]
            yield text_chunk("word")
            await self.more.wait()
            yield STOP

        running(call, D1, self.clock)
        call.recorded = True
        call.answer = Answer(chunks=chunks())

    async def exit(self, call: Call, outcome: Outcome) -> None:
        self.exited.append(outcome)


class Bench:
    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.ledger, self.tasks = clock, FakeLedger(), Tasks()
        self.stage = Streaming(clock)
        relay = Relay(Attempts(SpyHealth(clock), Words(), clock), clock)
        self.all = Generations(Pipeline([self.stage]), relay, self.ledger, self.tasks, clock, client_stall=60.0)
        self.turn: asyncio.Queue[None] = asyncio.Queue()
        self.sweep = asyncio.create_task(self.all.sweep(self._wait))

    async def _wait(self, seconds: float) -> None:
        assert seconds == 1.0
        await self.turn.get()

    async def after(self, seconds: float) -> None:
        """Let so much time pass, then look once."""
        self.clock.advance(seconds)
        self.turn.put_nowait(None)
        await ticks()

    async def start(self, **changes: object) -> tuple[Generation, FakeClient]:
        client = FakeClient()
        generation = self.all.start(asking(self.clock, D1, stream=True, **changes), client)
        await ticks()
        return generation, client

    def close(self) -> None:
        self.sweep.cancel()
        self.tasks.cancel()


@pytest.fixture
async def bench(clock: FakeClock):  # type: ignore[no-untyped-def]
    made = Bench(clock)
    yield made
    made.close()
    await ticks()


async def test_a_generation_runs_to_its_end_and_is_forgotten(bench: Bench) -> None:
    generation, client = await bench.start()
    assert bench.all.get("gen-1") is generation
    assert len(bench.all) == len(bench.tasks) == 1
    bench.stage.more.set()
    outcome = await generation.task
    assert outcome.status is Status.COMPLETED
    assert client.ended == bench.stage.exited == [outcome]
    assert (len(bench.all), bench.all.get("gen-1")) == (0, None)


async def test_stages_are_exited_before_the_last_bytes(bench: Bench) -> None:
    generation, client = await bench.start()
    order: list[str] = []

    async def end(call: Call, outcome: Outcome) -> None:
        order.append(f"end after {len(bench.stage.exited)} exits")

    client.end = end  # type: ignore[method-assign]
    bench.stage.more.set()
    await generation.task
    assert order == ["end after 1 exits"]


async def test_a_silent_provider_is_stopped_after_its_idle_time(bench: Bench) -> None:
    generation, _ = await bench.start()
    await bench.after(20)
    assert not generation.task.done()
    await bench.after(1)
    assert (await generation.task).reason is Reason.STALLED


async def test_before_the_first_word_no_silence_counts(bench: Bench) -> None:
    generation, _ = await bench.start()
    assert generation.call.running is not None
    generation.call.running.first_chunk = None
    await bench.after(30)
    assert generation.call.interruption.reason is None


async def test_a_request_past_its_deadline_is_ended(bench: Bench) -> None:
    generation, _ = await bench.start(deadline=bench.clock.monotonic() + 10)
    await bench.after(10)
    assert not generation.task.done()
    await bench.after(1)
    assert (await generation.task).reason is Reason.DEADLINE


async def test_a_client_that_does_not_read_is_let_go(bench: Bench) -> None:
    generation, client = await bench.start()
    client.sending_since = bench.clock.monotonic()
    await bench.after(59)
    await bench.after(1)
    assert not generation.task.done()
    await bench.after(1)
    assert (await generation.task).reason is Reason.CLIENT_GONE


async def test_a_slow_clients_silence_is_not_its_providers(bench: Bench) -> None:
    generation, client = await bench.start(deadline=bench.clock.monotonic() + 300)
    client.sending_since = bench.clock.monotonic()
    await bench.after(50)  # nobody could read on all this time
    client.sending_since = None
    await bench.after(20)
    assert not generation.task.done()
    await bench.after(1)
    assert (await generation.task).reason is Reason.STALLED


async def test_holds_of_what_runs_are_extended(bench: Bench, clock: FakeClock) -> None:
    await bench.start()
    unrecorded, _ = await bench.start(id="gen-2")
    unrecorded.call.recorded = False
    await bench.after(1)
    assert bench.ledger.extended == [(("gen-1",), clock.now() + HOLD_LIFE)]
    await bench.after(HEARTBEAT - 1)
    assert len(bench.ledger.extended) == 1
    await bench.after(1)
    assert len(bench.ledger.extended) == 2


async def test_with_nothing_running_nothing_is_written(bench: Bench) -> None:
    await bench.after(60)
    assert bench.ledger.extended == []


async def test_a_store_that_is_away_does_not_end_the_sweep(bench: Bench) -> None:
    generation, _ = await bench.start(deadline=bench.clock.monotonic() + 30)
    bench.ledger.away = True
    await bench.after(16)
    assert not bench.sweep.done()
    await bench.after(16)
    assert (await generation.task).reason is not None


@pytest.mark.parametrize(
    ("header", "key", "goes_on"),
    [
        (None, "cancel", False),
        (None, "continue", True),
        ("continue", "cancel", True),
        ("cancel", "continue", False),
    ],
)
async def test_whether_a_lost_client_ends_it_is_said_by_request_then_key(
    bench: Bench, header: str | None, key: str, goes_on: bool
) -> None:
    generation, _ = await bench.start(options=Options(on_disconnect=header), identity=person(on_disconnect=key))
    bench.all.left(generation.call)
    await ticks()
    assert generation.task.done() is not goes_on
    bench.stage.more.set()
    assert (await generation.task).status is (Status.COMPLETED if goes_on else Status.CANCELLED)


async def test_before_it_is_known_who_asks_leaving_ends_it(bench: Bench) -> None:
    call = asking(bench.clock, identity=None)
    bench.all.left(call)
    assert call.interruption.reason is Reason.CLIENT_GONE


async def test_a_drain_tells_everything_that_runs(bench: Bench) -> None:
    generations = [(await bench.start(id=f"gen-{n}"))[0] for n in range(3)]
    assert await bench.tasks.drain(0) is False
    bench.all.interrupt_all(Reason.DRAINING)
    assert await bench.tasks.drain(5) is True
    codes = [generation.task.result().error for generation in generations]
    assert [error.code for error in codes if error] == ["service_draining"] * 3
    assert len(bench.all) == 0


async def test_a_client_end_that_breaks_is_forgotten_all_the_same(bench: Bench) -> None:
    generation, client = await bench.start()

    async def broken(call: Call, outcome: Outcome) -> None:
        raise KeyError("bug")

    client.end = broken  # type: ignore[method-assign]
    bench.stage.more.set()
    with pytest.raises(KeyError):
        await generation.task
    assert len(bench.all) == 0
    assert len(bench.stage.exited) == 1
