"""`python -m benchmarks.reports`: how long reports take on a large ledger, and how long its writer waits meanwhile.

A store of its own is filled (SQLite in a temporary folder, or an empty database at `--url`), the roll-up and the
retention catch up while settlements are timed, then every query of the Spend and request pages is, for an admin, a lead
and a member. Times are milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from sqlalchemy import update
from sqlmodel import col

from benchmarks.volume import DAYS, NOW, OWNERS, rows, write
from benchmarks.volume import fill as fill_store
from gateway import reports
from gateway.ledger.retention import Retention
from gateway.ledger.rollup import Rollups
from gateway.ledger.sqlite import SqliteLedger
from gateway.reports import Days, Filters, Snapshot, Source, Viewer, Wanted
from gateway.store.database import Database, open_database
from gateway.store.directory import Team
from gateway.types import AttemptResult, Endpoint, Intent, Price, RequestRecord, Settlement, Status, Usage

LONG, SHORT, ABROAD = Days(NOW, 0, DAYS), Days(NOW, 0, 30), Days(NOW, 7_200, DAYS)
OWNER = OWNERS[0]
TENANT = f"team:{OWNER.team}"
VIEWERS = {
    "admin": Viewer("key:master", "master", is_admin=True, role="admin"),
    "lead": Viewer(TENANT, OWNER.key_id, is_admin=False, role="lead", user=OWNER.user, team=OWNER.team),
    "member": Viewer(TENANT, OWNER.key_id, is_admin=False, role="member", user=OWNER.user, team=OWNER.team),
}
LAST = f"{NOW - (DAYS - 5) * 86_400!r}~gen"
QUERIES: dict[str, Callable[[Snapshot, Viewer], object]] = {
    "90 days by day": lambda db, viewer: reports.by_day(db, viewer, LONG),
    "90 days by day, two hours east": lambda db, viewer: reports.by_day(db, viewer, ABROAD),
    "90 days by model": lambda db, viewer: reports.by_model(db, viewer, LONG),
    "90 days by person": lambda db, viewer: reports.by_person(db, viewer, LONG),
    "90 days by team": lambda db, viewer: reports.by_team(db, viewer, LONG),
    "90 days by brand": lambda db, viewer: reports.by_brand(db, viewer, LONG),
    "90 days by key": lambda db, viewer: reports.by_key(db, viewer, LONG),
    "90 days by person, abroad": lambda db, viewer: reports.by_person(db, viewer, ABROAD),
    "90 days by day, one brand": lambda db, viewer: reports.by_day(db, viewer, LONG, Filters(brand="brand_01")),
    "90 days by model, one person": lambda db, viewer: reports.by_model(db, viewer, LONG, Filters(user=OWNER.user)),
    "30 days by person": lambda db, viewer: reports.by_person(db, viewer, SHORT),
    "newest requests": lambda db, viewer: reports.recent(db, viewer, 50),
    "oldest requests": lambda db, viewer: reports.recent(db, viewer, 50, after=LAST),
    "requests of a person": lambda db, viewer: reports.recent(db, viewer, 50, wanted=Wanted(user="user_30")),
    "requests of nobody": lambda db, viewer: reports.recent(db, viewer, 50, wanted=Wanted(user="nobody")),
    "requests for no such brand": lambda db, viewer: reports.recent(db, viewer, 50, wanted=Wanted(brand="none")),
    "requests for no such model": lambda db, viewer: reports.recent(db, viewer, 50, wanted=Wanted(model="none")),
    "one request": lambda db, viewer: reports.one(db, viewer, f"gen-{1_000:012x}"),
}


class FixedDay:
    """The wall clock stands where the data end."""

    def now(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return time.monotonic()


def measure_queries(source: Source, repeats: int) -> dict[str, list[float]]:
    """Every query's times, by its name and its viewer's."""
    found: dict[str, list[float]] = {f"{query} ({viewer})": [] for query in QUERIES for viewer in VIEWERS}
    for _ in range(repeats):
        for (query, ask), (name, viewer) in itertools.product(QUERIES.items(), VIEWERS.items()):
            began = time.perf_counter()
            with source.reading() as snapshot:
                ask(snapshot, viewer)
            found[f"{query} ({name})"].append((time.perf_counter() - began) * 1000)
    return found


async def measure_writer(database: Database, seconds: float) -> dict[str, list[float]]:
    """How long a settlement took, alone and while the roll-up and the retention had much to do."""
    async with database.engine.begin() as connection:
        await connection.execute(update(Team).values(retention_days=30).where(col(Team.id) != OWNER.team))
    numbers = itertools.count()
    async with settling(database, numbers) as settle:
        found = {"alone": await timed(settle, seconds / 2)}
        clock = FixedDay()
        work = [asyncio.create_task(each(database.engine, clock).run()) for each in (Rollups, Retention)]
        found["beside roll-up and retention"] = await timed(settle, seconds)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    return found


async def timed(settle: Callable[[], Awaitable[float]], seconds: float) -> list[float]:
    times, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        times.append(await settle() * 1000)
        await asyncio.sleep(0.01)
    return times


@asynccontextmanager
async def settling(database: Database, numbers: itertools.count[int]) -> AsyncIterator[Callable[[], Awaitable[float]]]:
    """Settles one request at each call and says how many seconds that took."""
    if database.path is None:

        async def insert() -> float:
            row = rows(10**9 + next(numbers), NOW, OWNER, {"brand": "brand_00", "model": "model-0"}, 1)
            began = time.perf_counter()
            await write(database.engine, [row])
            return time.perf_counter() - began

        yield insert
        return
    ledger = SqliteLedger(database.path, FixedDay())
    await ledger.start()

    async def settle() -> float:
        name = f"timed-{next(numbers)}"
        await ledger.open(RequestRecord(name, name, OWNER.key_id, TENANT, Endpoint.CHAT, "auto", True, NOW), None)
        intent = Intent(name, 1, "d", "openai", "model-0", Price(), 100, NOW)
        await ledger.dispatch(intent, 0)
        result = AttemptResult(intent, Status.COMPLETED, Usage(), 1, NOW)
        began = time.perf_counter()
        await ledger.settle(Settlement(name, (result,), Status.COMPLETED, 200, None, NOW))
        return time.perf_counter() - began

    with suppress(asyncio.CancelledError):
        yield settle
    await ledger.close()


def shown(found: dict[str, list[float]]) -> str:
    """A line for each: how often, the median, the 95th percentile, the longest."""
    lines = []
    for name, times in found.items():
        ranked = sorted(times)
        p50, p95 = (ranked[int(len(ranked) * part)] for part in (0.5, 0.95))
        lines.append(f"{name:48} n={len(ranked):5}  p50 {p50:7.1f}  p95 {p95:7.1f}  max {ranked[-1]:7.1f}")
    return "\n".join(lines)


async def prepare(folder: Path, url: str | None, requests: int, seconds: float) -> None:
    """Fill the store, time settlements, and finish the roll-up."""
    database = await open_database(folder, url, exclusive=False)
    try:
        began = time.monotonic()
        await fill_store(database.engine, requests)
        print(f"filled with {requests} requests in {time.monotonic() - began:.0f} s", file=sys.stderr)
        print(shown(await measure_writer(database, seconds)))
        roller = Rollups(database.engine, FixedDay())
        while await roller.advance():
            pass
    finally:
        await database.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reports", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=20, help="of every query; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=20, help="of settlements; default: %(default)s")
    parser.add_argument("--url", help="an empty PostgreSQL database; without it SQLite is measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        asyncio.run(prepare(folder, options.url, options.requests, options.seconds))
        source = Source(folder, options.url)
        print(shown(measure_queries(source, options.repeats)))
        source.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
