"""From the values of `types` to the ledger's rows and back. Pure.

A row is a tuple in the order of its names (`OPENED`, `ENDED`, `LINE`), which is how SQLite's driver takes it
fastest; `named` makes it a dictionary. Texts from outside are cleaned and numbers cut to what any store takes, so that
no provider's answer can keep a settlement out of the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from gateway.store.tables import TOKENS
from gateway.types import AttemptResult, Price, RequestRecord, Settlement

MAX_COST = 10**16  # nano-dollars: ten million dollars, the most that one attempt is ever charged
MAX_INTEGER = 2**63 - 1
MAX_TEXT = 2_000
KEPT = 1_024  # texts of prices and scopes: most requests share a few

OPENED = (
    "id",
    "x_request_id",
    "key_id",
    "tenant",
    "user",
    "team",
    "brand",
    "endpoint",
    "model_requested",
    "stream",
    "template",
    "template_version",
    "tags",
    "route",
    "simulated",
    "created_at",
    "cost_nano",
)
ENDED = (
    "ended_at",
    "status",
    "http_status",
    "error_code",
    "deployment_id",
    "cache",
    "prompt_digest",
    "ttft_ms",
    "duration_ms",
    "cost_nano",
    "estimated",
    *TOKENS,
)
OWNER = ("key_id", "tenant", "user", "team", "brand", "simulated")
LINE = (
    "request_id",
    "number",
    *OWNER,
    "seq",
    "provider",
    "model",
    "deployment_id",
    "status",
    "fault",
    "error",
    "finish_reason",
    *TOKENS,
    "cost_nano",
    "estimated",
    "late",
    "price",
    "started_at",
    "ended_at",
    "booked_at",
    "ttft_ms",
)

_value = attrgetter("_value_")  # of an enumeration's member; `value` is a property that costs ten times as much
_OWNER = itemgetter(*map(OPENED.index, OWNER))

Row = dict[str, Any]
Values = tuple[Any, ...]


class Booking(NamedTuple):
    """How a settlement is booked: `seq` grows with each; `late`: its hold had expired before."""

    at: float
    seq: int
    late: bool


def opened_values(record: RequestRecord) -> Values:
    """`OPENED`: a row of `request` while the request is open."""
    return (
        record.id,
        _text(record.request_id),
        _text(record.key_id),
        _text(record.tenant),
        _text(record.user),
        _text(record.team),
        _text(record.brand),
        _value(record.endpoint),
        _text(record.model_requested),
        record.stream,
        _text(record.template),
        _text(record.template_version),
        json.dumps(record.tags) if record.tags else "[]",
        _text(record.route),
        record.simulated,
        record.created_at,
        0,
    )


def owner_of(opened: Values) -> Values:
    """`OWNER`, out of `opened_values`."""
    owner: Values = _OWNER(opened)
    return owner


def ended_values(created_at: float, settlement: Settlement, lines: Sequence[AttemptResult]) -> Values:
    """`ENDED`: the columns of `request` that its end fills; `lines` are the attempts that were booked."""
    return (
        settlement.ended_at,
        _value(settlement.status),
        settlement.http_status,
        _text(settlement.error_code),
        _text(settlement.deployment_id),
        _text(settlement.cache),
        _text(settlement.prompt_digest),
        _milliseconds(settlement.ttft),
        _milliseconds(max(0.0, settlement.ended_at - created_at)),
        *_totals(lines),
    )


def line_values(owner: Sequence[Any], result: AttemptResult, booking: Booking) -> Values:
    """`LINE`: a row of `ledger`, for an attempt of the request whose `OWNER` columns are given."""
    attempt = result.intent
    return (
        attempt.request_id,
        attempt.number,
        *owner,
        booking.seq,
        _text(attempt.provider),
        _text(attempt.model),
        _text(attempt.deployment_id),
        _value(result.status),
        None if result.fault is None else _value(result.fault),
        _text(result.error),
        _text(result.finish_reason),
        *_tokens(result),
        cost(result),
        result.usage.estimated,
        booking.late,
        price_text(attempt.price),
        attempt.started_at,
        result.ended_at,
        booking.at,
        _milliseconds(result.ttft),
    )


def opened(record: RequestRecord) -> Row:
    """`opened_values` by name."""
    return dict(zip(OPENED, opened_values(record), strict=True))


def ended(created_at: float, settlement: Settlement, lines: Sequence[AttemptResult]) -> Row:
    """`ended_values` by name."""
    return dict(zip(ENDED, ended_values(created_at, settlement, lines), strict=True))


def line(request: Mapping[str, Any], result: AttemptResult, booked_at: float, *, late: bool, seq: int) -> Row:
    """`line_values` by name, for an attempt of the request whose row is `request`."""
    owner = tuple(request[name] for name in OWNER)
    return dict(zip(LINE, line_values(owner, result, Booking(booked_at, seq, late)), strict=True))


def content(owner: Row, settlement: Settlement) -> Row | None:
    """A row of `content` for a settlement that brings some; `prompt` is JSON, and its texts are left as they are.

    Of the request's row it takes id, tenant, user and created_at.
    """
    stored = settlement.content
    if stored is None:
        return None
    return {
        "request_id": owner["id"],
        "tenant": owner["tenant"],
        "user": owner["user"],
        "prompt": list(stored.prompt),
        "answer": None if stored.answer is None else _readable(stored.answer),
        "created_at": owner["created_at"],
        "expires_at": None if stored.keep_for is None else settlement.ended_at + stored.keep_for,
    }


def cost(result: AttemptResult) -> int:
    """Nano-dollars that an attempt is charged."""
    return min(max(0, result.cost), MAX_COST)


@lru_cache(KEPT)
def scopes_text(scopes: tuple[str, ...]) -> str:
    """Scopes as they are written down with a hold."""
    return json.dumps(scopes)


@lru_cache(KEPT)
def scopes_of(text: str) -> tuple[str, ...]:
    """What `scopes_text` was made from."""
    return tuple(json.loads(text))


@lru_cache(KEPT)
def price_text(price: Price) -> str:
    """A price as it is written down with an attempt."""
    return json.dumps(asdict(price))


def price_of(snapshot: dict[str, Any]) -> Price:
    """A price as it was written down with its attempt."""
    long = snapshot.pop("long", None)
    return Price(**snapshot, long=price_of(long) if long is not None else None)


def _tokens(result: AttemptResult) -> tuple[int, ...]:
    usage = result.usage
    return (
        _cut(usage.input),
        _cut(usage.output),
        _cut(usage.cached_input),
        _cut(usage.cache_write),
        _cut(usage.reasoning),
        _cut(usage.audio_input),
        _cut(usage.audio_output),
    )


def _totals(results: Sequence[AttemptResult]) -> Values:
    """The columns "cost_nano", "estimated" and `TOKENS`, of all attempts together."""
    if len(results) == 1:
        return (cost(results[0]), results[0].usage.estimated, *_tokens(results[0]))
    sums = [0] * len(TOKENS)
    for result in results:
        sums = [_cut(so_far + count) for so_far, count in zip(sums, _tokens(result), strict=True)]
    estimated = [result.usage.estimated for result in results]
    return (sum([cost(result) for result in results]), any(estimated), *sums)


def _cut(count: int) -> int:
    return count if 0 <= count <= MAX_INTEGER else max(0, min(count, MAX_INTEGER))


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _text(value: str | None) -> Any:
    """Without lone surrogates and NUL, and not without end; what is fine already is left alone."""
    if value is None or (value.isascii() and len(value) <= MAX_TEXT and "\0" not in value):
        return value
    return _readable(value[:MAX_TEXT])


def _readable(value: str) -> str:
    return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
