"""The consumer: events of the outbox into SQL, committed first and acknowledged then. One worker at a time leads.

Two at once, or one that died in between, change nothing: SQL knows what it has, and only what is still in the stream is
taken off the sums. SQL away: `step` raises `errors.Unavailable`, nothing is acknowledged, the stream grows. An event
that cannot be booked is tried five times and then kept as a dead letter; the others of its batch go through at once.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence

import structlog
from msgspec import ValidationError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway import errors
from gateway.killpoints import reached
from gateway.ledger import booking, bulk, wire
from gateway.ledger.counters import Counters, listed
from gateway.ports import Clock
from gateway.store.database import unavailable
from gateway.store.tables import DeadLetter

BATCH, TRIES = 500, 5
MUCH = 8 * 1024 * 1024  # characters of whole texts after which the next look is at fewer events
GATHER, FOLLOW = (
    0.25,
    1.0,
)  # seconds between looks at the stream, so that a batch is worth its transaction; at who leads
LEASE = 5.0  # seconds that a leader leads without renewing it
REFUSED = ("22", "23", "42", "54")  # classes of SQLSTATE: data, constraint, access or syntax, a limit of the server's
UNREADABLE = (ValidationError, ValueError, TypeError, LookupError, OverflowError)
FAILURES = (SQLAlchemyError, OSError, *UNREADABLE)
Entry = tuple[str, Mapping[str, str]]
log = structlog.get_logger(__name__)


class Consumer:
    """Books what the outbox holds."""

    def __init__(self, counters: Counters, engine: AsyncEngine, clock: Clock) -> None:
        self._counters = counters
        self._engine = engine
        self._clock = clock
        self._name = secrets.token_hex(8)
        self._tries: Counter[str] = Counter()
        self._batch = BATCH
        self._full = BATCH  # of the last look
        self._renewed_at = -LEASE
        self.leads = False

    async def step(self) -> float:
        """Book what waits, if this worker leads. Seconds until the next step. Raises Unavailable."""
        if not await self._lead():
            return FOLLOW
        return 0.0 if await self.drain_once() >= self._full else GATHER

    async def drain_once(self) -> int:
        """Book one batch and take it off; how many events there were. Raises Unavailable."""
        self._full = self._batch
        try:
            entries = await self._counters.oldest(self._batch)
        except errors.Unavailable:
            self._batch = max(1, self._batch // 4)  # where whole texts are kept, it may have been too much at once
            raise
        much = sum(len(fields.get("s", "")) for _, fields in entries) > MUCH
        self._batch = max(1, self._batch // 2) if much else min(BATCH, self._batch * 2)
        if not entries:
            return 0
        done = await self.book(entries)
        reached("before_ack")
        await self._counters.act("ack", *listed(*done))
        reached("after_ack")
        return len(entries)

    async def drain(self) -> None:
        """Book everything that waits now."""
        while await self.drain_once():
            pass

    async def hand_over(self) -> None:
        """Let another worker lead at once."""
        if self.leads:
            self.leads = False
            await self._counters.redis.call("DEL", self._counters.key("leader"))

    async def book(self, entries: Sequence[Entry]) -> list[str]:
        """Into SQL; those that are there now, or are dead letters. Raises Unavailable."""
        events = [event for entry in entries if (event := self._read(entry)) is not None]
        try:
            if events and len(events) == len(entries):
                await booking.book(self._engine, events)
                return [event.entry for event in events]
        except FAILURES as error:
            if not is_refusal(error):
                raise unavailable() from error
            log.warning("batch_refused", events=len(events), error=type(error).__name__)
        return [entry[0] for entry in entries if await self._alone(entry)]

    def _read(self, entry: Entry) -> wire.Event | None:
        try:
            return wire.event(*entry)
        except UNREADABLE:
            return None

    async def _alone(self, entry: Entry) -> bool:
        """Book one event by itself; True when it is dealt with."""
        name, fields = entry
        try:
            await booking.book(self._engine, [wire.event(name, fields)], bulk.one_by_one)
        except FAILURES as error:
            if not is_refusal(error):
                raise unavailable() from error
            self._tries[name] += 1
            if self._tries[name] < TRIES:
                return False
            await self._dead(name, fields, error)
        self._tries.pop(name, None)
        return True

    async def _dead(self, name: str, fields: Mapping[str, str], error: Exception) -> None:
        cause = error.orig if isinstance(error, DBAPIError) else error
        letter = DeadLetter(
            id=f"{fields.get('g', '')}@{name}",
            event=json.dumps(dict(fields)),
            error=f"{type(cause).__name__}: {cause}"[:2000].replace("\0", "\ufffd"),
            at=self._clock.now(),
        )
        log.critical("settlement_not_booked", generation=fields.get("g"), dead_letter=letter.id, error=letter.error)
        try:
            await booking.bury(self._engine, letter, int(fields.get("q", 0)))
        except (SQLAlchemyError, OSError) as failure:
            raise unavailable() from failure

    async def _lead(self) -> bool:
        """Take the lease, or keep it. A lease that was lost in between does no harm."""
        redis, key, lease = self._counters.redis, self._counters.key("leader"), int(LEASE * 1000)
        now = self._clock.monotonic()
        if self.leads and now - self._renewed_at < FOLLOW:
            return True
        self._renewed_at = now
        if self.leads:
            holder = await redis.call("GET", key)
            self.leads = holder == self._name.encode() and bool(await redis.call("PEXPIRE", key, lease))
        if not self.leads:
            self.leads = await redis.call("SET", key, self._name, "NX", "PX", lease) is not None
        return self.leads


def is_refusal(error: Exception) -> bool:
    """The event itself is what SQL, or its driver, cannot take. Otherwise the store is away, or busy."""
    if isinstance(error, DBAPIError):
        cause = getattr(error.orig, "__cause__", None)
        state = str(getattr(error.orig, "sqlstate", None) or "")
        kinds = (IntegrityError, ProgrammingError, DataError)
        return not error.connection_invalidated and (
            isinstance(error, kinds) or isinstance(cause, ValueError) or state.startswith(REFUSED)
        )
    return isinstance(error, (StatementError, *UNREADABLE)) and not isinstance(error, OSError)
