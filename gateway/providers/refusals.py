"""What a provider's error answer says, read off its status, headers and body; LiteLLM's reading of it does not count.

Whose fault it is follows the status, but for the few cases in which providers use one status for two things. An answer
that cannot be read keeps its status and has no words.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from gateway.errors import Fault

RETRYABLE = frozenset({408, 409, 425})
TOO_LONG = (
    "prompt is too long",
    "exceeds the maximum number of tokens",
    "maximum context length",
    "messages is too long",
)
FLAGGED = frozenset({"content_policy_violation", "content_filter"})
FLAGGED_WORDS = "content filtering policy"
OUT_OF_CREDIT = frozenset({"insufficient_quota", "billing_not_active", "API_KEY_INVALID"})
OUT_OF_CREDIT_WORDS = "credit balance is too low"


def fault_of(status: int, error: Mapping[str, Any]) -> Fault:
    """The fault that an error answer tells of; `error` is its error object."""
    if status in {401, 402} or out_of_credit(error):
        return Fault.CREDENTIALS
    if status == 403:
        return Fault.CONTENT_POLICY if flagged(error) else Fault.CREDENTIALS
    if status == 404:
        return Fault.NOT_FOUND
    if status == 429:
        return Fault.RATE_LIMITED
    if 400 <= status < 500 and status not in RETRYABLE:
        return callers(error)
    return Fault.SERVER


def callers(error: Mapping[str, Any]) -> Fault:
    """A 4xx in its finer kinds."""
    words = message_of(error).lower()
    if error.get("code") == "context_length_exceeded" or any(each in words for each in TOO_LONG):
        return Fault.CONTEXT_WINDOW
    return Fault.CONTENT_POLICY if flagged(error) else Fault.CALLER


def flagged(error: Mapping[str, Any]) -> bool:
    """A policy on contents refused the request; OpenRouter gives its reasons, under 403."""
    reasons = error.get("metadata")
    return (
        text(error, "code") in FLAGGED
        or FLAGGED_WORDS in message_of(error).lower()
        or (isinstance(reasons, dict) and bool(reasons.get("reasons")))
    )


def out_of_credit(error: Mapping[str, Any]) -> bool:
    """Our key is no good, or has no money left, though the status blames the caller (Google, Anthropic, OpenAI)."""
    reasons = {text(detail, "reason") for detail in details(error)}
    return bool(OUT_OF_CREDIT & ({text(error, "code"), text(error, "type")} | reasons)) or (
        OUT_OF_CREDIT_WORDS in message_of(error).lower()
    )


def message_of(error: Mapping[str, Any]) -> str:
    """The words for a person; empty where there are none."""
    for name in ("message", "detail", "error", "title"):
        found = error.get(name)
        if isinstance(found, str) and found:
            return found
    detail = error.get("detail")
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        return str(detail[0].get("msg") or "")
    return ""


def text(error: Mapping[str, Any], name: str) -> str | None:
    found = error.get(name)
    return found if isinstance(found, str) else None


def details(error: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = error.get("details")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def error_object(data: bytes) -> dict[str, Any]:
    """The error object: under "error" with OpenAI, Anthropic and Google, the body itself with others."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return {}
    inner = body.get("error", body)
    return inner if isinstance(inner, dict) else {"message": str(inner)}


def retry_after(headers: Mapping[str, str], error: Mapping[str, Any]) -> float | None:
    """Seconds: `retry-after-ms` or `retry-after`, whichever is longer, as a date too; or Google's RetryInfo."""
    asked = headers.get("retry-after")
    told = [
        number(headers.get("retry-after-ms"), 1000.0),
        number(asked, 1.0),
        until(asked, headers.get("date")),
        *(number(str(each["retryDelay"]).removesuffix("s"), 1.0) for each in details(error) if "retryDelay" in each),
    ]
    return max((seconds for seconds in told if seconds is not None), default=None)


def number(value: str | None, scale: float) -> float | None:
    try:
        seconds = float(value or "") / scale
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def until(value: str | None, now: str | None) -> float | None:
    """Seconds until an HTTP date, by the provider's own clock where it told the time."""
    try:
        then = parsedate_to_datetime(value or "").timestamp()
    except ValueError:
        return None
    try:
        told = parsedate_to_datetime(now or "").timestamp()
    except ValueError:
        told = time.time()
    return max(0.0, then - told)
