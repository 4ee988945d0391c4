"""What can happen to a request's money, each as a part of one transaction on the books.

An act that raises has changed nothing: the transaction is its caller's, who rolls it back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from gateway import errors
from gateway.ledger import rows, wire
from gateway.ledger import statements as sql
from gateway.ledger.books import Books
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


@dataclass(frozen=True, slots=True)
class Settled:
    """What a settlement booked, and the accounts as they stand after it."""

    booked: Sequence[AttemptResult] = ()
    balances: tuple[Balance, ...] = ()


def open_request(
    books: Books, record: RequestRecord, hold: HoldRequest | None, first: Intent | None = None
) -> Opened | HoldRefused:
    """Write the request down and take its hold on all scopes, or do neither. Raises Conflict if it is there already.

    With `first`, that attempt is written down too; its bound is within the hold.
    """
    balances: tuple[Balance, ...] = ()
    if hold is None or not hold.scopes:
        books.add_request(record)
    else:
        scopes, amount = tuple(dict.fromkeys(hold.scopes)), max(0, hold.amount)
        books.sweep()
        refused = books.accounts.refusal(scopes, more=amount, total=amount)
        if refused is not None:
            return refused
        books.add_request(record)
        books.add_hold(record.id, scopes, amount, hold.expires_at)
        balances = books.accounts.balances(scopes)
    if first is not None:
        books.add_intent(first)
    return Opened(balances)


def dispatch(books: Books, intent: Intent, hold_at_least: int) -> HoldRefused | None:
    """Write the intent down, its hold raised first. Raises Conflict unless the request is open and the number new."""
    request_id = intent.request_id
    found = books.select(sql.STATUS, request_id, of=request_id)
    if not found or found[0][0] is not None or request_id in books.ended:
        raise errors.Conflict(f"The request {request_id} is not open.", code="already_finished")
    if any(row[1] == intent.number for row in books.select(sql.INTENTS, request_id)):
        raise errors.Conflict(f"Attempt {intent.number} of {request_id} was dispatched before.")
    refused = _raise_hold(books, request_id, hold_at_least)
    if refused is None:
        books.execute(sql.ADD_INTENT, rows.intent_values(intent))
    return refused


def extend(books: Books, request_ids: Sequence[str], expires_at: float) -> None:
    """Let standing holds live until `expires_at`, Unix seconds; never shorter than they would."""
    for request_id in request_ids:
        books.execute(sql.EXTEND_HOLD, (expires_at, request_id, expires_at), of=request_id)


def record(books: Books, opened: RequestRecord, settlement: Settlement) -> None:
    """Open and settle at once, without a hold. What is there already is left as it is."""
    if not books.select(sql.STATUS, opened.id, of=opened.id):
        books.add_request(opened)
    settle(books, settlement)


def settle(books: Books, settlement: Settlement) -> Settled:
    """End the request: a line for every attempt, its charge on every account, its hold given back.

    An intent that the settlement says nothing about is charged at its bound. Nothing is booked, and nothing is changed,
    when the request has ended before or was never opened.
    """
    request_id = settlement.request_id
    found = books.select(sql.REQUEST, request_id, of=request_id)
    if not found:
        log.error("settlement_of_unknown_request", generation=request_id)
    if not found or found[0][0] is not None or request_id in books.ended:
        return Settled()
    _, created_at, held, amount, state, *owner = found[0]
    results = _results(books, settlement)
    booking = rows.Booking(books.now, books.next_seq() if results else 0, late=state == "expired")
    for result in results:
        books.add_line(rows.line_values(owner, result, booking))
    cost = sum([rows.cost(result) for result in results])
    scopes = (key_scope(owner[0]),) if held is None else rows.scopes_of(held)
    stands = state == "held"
    if stands:
        books.end_hold(request_id, "captured" if cost else "released")
    books.accounts.move(scopes, spent=cost, held=-amount if stands else 0)
    books.end_request(request_id, rows.ended_values(created_at, settlement, results))
    if settlement.content is not None:
        _add_content(books, owner, created_at, settlement)
    return Settled(results, books.accounts.balances(scopes))


def balances(books: Books, scopes: Sequence[str]) -> list[Balance]:
    """The accounts, expired holds taken off."""
    books.sweep()
    return [*books.accounts.balances(scopes)]


def recover(books: Books) -> Recovered:
    """End every open request as expired. Only while no process serves: what is open belongs to one that died."""
    requests = books.select(sql.OPEN_REQUESTS)
    booked: list[AttemptResult] = []
    for (request_id,) in requests:
        booked += settle(books, wire.stopped(request_id, books.now)).booked
    return Recovered(len(requests), len(booked), sum(result.cost for result in booked))


def _results(books: Books, settlement: Settlement) -> list[AttemptResult]:
    """One result for each attempt: the first that was reported, or its bound, since nobody knows what it used."""
    reported: dict[int, AttemptResult] = {}
    for result in settlement.results:
        reported.setdefault(result.intent.number, result)
    for row in books.select(sql.INTENTS, settlement.request_id):
        if row[1] not in reported:
            reported[row[1]] = wire.unreported(rows.intent_of(row), settlement.ended_at)
    return list(reported.values())


def _raise_hold(books: Books, request_id: str, at_least: int) -> HoldRefused | None:
    """Raise the hold to `at_least`; one that has expired is taken again, for as long as it was meant to live."""
    books.sweep()
    found = books.select(sql.HOLD, request_id)
    if not found:
        return None
    text, amount, state, created_at, expires_at = found[0]
    stands = state == "held"
    total = max(at_least, amount)
    more = total - amount if stands else total
    if more == 0:
        return None
    scopes = rows.scopes_of(text)
    refused = books.accounts.refusal(scopes, more=more, total=total)
    if refused is not None:
        return refused
    books.accounts.move(scopes, held=more)
    began = created_at if stands else books.now
    expires_at += began - created_at
    books.execute(sql.RAISE_HOLD, (total, "held", began, expires_at, request_id))
    books.expires(expires_at)
    return None


def _add_content(books: Books, owner: Sequence[object], created_at: float, settlement: Settlement) -> None:
    request = {"id": settlement.request_id, "created_at": created_at, **dict(zip(rows.OWNER, owner, strict=True))}
    content = rows.content(request, settlement)
    if content is not None:
        books.execute(sql.ADD_CONTENT, tuple({**content, "prompt": json.dumps(content["prompt"])}.values()))
