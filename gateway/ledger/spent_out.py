"""Budgets of deployments and of providers: which of them have spent theirs, so that routing leaves them out.

They are soft: a look into SQL every few seconds, and what this process settled since. Requests that are under way may
still finish, and other processes' count once SQL has them, so a budget may be overrun by what is under way at that
moment. With the store away what was known goes on to count. Budgets that are never overrun are accounts (`sqlite.py`,
`redis.py`).

A look reads only the lines that the roll-up has passed since the look before, and those beyond it. Only the first one
for a budget reads its whole window: for a provider in the roll-ups, for a deployment in the ledger itself.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog
from sqlalchemy import ColumnElement, and_, func, literal_column, or_
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col, select

from gateway import errors
from gateway.config.money_models import Budget
from gateway.ledger.prices import in_nano
from gateway.ledger.rows import MAX_INTEGER
from gateway.ledger.sums import HALF_HOUR, POSITION, Columns, snapshot, total
from gateway.ports import Clock
from gateway.store import windows
from gateway.store.database import store_errors
from gateway.store.tables import LedgerLine
from gateway.types import AttemptResult, Balance, Deployment

EVERY = 3.0  # seconds between looks
MOST_PAYERS = 10_000  # a wildcard makes as many deployments as names that are asked for
MOST_UNSEEN = 5_000  # requests of this process that SQL may not have yet
CHUNK = 500  # of them in one statement
COLUMNS = {"deployment": LedgerLine.deployment_id, "provider": LedgerLine.provider}
log = structlog.get_logger(__name__)


class Payer(NamedTuple):
    """`kind`: "deployment" or "provider"; `name`: its id, or LiteLLM's name of it."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """Nano-dollars in each window of `length` seconds, counted from 1970 (UTC); None: once for ever."""

    limit: int
    length: float | None

    def start(self, now: float) -> float:
        """When the window that `now` lies in began."""
        return 0.0 if self.length is None else now // self.length * self.length


@dataclass(slots=True)
class _Spent:
    """What SQL says was spent since `start`, up to the roll-up's position, and beyond it."""

    start: float
    passed: int = 0
    ahead: int = 0


