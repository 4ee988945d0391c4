"""Redis or PostgreSQL away, end to end: who goes on, who is refused and how, what is told, and that it heals by itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from gateway.fleet import Settings
from tests.faults.audit import check, rows_of
from tests.harness import FleetThread, GatewayProcess, Stores, wait_until
from tests.servers import PostgresServer, RedisServer, Server

NOTICED = 0.3  # seconds that an answer may take once Redis is known to be away
BODY = {"model": "echo", "max_tokens": 20, "messages": [{"role": "user", "content": "hello there"}]}


class Setting:
    """One gateway of one worker, so that it is known who has noticed what."""

    def __init__(
        self, gateway: GatewayProcess, fleet: FleetThread, redis: RedisServer, postgres: PostgresServer
    ) -> None:
        self.gateway, self.fleet = gateway, fleet
        self.stores: dict[str, Server] = {"redis": redis, "database": postgres}
        self.limited = gateway.key(max_budget=10)
        self.free = gateway.key()
        for key in (self.limited, self.free):
            assert self.ask(key).status_code == 200

    def ask(self, key: str | None, path: str = "/v1/chat/completions", body: object = BODY) -> httpx.Response:
        with self.gateway.http(key) as http:
            return http.post(path, json=body)

    def away(self, name: str, how: str) -> None:
        """Take the store away and wait until the gateway has noticed; asking it is what makes it look."""
        getattr(self.stores[name], how)()
        self.until(lambda: self.up(name) == 0, f"{name} to be noticed")

    def back(self, name: str, how: str) -> None:
        getattr(self.stores[name], how)()
        self.until(lambda: self.up(name) == 1 and not self.degraded(), f"{name} to be welcome again")

    def until(self, condition: Callable[[], bool], what: str) -> None:
        def asked() -> bool:
            self.ask(self.free)
            return condition()

        wait_until(asked, what)

    def up(self, name: str) -> float:
        with self.gateway.http() as http:
            lines = http.get("/metrics").text.splitlines()
        [line] = [line for line in lines if line.startswith(f'gateway_dependency_up{{dependency="{name}"')]
        return float(line.rpartition(" ")[2])

    def degraded(self) -> list[dict[str, Any]]:
        with self.gateway.http(None) as http:
            answer = http.get("/health/ready")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["degraded"]
        return found

    def told(self, event: str, name: str) -> int:
        """How many lines of the log say so."""
        lines = [json.loads(line) for line in self.gateway.log().splitlines() if line.startswith("{")]
        return sum(line["event"] == event and line.get("dependency") == name for line in lines)

    def booked(self) -> int:
        stores = self.gateway.stores
        assert stores is not None
        return len(rows_of(stores.database_url, "ledger")["ledger"])

    def all_is_booked(self) -> None:
        stores = self.gateway.stores
        assert stores is not None
        records = self.fleet.settled(1)
        wait_until(lambda: self.booked() >= len(records), "all money in SQL")
        check(stores, records)


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    folder = tmp_path_factory.mktemp("away")
    (folder / "gateway").mkdir()
    fleet = FleetThread(Settings())
    with RedisServer(folder / "redis") as redis, PostgresServer(folder / "postgres") as postgres:
        stores = Stores(postgres.fresh(), redis.url)
        with GatewayProcess(folder / "gateway", fleet, stores) as gateway:
            yield Setting(gateway, fleet, redis, postgres)
    fleet.close()


@pytest.mark.parametrize(("gone", "again"), [("kill", "start"), ("pause", "resume")])
def test_redis_away_refuses_whoever_has_a_budget_and_lets_the_others_go_on(
    setting: Setting, gone: str, again: str
) -> None:
    said = setting.told("dependency_away", "redis")
    setting.away("redis", gone)
    took = []
    for _ in range(5):
        began = time.monotonic()
        refused = setting.ask(setting.limited)
        took.append(time.monotonic() - began)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "state_unavailable")
        assert int(refused.headers["retry-after"]) >= 1
    print(f"refused after {[round(1000 * seconds) for seconds in took]} ms")
    assert sorted(took)[len(took) // 2] < NOTICED
    served = len(setting.fleet.ended)
    for stream in (False, True):
        answer = setting.ask(setting.free, body={**BODY, "stream": stream})
        assert answer.status_code == 200, answer.text
        assert ("data: [DONE]" in answer.text) == stream
    assert len(setting.fleet.ended) == served + 2
    [degraded] = setting.degraded()
    assert degraded["dependency"] == "redis"
    assert "budget" in degraded["effect"]
    setting.back("redis", again)
    wait_until(lambda: setting.ask(setting.limited).status_code == 200, "budgets to be given again")
    setting.all_is_booked()
    assert setting.told("dependency_away", "redis") - said == 1
    assert setting.told("dependency_back", "redis") == setting.told("dependency_away", "redis")


@pytest.mark.parametrize(("gone", "again"), [("kill", "start"), ("pause", "resume")])
def test_sql_away_lets_known_keys_go_on_and_asks_the_others_to_come_again(
    setting: Setting, gone: str, again: str
) -> None:
    unseen = setting.gateway.key()
    revocable = setting.gateway.key()
    assert setting.ask(revocable).status_code == 200
    booked = setting.booked()
    setting.away("database", gone)
    for key in (setting.limited, setting.free):
        for stream in (False, True):
            answer = setting.ask(key, body={**BODY, "stream": stream})
            assert answer.status_code == 200, answer.text
    unknown = setting.ask(unseen)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (503, "store_unavailable")
    wrong = setting.ask("sk-atl-never-made")
    assert wrong.status_code == 503
    written = setting.ask(setting.gateway.master, "/admin/keys", {"name": "x"})
    assert (written.status_code, written.json()["error"]["code"]) == (503, "store_unavailable")
    [degraded] = setting.degraded()
    assert degraded["dependency"] == "database"
    setting.back("database", again)
    wait_until(lambda: setting.ask(unseen).status_code == 200, "keys to be looked up again")
    assert setting.ask("sk-atl-never-made").status_code == 401
    setting.all_is_booked()
    assert setting.booked() > booked


def test_a_gateway_does_not_start_without_its_stores(
    setting: Setting, tmp_path_factory: pytest.TempPathFactory
) -> None:
    nowhere = {"redis": "redis://127.0.0.1:1/0", "database": "postgresql://postgres@127.0.0.1:1/none"}
    stores = setting.gateway.stores
    assert stores is not None
    for name, broken in (
        ("redis", Stores(stores.database_url, nowhere["redis"])),
        ("database", Stores(nowhere["database"], stores.redis_url)),
    ):
        gateway = GatewayProcess(tmp_path_factory.mktemp("unstarted"), setting.fleet, broken)
        gateway.start(wait=False)
        assert gateway.process is not None
        assert gateway.process.wait(60) != 0, name
        assert "Traceback" not in gateway.log()


@pytest.mark.parametrize("name", ["redis", "database"])
def test_what_was_served_while_a_store_was_away_outlives_a_kill_of_the_gateway(setting: Setting, name: str) -> None:
    """With Redis away the journal on the disk has it, with SQL away the outbox."""
    assert setting.ask(setting.free).status_code == 200
    setting.away(name, "kill")
    served = len(setting.fleet.ended)
    for stream in (False, True):
        assert setting.ask(setting.free, body={**BODY, "stream": stream}).status_code == 200
    assert len(setting.fleet.ended) == served + 2
    setting.gateway.kill()
    setting.stores[name].start()
    setting.gateway.restart()
    setting.all_is_booked()
