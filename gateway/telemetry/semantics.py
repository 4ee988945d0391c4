"""What a span says of a request or an attempt, in OpenTelemetry's words: the GenAI and HTTP semantic conventions.

Names of our own begin with `atelier.`. Pure; nothing here is a secret or a word of anybody's text (see `messages`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from gateway.types import AttemptResult, Call, Deployment, Endpoint, Outcome, Status

Value = str | bool | int | float | list[str]
Attributes = dict[str, Value]

SCHEMA = "https://opentelemetry.io/schemas/1.41.1"
ROUTES = {Endpoint.CHAT: "/v1/chat/completions", Endpoint.EMBEDDINGS: "/v1/embeddings"}
PROVIDERS: Mapping[str, str] = {  # LiteLLM's name: the conventions' name, where they differ
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
PORTS = {"http": 80, "https": 443}
LONGEST = 200  # characters of a name that a client chose
NANO = 1_000_000_000


def request_name(call: Call) -> str:
    return f"POST {ROUTES[call.endpoint]}"


def request_attributes(call: Call, outcome: Outcome, seconds: float) -> Attributes:
    """Of the server's span. `error.type` as the HTTP conventions have it: only where the fault is the gateway's."""
    identity = call.identity
    answered = seconds if call.first_byte_at is None else call.first_byte_at - call.started
    found: dict[str, Value | None] = {
        "http.request.method": "POST",
        "http.route": ROUTES[call.endpoint],
        "http.response.status_code": outcome.http_status,
        "url.path": ROUTES[call.endpoint],
        "url.scheme": "http",
        "atelier.generation_id": call.id,
        "atelier.request_id": call.request_id,
        "atelier.model": call.model[:LONGEST],
        "atelier.status": outcome.status.value,
        "atelier.key_id": identity.key_id if identity else None,
        "atelier.team": identity.team if identity else None,
        "atelier.policy": call.plan.policy if call.plan else None,
        "atelier.deployment": call.served.id if call.served else None,
        "atelier.cache": call.headers.get("x-atelier-cache"),
        "atelier.attempts": len(call.attempts),
        "atelier.queue_seconds": round(call.queue_ms / 1000, 6),
        "atelier.upstream_seconds": round(call.upstream_ms / 1000, 6),
        "atelier.overhead_seconds": round(max(0.0, answered - (call.upstream_ms + call.queue_ms) / 1000), 6),
        "atelier.cost_usd": call.cost / NANO,
        "error.type": error_type(outcome) if failed(outcome) else None,
    }
    return _there(found)


def failed(outcome: Outcome) -> bool:
    """Whether the server's span has failed; what a caller did wrong is not the server's error."""
    return outcome.http_status >= 500


def error_type(outcome: Outcome) -> str:
    return outcome.error.code if outcome.error is not None else str(outcome.http_status)


def operation(call: Call) -> str:
    return "embeddings" if call.endpoint is Endpoint.EMBEDDINGS else "chat"


def attempt_name(call: Call, result: AttemptResult) -> str:
    return f"{operation(call)} {result.intent.model}"


def attempt_attributes(call: Call, result: AttemptResult) -> Attributes:
    """Of a client's span: one attempt at one deployment."""
    intent, usage = result.intent, result.usage
    found: dict[str, Value | None] = {
        "gen_ai.operation.name": operation(call),
        "gen_ai.provider.name": PROVIDERS.get(intent.provider, intent.provider),
        "gen_ai.request.model": intent.model,
        "gen_ai.response.finish_reasons": [result.finish_reason] if result.finish_reason else None,
        "gen_ai.response.time_to_first_chunk": result.ttft if call.stream else None,
        "gen_ai.usage.input_tokens": usage.input,
        "gen_ai.usage.output_tokens": usage.output,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_input or None,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write or None,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning or None,
        "gen_ai.usage.audio.input_tokens": usage.audio_input or None,
        "gen_ai.usage.audio.output_tokens": usage.audio_output or None,
        "error.type": attempt_error(result),
        "atelier.generation_id": call.id,
        "atelier.attempt": intent.number,
        "atelier.deployment": intent.deployment_id,
        "atelier.status": result.status.value,
        "atelier.cost_usd": result.cost / NANO,
        "atelier.usage_estimated": usage.estimated,
        **_asked(call),
        **_server(_deployment(call, intent.deployment_id)),
    }
    if result is call.attempts[-1]:
        found |= _answered(call)
    return _there(found)


