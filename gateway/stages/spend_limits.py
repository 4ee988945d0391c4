"""How many output tokens a request may cause: the client's own limit, else a bound of ours, so that a hold means something."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.ledger.prices import bound
from gateway.measure import choices, output_limit
from gateway.stages.need import plan_of
from gateway.types import Call, Deployment, Endpoint, Intent, JsonObject

EMBEDDINGS = Endpoint.EMBEDDINGS  # looked up once: to ask an enumeration for a member takes time


@dataclass(frozen=True, slots=True)
class LimitDefaults:
    """Tokens for requests that set no limit; `max_wait` in seconds for other requests' holds.

    `total`: there is a budget for the whole gateway, which every request pays from too.
    """

    max_tokens: int = 8_192
    max_tokens_reasoning: int = 32_768
    max_wait: float = 30.0
    total: bool = False


def output_tokens(call: Call, defaults: LimitDefaults) -> int:
    """Tokens one choice may have: what the client asked for, else the default, within what the models can."""
    if call.endpoint is EMBEDDINGS:
        return 0
    asked = output_limit(call.body)
    if asked is not None:
        return asked
    most = 0
    for candidate in plan_of(call).candidates:
        deployment = candidate.deployment
        default = defaults.max_tokens_reasoning if deployment.reasoning else defaults.max_tokens
        most = max(most, min(default, deployment.max_output or default))
    return most


def limit_at(deployment: Deployment, call: Call) -> int | None:
    """Output tokens of which this deployment is told; None when neither the client nor a budget asks for a limit."""
    asked = output_limit(call.body)
    if asked is not None or call.endpoint is EMBEDDINGS or not call.budgeted:
        return asked
    return min(call.bound_tokens, deployment.max_output or call.bound_tokens)


def attempt_at(deployment: Deployment, call: Call, number: int, now: float, most: int | None = None) -> Intent:
    """An attempt as it is written down. Its bound is the most that it can cost, with what the model can write at most.

    `most`: that bound, where it is known.
    """
    if most is None:
        made = output_limit(call.body)
        if made is None:
            made = min(call.bound_tokens, deployment.max_output or call.bound_tokens)
        most = bound(deployment.price, call.input_bound, made, choices(call.body))
    return Intent(
        request_id=call.id,
        number=number,
        deployment_id=deployment.id,
        provider=deployment.provider,
        model=deployment.model_name,
        price=deployment.price,
        bound=most,
        started_at=now,
    )


def priceless(deployment: Deployment) -> bool:
    """Whether it is a wildcard's model whose price nobody knows: the admin has not seen its name, as with others."""
    return deployment.price.source == "unknown" and "*" in deployment.group


def with_limit(body: JsonObject, limit: int | None) -> JsonObject:
    """The body as it is sent on: with the limit, where the client set none of its own."""
    return body if limit is None or output_limit(body) is not None else {**body, "max_completion_tokens": limit}
