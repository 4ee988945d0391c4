"""From the values of `types` to the ledger's rows and back. Pure.

Texts from outside are cleaned and numbers cut to what any store takes, so that no provider's answer can keep a
settlement out of the ledger.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from gateway.store.tables import TOKENS
from gateway.types import AttemptResult, Intent, Price, RequestRecord, Settlement

MAX_COST = 10**16  # nano-dollars: ten million dollars, the most that one attempt is ever charged
MAX_INTEGER = 2**63 - 1
MAX_TEXT = 2_000
_JSON = frozenset({"tags", "scopes", "price"})

Row = dict[str, Any]


def opened(record: RequestRecord) -> Row:
    """A row of `request` while the request is open."""
    return _clean(
        {
            "id": record.id,
            "x_request_id": record.request_id,
            "key_id": record.key_id,
            "tenant": record.tenant,
            "user": record.user,
            "team": record.team,
            "brand": record.brand,
            "endpoint": record.endpoint.value,
            "model_requested": record.model_requested,
            "stream": record.stream,
            "template": record.template,
            "template_version": record.template_version,
            "tags": json.dumps(record.tags),
            "route": record.route,
            "simulated": record.simulated,
            "created_at": record.created_at,
            "cost_nano": 0,
        }
    )


def ended(created_at: float, settlement: Settlement, lines: Sequence[AttemptResult]) -> Row:
    """The columns of `request` that its end fills; `lines` are the attempts that were booked."""
    return _clean(
        {
            "ended_at": settlement.ended_at,
            "status": settlement.status.value,
            "http_status": settlement.http_status,
            "error_code": settlement.error_code,
            "deployment_id": settlement.deployment_id,
            "cache": settlement.cache,
            "prompt_digest": settlement.prompt_digest,
            "ttft_ms": _milliseconds(settlement.ttft),
            "duration_ms": _milliseconds(max(0.0, settlement.ended_at - created_at)),
            "cost_nano": sum(cost(line) for line in lines),
            "estimated": any(line.usage.estimated for line in lines),
            **_tokens(lines),
        }
    )


def intent(value: Intent) -> Row:
    """A row of `intent`."""
    return _clean(
        {
            "request_id": value.request_id,
            "number": value.number,
            "deployment_id": value.deployment_id,
            "provider": value.provider,
            "model": value.model,
            "price": json.dumps(asdict(value.price)),
            "bound_nano": min(max(0, value.bound), MAX_COST),
            "started_at": value.started_at,
        }
    )


def intent_of(row: sqlite3.Row) -> Intent:
    """The intent that a row of `intent` was made from."""
    return Intent(
        request_id=row["request_id"],
        number=row["number"],
        deployment_id=row["deployment_id"],
        provider=row["provider"],
        model=row["model"],
        price=price_of(json.loads(row["price"])),
        bound=row["bound_nano"],
        started_at=row["started_at"],
    )


def line(
    request: Mapping[str, Any] | sqlite3.Row, result: AttemptResult, booked_at: float, *, late: bool, seq: int
) -> Row:
    """A row of `ledger`, for an attempt of the request whose row is `request`."""
    attempt = result.intent
    return _clean(
        {
            "request_id": request["id"],
            "number": attempt.number,
            "key_id": request["key_id"],
            "tenant": request["tenant"],
            "user": request["user"],
            "team": request["team"],
            "brand": request["brand"],
            "simulated": bool(request["simulated"]),
            "seq": seq,
            "provider": attempt.provider,
            "model": attempt.model,
            "deployment_id": attempt.deployment_id,
            "status": result.status.value,
            "fault": result.fault.value if result.fault is not None else None,
            "error": result.error,
            "finish_reason": result.finish_reason,
            **_tokens([result]),
            "cost_nano": cost(result),
            "estimated": result.usage.estimated,
            "late": late,
            "price": json.dumps(asdict(attempt.price)),
            "started_at": attempt.started_at,
            "ended_at": result.ended_at,
            "booked_at": booked_at,
            "ttft_ms": _milliseconds(result.ttft),
        }
    )


def content(request: Mapping[str, Any] | sqlite3.Row, settlement: Settlement) -> Row | None:
    """A row of `content` for a settlement that brings some; `prompt` is JSON, and its texts are left as they are."""
    stored = settlement.content
    if stored is None:
        return None
    return {
        "request_id": request["id"],
        "tenant": request["tenant"],
        "user": request["user"],
        "prompt": list(stored.prompt),
        "answer": None if stored.answer is None else _readable(stored.answer),
        "created_at": request["created_at"],
        "expires_at": None if stored.keep_for is None else settlement.ended_at + stored.keep_for,
    }


def cost(result: AttemptResult) -> int:
    """Nano-dollars that an attempt is charged."""
    return min(max(0, result.cost), MAX_COST)


def _tokens(results: Sequence[AttemptResult]) -> dict[str, int]:
    return {
        column: min(sum(max(0, getattr(result.usage, name)) for result in results), MAX_INTEGER)
        for column, name in TOKENS.items()
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _clean(values: Mapping[str, Any]) -> Row:
    return {
        name: _text(value) if isinstance(value, str) and name not in _JSON else value for name, value in values.items()
    }


def _text(value: str) -> str:
    """Without lone surrogates and NUL, and not without end; what is fine already is left alone."""
    if len(value) <= MAX_TEXT and value.isascii() and "\0" not in value:
        return value
    return _readable(value[:MAX_TEXT])


def _readable(value: str) -> str:
    return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def price_of(snapshot: dict[str, Any]) -> Price:
    """A price as it was written down with its attempt."""
    long = snapshot.pop("long", None)
    return Price(**snapshot, long=price_of(long) if long is not None else None)
