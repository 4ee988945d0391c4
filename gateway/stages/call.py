"""The attempts: one deployment after the other, until one gives a first chunk or a whole answer.

Each attempt is durable in the ledger before it is dispatched and has its terminal record when this stage, or the relay,
is done with it. Nothing has reached the client yet, so falling back is free of seams. Which comes next, and after what
pause, says `resilience.retries`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from gateway.attempts import Attempts, public_error
from gateway.errors import (
    BudgetExhausted,
    Fault,
    GatewayError,
    Interrupted,
    InvalidRequest,
    ProviderError,
    RateLimited,
    Reason,
    Unavailable,
)
from gateway.killpoints import reached
from gateway.ports import Clock, Health, Ledger, Provider, ProviderRequest
from gateway.queue.places import Places, Spot, place_of
from gateway.relay import close, note
from gateway.resilience.retries import Retries, Step, Walk
from gateway.stages.mock_response import mock
from gateway.stages.need import plan_of
from gateway.stages.spend import leave_unsent
from gateway.stages.spend_limits import attempt_at, limit_at, priceless, with_limit
from gateway.stages.wait import demand
from gateway.trace_context import onward
from gateway.types import Answer, Call, Candidate, Chunk, Deployment, Intent, Outcome, RunningAttempt

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pauses:
    """How this stage waits, and what it draws the length of it from."""

    sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep
    draw: Callable[[], float] = random.random


class CallProvider:
    """Fills `call.answer`; raises the last attempt's error when there is nowhere left to go."""

    def __init__(
        self,
        lanes: Mapping[str, Provider],
        ledger: Ledger,
        places: Places,
        health: Health,
        attempts: Attempts,
        clock: Clock,
        retries: Retries,
        pauses: Pauses | None = None,
    ) -> None:
        self._lanes = lanes
        self._ledger = ledger
        self._places = places
        self._health = health
        self._attempts = attempts
        self._clock = clock
        self._retries = retries
        self._pauses = pauses or Pauses()

    async def enter(self, call: Call) -> None:
        if call.options.mock_response is not None:
            call.answer = mock(call)
            return
        candidates, healthy = self._candidates(call, priced(call))
        walk = Walk(candidates, self._retries, self._pauses.draw, call.options.num_retries)
        error: ProviderError | None = None
        while (step := walk.next(self._patience(call))) is not None and not (error and self._too_late(call)):
            if step.pause > 0:
                await self._rest(call, step.pause)
            if not await self._take_place(call, step.deployment):
                continue
            self._go_on(call)
            claimed = healthy and self._health.claim(step.deployment.id)
            if healthy and not claimed and not self._only_cools(step):
                continue
            try:
                await self._attempt(call, step.deployment, claimed=claimed)
            except ProviderError as failed:
                error = failed
                walk.failed(failed, step.deployment)
            else:
                tell_fallbacks(call)
                return
        tell_fallbacks(call)
        if error is None:
            raise Unavailable(f"Every deployment of '{call.model}' is busy or out of service.", retry_after=5)
        raise public_error(error, call)

    async def exit(self, call: Call, outcome: Outcome) -> None:
        """End an attempt that a bug on its way to the client left open."""
        self._attempts.abandoned(call)

    def _candidates(self, call: Call, candidates: Sequence[Candidate]) -> tuple[Sequence[Candidate], bool]:
        """The healthy ones in the plan's order; when none is, all of them: the last one standing is tried anyway."""
        usable = [candidate for candidate in candidates if self._health.usable(candidate.deployment.id)]
        if any(not candidate.after for candidate in usable):
            return usable, True
        call.headers["x-atelier-degraded"] = "no healthy deployment"
        return candidates, False

    def _patience(self, call: Call) -> float:
        """Seconds that a pause may last: within the request's time, and while its client still waits."""
        until = call.deadline
        if call.options.patience is not None:
            until = min(until, call.started + call.options.patience)
        return until - self._clock.monotonic()

    def _too_late(self, call: Call) -> bool:
        return self._clock.monotonic() >= call.deadline

    def _only_cools(self, step: Step) -> bool:
        """Whether the deployment may be tried again although it said, to this very request, that it has enough."""
        return step.again and self._health.state(step.deployment.id) == "closed"

    async def _rest(self, call: Call, seconds: float) -> None:
        """Wait before the same deployments are tried again; meanwhile the place is somebody else's."""
        self._leave_place(call)
        started = self._clock.monotonic()
        try:
            await call.interruption.run(self._pauses.sleep(seconds))
        finally:
            call.queue_ms += (self._clock.monotonic() - started) * 1000

    def _go_on(self, call: Call) -> None:
        """Raise Interrupted when nothing may be sent any more."""
        if self._too_late(call):
            call.interruption.request(Reason.DEADLINE)
        if call.interruption.reason is not None:
            raise Interrupted(call.interruption.reason)

    async def _take_place(self, call: Call, deployment: Deployment) -> bool:
        """The call's place moves to the deployment it is sent to; False when that one is full."""
        if call.place == place_of(deployment) and not call.attempts:
            return True
        self._leave_place(call)
        try:
            call.place = await self._places.acquire([Spot.of(deployment)], 0.0, demand=demand(call))
        except RateLimited:
            return False
        return True

    def _leave_place(self, call: Call) -> None:
        if call.place is not None:
            self._places.release(call.place)
            call.place = None

    async def _attempt(self, call: Call, deployment: Deployment, *, claimed: bool) -> None:
        lane = self._lanes[deployment.lane]
        running = self._opened(call, deployment, claimed=claimed)
        if running is None:
            running = await self._dispatch(call, deployment, claimed=claimed)
        left = call.deadline - running.started
        timeout = min(deployment.timeout, call.options.timeout or deployment.timeout, left)
        body = with_limit(call.body, running.limit)
        name = f"{call.id}:{running.intent.number}"
        trace = onward(call.traceparent, name)
        request = ProviderRequest(deployment, body, name, timeout, call.include_usage, trace)
        try:
            if call.stream:
                call.answer = await self._stream(call, running, lane.stream(request), timeout)
            else:
                completion = await in_time(call, lane.complete(request), timeout)
                self._attempts.succeed(call, completion)
                call.answer = Answer(completion=completion)
        except ProviderError as error:
            self._attempts.fail(call, error)
            raise
        except Interrupted as interruption:
            self._attempts.interrupted(call, interruption.reason)
            raise
        finally:
            call.upstream_ms += (self._clock.monotonic() - running.started) * 1000
            if call.answer is None:
                self._attempts.abandoned(call)
        reached("first_byte")
        call.served = deployment
        if priceless(deployment):
            call.warnings.append(f"no price is known for {deployment.model}: it counts as free")
        if dropped := lane.dropped(deployment, call.body):
            call.warnings.append("not sent to this provider: " + ", ".join(dropped))

    def _opened(self, call: Call, deployment: Deployment, *, claimed: bool) -> RunningAttempt | None:
        """The attempt that was written down with the request, where it is this one."""
        intent = call.opened
        if intent is None or intent.deployment_id != deployment.id:
            return None
        call.opened = None
        return self._started(call, intent, deployment, claimed=claimed)

    async def _dispatch(self, call: Call, deployment: Deployment, *, claimed: bool) -> RunningAttempt:
        """An attempt that is written down now."""
        try:
            intent = await self._written(call, deployment)
        except GatewayError:
            if claimed:
                self._health.abandoned(deployment.id)
            raise
        running = self._started(call, intent, deployment, claimed=claimed)
        try:
            self._go_on(call)
        except Interrupted as interruption:
            self._attempts.interrupted(call, interruption.reason, sent=False)
            raise
        return running

    def _started(self, call: Call, intent: Intent, deployment: Deployment, *, claimed: bool) -> RunningAttempt:
        limit = limit_at(deployment, call)
        call.running = RunningAttempt(intent, deployment, self._clock.monotonic(), limit, claimed)
        return call.running

    async def _written(self, call: Call, deployment: Deployment) -> Intent:
        """The intent in the ledger. The hold covers what earlier attempts owe and the most that this one can cost."""
        leave_unsent(call, self._clock.now())
        number = len(call.unsent) + len(call.attempts) + 1
        intent = attempt_at(deployment, call, number, self._clock.now())
        if await self._ledger.dispatch(intent, call.cost + intent.bound) is not None:
            raise BudgetExhausted("The budget of this key does not cover another attempt at this request.")
        return intent

    async def _stream(
        self, call: Call, running: RunningAttempt, chunks: AsyncGenerator[Chunk, None], timeout: float
    ) -> Answer:
        """Read up to the first chunk that shows something; on any failure the stream is closed."""

        def seen(chunk: Chunk) -> None:
            note(running, chunk, self._clock.monotonic())

        patience = min(timeout, running.deployment.ttft_timeout)
        try:
            read = await in_time(call, until_content(chunks, seen), patience)
        except (ProviderError, Interrupted):
            await close(chunks)
            raise
        return Answer(chunks=chunks, read=read)


