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
from gateway.ledger.memory import OpenRequest
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
        request = books.add_request(record)
    else:
        scopes, amount = tuple(dict.fromkeys(hold.scopes)), max(0, hold.amount)
        books.sweep()
        refused = books.accounts.refusal(scopes, more=amount, total=amount)
        if refused is not None:
            return refused
        request = books.add_request(record)
        request.scopes, request.since = scopes, books.now
        books.hold(request, amount, hold.expires_at)
        balances = books.accounts.balances(scopes)
    if first is not None:
        request.attempts[first.number] = first
    return Opened(balances)


def dispatch(books: Books, intent: Intent, hold_at_least: int) -> HoldRefused | None:
    """Write the intent down, its hold raised first. Raises Conflict unless the request is open and the number new."""
    request = books.request(intent.request_id)
    if request is None:
        raise errors.Conflict(f"The request {intent.request_id} is not open.", code="already_finished")
    if intent.number in request.attempts:
        raise errors.Conflict(f"Attempt {intent.number} of {request.id} was dispatched before.")
    refused = _raise_hold(books, request, hold_at_least)
    if refused is None:
        request.attempts[intent.number] = intent
        books.change(request)
    return refused


def extend(books: Books, request_ids: Sequence[str], expires_at: float) -> None:
    """Let standing holds live until `expires_at`, Unix seconds; never shorter than they would."""
    for request_id in request_ids:
        request = books.request(request_id)
        if request is not None and request.standing and request.expires_at < expires_at:
            request.expires_at = expires_at
            books.change(request)


def record(books: Books, opened: RequestRecord, settlement: Settlement) -> None:
    """Open and settle at once, without a hold. What is there already is left as it is."""
    if not books.known(opened.id):
        books.add_request(opened)
    settle(books, settlement)


def settle(books: Books, settlement: Settlement) -> Settled:
    """End the request: a line for every attempt, its charge on every account, its hold given back.

    An intent that the settlement says nothing about is charged at its bound. Nothing is booked, and nothing is changed,
    when the request has ended before or was never opened.
    """
    request = books.request(settlement.request_id)
    if request is None:
        if not books.known(settlement.request_id):
            log.error("settlement_of_unknown_request", generation=settlement.request_id)
        return Settled()
    results = _results(request, settlement)
    late = bool(request.scopes) and not request.standing
    booking = rows.Booking(books.now, books.next_seq() if results else 0, late)
    lines = [rows.line_values(request.owner, result, booking) for result in results]
    cost = sum([rows.cost(result) for result in results])
    scopes = request.scopes or (key_scope(request.owner[0]),)
    books.accounts.move(scopes, spent=cost, held=-request.amount if request.standing else 0)
    books.end_request(request, rows.ended_values(request.created_at, settlement, results), lines)
    if settlement.content is not None:
        _add_content(books, request, settlement)
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


def _results(request: OpenRequest, settlement: Settlement) -> list[AttemptResult]:
    """One result for each attempt: the first that was reported, or its bound, since nobody knows what it used."""
    if len(settlement.results) == 1 and request.attempts.keys() == {settlement.results[0].intent.number}:
        return [*settlement.results]
    reported: dict[int, AttemptResult] = {}
    for result in settlement.results:
        reported.setdefault(result.intent.number, result)
    silent = sorted(request.attempts.keys() - reported.keys())
    return [*reported.values(), *[wire.unreported(request.attempts[n], settlement.ended_at) for n in silent]]


def _raise_hold(books: Books, request: OpenRequest, at_least: int) -> HoldRefused | None:
    """Raise the hold to `at_least`; one that has expired is taken again, for as long as it was meant to live."""
    books.sweep()
    if not request.scopes:
        return None
    total = max(at_least, request.amount)
    more = total - request.amount if request.standing else total
    if more == 0:
        return None
    refused = books.accounts.refusal(request.scopes, more=more, total=total)
    if refused is not None:
        return refused
    began = request.since if request.standing else books.now
    expires_at = request.expires_at + began - request.since
    request.since = began
    books.hold(request, more, expires_at)
    books.change(request)
    return None


def _add_content(books: Books, request: OpenRequest, settlement: Settlement) -> None:
    owner = dict(zip(rows.OWNER, request.owner, strict=True))
    content = rows.content({"id": request.id, "created_at": request.created_at, **owner}, settlement)
    if content is not None:
        books.add_content(tuple({**content, "prompt": json.dumps(content["prompt"])}.values()))
