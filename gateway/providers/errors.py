"""What a provider's failure was: read off the HTTP exchange at the root of LiteLLM's exception, not off its text.

Whatever cannot be recognised counts as the provider's failure, never as the caller's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import httpx

from gateway.errors import Fault, ProviderError
from gateway.providers.params import CHAT, EMBEDDINGS
from gateway.providers.runtime import load

Redact = Callable[[str], str]
RETRYABLE = frozenset({408, 409})
MOST_TEXT = 2_000
TOO_LONG = ("prompt is too long", "exceeds the maximum number of tokens", "maximum context length")
WORD = re.compile(r"[a-z_]+")
UNREADABLE = 422  # what LiteLLM says when it cannot read an answer; a provider's own 422 comes with a response


def provider_error(error: BaseException, redact: Redact) -> ProviderError:
    """Turn anything a lane raised into a ProviderError; `redact` takes secrets out of its text."""
    if isinstance(error, ProviderError):
        return error
    chain = list(causes(error))
    response = next((e.response for e in chain if isinstance(e, httpx.HTTPStatusError)), None)
    status = response.status_code if response is not None else getattr(error, "status_code", None)
    fault = transport_fault(chain) or status_fault(error, status, answered=response is not None)
    body = error_object(response, error)
    message = str(body.get("message") or plain(str(getattr(error, "message", "") or error)))
    code = body.get("code") if isinstance(body.get("code"), str) else None
    param = body.get("param") if isinstance(body.get("param"), str) else None
    if fault is Fault.CALLER:
        fault = caller_fault(error, message, code)
        if is_a(error, "UnsupportedParamsError"):
            message = message.partition(" To drop")[0]
            code, param = "unsupported_parameter", member_named(message)
    shown = status if response is not None or fault is Fault.CALLER else None
    return ProviderError(
        fault,
        redact(message[:MOST_TEXT]),
        status=shown if isinstance(shown, int) else None,
        code=code,
        param=param,
        retry_after=retry_after(response, error),
    )


def causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and what caused it, outermost first; cycles end it."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def transport_fault(chain: list[BaseException]) -> Fault | None:
    """The fault of a connection that gave no HTTP answer, or broke within one; the innermost cause knows best."""
    for error in reversed(chain):
        match error:
            case aiohttp.ClientConnectorError() | ConnectionRefusedError():
                return Fault.CONNECT
            case aiohttp.ClientOSError() | aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
                return Fault.RESET
            case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout():
                return Fault.CONNECT
            case httpx.TimeoutException() | TimeoutError():
                return Fault.TIMEOUT
            case httpx.ReadError() | httpx.WriteError() | httpx.RemoteProtocolError() | httpx.StreamError():
                return Fault.RESET
            case json.JSONDecodeError() | UnicodeDecodeError() | httpx.DecodingError():
                return Fault.MALFORMED
    return None


def status_fault(error: BaseException, status: Any, *, answered: bool) -> Fault:
    """By the HTTP status where there was an answer, by what LiteLLM made of a broken one where there was none."""
    if not answered and (not isinstance(status, int) or status >= 500):
        return Fault.MALFORMED if isinstance(error, ValueError | KeyError | TypeError) else Fault.IN_BAND
    if not answered and status == UNREADABLE:
        return Fault.MALFORMED
    if status == 429:
        return Fault.RATE_LIMITED
    if status in {401, 403}:
        return Fault.CREDENTIALS
    if status == 404:
        return Fault.NOT_FOUND
    if 400 <= status < 500 and status not in RETRYABLE:
        return Fault.CALLER
    return Fault.SERVER


def caller_fault(error: BaseException, message: str, code: str | None) -> Fault:
    """A 4xx in its finer kinds: LiteLLM's classes first, then the provider's own code."""
    low = message.lower()
    too_long = code == "context_length_exceeded" or any(words in low for words in TOO_LONG)
    if too_long or is_a(error, "ContextWindowExceededError"):
        return Fault.CONTEXT_WINDOW
    if is_a(error, "ContentPolicyViolationError") or code in {"content_policy_violation", "content_filter"}:
        return Fault.CONTENT_POLICY
    return Fault.CALLER


def member_named(message: str) -> str | None:
    """The member of the request that LiteLLM's refusal names first."""
    return next((word for word in WORD.findall(message) if word in CHAT | EMBEDDINGS), None)


def is_a(error: BaseException, name: str) -> bool:
    return isinstance(error, getattr(load(), name, ()))


def error_object(response: httpx.Response | None, error: BaseException) -> dict[str, Any]:
    """The provider's error object: OpenAI's, Anthropic's and Gemini's all sit under "error"."""
    body: Any = getattr(error, "body", None)
    if response is not None:
        try:
            body = json.loads(response.text)
        except (ValueError, httpx.StreamError):
            body = None
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return {}
    inner = body.get("error", body)
    return inner if isinstance(inner, dict) else {"message": str(inner)}


def retry_after(response: httpx.Response | None, error: BaseException) -> float | None:
    """Seconds, from `retry-after-ms` or `retry-after`; dates and nonsense count as not said."""
    headers: Any = response.headers if response is not None else getattr(error, "litellm_response_headers", None)
    if not headers:
        return None
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            value = float(headers.get(name)) / scale
        except (TypeError, ValueError):
            continue
        if 0 <= value < float("inf"):
            return value
    return None


def plain(text: str) -> str:
    """LiteLLM's text without its own prefixes."""
    for mark in ("Exception - ", "Error: "):
        if mark in text[:120]:
            text = text.rpartition(mark)[2] if mark == "Error: " else text.partition(mark)[2]
    return text.strip() or "the provider failed"
