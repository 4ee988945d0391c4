"""The ledger's values as text, for Redis and for the journal, and back. Pure.

Text comes back as it was written, lone surrogates and numbers of any size included; rows clean it later. What cannot be
read is a `msgspec.ValidationError` or a `ValueError`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TypeVar

import msgspec

from gateway.ledger import rows
from gateway.types import AttemptResult, Intent, RequestRecord, Settlement, Status, Usage

T = TypeVar("T", RequestRecord, Intent, Settlement)
STOPPED = "gateway_stopped"  # error code of requests that their process left open
UNREPORTED = "No result of this attempt was reported; it is charged at the most it can cost."


_encode = msgspec.json.Encoder().encode
_decoder = cache(msgspec.json.Decoder)


def dump(value: RequestRecord | Intent | Settlement) -> bytes:
    """No text of a provider can keep it from being written: what is not UTF-8 is escaped."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode()


def load(text: str | bytes, kind: type[T]) -> T:
    try:
        value: T = _decoder(kind).decode(text)
    except msgspec.DecodeError:  # a lone surrogate, for example
        value = msgspec.convert(json.loads(text), kind)
    return value


def instant(time: float) -> str:
    """A time as the scripts write it, so that equal times are equal texts."""
    return f"{time:.17g}"


class Event(msgspec.Struct, frozen=True):
    """One settlement on the outbox. `cost` in nano-dollars, of all its attempts; `entry` is its place in the stream.

    `charges`: the accounts that pay, each with the start of the window that the cost belongs to.
    """

    entry: str
    seq: int
    booked_at: float
    late: bool
    cost: int
    record: RequestRecord
    settlement: Settlement
    unreported: tuple[Intent, ...]
    charges: tuple[tuple[str, str], ...]

    @property
    def results(self) -> tuple[AttemptResult, ...]:
        """One result for each attempt: the first that was reported, or its bound."""
        if len(self.settlement.results) == 1 and not self.unreported:
            return self.settlement.results
        reported: dict[int, AttemptResult] = {}
        for result in self.settlement.results:
            reported.setdefault(result.intent.number, result)
        charged = (unreported(intent, self.settlement.ended_at) for intent in self.unreported)
        return (*reported.values(), *charged)


def event(entry: str, fields: Mapping[str, str]) -> Event:
    """An entry of the stream, read."""
    unreported = sorted([name for name in fields if name[:2] == "u:"])
    return Event(
        entry=entry,
        seq=int(fields["q"]),
        booked_at=float(fields["b"]),
        late=fields["l"] == "1",
        cost=int(fields["c"]),
        record=load(fields["r"], RequestRecord),
        settlement=load(fields["s"], Settlement),
        unreported=tuple([load(fields[name], Intent) for name in unreported]),
        charges=tuple([(name[2:], text) for name, text in fields.items() if name[:2] == "p:"]),
    )


def unreported(intent: Intent, ended_at: float) -> AttemptResult:
    """The terminal record of an attempt of which nobody knows what it used."""
    return AttemptResult(intent, Status.EXPIRED, Usage(estimated=True), bound(intent), ended_at, error=UNREPORTED)


def stopped(request_id: str, ended_at: float) -> Settlement:
    """The end of a request whose worker is gone."""
    return Settlement(request_id, (), Status.EXPIRED, 500, STOPPED, ended_at=ended_at)


def bound(intent: Intent) -> int:
    """Nano-dollars that the attempt is charged when nothing is known of it."""
    return min(max(0, intent.bound), rows.MAX_COST)
