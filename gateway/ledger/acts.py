"""What can happen to a request's money, each as one transaction's work on the writer's connection.

An act that raises has changed nothing: the transaction is its caller's, who rolls it back.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from gateway import errors
from gateway.ledger import accounts, rows, wire
from gateway.ledger import statements as sql
from gateway.store.tables import key_scope
from gateway.types import (
    AttemptResult,
    Balance,
    HoldRefused,
    HoldRequest,
    Intent,
    Opened,
    RequestRecord,
    Settlement,
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What `recover` found open: requests, their attempts, and what those were charged in nano-dollars."""

    requests: int
    attempts: int
    cost: int


def open_request(
    connection: sqlite3.Connection,
    now: float,
    record: RequestRecord,
    hold: HoldRequest | None,
    first: Intent | None = None,
) -> Opened | HoldRefused:
    """Write the request down and take its hold on all scopes, or do neither. Raises Conflict if it is there already.

    With `first`, that attempt is written down too; its bound is within the hold.
    """
    if hold is None or not hold.scopes:
        _add_request(connection, record)
        _add_intent(connection, first)
        return Opened()
    scopes, amount = tuple(dict.fromkeys(hold.scopes)), max(0, hold.amount)
    accounts.sweep(connection, now)
    refused = accounts.refusal(connection, scopes, now, more=amount, total=amount)
    if refused is not None:
        return refused
    _add_request(connection, record)
    accounts.move(connection, scopes, now, held=amount)
    row = {
        "request_id": record.id,
        "scopes": json.dumps(scopes),
        "amount_nano": amount,
        "state": "held",
        "created_at": now,
        "expires_at": hold.expires_at,
    }
    connection.execute(sql.ADD_HOLD, row)
    _add_intent(connection, first)
    return Opened(_balances(connection, scopes, now))


def dispatch(connection: sqlite3.Connection, now: float, intent: Intent, hold_at_least: int) -> HoldRefused | None:
    """Write the intent down, its hold raised first. Raises Conflict unless the request is open and the number new."""
    request = connection.execute(sql.REQUEST, {"id": intent.request_id}).fetchone()
    if request is None or request["status"] is not None:
        raise errors.Conflict(f"The request {intent.request_id} is not open.", code="already_finished")
    numbered = {"id": intent.request_id, "number": intent.number}
    if connection.execute(sql.INTENT_EXISTS, numbered).fetchone()[0]:
        raise errors.Conflict(f"Attempt {intent.number} of {intent.request_id} was dispatched before.")
    refused = _raise_hold(connection, now, intent.request_id, hold_at_least)
    if refused is None:
        connection.execute(sql.ADD_INTENT, rows.intent(intent))
    return refused


def extend(connection: sqlite3.Connection, request_ids: Sequence[str], expires_at: float) -> None:
    """Let standing holds live until `expires_at`, Unix seconds; never shorter than they would."""
    for request_id in request_ids:
        connection.execute(sql.EXTEND_HOLD, {"id": request_id, "expires_at": expires_at, "until": expires_at})


def record(connection: sqlite3.Connection, now: float, opened: RequestRecord, settlement: Settlement) -> None:
    """Open and settle at once, without a hold. What is there already is left as it is."""
    if connection.execute(sql.REQUEST, {"id": opened.id}).fetchone() is None:
        _add_request(connection, opened)
    settle(connection, now, settlement)


@dataclass(frozen=True, slots=True)
class Settled:
    """What a settlement booked, and the accounts as they stand after it."""

    booked: tuple[AttemptResult, ...] = ()
    balances: tuple[Balance, ...] = ()


