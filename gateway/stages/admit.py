"""The gateway's and the tenant's own limits and the bounds of a request: cheap refusals only, nothing waits here.

A slot is free again before the last byte of the answer is sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import RateLimited
from gateway.ports import Allowance, Limiter
from gateway.queue.places import Places
from gateway.stages.body_checks import chat_checks, check_chat, check_embeddings, check_model, missing
from gateway.stages.need import identity_of
from gateway.types import Call, Endpoint, Outcome

EVERYBODY = "gateway:total"  # whose places they are that all requests share
USER = ("user", "safety_identifier")  # members that name whoever asks; OpenAI renamed the first


@dataclass(frozen=True, slots=True)
class Total:
    """Requests at once, of everybody together. Each of several workers has its share of `most`."""

    places: Places
    most: int | None = None

    async def enter(self) -> None:
        """Raises RateLimited."""
        if self.most is None:
            return
        try:
            await self.places.acquire([(EVERYBODY, self.most)], 0.0)
        except RateLimited as full:
            message = "The gateway serves as many requests as it may. Please try again later."
            raise RateLimited(message, retry_after=full.retry_after) from None

    def leave(self) -> None:
        if self.most is not None:
            self.places.release(EVERYBODY)


class Admit:
    """Checks the body's shape, then takes a slot of the gateway and one of the key."""

    def __init__(
        self,
        limiter: Limiter,
        max_messages: int = 1000,
        max_n: int = 16,
        total: Total | None = None,
        *,
        require_user: bool = False,
    ) -> None:
        self._limiter = limiter
        self._checks = chat_checks(max_messages, max_n)
        self._total = total if total is not None and total.most is not None else None
        self._require_user = require_user

    async def enter(self, call: Call) -> None:
        self._check(call)
        if self._total is not None:
            await self._total.enter()
        admitted = False
        try:
            allowance = await self._limiter.acquire(identity_of(call), call.id)
            admitted = True
        except RateLimited as refusal:
            if (left := refusal.extra.get("rate_limit")) is not None:
                tell(call, Allowance(**left))
            raise
        finally:
            if not admitted and self._total is not None:
                self._total.leave()
        if allowance is not None:
            tell(call, allowance)

    def _check(self, call: Call) -> None:
        body = call.body
        check_model(body)
        if call.endpoint is Endpoint.EMBEDDINGS:
            check_embeddings(body)
        else:
            templated = call.options.template is not None
            if templated:
                body["messages"] = body.get("messages") or []
            check_chat(body, self._checks, templated=templated)
        if self._require_user and not any(body.get(name) for name in USER):
            raise missing("This gateway wants to know who asks: name your user in 'user'.", "user")

    async def exit(self, call: Call, outcome: Outcome) -> None:
        if self._total is not None:
            self._total.leave()
        await self._limiter.release(identity_of(call), call.id)


def tell(call: Call, left: Allowance) -> None:
    """What is left of the limit, on success and on refusal, in OpenAI's headers."""
    call.headers["x-ratelimit-limit-requests"] = str(left.limit)
    call.headers["x-ratelimit-remaining-requests"] = str(left.remaining)
    call.headers["x-ratelimit-reset-requests"] = duration(left.reset)


def duration(seconds: float) -> str:
    """As OpenAI writes it: 250ms, 1s, 6m0s."""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))}ms"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
