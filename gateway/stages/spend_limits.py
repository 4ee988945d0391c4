"""How many output tokens a request may cause: the client's own limit, else a bound of ours, so that a hold means something."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.stages.need import plan_of
from gateway.types import Call, Endpoint


@dataclass(frozen=True, slots=True)
class LimitDefaults:
    """Tokens for requests that set no limit; `max_wait` in seconds for other requests' holds."""

    max_tokens: int = 8_192
    max_tokens_reasoning: int = 32_768
    max_wait: float = 30.0


def explicit_max(call: Call) -> int | None:
    """The client's own limit; `max_completion_tokens` wins over the older `max_tokens`."""
    for name in ("max_completion_tokens", "max_tokens"):
        value = call.body.get(name)
        if isinstance(value, int):
            return value
    return None


def output_tokens(call: Call, defaults: LimitDefaults) -> int:
    """Tokens one choice may have: what the client asked for, else the default, within what the models can."""
    if call.endpoint is Endpoint.EMBEDDINGS:
        return 0
    asked = explicit_max(call)
    if asked is not None:
        return asked
    deployments = [candidate.deployment for candidate in plan_of(call).candidates]
    most = 0
    for deployment in deployments:
        default = defaults.max_tokens_reasoning if deployment.reasoning else defaults.max_tokens
        most = max(most, min(default, deployment.max_output or default))
    return most


def limit_output(call: Call, *, budgeted: bool) -> None:
    """Send the bound upstream when money depends on it and the client set none."""
    if budgeted and call.endpoint is Endpoint.CHAT and explicit_max(call) is None:
        call.body["max_completion_tokens"] = call.bound_tokens
