"""The payers' money: a hold for the most that the call can still cost, a capture of what it did cost.

Held is not spent: when only other requests' holds stand in the way, the request waits for their capture. With the store
away nothing is dispatched (503). Settling never fails; the ledger keeps what it could not write yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from gateway.errors import BudgetExhausted, GatewayError, RateLimited
from gateway.ledger.prices import bound, usd
from gateway.ledger.scopes import TOTAL, payer
from gateway.measure import choices, measure, output_limit, plain_text
from gateway.ports import Clock, Ledger, Tokens
from gateway.stages.need import identity_of, plan_of
from gateway.stages.spend_limits import LimitDefaults, attempt_at, output_tokens, priceless
from gateway.stages.spend_line import Lines
from gateway.types import (
    AttemptResult,
    Balance,
    Call,
    Endpoint,
    HoldRefused,
    HoldRequest,
    Intent,
    JsonObject,
    Outcome,
    RequestRecord,
    Settlement,
    Status,
    StoredContent,
    Usage,
)

HOLD_GRACE = 60.0  # seconds that a hold outlives its request's deadline
LEAST_OUTPUT = 16  # tokens below which an answer is not worth starting


class Listener(Protocol):
    """Who is told of money. Called on the loop; must not raise."""

    def settled(self, results: Sequence[AttemptResult], balances: Sequence[Balance]) -> None:
        """What a request's attempts cost, and what its accounts say then."""

    def refused(self, balance: Balance) -> None:
        """An account has too little left for a request, even once nothing is held."""


class Nobody:
    """Listens to nothing."""

    def settled(self, results: Sequence[AttemptResult], balances: Sequence[Balance]) -> None:
        pass

    def refused(self, balance: Balance) -> None:
        pass


class Spend:
    """Opens the request in the ledger with its hold; settles it with everything its attempts used."""

    def __init__(
        self,
        ledger: Ledger,
        tokens: Tokens,
        clock: Clock,
        defaults: LimitDefaults,
        lines: Lines | None = None,
        listener: Listener | None = None,
    ) -> None:
        self._listener = Nobody() if listener is None else listener
        self._ledger = ledger
        self._tokens = tokens
        self._clock = clock
        self._defaults = defaults
        self._lines = Lines() if lines is None else lines

    async def enter(self, call: Call) -> None:
        size = measure(call.body)
        call.input_bound = size.token_bound()
        wanted = call.bound_tokens = output_tokens(call, self._defaults)
        refused = await self._hold(call)
        if refused is not None:
            text = plain_text(call.body)
            counted = size.token_bound(await asyncio.to_thread(self._tokens.count, text))
            call.input_bound = min(call.input_bound, counted)
            refused = await self._hold(call)
        if refused is not None and output_limit(call.body) is None:
            call.bound_tokens = affordable(call, refused)
            refused = await self._hold(call)
        if refused is not None:
            await self._wait(call, refused)
        if call.bound_tokens < wanted:
            call.headers["x-atelier-max-tokens"] = str(call.bound_tokens)

    async def exit(self, call: Call, outcome: Outcome) -> None:
        served = call.served.id if call.served is not None else None
        now = self._clock.now()
        leave_unsent(call, now)
        balances = await self._ledger.settle(settlement(call, outcome, now, served))
        self._listener.settled(call.attempts, balances)
        for scope in self._payers(call):
            self._lines.captured(scope)
        call.balances = balances or call.balances

    def _payers(self, call: Call) -> tuple[str, ...]:
        return payers(call, everybody=self._defaults.total)

    async def _hold(self, call: Call) -> HoldRefused | None:
        call.held = most(call, call.bound_tokens)
        now = self._clock.now()
        expires = now + max(0.0, call.deadline - self._clock.monotonic()) + HOLD_GRACE
        scopes = self._payers(call)
        hold = HoldRequest(scopes, call.held, expires) if scopes else None
        first = self._first(call, now)
        answer = await self._ledger.open(record(call), hold, first)
        if isinstance(answer, HoldRefused):
            return answer
        call.recorded, call.opened = True, first
        call.balances = answer.balances
        call.budgeted = bool([each for each in answer.balances if each.limit is not None])
        return None

    def _first(self, call: Call, now: float) -> Intent | None:
        """The attempt at the deployment where it has its place, to be written down in the same act; none where nobody is asked.

        Where the plan has no other, the hold is for nothing else, and so just as large as what the attempt can cost.
        """
        candidates = plan_of(call).candidates
        deployment = candidates[0].deployment
        if call.options.mock_response is not None or priceless(deployment):
            return None
        return attempt_at(deployment, call, 1, now, call.held if len(candidates) == 1 else None)

    async def _wait(self, call: Call, first: HoldRefused) -> None:
        """Wait for captures while only holds stand in the way, up to the caller's patience."""
        patience = min(call.options.patience or self._defaults.max_wait, self._defaults.max_wait)
        until = min(self._clock.monotonic() + patience, call.deadline)
        refused: HoldRefused | None = first
        while refused is not None:
            scope = refused.balance.scope
            with self._lines.place(scope) as place:
                while refused is not None and refused.balance.scope == scope:
                    left = until - self._clock.monotonic()
                    if not refused.busy:
                        self._listener.refused(refused.balance)
                    if not refused.busy or left <= 0:
                        raise no_money(refused)
                    await call.interruption.run(place.turn(left))
                    refused = await self._hold(call)


