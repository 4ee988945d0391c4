"""A scaled gateway of several workers with stores of its own, many clients that misbehave, and trouble in the middle.

    with World(tmp_path, seed) as world:
        samples = await world.storm(12, trouble)      # `trouble`: a coroutine function that stops and starts stores
        world.settle(); world.check()

Whatever happens to the stores, no client may see a stream that ends silently or an answer that never comes, and
afterwards the ledger equals the journal of the providers.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiohttp
import psutil
from redis import Redis
from redis.exceptions import RedisError

from gateway.fleet import Pacing, Settings
from tests.faults.audit import MONEY, Books, check
from tests.faults.traffic import Errand, errand, run
from tests.harness import FleetThread, GatewayProcess, Stores, wait_until
from tests.servers import PostgresServer, RedisServer

MODELS = ("pair", "gemini", "claude", "gpt")
QUICK = {
    "stream": {"idle_timeout": 1.5, "ttft_timeout": 1.5},
    "timeouts": {"total": 8},
    "groups": {"pair": {"fallbacks": ["gemini"]}},
}
NEVER = ("silent end", "hung")
Trouble = Callable[["World"], Awaitable[None]]


@dataclass(frozen=True)
class Sample:
    """What one client saw. Seconds of the monotonic clock."""

    began: float
    took: float
    saw: str
    todo: Errand
    limited: bool

    @property
    def answered(self) -> bool:
        return self.saw in {"done", "200"} and self.todo.cut is None and "[[sim:" not in str(self.todo.body)


@dataclass(frozen=True)
class Size:
    """What a worker has of its machine."""

    rss: int
    files: int
    threads: int


class World:
    """Redis, PostgreSQL, a fleet and a gateway, with a key that has a budget and one that has none."""

    def __init__(self, folder: Path, seed: int, workers: int = 3, clients: int = 200) -> None:
        self.rnd = random.Random(seed)
        self.workers = workers
        self._clients = clients
        self._folder = folder
        self._stack = ExitStack()
        self.marks: list[tuple[str, float]] = []
        print(f"seed {seed}")

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.redis = stack.enter_context(RedisServer(self._folder / "redis"))
            self.postgres = stack.enter_context(PostgresServer(self._folder / "postgres"))
            self.fleet = FleetThread(Settings(pacing=Pacing(ttft=0.02, tokens_per_second=600)))
            stack.callback(self.fleet.close)
            self.stores = Stores(self.postgres.fresh(), self.redis.url)
            folder = self._folder / "gateway"
            folder.mkdir()
            self.gateway = GatewayProcess(folder, self.fleet, self.stores, self.workers, **QUICK)
            stack.enter_context(self.gateway)
            wait_until(lambda: len(self.sizes()) == self.workers, "all workers")
            self.limited = self.gateway.key(max_budget=5000, user_id="ann", team_id="red")
            self.free = self.gateway.key(user_id="bob", team_id="red")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def mark(self, what: str) -> None:
        self.marks.append((what, time.monotonic()))

    def sizes(self) -> dict[int, Size]:
        found = {}
        for pid in self.gateway.workers():
            process = psutil.Process(pid)
            found[pid] = Size(process.memory_info().rss, process.num_fds(), process.num_threads())
        return found

    async def storm(self, seconds: float, trouble: Trouble | None = None) -> list[Sample]:
        """All clients ask and ask again for so long, while `trouble` goes its way; ends when both have."""
        samples: list[Sample] = []
        self.marks.clear()
        self.mark("calm")
        until = time.monotonic() + seconds
        going = asyncio.create_task(trouble(self)) if trouble is not None else None

        def over() -> bool:
            return time.monotonic() > until and (going is None or going.done())

        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            clients = (self._client(session, samples, number, over) for number in range(self._clients))
            await asyncio.gather(*clients)
        if going is not None:
            await going
        return samples

    async def _client(
        self, session: aiohttp.ClientSession, samples: list[Sample], number: int, over: Callable[[], bool]
    ) -> None:
        limited = number % 2 == 0
        headers = {"authorization": f"Bearer {self.limited if limited else self.free}"}
        while not over():
            todo = errand(self.rnd, self.rnd.randrange(10**6), MODELS)
            began = time.monotonic()
            saw = await run(session, self.gateway.url, todo, headers=headers)
            samples.append(Sample(began, time.monotonic() - began, saw, todo, limited))
            if saw.startswith("503") or "Error" in saw:
                await asyncio.sleep(0.2)  # as Retry-After asks for, or less

    def settle(self, timeout: float = 60) -> None:
        """Wait until nothing runs, is held, or waits for SQL; the time only bounds a failure."""
        self.fleet.settled(0)
        left: list[object] = []

        def idle() -> bool:
            left[:] = self._left()
            return not left

        try:
            wait_until(idle, "the end of all that was open", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}: {left}\n{self.gateway.log()[-2000:]}") from None

    def _left(self) -> list[object]:
        journals = [path for path in self.gateway.data_dir.glob("journal/*") if path.stat().st_size]
        try:
            with Redis.from_url(self.stores.redis_url, decode_responses=True) as redis:
                running = {name: redis.hgetall(name) for name in redis.scan_iter(f"{MONEY}req:*", count=10_000)}
                waiting = redis.xlen(f"{MONEY}outbox")
        except RedisError as error:
            return [error]
        return [*journals, *running.items(), *([f"{waiting} events"] if waiting else [])]

    def check(self) -> Books:
        return check(self.stores, self.fleet.ended)

    def report(self, samples: Sequence[Sample]) -> None:
        """Print what was seen between the marks, and how long answers took."""
        ends = [at for _, at in self.marks[1:]] + [float("inf")]
        for (what, begin), end in zip(self.marks, ends, strict=True):
            these = [sample for sample in samples if begin <= sample.began < end]
            took = sorted(sample.took for sample in these if sample.answered)
            seen = Counter(sample.saw for sample in these)
            print(
                f"{what:>24}: {len(these):5} requests, {len(took):4} answered without a fault,"
                f" p50 {at(took, 0.5):6.0f} ms, p99 {at(took, 0.99):6.0f} ms; {dict(seen.most_common(4))}"
            )


def at(sorted_seconds: Sequence[float], share: float) -> float:
    """A quantile in milliseconds."""
    if not sorted_seconds:
        return float("nan")
    return 1000 * sorted_seconds[min(len(sorted_seconds) - 1, int(share * len(sorted_seconds)))]


def never(samples: Sequence[Sample]) -> None:
    """No client was left without an end."""
    bad = [sample for sample in samples if sample.saw in NEVER]
    assert not bad, (len(bad), bad[:3])
