"""What can happen to a request's money, each as one transaction's work on the writer's connection.

An act that raises has changed nothing. Texts from outside are cleaned and counts are cut to 64 bits before they are
written, so that no provider's answer can keep a settlement out of the ledger.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from gateway import errors
from gateway.ledger import accounts
from gateway.ledger import statements as sql
from gateway.types import (
    AttemptResult,
    HoldRefused,
    HoldRequest,
    Intent,
    Price,
    RequestRecord,
    Settlement,
    Status,
    Usage,
)

UNREPORTED = "No result of this attempt was reported; it is charged at the most it can cost."
STOPPED = "gateway_stopped"  # error code of requests that were open when the previous process ended
MAX_INTEGER = 2**63 - 1
MAX_COST = 10**16  # nano-dollars: ten million dollars
MAX_TEXT = 2_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What `recover` found open: requests, attempts without a result, and their charge in nano-dollars."""

    requests: int = 0
    attempts: int = 0
    cost: int = 0


def open_request(
    connection: sqlite3.Connection, now: float, record: RequestRecord, hold: HoldRequest | None
) -> HoldRefused | None:
    """Write the request down and take its hold on all scopes, or do neither. Raises Conflict if it is there already."""
    if hold is not None:
        scopes, amount = tuple(dict.fromkeys(hold.scopes)), max(0, hold.amount)
        accounts.sweep(connection, now)
        refused = accounts.refusal(connection, scopes, now, more=amount, total=amount)
        if refused is not None:
            return refused
    _add_request(connection, record)
    if hold is not None:
        accounts.move(connection, scopes, now, held=amount)
        connection.execute(
            sql.ADD_HOLD,
            {
                "request_id": record.id,
                "scopes": json.dumps(scopes),
                "amount_nano": amount,
                "state": "held",
                "created_at": now,
                "expires_at": hold.expires_at,
            },
        )
    return None


def dispatch(connection: sqlite3.Connection, now: float, intent: Intent, hold_at_least: int) -> HoldRefused | None:
    """Write the intent down, its hold raised first. Raises Conflict unless the request is open and the number new."""
    request = connection.execute(sql.REQUEST, {"id": intent.request_id}).fetchone()
    if request is None or request["status"] is not None:
        raise errors.Conflict(f"The request {intent.request_id} is not open.", code="already_finished")
    numbered = {"id": intent.request_id, "number": intent.number}
    if connection.execute(sql.INTENT_EXISTS, numbered).fetchone()[0]:
        raise errors.Conflict(f"Attempt {intent.number} of {intent.request_id} was dispatched before.")
    refused = _raise_hold(connection, now, intent.request_id, hold_at_least)
    if refused is not None:
        return refused
    connection.execute(
        sql.ADD_INTENT,
        _clean(
            {
                "request_id": intent.request_id,
                "number": intent.number,
                "deployment_id": intent.deployment_id,
                "provider": intent.provider,
                "model": intent.model,
                "price": json.dumps(asdict(intent.price)),
                "bound_nano": min(max(0, intent.bound), MAX_COST),
                "started_at": intent.started_at,
            }
        ),
    )
    return None


def extend(connection: sqlite3.Connection, request_ids: Sequence[str], expires_at: float) -> None:
    """Let standing holds live until `expires_at`, Unix seconds; never shorter than they would."""
    for request_id in request_ids:
        connection.execute(sql.EXTEND_HOLD, {"id": request_id, "expires_at": expires_at, "until": expires_at})


def record(connection: sqlite3.Connection, now: float, opened: RequestRecord, settlement: Settlement) -> None:
    """Open and settle at once, without a hold."""
    _add_request(connection, opened)
    settle(connection, now, settlement)


def settle(connection: sqlite3.Connection, now: float, settlement: Settlement) -> int | None:
    """End the request: a line for every attempt, its charge on every account, its hold given back.

    An intent that the settlement says nothing about is charged at its bound. Returns the charge in nano-dollars;
    None, and nothing changed, when the request has ended before or was never opened.
    """
    request = connection.execute(sql.REQUEST, {"id": settlement.request_id}).fetchone()
    if request is None:
        _log.error("ledger.settlement_of_unknown_request: %s", settlement.request_id)
        return None
    if request["status"] is not None:
        return None
    hold = connection.execute(sql.HOLD, {"id": settlement.request_id}).fetchone()
    late = hold is not None and hold["state"] == "expired"
    results = [*settlement.results, *_unreported(connection, settlement)]
    lines = [result for result in results if _add_line(connection, now, request, result, late=late)]
    cost = sum(_cost(result) for result in lines)
    if hold is not None:
        accounts.end_hold(connection, hold, "captured" if cost else "released", now)
    if cost:
        scopes = json.loads(hold["scopes"]) if hold is not None else [f"key:{request['key_id']}"]
        accounts.move(connection, scopes, now, spent=cost)
    _end_request(connection, request, settlement, lines)
    return cost


def recover(connection: sqlite3.Connection, now: float) -> Recovered:
    """End every open request as expired. Only when no process is serving: what is open belongs to one that died."""
    found = Recovered()
    for row in connection.execute(sql.OPEN_REQUESTS).fetchall():
        intents = len(connection.execute(sql.INTENTS, {"id": row["id"]}).fetchall())
        settlement = Settlement(row["id"], (), Status.EXPIRED, 500, STOPPED, ended_at=now)
        cost = settle(connection, now, settlement) or 0
        found = replace(found, requests=found.requests + 1, attempts=found.attempts + intents, cost=found.cost + cost)
    return found


