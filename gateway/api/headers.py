"""Response headers of a generation: what was asked, what served it, what it cost, as conventions say them.

Names and values are bytes from the start. What a client, a provider or the configuration can fill passes `shown` or
`sendable`, so that it can neither split nor break a response (S12); the rest are numbers and ids of our own making.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

from gateway.errors import GatewayError
from gateway.ledger.prices import usd
from gateway.ledger.scopes import TOTAL
from gateway.types import Balance, Call

SAFE = 500  # characters of a header value
Head = list[tuple[bytes, bytes]]
Fields = dict[bytes, bytes]


def response_headers(call: Call, now: float, *, settled: bool, litellm: bool = False) -> Head:
    """`now` is monotonic. Costs are there only when they are known: after everything was settled."""
    out = {b"x-atelier-generation-id": call.id.encode(), b"x-atelier-model-requested": shown(call.model[:SAFE])}
    taken = (now - call.started) * 1000
    served, plan = call.served, call.plan
    if served is not None:
        out.update(told_of(served.id[:SAFE], served.model_name[:SAFE], served.provider, served.lane))
        if served.simulated:
            out[b"x-atelier-simulated"] = b"true"
    if plan is not None:
        attempts = len(call.attempts) + (call.running is not None)
        out[b"x-atelier-route-reason"] = shown(f"{plan.policy}: {plan.reason}"[:SAFE])
        out[b"x-atelier-attempts"] = b"%d" % attempts
        out[b"x-atelier-fallbacks"] = b"%d" % (attempts - 1 if attempts else 0)
        out[b"x-atelier-queue-ms"] = b"%.1f" % call.queue_ms
        out[b"x-atelier-overhead-ms"] = b"%.1f" % max(0.0, taken - call.upstream_ms - call.queue_ms)
    if settled:
        tell_the_cost(call, out)
    if call.balances:
        tell_what_is_left(call.balances, out)
    tell_what_was_done(call, out)
    out[b"openai-processing-ms"] = b"%d" % round(taken)
    out[b"openai-version"] = b"2020-10-01"
    for name, value in call.headers.items():
        out[name.encode()] = sendable(value)
    if litellm:
        out.update(litellm_names(out))
    return list(out.items())


@functools.lru_cache(256)
def told_of(deployment: str, model: str, provider: str, lane: str) -> Fields:
    """Who answered, made once for each deployment: to be copied, not changed."""
    return {
        b"x-atelier-model": printable(model),
        b"x-atelier-provider": printable(provider),
        b"x-atelier-deployment": printable(deployment),
        b"x-atelier-lane": printable(lane),
    }


def tell_the_cost(call: Call, out: Fields) -> None:
    """Of all attempts; whether a part of it was counted by ourselves."""
    cost, estimated = 0, False
    for result in call.attempts:
        cost += result.cost
        estimated |= result.usage.estimated
    out[b"x-atelier-cost"] = usd(cost).encode()
    if estimated:
        out[b"x-atelier-cost-estimated"] = b"true"


def tell_what_is_left(balances: Iterable[Balance], out: Fields) -> None:
    """What is not spent of the caller's tightest budget; for a stream, before it began."""
    least: int | None = None
    for each in balances:
        if each.limit is not None and each.scope != TOTAL:
            left = each.limit - each.spent
            least = left if least is None or left < least else least
    if least is not None:
        out[b"x-atelier-budget-remaining"] = usd(max(0, least)).encode()


def tell_what_was_done(call: Call, out: Fields) -> None:
    """To the prompt, and what the caller should know."""
    if call.template is not None:
        out[b"x-atelier-prompt-version"] = printable(f"{call.template}@{call.template_version}")
    if call.brand is not None:
        out[b"x-atelier-brand-voice-version"] = printable(f"{call.brand}@{call.brand_version}")
    if call.warnings:
        out[b"x-atelier-warning"] = printable("; ".join(call.warnings))


def error_headers(error: GatewayError) -> Head:
    """What tells a client whether, and when, to try again."""
    return [(name.encode(), sendable(value)) for name, value in error.headers().items()]


def litellm_names(ours: Fields) -> Fields:
    """LiteLLM's names for what its clients read, when `server.compat_headers` asks for them."""
    pairs = {
        b"x-litellm-call-id": ours.get(b"x-atelier-generation-id"),
        b"x-litellm-model-id": ours.get(b"x-atelier-deployment"),
        b"x-litellm-model-group": ours.get(b"x-atelier-model-requested"),
        b"x-litellm-response-cost": ours.get(b"x-atelier-cost"),
        b"x-litellm-attempted-fallbacks": ours.get(b"x-atelier-fallbacks"),
        b"x-litellm-overhead-duration-ms": ours.get(b"x-atelier-overhead-ms"),
        b"x-litellm-response-duration-ms": ours.get(b"openai-processing-ms"),
    }
    return {name: value for name, value in pairs.items() if value is not None}


def sendable(value: str) -> bytes:
    """`printable`, at once for a value that is fit to be sent as it is."""
    if len(value) <= SAFE and value.isascii() and value.isprintable():
        return value.encode()
    return printable(value)


def printable(value: str) -> bytes:
    """A header value that can neither split nor break a response: visible ASCII and blanks (S12)."""
    return "".join(c if " " <= c <= "~" else "?" for c in value[:SAFE]).encode("ascii")


shown = functools.lru_cache(512)(printable)  # for what many requests say alike; give it no more than is shown