class SpentOut:
    """`configure` it with every version of the configuration, and let `run` go on for as long as the process."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._allowed: dict[Payer, Allowed] = {}
        self._spent: dict[Payer, _Spent] = {}
        self._unseen: dict[str, Counter[Payer]] = {}  # by request: what SQL may not have yet
        self._recent: Counter[Payer] = Counter()  # all of it
        self._position = 0
        self._simulated = False
        self._wake = asyncio.Event()

    def configure(self, deployments: Sequence[Deployment], providers: Mapping[str, Budget]) -> None:
        """The budgets from now on. What is known of those that stay goes on to count."""
        self._simulated = any(each.simulated for each in deployments)
        self._allowed = {}
        for each in deployments:
            self._know(each)
        for name, budget in providers.items():
            length = None if budget.days is None else budget.days * windows.DAY
            self._allowed[Payer("provider", name)] = Allowed(in_nano(budget.limit), length)
        self._wake.set()

    def spent_out(self, deployment: Deployment) -> bool:
        """Whether its budget, or its provider's, is spent, as far as this process knows."""
        if not self._allowed and deployment.budget is None:
            return False
        self._know(deployment)
        payers = (Payer("deployment", deployment.id), Payer("provider", deployment.provider))
        return any(payer in self._allowed and self._left(payer) <= 0 for payer in payers)

    def providers(self) -> list[Balance]:
        """The providers' budgets in their present windows, as far as this process knows; nothing of them is ever held."""
        found, now = [], self._clock.now()
        for payer, allowed in self._allowed.items():
            if payer.kind == "provider":
                spent = allowed.limit - self._left(payer)
                ends = None if allowed.length is None else allowed.start(now) + allowed.length
                found.append(Balance(f"provider:{payer.name}", allowed.limit, spent, 0, ends))
        return found

    def _know(self, deployment: Deployment) -> None:
        """A deployment's budget; those that a wildcard makes come one by one, when they are first asked for."""
        payer = Payer("deployment", deployment.id)
        if deployment.budget is not None and payer not in self._allowed and len(self._allowed) < MOST_PAYERS:
            self._allowed[payer] = Allowed(deployment.budget, deployment.budget_window)
            self._wake.set()

    def settled(self, results: Sequence[AttemptResult]) -> None:
        """What this process has just spent, which SQL does not say yet."""
        for result in results if self._allowed else ():
            intent = result.intent
            for payer in (Payer("deployment", intent.deployment_id), Payer("provider", intent.provider)):
                if result.cost and payer in self._allowed:
                    self._unseen.setdefault(intent.request_id, Counter())[payer] += result.cost
                    self._recent[payer] += result.cost
        if len(self._unseen) > MOST_UNSEEN:
            self._recent -= self._unseen.pop(next(iter(self._unseen)))

    async def run(self) -> None:
        """Look for ever. A store that is away is told and asked again."""
        while True:
            try:
                await self.look()
            except errors.Unavailable as error:
                log.warning("spent_budgets_not_read", error=error.message)
            try:
                async with asyncio.timeout(EVERY):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def look(self) -> None:
        """Read what was spent. Raises errors.Unavailable, and then nothing has changed."""
        allowed, now = dict(self._allowed), self._clock.now()
        if not allowed:
            self._spent, self._unseen, self._recent = {}, {}, Counter()
            return
        with store_errors():
            async with snapshot(self._engine) as session:
                position = (await session.execute(POSITION)).scalar_one_or_none() or 0
                spent = await self._passed(session, allowed, now, position)
                ahead = col(LedgerLine.seq) > position
                for payer, cost in await self._lines(session, spent, ahead):
                    spent[payer].ahead = cost
                seen = await _booked(session, list(self._unseen))
        self._spent, self._position = spent, position
        for request_id in seen:
            self._recent -= self._unseen.pop(request_id, Counter())

    def _left(self, payer: Payer) -> int:
        """Nano-dollars. Of a window that began since the last look, SQL has said nothing yet."""
        allowed, known = self._allowed[payer], self._spent.get(payer)
        current = known is not None and known.start == allowed.start(self._clock.now())
        spent = known.passed + known.ahead if known is not None and current else 0
        return allowed.limit - spent - self._recent[payer]

    async def _passed(
        self, session: AsyncSession, allowed: Mapping[Payer, Allowed], now: float, position: int
    ) -> dict[Payer, _Spent]:
        """What stands up to the roll-up's position: what was known, and the lines that it has passed since."""
        out: dict[Payer, _Spent] = {}
        new: list[Payer] = []
        for payer, each in allowed.items():
            known = self._spent.get(payer)
            if known is None or known.start != each.start(now):
                new.append(payer)
            else:
                out[payer] = _Spent(known.start, known.passed)
        since = and_(col(LedgerLine.seq) > self._position, col(LedgerLine.seq) <= position)
        if out and position > self._position:
            for payer, cost in await self._lines(session, out, since):
                out[payer].passed += cost
        for payer in new:
            out[payer] = _Spent(allowed[payer].start(now))
            out[payer].passed = await self._whole(session, payer, out[payer].start, position)
        return out

    async def _whole(self, session: AsyncSession, payer: Payer, start: float, position: int) -> int:
        """All that was spent since `start`, up to the position."""

        def own(rows: Columns) -> ColumnElement[bool]:
            condition: ColumnElement[bool] = and_(rows.provider == payer.name, rows.simulated.is_(self._simulated))
            return condition

        if payer.kind == "provider":
            query = total((), own, int(start // HALF_HOUR), MAX_INTEGER, MAX_INTEGER)
            return int((await session.execute(query)).one().cost_nano)
        up_to = col(LedgerLine.booked_at) >= start, _no_index(LedgerLine.seq) <= position
        return sum([cost for _, cost in await self._lines(session, {payer: _Spent(start)}, and_(*up_to))])

    async def _lines(
        self, session: AsyncSession, payers: Mapping[Payer, _Spent], which: ColumnElement[bool]
    ) -> list[tuple[Payer, int]]:
        """What the payers spent in lines of the ledger, each since its window began."""
        found: list[tuple[Payer, int]] = []
        for kind, column in COLUMNS.items():
            own = [*_since({payer.name: each.start for payer, each in payers.items() if payer.kind == kind}, column)]
            if own:
                query = select(column, func.sum(col(LedgerLine.cost_nano))).where(
                    which, col(LedgerLine.simulated).is_(self._simulated), or_(*own)
                )
                rows = (await session.execute(query.group_by(column))).all()
                found += [(Payer(kind, name), int(cost)) for name, cost in rows]
        return found


def _since(starts: Mapping[str, float], column: Any) -> Iterator[ColumnElement[bool]]:
    """The conditions on lines: those of the same start in one."""
    by_start: dict[float, list[str]] = {}
    for name, start in starts.items():
        by_start.setdefault(start, []).append(name)
    for start, names in by_start.items():
        yield and_(col(column).in_(names), _no_index(LedgerLine.booked_at) >= start)


def _no_index(column: Any) -> ColumnElement[Any]:
    """The column, so that no condition on it leads the database away from the index that the others are for."""
    plain: ColumnElement[Any] = col(column) + literal_column("0")
    return plain


async def _booked(session: AsyncSession, requests: Sequence[str]) -> set[str]:
    """Those of the requests that have lines."""
    found: set[str] = set()
    for begin in range(0, len(requests), CHUNK):
        some = col(LedgerLine.request_id).in_(requests[begin : begin + CHUNK])
        found |= set((await session.execute(select(LedgerLine.request_id).where(some))).scalars())
    return found
