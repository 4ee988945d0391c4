"""Two workers of the scaled ledger against the small model, through crashes, an emptied and a restored Redis.

Redis is real; SQL is a SQLite file, which is quicker to make, and what PostgreSQL does is in the contract suite.
`ATELIER_HYPOTHESIS=long` runs 2,000 histories of 50 steps.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from gateway.clock import SystemClock
from gateway.ledger.redis import RedisLedger, Settings
from gateway.state.connection import RedisConnection
from gateway.store.database import open_database
from gateway.types import AttemptResult, Endpoint, HoldRequest, RequestRecord, Settlement, Status, Usage
from tests.servers import RedisServer
from tests.stateful.test_ledger_model import (
    DAY,
    LONG,
    START,
    LedgerMachine,
    SetClock,
    amounts,
    answer,
    intent,
    numbers,
    scope_sets,
)

WORKERS = 2
which = st.integers(0, WORKERS - 1)


class RedisLedgerMachine(LedgerMachine):
    """A request is its opener's for as long as that lives; what the dead leave is ended by the others."""

    server: RedisServer

    def start(self) -> None:
        self.prefix = f"{{{secrets.token_hex(4)}}}:"
        self.workers: list[RedisLedger] = []
        self.owner: dict[str, int] = {}
        self.snapshot: dict[bytes, tuple[bytes, int]] | None = None
        self.looks, self.half_booked = 0, False  # SQL may have what the outbox still has
        self.run(self._start())

    async def _start(self) -> None:
        self.database = await open_database(self.path.parent, exclusive=False)
        for _ in range(WORKERS):
            self.workers.append(await self._worker())

    async def _worker(self) -> RedisLedger:
        connection = RedisConnection(self.server.url, SystemClock(), prefix=self.prefix, timeout=2.0)
        clock = SetClock(self.model)
        ledger = RedisLedger(
            connection, self.database.engine, clock, self.folder, Settings(server_time=False, grace=0.0)
        )
        await ledger.start(background=False)
        return ledger

    def teardown(self) -> None:
        self.run(self._end())
        self.loop.close()
        shutil.rmtree(self.folder)

    async def _end(self) -> None:
        redis = self.workers[0].counters.redis
        if names := await redis.call("KEYS", f"{self.prefix}*"):
            await redis.call("DEL", *names)
        for worker in self.workers:
            await worker.counters.redis.close()
        await self.database.close()

    @property
    def ledger(self) -> RedisLedger:
        """For what any worker may do."""
        return self.workers[self.model.now % WORKERS]

    def of(self, name: str) -> RedisLedger:
        return self.workers[self.owner.get(name, 0)]

    one_turn = None  # the order is open, over several workers and where an account has to be fetched first

    @rule(
        number=numbers,
        scopes=scope_sets,
        amount=amounts,
        lifetime=st.integers(1, 2 * DAY),
        first=st.none() | amounts,
        worker=which,
    )
    def open(
        self, number: int, scopes: tuple[str, ...], amount: int, lifetime: int, first: int | None, worker: int
    ) -> None:
        before = self.model.requests.get(f"r{number}")
        if before is not None and before.done:
            return  # no name comes twice, and an emptied Redis does not know those that ended
        self.owner.setdefault(f"r{number}", worker)
        expected = self.model.open(f"r{number}", scopes, amount, lifetime, first)
        assert self.run(answer(self._open(f"r{number}", scopes, amount, lifetime, first))) == expected

    @rule(amount=st.integers(1, 40), scopes=scope_sets, names=st.sets(st.integers(10, 30), max_size=8))
    def open_many_at_once(self, amount: int, scopes: tuple[str, ...], names: set[int]) -> None:
        """Over both workers the order is open, so only how many were admitted is compared."""

        async def burst() -> list[str]:
            opening = (answer(self._open(f"r{name}", scopes, amount, 60)) for name in fresh)
            return await asyncio.gather(*opening)

        fresh = [name for name in names if f"r{name}" not in self.model.requests]
        self.owner |= {f"r{name}": name % WORKERS for name in fresh}
        answers = dict(zip(fresh, self.run(burst()), strict=True))
        first = sorted(fresh, key=lambda name: answers[name] != "admitted")
        assert [answers[name] for name in first] == [self.model.open(f"r{name}", scopes, amount, 60) for name in first]

    @rule(number=numbers, attempt=st.integers(1, 3), bound=amounts, at_least=amounts)
    def dispatch(self, number: int, attempt: int, bound: int, at_least: int) -> None:
        name = f"r{number}"
        expected = self.model.dispatch(name, attempt, bound, at_least)
        assert self.run(answer(self.of(name).dispatch(intent(name, attempt, bound), at_least))) == expected

    @rule(number=numbers, seconds=st.integers(0, DAY))
    def extend(self, number: int, seconds: int) -> None:
        self.model.extend(f"r{number}", self.model.now + seconds)
        self.run(self.of(f"r{number}").extend([f"r{number}"], self.model.now + seconds))

    @rule(number=numbers, costs=st.dictionaries(st.integers(1, 3), amounts), times=st.integers(1, 3))
    def settle(self, number: int, costs: dict[int, int], times: int) -> None:
        name = f"r{number}"
        request = self.model.requests.get(name)
        reported = {n: cost for n, cost in costs.items() if request is not None and n in request.bounds}
        self.model.settle(name, reported)
        results = tuple(
            AttemptResult(intent(name, n, 0), Status.COMPLETED, Usage(), cost, START) for n, cost in reported.items()
        )
        settlement = Settlement(name, results, Status.COMPLETED, 200, None, START)

        async def settle() -> None:
            await asyncio.gather(*(self.of(name).settle(settlement) for _ in range(times)))

        self.run(settle())

    @rule(seconds=st.sampled_from([1, 60, 3_600, DAY, 3 * DAY]))
    def time_passes(self, seconds: int) -> None:
        """No event waits for its booking into the next window: sent again, it would be booked there."""
        if self.model.now + seconds >= self.model.window_end:
            self.run(self.ledger.consumer.drain())
        self.model.advance(seconds)

    @rule(worker=which)
    def consume_without_acknowledging(self, worker: int) -> None:
        async def consume() -> None:
            ledger = self.workers[worker]
            if waiting := await ledger.counters.oldest(2):
                await ledger.consumer.book(waiting)

        self.half_booked = True
        self.run(consume())

    @rule()
    def crash_and_recover(self) -> None:
        """One worker dies, another takes its place, and the last one ends what is left.

        What the dead one settled has reached SQL by then: lost is what only it knew, if Redis is emptied just before.
        """
        worker = self.model.now % WORKERS

        async def crash() -> None:
            owner = self.workers[worker].presence.owner
            await self.workers[worker - 1].consumer.drain()
            await self.workers[worker].counters.redis.close()
            self.workers[worker] = await self._worker()
            await self.workers[worker - 1].presence._bury(owner)

        self.run(crash())
        for name, owner in self.owner.items():
            if owner == worker and name in self.model.requests:
                self.model.settle(name, {})

    @rule()
    def redis_is_emptied(self) -> None:
        self.run(self._replace({}))

    @rule()
    def redis_is_saved(self) -> None:
        async def save() -> None:
            redis = self.workers[0].counters.redis
            self.snapshot = {
                name: (await redis.call("DUMP", name), max(0, await redis.call("PTTL", name)))
                for name in await redis.call("KEYS", f"{self.prefix}money:*")
            }

        self.run(save())

    @precondition(lambda self: self.snapshot is not None)
    @rule()
    def redis_is_restored(self) -> None:
        assert self.snapshot is not None
        self.half_booked = True
        self.run(self._replace(self.snapshot))

    @rule(scopes=scope_sets)
    def limits_are_read_again(self, scopes: tuple[str, ...]) -> None:
        async def refresh() -> None:
            if self.half_booked:
                await self.ledger.consumer.drain()
            await self.ledger.refresh(scopes)

        self.run(refresh())

    @rule()
    def nothing_drifts(self) -> None:
        async def check() -> dict[str, int]:
            if self.half_booked:
                await self.ledger.consumer.drain()
            return await self.ledger.reconciler.run()

        assert self.run(check()) == {}

    async def _replace(self, keys: dict[bytes, tuple[bytes, int]]) -> None:
        redis = self.workers[0].counters.redis
        if names := await redis.call("KEYS", f"{self.prefix}money:*"):
            await redis.call("DEL", *names)
        for name, (value, ttl) in keys.items():
            await redis.call("RESTORE", name, ttl, value)
        for worker in self.workers:
            await worker.presence.step()
        for worker in self.workers:
            await worker.presence.step()

    @invariant()
    def every_attempt_that_ended_has_its_one_line(self) -> None:
        """Looked at now and then, so that events stay in the outbox in between."""
        self.looks += 1
        if self.looks % 5 == 0:
            self.run(self.ledger.consumer.drain())
            self.half_booked = False
            super().every_attempt_that_ended_has_its_one_line()

    async def _open(
        self, name: str, scopes: tuple[str, ...], amount: int, lifetime: int, first: int | None = None
    ) -> Any:
        record = RequestRecord(name, name, "a", "key:a", Endpoint.CHAT, "m", False, self.model.now)
        hold = HoldRequest(scopes, amount, self.model.now + lifetime)
        attempt = None if first is None else intent(name, 1, first)
        return await self.of(name).open(record, hold, attempt)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    with RedisServer(folder, aof=False) as running:
        yield running
    shutil.rmtree(folder)


@pytest.mark.timeout(0)
def test_the_scaled_ledger_against_its_model(server: RedisServer) -> None:
    RedisLedgerMachine.server = server
    run_state_machine_as_test(
        RedisLedgerMachine,
        settings=settings(
            max_examples=2_000 if LONG else 30,
            stateful_step_count=50 if LONG else 40,
            deadline=None,
            phases=(Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
