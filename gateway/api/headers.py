"""Response headers of a generation: what was asked, what served it, what it cost, as conventions say them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.errors import GatewayError
from gateway.ledger.prices import usd
from gateway.ledger.scopes import TOTAL
from gateway.types import Balance, Call, Deployment

SAFE = 500  # characters of a header value
Head = list[tuple[bytes, bytes]]


def response_headers(call: Call, now: float, *, settled: bool, litellm: bool = False) -> Head:
    """`now` is monotonic. Costs are there only when they are known: after everything was settled."""
    out: dict[str, str] = {"x-atelier-generation-id": call.id, "x-atelier-model-requested": call.model}
    plan = call.plan
    if call.served is not None:
        tell_of(call.served, out)
    if plan is not None:
        out["x-atelier-route-reason"] = f"{plan.policy}: {plan.reason}"
        attempts = len(call.attempts) + (call.running is not None)
        out["x-atelier-attempts"] = str(attempts)
        out["x-atelier-fallbacks"] = str(max(0, attempts - 1))
        out["x-atelier-queue-ms"] = f"{call.queue_ms:.1f}"
        out["x-atelier-overhead-ms"] = f"{max(0.0, (now - call.started) * 1000 - call.upstream_ms - call.queue_ms):.1f}"
    if settled:
        out["x-atelier-cost"] = usd(call.cost)
        if any(result.usage.estimated for result in call.attempts):
            out["x-atelier-cost-estimated"] = "true"
    if call.balances:
        tell_what_is_left(call.balances, out)
    if call.template is not None:
        out["x-atelier-prompt-version"] = f"{call.template}@{call.template_version}"
    if call.brand is not None:
        out["x-atelier-brand-voice-version"] = f"{call.brand}@{call.brand_version}"
    if call.warnings:
        out["x-atelier-warning"] = "; ".join(call.warnings)
    out["openai-processing-ms"] = str(round((now - call.started) * 1000))
    out["openai-version"] = "2020-10-01"
    out.update(call.headers)
    if litellm:
        out.update(litellm_names(call, out))
    return encoded(out)


def tell_of(served: Deployment, out: dict[str, str]) -> None:
    """Who answered."""
    out["x-atelier-model"] = served.model_name
    out["x-atelier-provider"] = served.provider
    out["x-atelier-deployment"] = served.id
    out["x-atelier-lane"] = served.lane
    if served.simulated:
        out["x-atelier-simulated"] = "true"


def tell_what_is_left(balances: Iterable[Balance], out: dict[str, str]) -> None:
    """What is not spent of the caller's tightest budget; for a stream, before it began."""
    left = [each.limit - each.spent for each in balances if each.limit is not None and each.scope != TOTAL]
    if left:
        out["x-atelier-budget-remaining"] = usd(max(0, min(left)))


def error_headers(error: GatewayError) -> Head:
    """What tells a client whether, and when, to try again."""
    return encoded(error.headers())


def encoded(headers: Mapping[str, str]) -> Head:
    """As they are sent. Mostly all values are fit for it: one look at them together is enough."""
    every = "|".join(headers.values())
    if max(map(len, headers.values()), default=0) <= SAFE and every.isascii() and every.isprintable():
        return [(name.encode(), value.encode()) for name, value in headers.items()]
    return [(name.encode(), printable(value)) for name, value in headers.items()]


def litellm_names(call: Call, ours: dict[str, str]) -> dict[str, str]:
    """LiteLLM's names for what its clients read, when `server.compat_headers` asks for them."""
    pairs = {
        "x-litellm-call-id": call.id,
        "x-litellm-model-id": ours.get("x-atelier-deployment"),
        "x-litellm-model-group": call.model,
        "x-litellm-response-cost": ours.get("x-atelier-cost"),
        "x-litellm-attempted-fallbacks": ours.get("x-atelier-fallbacks"),
        "x-litellm-overhead-duration-ms": ours.get("x-atelier-overhead-ms"),
        "x-litellm-response-duration-ms": ours.get("openai-processing-ms"),
    }
    return {name: value for name, value in pairs.items() if value is not None}


def printable(value: str) -> bytes:
    """A header value that can neither split nor break a response: visible ASCII and blanks (S12)."""
    return "".join(c if " " <= c <= "~" else "?" for c in value[:SAFE]).encode("ascii")
