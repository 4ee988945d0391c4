"""A request that SQL does not have yet, read out of Redis in the shape of SQL's rows: it runs, or was just settled.

Raises `errors.Unavailable` while Redis is away.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from gateway.ledger import rows, wire
from gateway.ledger.counters import Counters, entries, pairs
from gateway.store.tables import LedgerLine, Request
from gateway.types import Intent, RequestRecord


@dataclass(frozen=True, slots=True)
class Live:
    """The rows that SQL is going to have; `intents` only while the request runs."""

    request: Request
    lines: tuple[LedgerLine, ...] = ()
    intents: tuple[Intent, ...] = ()


async def find(counters: Counters, generation_id: str) -> Live | None:
    """The request, or None when Redis does not know it (any more): then SQL does, or nobody."""
    redis, key = counters.redis, counters.key
    flat, entry = await redis.pipeline(
        [("HGETALL", key("req", generation_id)), ("GET", key("done", generation_id))], atomic=True
    )
    if flat:
        return _running(pairs([part.decode() for part in flat]))
    if entry is None:
        return None
    found = entries(await redis.call("XRANGE", key("outbox"), entry, entry))
    return _settled(wire.event(*found[0])) if found else None


def _running(fields: dict[str, str]) -> Live:
    attempts = [wire.load(text, Intent) for name, text in fields.items() if name.startswith("i:")]
    request = _request(wire.load(fields["record"], RequestRecord))
    return Live(request, intents=tuple(sorted(attempts, key=lambda attempt: attempt.number)))


def _settled(event: wire.Event) -> Live:
    request = _request(event.record, rows.ended(event.record.created_at, event.settlement, event.results))
    lines = (
        {
            **rows.line(rows.opened(event.record), result, event.booked_at, late=event.late, seq=event.seq),
            "price": asdict(result.intent.price),
        }
        for result in sorted(event.results, key=lambda result: result.intent.number)
    )
    return Live(request, tuple(LedgerLine(**line) for line in lines))


def _request(record: RequestRecord, ending: rows.Row | None = None) -> Request:
    return Request(**{**rows.opened(record), **(ending or {}), "tags": list(record.tags)})
