"""Every stage that was entered is exited exactly once, in reverse, with the outcome, whatever raises where."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from gateway.errors import GatewayError, Interrupted, NotFound, Reason, Unavailable
from gateway.pipeline import Pipeline, interrupted
from gateway.types import Answer, Call, Completion, Outcome, Status
from tests.core.fakes import FakeClock, asking

STAGES = 4


class Probe:
    """A stage that notes its walk, and raises or answers where it is told to."""

    def __init__(self, name: int, log: list[tuple[str, int]], enter: object = None, leave: object = None) -> None:
        self.name, self.log, self.on_enter, self.on_exit = name, log, enter, leave
        self.outcomes: list[Outcome] = []

    async def enter(self, call: Call) -> None:
        if isinstance(self.on_enter, BaseException):
            raise self.on_enter
        if isinstance(self.on_enter, Answer):
            call.answer = self.on_enter
        self.log.append(("in", self.name))

    async def exit(self, call: Call, outcome: Outcome) -> None:
        self.log.append(("out", self.name))
        self.outcomes.append(outcome)
        if isinstance(self.on_exit, BaseException):
            raise self.on_exit


def stages(log: list[tuple[str, int]], at: int | None = None, **what: object) -> list[Probe]:
    return [Probe(n, log, **(what if n == at else {})) for n in range(STAGES)]


def balanced(log: list[tuple[str, int]], depth: int) -> bool:
    down = [("in", n) for n in range(depth)]
    return log == down + [("out", n) for n in reversed(range(depth))]


async def done(call: Call) -> Outcome:
    return Outcome(Status.COMPLETED, finish_reason="stop")


RAISED = [
    (NotFound("no such thing"), Status.FAILED, 404),
    (Unavailable("away"), Status.FAILED, 503),
    (Interrupted(Reason.CLIENT_GONE), Status.CANCELLED, 499),
    (Interrupted(Reason.DEADLINE), Status.FAILED, 504),
    (RuntimeError("a bug"), Status.FAILED, 500),
]


async def test_a_good_walk_goes_in_and_out(clock: FakeClock) -> None:
    log: list[tuple[str, int]] = []
    probes = stages(log)
    outcome = await Pipeline(probes).run(asking(clock), done)
    assert balanced(log, STAGES)
    assert outcome.status is Status.COMPLETED
    assert all(probe.outcomes == [outcome] for probe in probes)


@pytest.mark.parametrize(("raised", "status", "http_status"), RAISED)
@pytest.mark.parametrize("at", range(STAGES))
async def test_a_stage_that_refuses_is_not_exited_and_those_before_it_are(
    clock: FakeClock, at: int, raised: Exception, status: Status, http_status: int
) -> None:
    log: list[tuple[str, int]] = []
    probes = stages(log, at, enter=raised)
    outcome = await Pipeline(probes).run(asking(clock), done)
    assert balanced(log, at)
    assert (outcome.status, outcome.http_status) == (status, http_status)
    assert [probe.outcomes for probe in probes] == [[outcome]] * at + [[]] * (STAGES - at)


@pytest.mark.parametrize(("raised", "status", "http_status"), RAISED)
async def test_a_delivery_that_fails_exits_every_stage(
    clock: FakeClock, raised: Exception, status: Status, http_status: int
) -> None:
    async def deliver(call: Call) -> Outcome:
        raise raised

    log: list[tuple[str, int]] = []
    outcome = await Pipeline(stages(log)).run(asking(clock), deliver)
    assert balanced(log, STAGES)
    assert (outcome.status, outcome.http_status) == (status, http_status)


@pytest.mark.parametrize(
    ("at", "raised"), list(itertools.product(range(STAGES), [RuntimeError("a bug"), Unavailable("away")]))
)
async def test_a_stage_that_breaks_in_exit_keeps_none_from_exiting(
    clock: FakeClock, at: int, raised: Exception
) -> None:
    log: list[tuple[str, int]] = []
    outcome = await Pipeline(stages(log, at, leave=raised)).run(asking(clock), done)
    assert balanced(log, STAGES)
    assert outcome.status is Status.COMPLETED


@pytest.mark.parametrize("at", range(STAGES))
async def test_an_answer_ends_the_way_in(clock: FakeClock, at: int) -> None:
    log: list[tuple[str, int]] = []
    answer = Answer(completion=Completion({}))
    call = asking(clock)
    await Pipeline(stages(log, at, enter=answer)).run(call, done)
    assert balanced(log, at + 1)
    assert call.answer is answer


async def test_a_bug_is_told_without_its_text(clock: FakeClock) -> None:
    outcome = await Pipeline(stages([], 1, enter=RuntimeError("secret detail"))).run(asking(clock), done)
    assert outcome.error is not None
    assert outcome.error.code == "internal_error"
    assert "secret" not in str(outcome.error.body())


@pytest.mark.parametrize("where", ["enter", "deliver"])
async def test_a_walk_that_is_cancelled_exits_what_it_entered(clock: FakeClock, where: str) -> None:
    log: list[tuple[str, int]] = []
    probes = stages(log)
    stuck = asyncio.Event()

    async def wait_for_ever(call: Call) -> None:
        stuck.set()
        await asyncio.Event().wait()

    async def deliver(call: Call) -> Outcome:
        await wait_for_ever(call)
        raise AssertionError

    if where == "enter":
        probes[2].enter = wait_for_ever  # type: ignore[method-assign]
    walk = asyncio.create_task(Pipeline(probes).run(asking(clock), deliver))
    await stuck.wait()
    walk.cancel()
    with pytest.raises(asyncio.CancelledError):
        await walk
    assert balanced(log, 2 if where == "enter" else STAGES)
    assert probes[0].outcomes[0].reason is Reason.DRAINING


def test_every_reason_to_end_has_its_outcome() -> None:
    seen = {reason: interrupted(reason) for reason in Reason}
    told = {reason: (each.status, each.http_status, each.error and each.error.code) for reason, each in seen.items()}
    assert told == {
        Reason.CLIENT_GONE: (Status.CANCELLED, 499, None),
        Reason.CANCELLED: (Status.CANCELLED, 499, "cancelled"),
        Reason.STALLED: (Status.FAILED, 504, "upstream_timeout"),
        Reason.DEADLINE: (Status.FAILED, 504, "upstream_timeout"),
        Reason.DRAINING: (Status.FAILED, 503, "service_draining"),
    }
    assert all(isinstance(each.error, GatewayError | None) for each in seen.values())
    assert all(outcome.reason is reason for reason, outcome in seen.items())
