"""Fixtures for tests that need a whole gateway: one fleet and one gateway a session, for starting takes seconds.

Redis and PostgreSQL likewise: one server of each a session, started by the first test that asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from tests.harness import FleetThread, GatewayProcess, GatewayThread, Stores
from tests.servers import PostgresServer, RedisServer


def pytest_configure(config: pytest.Config) -> None:
    """LiteLLM's types make pydantic warn when they are first used; our own warnings stay errors."""
    config.addinivalue_line("filterwarnings", "ignore::UserWarning:pydantic")


FLEETS: list[FleetThread] = []  # the session's, once a test has asked for it


@pytest.fixture(scope="session")
def running_fleet() -> Iterator[FleetThread]:
    fleet = FleetThread()
    FLEETS.append(fleet)
    yield fleet
    FLEETS.remove(fleet)
    fleet.close()


@pytest.fixture(scope="module", autouse=True)
def no_faults_of_other_modules() -> None:
    """Each module begins with a sound fleet, whatever the one before left behind."""
    for fleet in FLEETS:
        fleet.reset()


@pytest.fixture
def fleet(running_fleet: FleetThread) -> FleetThread:
    """The session's fleet, with no faults and an empty journal."""
    running_fleet.reset()
    return running_fleet


@pytest.fixture(scope="session")
def gateway(running_fleet: FleetThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayThread]:
    """A gateway in this process, shared by the session's tests."""
    with GatewayThread(tmp_path_factory.mktemp("gateway"), running_fleet) as running:
        yield running


@pytest.fixture(scope="module")
def gateway_process(running_fleet: FleetThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A real `atelier serve`, shared by a module's tests."""
    with GatewayProcess(tmp_path_factory.mktemp("process"), running_fleet) as running:
        yield running


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that nobody stops; tests that do bring their own."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL that nobody stops."""
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as running:
        yield running


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database of one's own."""
    url = postgres_server.fresh()
    yield url
    postgres_server.drop(url)


@pytest.fixture(scope="session")
def empty_stores(redis_server: RedisServer, postgres_server: PostgresServer) -> Callable[[], Stores]:
    """Makes a scaled set-up's stores: an emptied Redis and a fresh database. Those made before are no more."""

    def make() -> Stores:
        with Redis.from_url(redis_server.url) as redis:
            redis.flushall()
        return Stores(postgres_server.fresh(), redis_server.url)

    return make
