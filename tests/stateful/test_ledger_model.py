"""The ledger against a small model, driven through its port by random histories.

`ATELIER_HYPOTHESIS=long` runs 2,000 histories of 50 steps.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Coroutine
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway import errors
from gateway.ledger.sqlite import SqliteLedger
from gateway.store.database import open_database
from gateway.types import (
    AttemptResult,
    Endpoint,
    HoldRefused,
    HoldRequest,
    Intent,
    Opened,
    Price,
    RequestRecord,
    Settlement,
    Status,
    Usage,
)

LONG = os.environ.get("ATELIER_HYPOTHESIS") == "long"
DAY = 86_400
START = 1_900_000_000
LIMITS = {"key:a": 100, "key:b": None, "team:t": 150}
DAILY = "team:t"  # the scope whose budget starts again each day
numbers = st.integers(0, 5)
amounts = st.integers(0, 120)
firsts = st.none() | amounts
scope_sets = st.lists(st.sampled_from(sorted(LIMITS)), min_size=1, max_size=3, unique=True).map(tuple)


@dataclass(slots=True)
class Held:
    """A request of the model. `standing`: its hold has neither ended nor expired."""

    scopes: tuple[str, ...]
    amount: int
    created_at: int
    expires_at: int
    standing: bool = True
    done: bool = False
    bounds: dict[int, int] = field(default_factory=dict)


class Model:
    """What a ledger has to do, without a store."""

    def __init__(self) -> None:
        self.now, self.window_end = START, START + DAY
        self.spent = dict.fromkeys(LIMITS, 0)
        self.requests: dict[str, Held] = {}
        self.lines: dict[tuple[str, int], int] = {}
        self.debt = False

    def advance(self, seconds: int) -> None:
        self.now += seconds
        for request in self.requests.values():
            request.standing = request.standing and request.expires_at > self.now
        while self.window_end <= self.now:
            self.window_end += DAY
            self.spent[DAILY] = 0

    def held(self, scope: str) -> int:
        return sum(r.amount for r in self.requests.values() if r.standing and scope in r.scopes)

    def answer(self, scopes: tuple[str, ...], more: int, total: int) -> str:
        limits = {scope: limit for scope in scopes if (limit := LIMITS[scope]) is not None}
        full = [scope for scope, limit in limits.items() if self.spent[scope] + self.held(scope) + more > limit]
        gone = [scope for scope in full if self.spent[scope] + total > limits[scope]]
        return "gone" if gone else "busy" if full else "admitted"

    def open(self, name: str, scopes: tuple[str, ...], amount: int, lifetime: int, first: int | None = None) -> str:
        """`first`: the bound of an attempt that is written down with the request."""
        answer = self.answer(scopes, amount, amount)
        if answer == "admitted" and name in self.requests:
            return "conflict"
        if answer == "admitted":
            bounds = {} if first is None else {1: first}
            self.requests[name] = Held(scopes, amount, self.now, self.now + lifetime, bounds=bounds)
        return answer

    def dispatch(self, name: str, number: int, bound: int, at_least: int) -> str:
        request = self.requests.get(name)
        if request is None or request.done or number in request.bounds:
            return "conflict"
        total = max(at_least, request.amount)
        more = total - request.amount * request.standing
        if more and (answer := self.answer(request.scopes, more, total)) != "admitted":
            return answer
        if more and not request.standing:
            lifetime = request.expires_at - request.created_at
            request.created_at, request.expires_at, request.standing = self.now, self.now + lifetime, True
        request.amount, request.bounds[number] = total, bound
        return "admitted"

    def extend(self, name: str, expires_at: int) -> None:
        request = self.requests.get(name)
        if request is not None and request.standing:
            request.expires_at = max(request.expires_at, expires_at)

    def settle(self, name: str, costs: dict[int, int]) -> None:
        request = self.requests.get(name)
        if request is None or request.done:
            return
        charges = {number: costs.get(number, bound) for number, bound in request.bounds.items()}
        self.debt = self.debt or sum(charges.values()) > request.amount * request.standing
        for scope in request.scopes:
            self.spent[scope] += sum(charges.values())
        self.lines |= {(name, number): charge for number, charge in charges.items()}
        request.standing, request.done = False, True


class SetClock:
    def __init__(self, model: Model) -> None:
        self._model = model

    def now(self) -> float:
        return float(self._model.now)

    monotonic = now


@cache
def template() -> Path:
    """A store with the accounts of LIMITS, made once and copied for each history."""
    folder = Path(tempfile.mkdtemp(prefix="ledger-template-"))
    atexit.register(shutil.rmtree, folder)

    async def create() -> Path:
        database = await open_database(folder, exclusive=False)
        await database.close()
        assert database.path is not None
        return database.path

    path = asyncio.run(create())
    with closing(sqlite3.connect(path)) as db, db:
        for scope, limit in LIMITS.items():
            window, end = ("1d", START + DAY) if scope == DAILY else (None, None)
            db.execute("INSERT INTO account VALUES (?, ?, 0, 0, ?, ?, ?)", (scope, limit, window, START, end))
    return path


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="ledger-"))
        self.path = self.folder / "atelier.db"
        shutil.copy(template(), self.path)
        self.start()

    def start(self) -> None:
        self.ledger = SqliteLedger(self.path, SetClock(self.model))
        self.run(self.ledger.start())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.run(self.ledger.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    @rule(number=numbers, scopes=scope_sets, amount=amounts, lifetime=st.integers(1, 2 * DAY), first=firsts)
    def open(self, number: int, scopes: tuple[str, ...], amount: int, lifetime: int, first: int | None) -> None:
        expected = self.model.open(f"r{number}", scopes, amount, lifetime, first)
        assert self.run(answer(self._open(f"r{number}", scopes, amount, lifetime, first))) == expected

    @rule(amount=st.integers(1, 40), scopes=scope_sets, names=st.sets(st.integers(10, 30), max_size=8))
    def open_many_at_once(self, amount: int, scopes: tuple[str, ...], names: set[int]) -> None:
        async def burst() -> list[str]:
            return await asyncio.gather(*(answer(self._open(f"r{name}", scopes, amount, 60)) for name in names))

        assert self.run(burst()) == [self.model.open(f"r{name}", scopes, amount, 60) for name in names]

    @rule(number=numbers, attempt=st.integers(1, 3), bound=amounts, at_least=amounts)
    def dispatch(self, number: int, attempt: int, bound: int, at_least: int) -> None:
        expected = self.model.dispatch(f"r{number}", attempt, bound, at_least)
        assert self.run(answer(self.ledger.dispatch(intent(f"r{number}", attempt, bound), at_least))) == expected

    @rule(number=numbers, seconds=st.integers(0, DAY))
    def extend(self, number: int, seconds: int) -> None:
        self.model.extend(f"r{number}", self.model.now + seconds)
        self.run(self.ledger.extend([f"r{number}"], self.model.now + seconds))

    @rule(number=numbers, costs=st.dictionaries(st.integers(1, 3), amounts), times=st.integers(1, 3))
    def settle(self, number: int, costs: dict[int, int], times: int) -> None:
        """Some attempts are reported and some are not; the same settlement may come more than once, at once."""
        name = f"r{number}"
        request = self.model.requests.get(name)
        reported = {n: cost for n, cost in costs.items() if request is not None and n in request.bounds}
        self.model.settle(name, reported)
        results = tuple(
            AttemptResult(intent(name, n, 0), Status.COMPLETED, Usage(), cost, START) for n, cost in reported.items()
        )
        settlement = Settlement(name, results, Status.COMPLETED, 200, None, START)

        async def settle() -> None:
            await asyncio.gather(*(self.ledger.settle(settlement) for _ in range(times)))

        self.run(settle())

    @rule(acts=st.lists(st.tuples(st.sampled_from(["open", "dispatch", "settle"]), numbers, amounts), max_size=8))
    def one_turn(self, acts: list[tuple[str, int, int]]) -> None:
        """Different acts that share a transaction, some of which may spoil it."""
        scopes = tuple(sorted(LIMITS))
        expected: list[str] = []
        running: list[Coroutine[Any, Any, str]] = []
        for act, number, amount in acts:
            name = f"r{number}"
            if act == "open":
                expected.append(self.model.open(name, scopes, amount, 60, amount))
                running.append(answer(self._open(name, scopes, amount, 60, amount)))
            elif act == "dispatch":
                expected.append(self.model.dispatch(name, 2, amount, amount))
                running.append(answer(self.ledger.dispatch(intent(name, 2, amount), amount)))
            else:
                self.model.settle(name, {})
                expected.append("settled")
                running.append(self._settle(Settlement(name, (), Status.FAILED, 500, None, START)))

        async def turn() -> list[str]:
            return await asyncio.gather(*running)

        assert self.run(turn()) == expected

    @rule(seconds=st.sampled_from([1, 60, 3_600, DAY, 3 * DAY]))
    def time_passes(self, seconds: int) -> None:
        self.model.advance(seconds)

    @rule()
    def crash_and_recover(self) -> None:
        self.run(self.ledger.close())
        self.start()
        found = self.run(self.ledger.recover())
        open_names = [name for name, request in self.model.requests.items() if not request.done]
        assert found.requests == len(open_names)
        for name in open_names:
            self.model.settle(name, {})

    @invariant()
    def balances_are_the_models(self) -> None:
        for balance in self.run(self.ledger.balances(sorted(LIMITS))):
            assert balance.limit == LIMITS[balance.scope]
            assert balance.spent == self.model.spent[balance.scope]
            assert balance.held == self.model.held(balance.scope) >= 0
            if balance.limit is not None and not self.model.debt:
                assert balance.spent + balance.held <= balance.limit

    @invariant()
    def every_attempt_that_ended_has_its_one_line(self) -> None:
        lines, ended = self.books()
        assert len(lines) == len(self.model.lines)
        assert {(name, number): cost for name, number, cost in lines} == self.model.lines
        assert {name for (name,) in ended} == {name for name, request in self.model.requests.items() if request.done}

    def books(self) -> tuple[list[Any], list[Any]]:
        """The lines, and the requests that ended."""
        with closing(sqlite3.connect(self.path)) as db:
            lines = db.execute("SELECT request_id, number, cost_nano FROM ledger").fetchall()
            return lines, db.execute("SELECT id FROM request WHERE status IS NOT NULL").fetchall()

    def _open(
        self, name: str, scopes: tuple[str, ...], amount: int, lifetime: int, first: int | None = None
    ) -> Coroutine[Any, Any, Any]:
        record = RequestRecord(name, name, "a", "key:a", Endpoint.CHAT, "m", False, self.model.now)
        attempt = None if first is None else intent(name, 1, first)
        return self.ledger.open(record, HoldRequest(scopes, amount, self.model.now + lifetime), attempt)

    async def _settle(self, settlement: Settlement) -> str:
        await self.ledger.settle(settlement)
        return "settled"


def intent(name: str, number: int, bound: int) -> Intent:
    return Intent(name, number, "dep", "openai", "m", Price(), bound, START)


async def answer(act: Coroutine[Any, Any, Opened | HoldRefused | None]) -> str:
    try:
        said = await act
    except errors.Conflict:
        return "conflict"
    if isinstance(said, HoldRefused):
        return "busy" if said.busy else "gone"
    return "admitted"


LedgerMachine.TestCase.settings = settings(
    max_examples=2_000 if LONG else 120,
    stateful_step_count=50 if LONG else 40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLedgerAgainstItsModel = LedgerMachine.TestCase
