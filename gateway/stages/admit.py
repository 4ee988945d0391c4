"""The tenant's own limits and the bounds of a request: cheap refusals only, nothing waits here.

A slot is free again before the last byte of the answer is sent.
"""

from __future__ import annotations

from typing import Any

from gateway.errors import InvalidRequest, RateLimited
from gateway.ports import Allowance, Limiter
from gateway.stages.need import identity_of
from gateway.types import Call, Endpoint, JsonObject, Outcome


class Admit:
    """Checks the body's shape as far as the stages need it, then takes a slot of the key."""

    def __init__(self, limiter: Limiter, max_messages: int = 1000, max_n: int = 16) -> None:
        self._limiter = limiter
        self._max_messages = max_messages
        self._max_n = max_n

    async def enter(self, call: Call) -> None:
        check_model(call.body)
        if call.endpoint is Endpoint.CHAT:
            check_chat(call, self._max_messages, self._max_n)
        else:
            check_embeddings(call.body)
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


def check_model(body: JsonObject) -> None:
    model = body.get("model")
    if model is None:
        raise InvalidRequest("You must provide a model.", code="missing_required_parameter", param="model")
    if not isinstance(model, str) or not model:
        raise InvalidRequest("'model' must be a string that is not empty.", param="model")


def check_chat(call: Call, max_messages: int, max_n: int) -> None:
    body = call.body
    messages = body.get("messages")
    if messages is None and call.options.template is not None:
        messages = body["messages"] = []
    if messages is None:
        raise InvalidRequest("You must provide 'messages'.", code="missing_required_parameter", param="messages")
    if not isinstance(messages, list) or (not messages and call.options.template is None):
        raise InvalidRequest("'messages' must be a list with at least one message.", param="messages")
    if len(messages) > max_messages:
        raise InvalidRequest(f"'messages' may have at most {max_messages} entries.", param="messages")
    for index, message in enumerate(messages):
        check_message(message, f"messages[{index}]")
    integer(body, "n", 1, max_n)
    integer(body, "max_tokens", 1)
    integer(body, "max_completion_tokens", 1)
    integer(body, "top_logprobs", 0, 20)
    number(body, "temperature", 0, 2)
    number(body, "top_p", 0, 1)
    check_metadata(body)


def check_message(message: Any, where: str) -> None:
    if not isinstance(message, dict):
        raise InvalidRequest(f"'{where}' must be an object.", param=where)
    if not isinstance(message.get("role"), str):
        raise InvalidRequest(f"'{where}.role' must be a string.", param=f"{where}.role")
    content = message.get("content")
    if content is not None and not isinstance(content, str | list):
        raise InvalidRequest(f"'{where}.content' must be a string or a list of parts.", param=f"{where}.content")
    if isinstance(content, list) and not all(isinstance(part, dict) for part in content):
        raise InvalidRequest(f"Each part of '{where}.content' must be an object.", param=f"{where}.content")


def check_embeddings(body: JsonObject) -> None:
    given = body.get("input")
    if given is None:
        raise InvalidRequest("You must provide 'input'.", code="missing_required_parameter", param="input")
    if not isinstance(given, str | list) or not given:
        raise InvalidRequest("'input' must be a string or a list, and not empty.", param="input")
    if body.get("encoding_format") not in {None, "float", "base64"}:
        raise InvalidRequest("'encoding_format' must be 'float' or 'base64'.", param="encoding_format")
    integer(body, "dimensions", 1)


def check_metadata(body: JsonObject) -> None:
    metadata = body.get("metadata")
    if metadata is None:
        return
    if not isinstance(metadata, dict) or len(metadata) > 16:
        raise InvalidRequest("'metadata' must be an object with at most 16 entries.", param="metadata")
    for key, value in metadata.items():
        if len(key) > 64 or not isinstance(value, str) or len(value) > 512:
            raise InvalidRequest(
                "Keys of 'metadata' have at most 64 characters; its values are strings of at most 512.",
                param=f"metadata.{key[:64]}",
            )


def integer(body: JsonObject, name: str, low: int, high: int | None = None) -> None:
    """Refuse what is there and is no integer of [low, high]."""
    value = body.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        span = f"between {low} and {high}" if high is not None else f"of at least {low}"
        raise InvalidRequest(f"'{name}' must be an integer {span}.", param=name)


def number(body: JsonObject, name: str, low: float, high: float) -> None:
    value = body.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidRequest(f"'{name}' must be a number between {low:g} and {high:g}.", param=name)
