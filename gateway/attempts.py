"""One attempt from dispatch to its terminal record: what it is owed, and what it tells about its deployment's health.

Usage counts as the provider's only when the provider said it. Otherwise the line is `estimated`: what was read plus
what may have been on its way, or the whole bound where nothing was shown, so that it is never under the true bill.
"""

from __future__ import annotations

import math

from gateway.errors import (
    Fault,
    GatewayError,
    InvalidRequest,
    NotFound,
    ProviderError,
    RateLimited,
    Reason,
    TooLarge,
    Unavailable,
    Unprocessable,
    UpstreamError,
    UpstreamTimeout,
)
from gateway.ledger.prices import bound, cost
from gateway.measure import choices, measure, plain_text
from gateway.ports import Clock, Health, Tokens
from gateway.types import AttemptResult, Call, Completion, RunningAttempt, Status, Usage

IN_FLIGHT_TOKENS = 48  # tokens that a provider may have made before it noticed that we left
FASTEST = 2_000.0  # tokens a second, above any provider's today
LONGEST_SILENCE = 5.0  # seconds
USUAL_RETRY = 5.0  # seconds
FINEST_TOKEN = 3  # bytes of text: no tokenizer in use makes smaller tokens on average
REASONING_FLOOR, REASONING_SPEED = 64, 300  # tokens, tokens a second before the first one that is seen
OWES_NOTHING = frozenset(
    {
        Fault.CONNECT,
        Fault.RATE_LIMITED,
        Fault.SERVER,
        Fault.CREDENTIALS,
        Fault.NOT_FOUND,
        Fault.CALLER,
        Fault.CONTEXT_WINDOW,
        Fault.CONTENT_POLICY,
    }
)

CALLERS = frozenset({Fault.CALLER, Fault.CONTEXT_WINDOW, Fault.CONTENT_POLICY, Fault.NOT_FOUND})