def attempt_error(result: AttemptResult) -> str | None:
    """The kind of failure, of a bounded set; None when it was answered."""
    if result.fault is not None:
        return result.fault.value
    return None if result.status in {Status.COMPLETED, Status.INCOMPLETE} else result.status.value


def _asked(call: Call) -> dict[str, Value | None]:
    """The request's own settings, as far as they have the type that they should."""
    body = call.body
    stop = body.get("stop")
    choices = _whole(body.get("n"))
    wanted = body.get("response_format")
    json_wanted = isinstance(wanted, dict) and str(wanted.get("type")).startswith("json")
    return {
        "gen_ai.request.stream": True if call.stream else None,
        "gen_ai.request.max_tokens": _whole(body.get("max_completion_tokens")) or _whole(body.get("max_tokens")),
        "gen_ai.request.temperature": _number(body.get("temperature")),
        "gen_ai.request.top_p": _number(body.get("top_p")),
        "gen_ai.request.frequency_penalty": _number(body.get("frequency_penalty")),
        "gen_ai.request.presence_penalty": _number(body.get("presence_penalty")),
        "gen_ai.request.seed": _whole(body.get("seed")),
        "gen_ai.request.choice.count": choices if choices != 1 else None,
        "gen_ai.request.stop_sequences": [stop] if isinstance(stop, str) else _texts(stop),
        "gen_ai.output.type": "json" if json_wanted else None,
    }


def _answered(call: Call) -> dict[str, Value | None]:
    completion = call.answer.completion if call.answer is not None else None
    if completion is None:
        return {}
    body = completion.body
    return {
        "gen_ai.response.id": _text(body.get("id")),
        "gen_ai.response.model": _text(body.get("model")),
        "gen_ai.response.finish_reasons": _texts([each.get("finish_reason") for each in body.get("choices") or ()]),
    }


def _server(deployment: Deployment | None) -> dict[str, Value | None]:
    """Where the provider is; never a path, which may hold a secret."""
    try:
        address = urlsplit(deployment.api_base or "") if deployment is not None else urlsplit("")
        port = address.port or PORTS.get(address.scheme)
    except ValueError:
        return {}
    return {"server.address": address.hostname, "server.port": port} if address.hostname else {}


def _deployment(call: Call, deployment_id: str) -> Deployment | None:
    candidates = call.plan.candidates if call.plan is not None else ()
    return next((each.deployment for each in candidates if each.deployment.id == deployment_id), call.served)


def _there(found: Mapping[str, Value | None]) -> Attributes:
    return {name: value for name, value in found.items() if value is not None}


def redacted(attributes: Attributes, redact: Callable[[str], str]) -> Attributes:
    """The attributes without secrets, wherever one slipped in, and without what cannot be sent as UTF-8."""
    return {name: _redacted(value, redact) for name, value in attributes.items()}


def _redacted(value: Value, redact: Callable[[str], str]) -> Value:
    if isinstance(value, list):
        return [plain(redact(each)) for each in value]
    return plain(redact(value)) if isinstance(value, str) else value


def plain(text: str) -> str:
    """Half a character, as JSON can spell one, would keep a whole batch of spans from being sent."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None


def _number(value: Any) -> float | None:
    return (
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15 else None
    )


def _text(value: Any) -> str | None:
    return value[:LONGEST] if isinstance(value, str) else None


def _texts(values: Any) -> list[str] | None:
    if not isinstance(values, list):
        return None
    return [value[:LONGEST] for value in values[:16] if isinstance(value, str)] or None