def settle(connection: sqlite3.Connection, now: float, settlement: Settlement) -> Settled:
    """End the request: a line for every attempt, its charge on every account, its hold given back.

    An intent that the settlement says nothing about is charged at its bound. Nothing is booked, and nothing is changed,
    when the request has ended before or was never opened.
    """
    request = connection.execute(sql.REQUEST, {"id": settlement.request_id}).fetchone()
    if request is None:
        log.error("settlement_of_unknown_request", generation=settlement.request_id)
    if request is None or request["status"] is not None:
        return Settled()
    hold = connection.execute(sql.HOLD, {"id": request["id"]}).fetchone()
    late = hold is not None and hold["state"] == "expired"
    seq = connection.execute(sql.NEXT_SEQ).fetchone()[0]
    booked = tuple(
        result
        for result in (*settlement.results, *_unreported(connection, settlement))
        if connection.execute(sql.ADD_LINE, rows.line(request, result, now, late=late, seq=seq)).rowcount
    )
    cost = sum(rows.cost(result) for result in booked)
    if hold is not None:
        accounts.end_hold(connection, hold, "captured" if cost else "released", now)
    scopes = json.loads(hold["scopes"]) if hold is not None else [key_scope(request["key_id"])]
    if cost:
        accounts.move(connection, scopes, now, spent=cost)
    ending = rows.ended(request["created_at"], settlement, booked)
    connection.execute(sql.END_REQUEST, {"of_request": request["id"], **ending})
    content = rows.content(request, settlement)
    if content is not None:
        connection.execute(sql.ADD_CONTENT, {**content, "prompt": json.dumps(content["prompt"])})
    return Settled(booked, _balances(connection, scopes, now))


def recover(connection: sqlite3.Connection, now: float) -> Recovered:
    """End every open request as expired. Only while no process serves: what is open belongs to one that died."""
    requests = [row["id"] for row in connection.execute(sql.OPEN_REQUESTS).fetchall()]
    booked: list[AttemptResult] = []
    for request_id in requests:
        booked += settle(connection, now, wire.stopped(request_id, now)).booked
    return Recovered(len(requests), len(booked), sum(result.cost for result in booked))


def _balances(connection: sqlite3.Connection, scopes: Sequence[str], now: float) -> tuple[Balance, ...]:
    return tuple(accounts.balance(connection, scope, now) for scope in scopes)


def _raise_hold(connection: sqlite3.Connection, now: float, request_id: str, at_least: int) -> HoldRefused | None:
    """Raise the hold to `at_least`; one that has expired is taken again, for as long as it was meant to live."""
    accounts.sweep(connection, now)
    hold = connection.execute(sql.HOLD, {"id": request_id}).fetchone()
    if hold is None:
        return None
    stands = hold["state"] == "held"
    total = max(at_least, hold["amount_nano"])
    more = total - hold["amount_nano"] if stands else total
    if more == 0:
        return None
    scopes = json.loads(hold["scopes"])
    refused = accounts.refusal(connection, scopes, now, more=more, total=total)
    if refused is not None:
        return refused
    accounts.move(connection, scopes, now, held=more)
    created_at = hold["created_at"] if stands else now
    lifetime = hold["expires_at"] - hold["created_at"]
    values = {"state": "held", "amount_nano": total, "created_at": created_at, "expires_at": created_at + lifetime}
    connection.execute(sql.RAISE_HOLD, {"id": request_id, **values})
    return None


def _add_request(connection: sqlite3.Connection, opened: RequestRecord) -> None:
    try:
        connection.execute(sql.ADD_REQUEST, rows.opened(opened))
    except sqlite3.IntegrityError:
        raise errors.Conflict(f"The request {opened.id} was opened before.") from None


def _add_intent(connection: sqlite3.Connection, first: Intent | None) -> None:
    if first is not None:
        connection.execute(sql.ADD_INTENT, rows.intent(first))


def _unreported(connection: sqlite3.Connection, settlement: Settlement) -> list[AttemptResult]:
    """Results for intents that the settlement does not mention: nobody knows what they used."""
    reported = {result.intent.number for result in settlement.results}
    intents = [rows.intent_of(row) for row in connection.execute(sql.INTENTS, {"id": settlement.request_id}).fetchall()]
    return [wire.unreported(each, settlement.ended_at) for each in intents if each.number not in reported]