def priced(call: Call) -> Sequence[Candidate]:
    """What the call may be sent to. Where a budget has to hold, only what has a price. Raises InvalidRequest."""
    candidates = plan_of(call).candidates
    if not call.budgeted:
        return candidates
    first = candidates[0].deployment
    if priceless(first):
        raise InvalidRequest(
            f"The price of '{first.model}' is not known, so no budget can pay for it. An admin can add it to "
            "model_list with input_cost_per_token and output_cost_per_token.",
            code="model_price_unknown",
            param="model",
        )
    return [candidate for candidate in candidates if not priceless(candidate.deployment)]


def tell_fallbacks(call: Call) -> None:
    """A second try at the same deployment is an attempt, but no fallback."""
    tried = {result.intent.deployment_id for result in call.attempts}
    if call.running is not None:
        tried.add(call.running.deployment.id)
    call.headers["x-atelier-fallbacks"] = str(max(0, len(tried) - 1))


async def in_time(call: Call, work: Coroutine[Any, Any, T], timeout: float) -> T:
    """Await the provider, at most `timeout` seconds; interrupted before its first step, it is never asked."""
    try:
        return await call.interruption.run(work, timeout)
    except TimeoutError:
        raise ProviderError(Fault.TIMEOUT, f"no answer within {timeout:.0f} seconds") from None


async def until_content(chunks: AsyncGenerator[Chunk, None], seen: Callable[[Chunk], None]) -> tuple[Chunk, ...]:
    """The chunks up to and with the first that shows something or ends the answer; each is told to `seen`."""
    read: list[Chunk] = []
    async for chunk in chunks:
        seen(chunk)
        read.append(chunk)
        if chunk.content or chunk.finish is not None:
            return tuple(read)
    raise ProviderError(Fault.TRUNCATED, "the stream ended before its first word")