def leave_unsent(call: Call, now: float) -> None:
    """The first attempt will not be sent as it was written down: it ends, and owes nothing."""
    if call.opened is not None:
        call.unsent = (AttemptResult(call.opened, Status.CANCELLED, Usage(), 0, now, error="not sent"),)
        call.opened = None


def payers(call: Call, *, everybody: bool) -> tuple[str, ...]:
    """The accounts that pay: those of whoever asks, the brand's that it is written for, and the one for `everybody`."""
    identity = identity_of(call)
    scopes = identity.scopes if call.brand is None else (*identity.scopes, f"brand:{call.brand}")
    return (*(scopes or (f"key:{identity.key_id}",)), TOTAL) if everybody else scopes


def most(call: Call, output: int) -> int:
    """Nano-dollars that the dearest deployment of the plan could cost with so many output tokens for each choice."""
    n, candidates = choices(call.body), plan_of(call).candidates
    if len(candidates) == 1:
        return bound(candidates[0].deployment.price, call.input_bound, output, n)
    return max([bound(each.deployment.price, call.input_bound, output, n) for each in candidates])


def affordable(call: Call, refused: HoldRefused) -> int:
    """The most output tokens that the money that is not spent can buy, at least a few, at most the bound so far."""
    balance = refused.balance
    low, high = min(LEAST_OUTPUT, call.bound_tokens), call.bound_tokens
    left = 0 if balance.limit is None else balance.limit - balance.spent
    while low < high:
        middle = (low + high + 1) // 2
        if most(call, middle) <= left:
            low = middle
        else:
            high = middle - 1
    return low


def no_money(refused: HoldRefused) -> GatewayError:
    budget = shown(refused.balance)
    if refused.busy:
        return RateLimited(
            "Other running requests hold the rest of this budget. Please try again when they have ended.",
            code="budget_busy",
            retry_after=2.0,
            budget=budget,
        )
    return BudgetExhausted(
        f"The budget of {payer(refused.balance.scope)} does not cover the request. "
        "Ask for less output, or ask an admin for more budget.",
        budget=budget,
    )


def shown(balance: Balance) -> JsonObject:
    """An account as its payers may see it: how much the whole gateway may spend is not for every caller."""
    facts = {"scope": balance.scope, "resets_at": balance.resets_at}
    if balance.scope == TOTAL:
        return facts
    return facts | {"limit": usd(balance.limit or 0), "spent": usd(balance.spent), "held": usd(balance.held)}


def record(call: Call) -> RequestRecord:
    """What the ledger knows of a request from its start. Of a plan, all deployments are simulated, or none is."""
    identity, plan = identity_of(call), call.plan
    details = identity.content != "off"
    return RequestRecord(
        id=call.id,
        request_id=call.request_id,
        key_id=identity.key_id,
        tenant=identity.tenant,
        endpoint=call.endpoint,
        model_requested=call.model,
        stream=call.stream,
        created_at=call.created_at,
        user=identity.user,
        team=identity.team,
        brand=call.brand,
        template=call.template if details else None,
        template_version=call.template_version if details else None,
        tags=(*identity.tags, *call.options.tags) if details else (),
        route=f"{plan.policy}: {plan.reason}" if plan is not None and details else None,
        simulated=plan is not None and plan.candidates[0].deployment.simulated,
    )


def settlement(call: Call, outcome: Outcome, now: float, served: str | None) -> Settlement:
    """Everything that ends with a request."""
    error = outcome.error
    return Settlement(
        request_id=call.id,
        results=(*call.unsent, *call.attempts),
        status=outcome.status,
        http_status=outcome.http_status,
        error_code=error.code if error is not None else (outcome.reason.value if outcome.reason else None),
        ended_at=now,
        ttft=None if call.first_byte_at is None else call.first_byte_at - call.started,
        deployment_id=served,
        cache=call.headers.get("x-atelier-cache"),
        content=content(call),
    )


def content(call: Call) -> StoredContent | None:
    """What was asked and answered, where the team stores that."""
    identity = call.identity
    if identity is None or identity.content != "full" or call.endpoint is not Endpoint.CHAT:
        return None
    if call.answer is not None and call.answer.completion is not None:
        choices = call.answer.completion.body.get("choices") or ()
        answer = "\n\n".join(str((choice.get("message") or {}).get("content") or "") for choice in choices)
    else:
        answer = "".join(call.said)
    return StoredContent(call.body.get("messages") or [], answer or None, identity.retention)
