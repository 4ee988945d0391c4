"""The tenant's own limits and the bounds of a request: cheap refusals only, nothing waits here.

A slot is free again before the last byte of the answer is sent.
"""

from __future__ import annotations

from gateway.errors import RateLimited
from gateway.ports import Allowance, Limiter
from gateway.stages.body_checks import check_chat, check_embeddings, check_model
from gateway.stages.need import identity_of
from gateway.types import Call, Endpoint, Outcome


class Admit:
    """Checks the body's shape, then takes a slot of the key."""

    def __init__(self, limiter: Limiter, max_messages: int = 1000, max_n: int = 16) -> None:
        self._limiter = limiter
        self._max_messages = max_messages
        self._max_n = max_n

    async def enter(self, call: Call) -> None:
        body = call.body
        check_model(body)
        if call.endpoint is Endpoint.EMBEDDINGS:
            check_embeddings(body)
        else:
            templated = call.options.template is not None
            if templated:
                body["messages"] = body.get("messages") or []
            check_chat(body, self._max_messages, self._max_n, templated=templated)
        try:
            allowance = await self._limiter.acquire(identity_of(call), call.id)
        except RateLimited as refusal:
            if (left := refusal.extra.get("rate_limit")) is not None:
                tell(call, Allowance(**left))
            raise
        if allowance is not None:
            tell(call, allowance)

    async def exit(self, call: Call, outcome: Outcome) -> None:
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