class Attempts:
    """Ends attempts: appends their results to the call and tells the deployment's health."""

    def __init__(self, health: Health, tokens: Tokens, clock: Clock) -> None:
        self._health = health
        self._tokens = tokens
        self._clock = clock

    def succeed(self, call: Call, completion: Completion | None = None) -> None:
        """The attempt gave its whole answer."""
        running = call.running
        if running is None:
            return
        if completion is not None:
            running.usage, running.finish = completion.usage, completion.finish
        usage = running.usage or self._counted(call, running, completion)
        self._health.succeeded(running.deployment.id, self._ttft(running) or 0.0)
        self._end(call, running, ended(running.finish), usage)

    def fail(self, call: Call, error: ProviderError) -> None:
        """The attempt failed, before or after its first chunk."""
        running = call.running
        if running is None:
            return
        self._health.failed(running.deployment.id, error)
        self._end(call, running, Status.FAILED, self._owed(call, running, error.fault), error)

    def interrupted(self, call: Call, reason: Reason, *, sent: bool = True) -> None:
        """The attempt was ended by us; not `sent`: before the provider heard of it."""
        running = call.running
        if running is None:
            return
        if reason is Reason.STALLED:
            self.fail(call, ProviderError(Fault.STALLED, "the provider stopped sending"))
            return
        if running.claimed:
            self._health.abandoned(running.deployment.id)
        status = Status.CANCELLED if reason in {Reason.CLIENT_GONE, Reason.CANCELLED} else Status.FAILED
        error = ProviderError(Fault.TIMEOUT, reason.value)
        self._end(call, running, status, self._owed(call, running, Fault.TIMEOUT) if sent else Usage(), error)

    def abandoned(self, call: Call) -> None:
        """A bug of ours kept the attempt from its end: it says nothing about its deployment, and is owed all the same."""
        running = call.running
        if running is None:
            return
        if running.claimed:
            self._health.abandoned(running.deployment.id)
        error = ProviderError(Fault.MALFORMED, "the answer could not be passed on")
        self._end(call, running, Status.FAILED, self._owed(call, running, error.fault), error)

    def _owed(self, call: Call, running: RunningAttempt, fault: Fault) -> Usage | None:
        """What was used; None where nothing of the answer was shown, so that anything may have been."""
        if running.chunks == 0 and fault in OWES_NOTHING:
            return Usage()
        if running.finish is not None:  # it was whole: nothing more was on its way
            return running.usage or self._counted(call, running, None)
        if running.first_chunk is None:
            return None
        unseen = 0 if fault is Fault.STALLED else self._unseen(running)
        return self._counted(call, running, None, in_flight=IN_FLIGHT_TOKENS + unseen)

    def _unseen(self, running: RunningAttempt) -> int:
        """Tokens that may have come in since the last chunk that could be read, at the speed of those that could."""
        if running.first_chunk is None or running.last_chunk is None:
            return 0
        silence = min(self._clock.monotonic() - running.last_chunk, LONGEST_SILENCE)
        speed = running.chunks / max(running.last_chunk - running.first_chunk, 1 / FASTEST)
        return math.ceil(silence * min(speed, FASTEST))

    def _counted(self, call: Call, running: RunningAttempt, completion: Completion | None, in_flight: int = 0) -> Usage:
        """Our own count, an upper one: the tokenizer's or one token a chunk, whichever is more."""
        text = "".join(running.text) if completion is None else written(completion)
        finest = 0 if completion is None else -(-len(text.encode(errors="replace")) // FINEST_TOKEN)
        output = max(self._tokens.count(text), finest, running.chunks) + in_flight
        if running.deployment.reasoning and output:
            output += self._reasoned(running)
        if running.limit is not None:
            output = min(output, running.limit * choices(call.body))
        given = measure(call.body).token_bound(self._tokens.count(plain_text(call.body)))
        seen = running.usage
        return Usage(
            input=max(min(given, call.input_bound or given), seen.input if seen else 0),
            output=max(output, seen.output if seen else 0),
            cached_input=seen.cached_input if seen else 0,
            cache_write=seen.cache_write if seen else 0,
            reasoning=seen.reasoning if seen else 0,
            estimated=True,
        )

    def _most(self, call: Call, running: RunningAttempt) -> Usage:
        """What an attempt of which nothing was seen can have used: its bound, and no more than it had time to make."""
        made = IN_FLIGHT_TOKENS + math.ceil((self._clock.monotonic() - running.started) * FASTEST)
        n = choices(call.body)
        return Usage(call.input_bound * n, min(call.bound_tokens, made) * n, estimated=True)

    def _reasoned(self, running: RunningAttempt) -> int:
        """Tokens of thought, which no stream shows, within the time there was for them."""
        ended = running.first_chunk or self._clock.monotonic()
        return REASONING_FLOOR + math.ceil((ended - running.started) * REASONING_SPEED)

    def _end(
        self,
        call: Call,
        running: RunningAttempt,
        status: Status,
        usage: Usage | None,
        error: ProviderError | None = None,
    ) -> None:
        """Append the result; without `usage` the attempt is charged for the most that it can have made."""
        call.running = None
        call.said = running.text
        intent = running.intent
        if usage is None:
            usage = self._most(call, running)
            spent = min(intent.bound, bound(intent.price, usage.input, usage.output))
        else:
            spent = cost(intent.price, usage)
        call.attempts.append(
            AttemptResult(
                intent=intent,
                status=status,
                usage=usage,
                cost=spent,
                ended_at=self._clock.now(),
                ttft=self._ttft(running),
                fault=error.fault if error else None,
                error=error.message if error else None,
                finish_reason=running.finish,
            )
        )

    def _ttft(self, running: RunningAttempt) -> float | None:
        return None if running.first_chunk is None else running.first_chunk - running.started


def ended(finish: str | None) -> Status:
    """The outcome of an answer that ended by itself."""
    return Status.INCOMPLETE if finish in {"length", "content_filter"} else Status.COMPLETED


def written(completion: Completion) -> str:
    """Everything a whole answer says, as text to count."""
    return "".join(str(choice.get("message") or "") for choice in completion.body.get("choices") or ())


def public_error(error: ProviderError, call: Call) -> GatewayError:
    """What the client is told when an attempt was the last one."""
    if error.fault in CALLERS:
        return callers_error(error)
    name = call.model or "this model"
    match error.fault:
        case Fault.RATE_LIMITED:
            message = f"The providers of {name} refuse more requests at the moment. Please try again later."
            return RateLimited(message, retry_after=ask_again(error))
        case Fault.CREDENTIALS:
            message = f"The gateway's own credentials for {name} were refused. An admin has to look at them."
            return UpstreamError(message, code="upstream_credentials_exhausted", should_retry=False)
        case Fault.TIMEOUT | Fault.STALLED:
            return UpstreamTimeout(f"The provider of {name} did not answer in time.", retry_after=error.retry_after)
        case Fault.CONNECT:
            message = f"The provider of {name} cannot be reached."
            return Unavailable(message, code="upstream_unreachable", retry_after=ask_again(error))
        case Fault.TRUNCATED | Fault.RESET if call.first_byte_at is not None:
            return UpstreamError(f"The provider of {name} broke off in the middle of its answer.")
        case Fault.IN_BAND:
            return UpstreamError(f"The provider of {name} failed within its answer.", provider_code=error.code)
    message = f"The provider of {name} failed."
    return UpstreamError(message, retry_after=error.retry_after, provider_status=error.status)


def ask_again(error: ProviderError) -> float:
    """Seconds after which another try makes sense; a provider's own word counts, and zero is one."""
    return USUAL_RETRY if error.retry_after is None else error.retry_after


def callers_error(error: ProviderError) -> GatewayError:
    """The caller's own mistake, in the provider's words and with its status, code and param."""
    kind: type[GatewayError] = InvalidRequest
    code = error.code
    match error.fault:
        case Fault.CONTEXT_WINDOW:
            code = "context_length_exceeded"
        case Fault.CONTENT_POLICY:
            code = "content_policy_violation"
        case Fault.NOT_FOUND:
            kind, code = NotFound, code or "model_not_found"
        case _:
            kind = {413: TooLarge, 422: Unprocessable}.get(error.status or 400, InvalidRequest)
    return kind(error.message, code=code, param=error.param, provider_status=error.status)
