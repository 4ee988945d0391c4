"""SIGKILL at each named point of a request's life, in both set-ups: the books equal the providers' journal afterwards.

A cell is one process with clients of its own key that dies at its point. Embedded: the next process on the same folder
has to settle what it left; that process is armed with the next cell's point, so every start but the first is a recovery
too. Scaled: a second gateway that lives on settles it. The outbox has one consumer, so where the dying gateway has to
be it, the living one is stopped (SIGSTOP) meanwhile, which is a fault of its own.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis

from gateway.fleet import Pacing, Record, Settings
from gateway.killpoints import NAMES
from tests.faults.audit import MONEY, Books, check, compare, journal_of, read
from tests.faults.open_requests import OpenRequests
from tests.faults.traffic import Errand, crowd
from tests.harness import FleetThread, GatewayProcess, Stores, wait_until
from tests.servers import PostgresServer, RedisServer

MODELS = ("pair", "gemini", "claude", "gpt")
PACE = Settings(pacing=Pacing(ttft=0.03, tokens_per_second=500))
AT_ONCE = 6
WITHIN = 20.0  # seconds from a death to the last settlement, where another gateway lives
OF_THE_CONSUMER = ("before_commit", "after_commit", "before_ack", "after_ack")
WRITES_OF_A_START = 2  # that pass points of the consumer too: the writer's first look, and the recovery
# At which of its passes a point kills: once the load is under way. There are several writes to a request of an embedded
# gateway, and several requests to a batch of a scaled one.
EMBEDDED = {False: (AT_ONCE + 1, 3 * AT_ONCE), True: (3 * AT_ONCE, 6 * AT_ONCE)}
SCALED = {False: (AT_ONCE + 1, 3 * AT_ONCE), True: (3, 8)}
HALF = [(point, number % 2 == 0) for number, point in enumerate(NAMES)]
OTHER_HALF = [(point, not stream) for point, stream in HALF]
SEEDS = range(1, 6)


@dataclass
class Cell:
    """One point, reached by one process; what was seen of it."""

    point: str
    stream: bool
    seed: int
    key: str = ""
    key_id: str = ""
    exit_code: int | None = None
    died_at: float = 0.0  # monotonic
    settled_after: float = (
        0.0  # seconds that somebody lived to do it; embedded: the next process does before it is ready
    )
    left_open: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    @property
    def rnd(self) -> random.Random:
        return random.Random(f"{self.seed} {self.point} {self.stream}")

    @property
    def name(self) -> str:
        return f"{self.point}-{'stream' if self.stream else 'plain'}"


@dataclass
class Run:
    """All cells of a set-up, and its books when all is over."""

    cells: dict[str, Cell]
    where: Path | Stores
    books: Books | None = None

    @property
    def records(self) -> list[Record]:
        return [record for cell in self.cells.values() for record in cell.records]


def cells_of(names: list[tuple[str, bool]], seed: int) -> list[Cell]:
    return [Cell(point, stream, seed) for point, stream in names]


def load(cell: Cell, gateway: GatewayProcess, fleet: FleetThread) -> None:
    """Ask until the process is dead."""
    rnd, process = cell.rnd, gateway.process
    assert process is not None
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        errands = [errand(rnd, cell.stream) for _ in range(4 * AT_ONCE)]
        asyncio.run(crowd(gateway.url, cell.key, errands, AT_ONCE))
    gateway.kill()  # one that missed its point
    cell.exit_code, cell.died_at = process.returncode, time.monotonic()
    fleet.settled(0)
    cell.records = fleet.ended


def errand(rnd: random.Random, stream: bool) -> Errand:
    text = f"Tell me about subject {rnd.randrange(10**6)} in {rnd.choice((10, 40))} words."
    body: dict[str, object] = {"model": rnd.choice(MODELS), "messages": [{"role": "user", "content": text}]}
    return Errand({**body, "stream": stream}, None, 0.0)


def embedded(tmp_path: Path, cells: list[Cell]) -> Run:
    """One folder, one process after the other."""
    run = Run({cell.name: cell for cell in cells}, tmp_path / "data")
    fleet = FleetThread(PACE)
    gateway = GatewayProcess(tmp_path, fleet)
    try:
        gateway.start()
        for cell in cells:
            cell.key, cell.key_id = made(gateway)
        gateway.stop()
        before: Cell | None = None
        for cell in [*cells, None]:
            gateway.start(**({} if cell is None else armed(cell, EMBEDDED)))
            if before is not None:
                before.left_open = [name for name, status in read(run.where).requests.items() if status is None]
            if cell is not None:
                load(cell, gateway, fleet)
                fleet.reset()
            before = cell
        gateway.stop()
    finally:
        gateway.stop()
        fleet.close()
    run.books = read(run.where)
    return run


def armed(cell: Cell, passes: dict[bool, tuple[int, int]]) -> dict[str, str]:
    return {"ATELIER_KILL_AT": f"{cell.point}:{cell.rnd.randint(*passes[cell.point in OF_THE_CONSUMER])}"}


def made(gateway: GatewayProcess) -> tuple[str, str]:
    key = gateway.key(max_budget=5000)
    with gateway.http(key) as http:
        return key, http.get("/v1/me").json()["key_id"]


def scaled(tmp_path: Path, cells: list[Cell], redis: RedisServer, postgres: PostgresServer) -> Run:
    """Two dying gateways at a time; those that have to be the consumer one by one."""
    stores = Stores(postgres.fresh(), redis.url)
    with Redis.from_url(redis.url) as client:
        client.flushall()
    run = Run({cell.name: cell for cell in cells}, stores)
    fleet = FleetThread(PACE)
    (tmp_path / "living").mkdir()
    living = GatewayProcess(tmp_path / "living", fleet, stores=stores)
    watch = OpenRequests(stores)
    resumed: list[float] = []
    try:
        living.start()
        for cell in cells:
            cell.key, cell.key_id = made(living)
        watch.start()
        with ThreadPoolExecutor(2) as pool:
            others = [cell for cell in cells if cell.point not in OF_THE_CONSUMER]
            list(pool.map(lambda cell: die(tmp_path, stores, cell), others))
        for cell in cells:
            if cell.point in OF_THE_CONSUMER:
                die(tmp_path, stores, cell, instead_of=living)
                resumed.append(time.monotonic())
        wait_until(watch.is_idle, "the end of all that was open")
        for cell in cells:
            settled = watch.seen.get(cell.key_id, 0.0)
            since = max([cell.died_at, *[at for at in resumed if at < settled]])  # it was stopped for others' sake, too
            cell.settled_after = max(0.0, settled - since)
        run.books = read(stores)
    finally:
        watch.stop()
        living.stop()
        fleet.close()
    return run


def die(tmp_path: Path, stores: Stores, cell: Cell, instead_of: GatewayProcess | None = None) -> None:
    """`instead_of`: the gateway that is stopped meanwhile, so that the dying one is the consumer."""
    folder = tmp_path / cell.name
    folder.mkdir()
    fleet = FleetThread(PACE)
    gateway = GatewayProcess(folder, fleet, stores=stores)
    try:
        gateway.start(**armed(cell, SCALED))
        if instead_of is not None:
            pause(instead_of, signal.SIGSTOP)
            with Redis.from_url(stores.redis_url) as redis:
                redis.delete(f"{MONEY}leader")
        load(cell, gateway, fleet)
    finally:
        if instead_of is not None:
            pause(instead_of, signal.SIGCONT)
        gateway.stop()
        fleet.close()


def pause(gateway: GatewayProcess, number: signal.Signals) -> None:
    assert gateway.process is not None
    gateway.process.send_signal(number)


@pytest.fixture(scope="module")
def embedded_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return embedded(tmp_path_factory.mktemp("embedded"), cells_of(HALF, seed=0))


@pytest.fixture(scope="module")
def scaled_run(
    tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer, postgres_server: PostgresServer
) -> Run:
    return scaled(tmp_path_factory.mktemp("scaled"), cells_of(OTHER_HALF, seed=0), redis_server, postgres_server)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("cell", [cell.name for cell in cells_of(HALF, 0)])
def test_a_kill_of_an_embedded_gateway_loses_and_doubles_no_money(cell: str, embedded_run: Run) -> None:
    assert_settled(embedded_run, embedded_run.cells[cell])


@pytest.mark.timeout(400)
@pytest.mark.parametrize("cell", [cell.name for cell in cells_of(OTHER_HALF, 0)])
def test_a_kill_of_a_scaled_gateway_loses_and_doubles_no_money(cell: str, scaled_run: Run) -> None:
    assert_settled(scaled_run, scaled_run.cells[cell])


@pytest.mark.timeout(400)
def test_after_all_the_kills_every_equation_holds(embedded_run: Run, scaled_run: Run) -> None:
    for run in (embedded_run, scaled_run):
        check(run.where, run.records)


@pytest.mark.timeout(400)
def test_a_kill_in_the_recovery_itself_changes_nothing(tmp_path: Path) -> None:
    """The recovery is one more write that may be cut off: it is done by the start after that."""
    cell = Cell("first_byte", stream=True, seed=0)
    fleet = FleetThread(PACE)
    gateway = GatewayProcess(tmp_path, fleet)
    try:
        gateway.start(**armed(cell, EMBEDDED))
        cell.key, cell.key_id = made(gateway)
        load(cell, gateway, fleet)
        for point in ("before_commit", "after_commit"):
            gateway.start(wait=False, ATELIER_KILL_AT=f"{point}:{WRITES_OF_A_START}")
            assert gateway.process is not None
            assert gateway.process.wait(60) == -signal.SIGKILL
        gateway.restart()
        assert_settled(Run({}, gateway.data_dir, read(gateway.data_dir)), cell)
    finally:
        gateway.stop()
        fleet.close()


@pytest.mark.faults
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("set_up", ["embedded", "scaled"])
def test_a_kill_at_any_point_loses_and_doubles_no_money(
    set_up: str, seed: int, tmp_path: Path, redis_server: RedisServer, postgres_server: PostgresServer
) -> None:
    cells = cells_of([*HALF, *OTHER_HALF], seed)
    run = embedded(tmp_path, cells) if set_up == "embedded" else scaled(tmp_path, cells, redis_server, postgres_server)
    for cell in cells:
        assert_settled(run, cell)
    check(run.where, run.records)


def assert_settled(run: Run, cell: Cell) -> None:
    """The cell's own attempts: each in the books once, equal to what its providers have billed."""
    assert cell.exit_code == -signal.SIGKILL, f"{cell.name} was never reached"
    assert run.books is not None
    lines = {attempt: line for attempt, line in run.books.lines.items() if line["key_id"] == cell.key_id}
    journal = journal_of(cell.records)
    print(
        f"{cell.name}: {len(journal)} attempts, {sum(bool(line['estimated']) for line in lines.values())} estimated,"
        f" settled {cell.settled_after:.1f} s after"
    )
    assert journal, "nothing was sent"
    assert set(journal) <= set(lines), "an attempt that the ledger does not know"
    for attempt, record in journal.items():
        compare(attempt, lines[attempt], record)
    for attempt in lines.keys() - journal.keys():
        assert lines[attempt]["estimated"], f"{attempt} was charged as served, and never was"
    assert {run.books.requests[request] for request, _ in lines} & {None} == set(), "a request without an outcome"
    assert not cell.left_open, "the next process was ready before it had settled"
    assert cell.settled_after < WITHIN