def _raise_hold(connection: sqlite3.Connection, now: float, request_id: str, at_least: int) -> HoldRefused | None:
    """Raise the hold to `at_least`; one that has expired is taken again, for as long as it was asked for at first."""
    hold = connection.execute(sql.HOLD, {"id": request_id}).fetchone()
    if hold is None:
        return None
    standing = hold["amount_nano"] if hold["state"] == "held" else 0
    total = max(at_least, hold["amount_nano"])
    if total == standing and hold["state"] == "held":
        return None
    accounts.sweep(connection, now)
    hold = connection.execute(sql.HOLD, {"id": request_id}).fetchone()
    standing = hold["amount_nano"] if hold["state"] == "held" else 0
    scopes = json.loads(hold["scopes"])
    refused = accounts.refusal(connection, scopes, now, more=total - standing, total=total)
    if refused is not None:
        return refused
    lifetime = hold["expires_at"] - hold["created_at"]
    expires_at = hold["expires_at"] if hold["state"] == "held" else now + max(0.0, lifetime)
    accounts.move(connection, scopes, now, held=total - standing)
    connection.execute(
        sql.RAISE_HOLD, {"id": request_id, "state": "held", "amount_nano": total, "expires_at": expires_at}
    )
    return None


def _add_request(connection: sqlite3.Connection, opened: RequestRecord) -> None:
    values = {
        "id": opened.id,
        "x_request_id": opened.request_id,
        "key_id": opened.key_id,
        "tenant": opened.tenant,
        "user": opened.user,
        "team": opened.team,
        "brand": opened.brand,
        "endpoint": opened.endpoint.value,
        "model_requested": opened.model_requested,
        "stream": opened.stream,
        "template": opened.template,
        "template_version": opened.template_version,
        "tags": json.dumps(opened.tags),
        "route": opened.route,
        "simulated": opened.simulated,
        "created_at": opened.created_at,
        "cost_nano": 0,
    }
    try:
        connection.execute(sql.ADD_REQUEST, _clean(values))
    except sqlite3.IntegrityError:
        raise errors.Conflict(f"The request {opened.id} was opened before.") from None


def _unreported(connection: sqlite3.Connection, settlement: Settlement) -> list[AttemptResult]:
    reported = {result.intent.number for result in settlement.results}
    missing = []
    for row in connection.execute(sql.INTENTS, {"id": settlement.request_id}).fetchall():
        if row["number"] in reported:
            continue
        intent = Intent(
            row["request_id"],
            row["number"],
            row["deployment_id"],
            row["provider"],
            row["model"],
            Price(**json.loads(row["price"])),
            row["bound_nano"],
            row["started_at"],
        )
        usage = Usage(estimated=True)
        missing.append(
            AttemptResult(intent, Status.EXPIRED, usage, intent.bound, settlement.ended_at, error=UNREPORTED)
        )
    return missing


def _add_line(
    connection: sqlite3.Connection, now: float, request: sqlite3.Row, result: AttemptResult, *, late: bool
) -> bool:
    intent = result.intent
    values = {
        "request_id": request["id"],
        "number": intent.number,
        "key_id": request["key_id"],
        "tenant": request["tenant"],
        "provider": intent.provider,
        "model": intent.model,
        "deployment_id": intent.deployment_id,
        "status": result.status.value,
        "fault": result.fault.value if result.fault is not None else None,
        "error": result.error,
        "finish_reason": result.finish_reason,
        **_tokens([result]),
        "cost_nano": _cost(result),
        "estimated": result.usage.estimated,
        "late": late,
        "price": json.dumps(asdict(intent.price)),
        "started_at": intent.started_at,
        "ended_at": result.ended_at,
        "booked_at": now,
        "ttft_ms": _milliseconds(result.ttft),
    }
    return connection.execute(sql.ADD_LINE, _clean(values)).rowcount == 1


def _end_request(
    connection: sqlite3.Connection, request: sqlite3.Row, settlement: Settlement, lines: Sequence[AttemptResult]
) -> None:
    values = {
        "of_request": request["id"],
        "ended_at": settlement.ended_at,
        "status": settlement.status.value,
        "http_status": settlement.http_status,
        "error_code": settlement.error_code,
        "deployment_id": settlement.deployment_id,
        "cache": settlement.cache,
        "prompt_digest": settlement.prompt_digest,
        "ttft_ms": _milliseconds(settlement.ttft),
        "duration_ms": _milliseconds(max(0.0, settlement.ended_at - request["created_at"])),
        "cost_nano": sum(_cost(line) for line in lines),
        "estimated": any(line.usage.estimated for line in lines),
        **_tokens(lines),
    }
    connection.execute(sql.END_REQUEST, _clean(values))


def _tokens(results: Sequence[AttemptResult]) -> dict[str, int]:
    return {
        column: min(sum(max(0, getattr(result.usage, name)) for result in results), MAX_INTEGER)
        for column, name in sql.TOKENS.items()
    }


def _cost(result: AttemptResult) -> int:
    return min(max(0, result.cost), MAX_COST)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _clean(values: Mapping[str, Any]) -> dict[str, Any]:
    """Text that any store takes: no lone surrogates, no NUL, no end without end."""
    return {
        name: value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")[:MAX_TEXT]
        if isinstance(value, str) and not (value.isascii() and value.isprintable() and len(value) <= MAX_TEXT)
        else value
        for name, value in values.items()
    }
