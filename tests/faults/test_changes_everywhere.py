"""What an admin changes through one worker acts on all of them, on every host, within two seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

import aiohttp
import httpx
import pytest
from redis import Redis

from gateway.fleet import Settings
from tests.faults.audit import MONEY, check
from tests.harness import FleetThread, GatewayProcess, Stores, wait_until
from tests.servers import PostgresServer, RedisServer

WITHIN = 2.0  # seconds
CONNECTIONS = 6  # to each host, kept open: every worker has accepted some of them
BODY = {"model": "echo", "max_tokens": 20, "messages": [{"role": "user", "content": "hello there"}]}


@pytest.fixture(scope="module")
def fleet() -> Iterator[FleetThread]:
    running = FleetThread(Settings())
    yield running
    running.close()


@pytest.fixture(scope="module")
def hosts(
    fleet: FleetThread,
    redis_server: RedisServer,
    postgres_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[GatewayProcess]]:
    """Two supervisors with two workers each, on the same stores."""
    with Redis.from_url(redis_server.url) as redis:
        redis.flushall()
    stores = Stores(postgres_server.fresh(), redis_server.url)
    running = [GatewayProcess(tmp_path_factory.mktemp("host"), fleet, stores, workers=2) for _ in range(2)]
    try:
        for host in running:
            host.start()
        wait_until(lambda: all(len(host.workers()) == 2 for host in running), "all workers")
        yield running
    finally:
        for host in running:
            host.stop()


class Callers:
    """Clients with a key, on connections of their own to every host."""

    def __init__(self, hosts: list[GatewayProcess], key: str) -> None:
        self._clients = [host.http(key) for host in hosts for _ in range(CONNECTIONS)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()

    def ask(self) -> list[httpx.Response]:
        return [client.post("/v1/chat/completions", json=BODY) for client in self._clients]

    def seconds_until(self, wanted: Callable[[httpx.Response], bool]) -> float:
        """How long after now the last request began that was not answered as it should be; gives up after a while."""
        began = last = time.monotonic()
        in_a_row = 0
        while in_a_row < len(self._clients):
            for client in self._clients:
                asked = time.monotonic()
                answer = client.post("/v1/chat/completions", json=BODY)
                in_a_row = in_a_row + 1 if wanted(answer) else 0
                last = last if wanted(answer) else asked
                assert asked - began < 10 * WITHIN or wanted(answer), answer.text
        return last - began


def make(host: GatewayProcess, kind: str, **members: Any) -> dict[str, Any]:
    with host.http() as http:
        answer = http.post(f"/admin/{kind}", json=members)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def change(host: GatewayProcess, path: str, **members: Any) -> dict[str, Any]:
    with host.http() as http:
        seen = http.get(f"/admin/{path}")
        answer = http.patch(f"/admin/{path}", json=members, headers={"if-match": seen.headers["etag"]})
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


def answered(answer: httpx.Response) -> bool:
    return answer.status_code == 200


def refused(answer: httpx.Response) -> bool:
    return answer.status_code == 401


def without_money(answer: httpx.Response) -> bool:
    return answer.status_code == 429 and answer.json()["error"]["code"] == "insufficient_quota"


def test_a_key_revoked_through_one_worker_is_refused_by_all_of_every_host(hosts: list[GatewayProcess]) -> None:
    made = make(hosts[0], "keys", name="short-lived")
    with Callers(hosts, made["key"]) as callers:
        assert all(answered(answer) for answer in callers.ask())
        with hosts[1].http() as http:
            assert http.delete(f"/admin/keys/{made['id']}").status_code == 200
        assert told("revoked", callers.seconds_until(refused)) < WITHIN


@pytest.mark.parametrize("kind", ["users", "teams"])
def test_a_blocked_owner_and_one_let_in_again_are_so_everywhere(hosts: list[GatewayProcess], kind: str) -> None:
    owner = make(hosts[0], kind, id=f"{kind}-1", **({"name": "Red"} if kind == "teams" else {}))
    key = make(hosts[0], "keys", name="owned", **{kind[:-1]: owner["id"]})["key"]
    with Callers(hosts, key) as callers:
        assert all(answered(answer) for answer in callers.ask())
        change(hosts[1], f"{kind}/{owner['id']}", blocked=True)
        assert told("blocked", callers.seconds_until(refused)) < WITHIN
        change(hosts[0], f"{kind}/{owner['id']}", blocked=False)
        assert told("let in", callers.seconds_until(answered)) < WITHIN


def test_a_budget_lowered_or_raised_acts_on_every_worker(hosts: list[GatewayProcess]) -> None:
    made = make(hosts[0], "keys", name="budgeted", budget="1")
    with Callers(hosts, made["key"]) as callers:
        assert all(answered(answer) for answer in callers.ask())
        change(hosts[1], f"keys/{made['id']}", budget="0.000001")
        assert told("lowered", callers.seconds_until(without_money)) < WITHIN
        change(hosts[0], f"keys/{made['id']}", budget="2")
        assert told("raised", callers.seconds_until(answered)) < WITHIN
        change(hosts[0], f"keys/{made['id']}", models=["gpt"])
        assert told("other models", callers.seconds_until(lambda answer: answer.status_code == 403)) < WITHIN


def test_a_first_budget_on_a_user_that_spends_already_acts_on_every_worker(hosts: list[GatewayProcess]) -> None:
    user = make(hosts[0], "users", id="spender")
    key = make(hosts[0], "keys", name="of the spender", user=user["id"])["key"]
    with Callers(hosts, key) as callers:
        assert all(answered(answer) for answer in callers.ask())
        change(hosts[1], "users/spender", budget="0.000001")
        assert told("limited", callers.seconds_until(without_money)) < WITHIN
        change(hosts[1], "users/spender", budget=None)
        assert told("unlimited", callers.seconds_until(answered)) < WITHIN


@pytest.mark.timeout(180)
async def test_a_rotation_with_overlap_fails_no_request(hosts: list[GatewayProcess], fleet: FleetThread) -> None:
    made = await asyncio.to_thread(make, hosts[0], "keys", name="rotated", budget="100")
    secrets = [made["key"]]
    statuses: list[int] = []
    over = asyncio.Event()

    async def client(session: aiohttp.ClientSession, url: str) -> None:
        while not over.is_set():
            headers = {"authorization": f"Bearer {secrets[-1]}"}
            async with session.post(f"{url}/v1/chat/completions", json=BODY, headers=headers) as answer:
                await answer.read()
                statuses.append(answer.status)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        clients = [asyncio.create_task(client(session, host.url)) for host in hosts for _ in range(6)]
        for number in range(5):
            await asyncio.sleep(0.4)
            secrets.append(await asyncio.to_thread(rotate, hosts[number % 2], made["id"], 60.0))
        await asyncio.sleep(0.4)
        over.set()
        await asyncio.gather(*clients)
    print(f"{len(statuses)} requests across 5 rotations")
    assert set(statuses) == {200}
    secrets.append(await asyncio.to_thread(rotate, hosts[0], made["id"], 0.0))
    with Callers(hosts, secrets[-1]) as new, Callers(hosts, secrets[-2]) as old:
        assert told("without overlap", await asyncio.to_thread(old.seconds_until, refused)) < WITHIN
        assert all(answered(answer) for answer in await asyncio.to_thread(new.ask))


def rotate(host: GatewayProcess, key_id: str, overlap: float) -> str:
    with host.http() as http:
        answer = http.post(f"/admin/keys/{key_id}/rotate", json={"overlap_seconds": overlap})
    assert answer.status_code in {200, 201}, answer.text
    secret: str = answer.json()["key"]
    return secret


def test_the_books_of_both_hosts_are_one(hosts: list[GatewayProcess], fleet: FleetThread) -> None:
    stores = hosts[0].stores
    assert stores is not None
    with Redis.from_url(stores.redis_url) as redis:
        wait_until(lambda: not redis.zcard(f"{MONEY}holds"), "the end of all holds")
    check(stores, fleet.settled(0))


def told(what: str, seconds: float) -> float:
    print(f"{what}: everywhere after {seconds:.2f} s")
    return seconds
