"""Enter the stages in order, deliver the answer, exit what was entered in reverse: once, whatever happens.

Nothing here awaits a client. A stage that breaks its promise in `exit` is logged and does not keep the others from
exiting; a bug in `enter` becomes an internal error for this one request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from gateway.errors import GatewayError, InternalError, Interrupted, Reason, Unavailable, UpstreamTimeout
from gateway.ports import Stage, nothing_to_undo
from gateway.types import Call, Outcome, Status

log = structlog.get_logger(__name__)

Deliver = Callable[[Call], Awaitable[Outcome]]


class Pipeline:
    """The stages of every request, in order."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = tuple(stages)

    async def run(self, call: Call, deliver: Deliver) -> Outcome:
        """Walk in, deliver, walk out. Raises nothing but its own cancellation: the outcome says what happened."""
        entered: list[Stage] = []
        try:
            outcome = await self._walk(call, deliver, entered)
        except asyncio.CancelledError:  # the process ends and waits no longer
            await leave(entered, call, interrupted(Reason.DRAINING))
            raise
        await leave(entered, call, outcome)
        return outcome

    async def _walk(self, call: Call, deliver: Deliver, entered: list[Stage]) -> Outcome:
        try:
            for stage in self.stages:
                await stage.enter(call)
                if type(stage).exit is not nothing_to_undo:
                    entered.append(stage)
                if call.answer is not None:
                    break
            return await deliver(call)
        except GatewayError as error:
            return failure(error)
        except Interrupted as interruption:
            return interrupted(interruption.reason)
        except Exception:
            log.exception("request_broke", generation_id=call.id)
            return failure(InternalError("Something went wrong inside the gateway. The request can be repeated."))


async def leave(entered: Sequence[Stage], call: Call, outcome: Outcome) -> None:
    """Exit the stages, the last one first; what one of them raises is logged."""
    for stage in reversed(entered):
        try:
            await stage.exit(call, outcome)
        except Exception:
            log.exception("stage_exit_broke", stage=type(stage).__name__, generation_id=call.id)


def failure(error: GatewayError) -> Outcome:
    return Outcome(Status.FAILED, error=error, http_status=error.status)


def interrupted(reason: Reason) -> Outcome:
    """The outcome of work that was asked to end."""
    if reason is Reason.CLIENT_GONE:
        return Outcome(Status.CANCELLED, reason=reason, http_status=499)
    if reason is Reason.CANCELLED:
        error: GatewayError = GatewayError("The generation was cancelled.", code="cancelled", should_retry=False)
        return Outcome(Status.CANCELLED, error=error, reason=reason, http_status=499)
    if reason is Reason.DRAINING:
        error = Unavailable("The gateway is restarting. Please repeat the request.", code=reason.value, retry_after=1)
    elif reason is Reason.STALLED:
        error = UpstreamTimeout("The provider stopped sending in the middle of its answer.")
    else:
        error = UpstreamTimeout("The request took longer than it may.")
    return Outcome(Status.FAILED, error=error, reason=reason, http_status=error.status)
