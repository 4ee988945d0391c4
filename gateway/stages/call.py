"""The attempts: one deployment after the other, until one gives a first chunk or a whole answer.

Each attempt is durable in the ledger before it is dispatched and has its terminal record when this stage, or the relay,
is done with it. Nothing has reached the client yet, so falling back is free of seams.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, TypeVar

from gateway.attempts import Attempts, public_error
from gateway.errors import (
    BudgetExhausted,
    Fault,
    GatewayError,
    Interrupted,
    ProviderError,
    RateLimited,
    Reason,
    Unavailable,
)
from gateway.killpoints import reached
from gateway.ledger.prices import bound
from gateway.measure import choices
from gateway.ports import Clock, Health, Ledger, Provider, ProviderRequest
from gateway.queue.places import Places
from gateway.relay import close, note
from gateway.stages.cache import replayed
from gateway.stages.need import plan_of
from gateway.stages.spend_limits import limit_at, with_limit
from gateway.types import Answer, Call, Chunk, Completion, Deployment, Intent, Outcome, RunningAttempt, Usage

T = TypeVar("T")
NOT_ELSEWHERE = frozenset({Fault.CALLER, Fault.CONTENT_POLICY})  # another deployment would answer the same


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
        max_attempts: int = 3,
    ) -> None:
        self._lanes = lanes
        self._ledger = ledger
        self._places = places
        self._health = health
        self._attempts = attempts
        self._clock = clock
        self._max_attempts = max_attempts

    async def enter(self, call: Call) -> None:
        if call.options.mock_response is not None:
            call.answer = mock(call)
            return
        error: ProviderError | None = None
        for deployment, usable in self._order(call):
            if not await self._take_place(call, deployment):
                continue
            self._go_on(call)
            if usable and not self._health.claim(deployment.id):
                continue
            try:
                await self._attempt(call, deployment, claimed=usable)
            except ProviderError as failed:
                error = failed
                if failed.fault in NOT_ELSEWHERE or self._spent_its_tries(call):
                    break
            else:
                return
        if error is None:
            raise Unavailable(f"Every deployment of '{call.model}' is busy or out of service.", retry_after=5)
        raise public_error(error, call)

    async def exit(self, call: Call, outcome: Outcome) -> None:
        """End an attempt that a bug on its way to the client left open."""
        self._attempts.abandoned(call)

    def _order(self, call: Call) -> list[tuple[Deployment, bool]]:
        """Healthy deployments in the plan's order; when none is, all of them: the last one standing is tried anyway."""
        deployments = [candidate.deployment for candidate in plan_of(call).candidates]
        usable = [deployment for deployment in deployments if self._health.usable(deployment.id)]
        if not usable:
            call.headers["x-atelier-degraded"] = "no healthy deployment"
        return [(deployment, bool(usable)) for deployment in usable or deployments]

    def _spent_its_tries(self, call: Call) -> bool:
        allowed = self._max_attempts
        if call.options.num_retries is not None:
            allowed = min(allowed, call.options.num_retries + 1)
        return len(call.attempts) >= allowed or self._clock.monotonic() >= call.deadline

    def _go_on(self, call: Call) -> None:
        """Raise Interrupted when nothing may be sent any more."""
        if self._clock.monotonic() >= call.deadline:
            call.interruption.request(Reason.DEADLINE)
        if call.interruption.reason is not None:
            raise Interrupted(call.interruption.reason)

    async def _take_place(self, call: Call, deployment: Deployment) -> bool:
        """The call's place moves to the deployment it is sent to; False when that one is full."""
        if call.place == deployment.id:
            return True
        if call.place is not None:
            self._places.release(call.place)
            call.place = None
        try:
            call.place = await self._places.acquire([(deployment.id, deployment.max_parallel)], 0.0)
        except RateLimited:
            return False
        return True

    async def _attempt(self, call: Call, deployment: Deployment, *, claimed: bool) -> None:
        lane = self._lanes[deployment.lane]
        running = await self._dispatch(call, deployment, claimed=claimed)
        left = call.deadline - running.started
        timeout = min(deployment.timeout, call.options.timeout or deployment.timeout, left)
        body = with_limit(call.body, running.limit)
        request = ProviderRequest(deployment, body, f"{call.id}:{running.intent.number}", timeout, call.include_usage)
        try:
            if call.stream:
                call.answer = await self._stream(call, running, lane.stream(request), timeout)
            else:
                completion = await call.interruption.run(bounded(partial(lane.complete, request), timeout))
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
        if dropped := lane.dropped(deployment, call.body):
            call.warnings.append("not sent to this provider: " + ", ".join(dropped))

    async def _dispatch(self, call: Call, deployment: Deployment, *, claimed: bool) -> RunningAttempt:
        """Write the intent down. The hold covers what earlier attempts owe and the most that this one can cost."""
        limit = limit_at(deployment, call)
        made = call.bound_tokens if limit is None else limit
        intent = Intent(
            request_id=call.id,
            number=len(call.attempts) + 1,
            deployment_id=deployment.id,
            provider=deployment.provider,
            model=deployment.model_name,
            price=deployment.price,
            bound=bound(deployment.price, call.input_bound, made, choices(call.body)),
            started_at=self._clock.now(),
        )
        try:
            refused = await self._ledger.dispatch(intent, call.cost + intent.bound)
            if refused is not None:
                raise BudgetExhausted("The budget of this key does not cover another attempt at this request.")
        except GatewayError:
            if claimed:
                self._health.abandoned(deployment.id)
            raise
        running = call.running = RunningAttempt(intent, deployment, self._clock.monotonic(), limit, claimed)
        try:
            self._go_on(call)
        except Interrupted as interruption:
            self._attempts.interrupted(call, interruption.reason, sent=False)
            raise
        return running

    async def _stream(
        self, call: Call, running: RunningAttempt, chunks: AsyncGenerator[Chunk, None], timeout: float
    ) -> Answer:
        """Read up to the first chunk that shows something; on any failure the stream is closed."""

        def seen(chunk: Chunk) -> None:
            note(running, chunk, self._clock.monotonic())

        patience = min(timeout, running.deployment.ttft_timeout)
        try:
            read = await call.interruption.run(bounded(partial(until_content, chunks, seen), patience))
        except (ProviderError, Interrupted):
            await close(chunks)
            raise
        return Answer(chunks=chunks, read=read)


async def bounded(work: Callable[[], Coroutine[Any, Any, T]], timeout: float) -> T:
    """Begin `work` and await it, at most `timeout` seconds; interrupted before its first step, it is never begun."""
    try:
        async with asyncio.timeout(timeout):  # no task of its own, whose failure nobody would see in a race
            return await work()
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


def mock(call: Call) -> Answer:
    """LiteLLM's `mock_response`, for test keys: no provider is asked and nothing is owed."""
    text = str(call.options.mock_response)
    message = {"role": "assistant", "content": text, "refusal": None}
    body = {
        "id": f"chatcmpl-{call.id}",
        "object": "chat.completion",
        "created": int(call.created_at),
        "model": call.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }
    if call.stream:
        return Answer(chunks=replayed(body, usage=call.include_usage), source="mock")
    return Answer(completion=Completion(body, Usage(), "stop"), source="mock")
