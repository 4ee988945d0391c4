"""A budget is never exceeded, however many workers give its money away at once."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from redis import Redis

from gateway.fleet import Pacing, Settings
from gateway.ledger.prices import bound, usd
from gateway.ledger.rows import price_of
from gateway.measure import measure
from tests.faults.audit import MONEY, check, rows_of
from tests.faults.storm import QUICK
from tests.faults.traffic import crowd, errand
from tests.harness import FleetThread, GatewayProcess, Stores, wait_until

ADMITTED, ASKED = 100, 2000
MAX_TOKENS = 60
BODY = {
    "model": "gpt",
    "max_tokens": MAX_TOKENS,
    "messages": [{"role": "user", "content": "Tell me about bridges in 80 words."}],
}
PAYERS = ("key", "user", "team", "brand")


@pytest.fixture
def fleet() -> Iterator[FleetThread]:
    running = FleetThread(Settings(pacing=Pacing(ttft=0.02, tokens_per_second=600)))
    yield running
    running.close()


@pytest.fixture
def gateway(fleet: FleetThread, stores: Stores, tmp_path: Path) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path, fleet, stores, workers=3, **QUICK) as running:
        wait_until(lambda: len(running.workers()) == 3, "all workers")
        yield running


def settled(gateway: GatewayProcess) -> None:
    def nothing_held() -> bool:
        assert gateway.stores is not None
        with Redis.from_url(gateway.stores.redis_url) as redis:
            return not redis.zcard(f"{MONEY}holds") and not redis.xlen(f"{MONEY}outbox")

    wait_until(nothing_held, "the end of all holds")


@pytest.mark.timeout(300)
async def test_of_2000_requests_at_once_a_budget_for_100_answers_exactly_100(
    gateway: GatewayProcess, fleet: FleetThread, stores: Stores
) -> None:
    """All cost the same; the budget is what 99 cost and one may cost."""
    with gateway.http(gateway.key()) as http:
        assert http.post("/v1/chat/completions", json=BODY).status_code == 200
    settled(gateway)
    [line] = rows_of(stores.database_url, "ledger")["ledger"]
    cost, price = line["cost_nano"], price_of(json.loads(line["price"]))
    may_cost = bound(price, measure(BODY).token_bound(), MAX_TOKENS)
    assert cost < may_cost
    key = gateway.key(max_budget=usd((ADMITTED - 1) * cost + may_cost))
    seen = await at_once(gateway, key)
    print(dict(seen))
    assert seen["200"] == ADMITTED, seen
    assert seen["500 internal_error"] == 0, seen
    settled(gateway)
    books = check(stores, await asyncio.to_thread(fleet.settled, 1))
    assert {each["cost_nano"] for each in books.lines.values()} == {cost}


async def at_once(gateway: GatewayProcess, key: str) -> Counter[str]:
    seen: Counter[str] = Counter()
    headers = {"authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:

        async def ask() -> None:
            async with session.post(f"{gateway.url}/v1/chat/completions", json=BODY) as answer:
                body = await answer.json()
                seen[f"{answer.status} {(body.get('error') or {}).get('code', '')}".strip()] += 1

        await asyncio.gather(*(ask() for _ in range(ASKED)))
    return seen


@pytest.mark.timeout(300)
async def test_at_no_moment_is_more_spent_and_held_than_key_user_team_and_brand_may(
    gateway: GatewayProcess, fleet: FleetThread, stores: Stores
) -> None:
    await spend_it_all(gateway, fleet, stores, seed=20261122, count=500)


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(1, 6))
async def test_at_no_moment_is_more_spent_and_held_than_may_for_other_seeds(
    gateway: GatewayProcess, fleet: FleetThread, stores: Stores, seed: int
) -> None:
    await spend_it_all(gateway, fleet, stores, seed, count=3000)


async def spend_it_all(gateway: GatewayProcess, fleet: FleetThread, stores: Stores, seed: int, count: int) -> None:
    """Two keys of one user, team and brand; each payer in turn is the one that runs out of money."""
    print(f"seed {seed}")
    rnd = random.Random(seed)
    with gateway.http() as admin:
        keys = payers(admin, rnd.sample((0.02, 0.03, 0.04), 3))
    over: list[str] = []
    samples = Counter[str]()
    watching = asyncio.create_task(watch(stores, over, samples))
    models = ("pair", "gemini", "claude", "gpt")
    errands = [[errand(rnd, n, models) for n in range(count // 2)] for _ in keys]
    seen = await asyncio.gather(
        *(crowd(gateway.url, key, each, at_once=60) for key, each in zip(keys, errands, strict=True))
    )
    await asyncio.to_thread(settled, gateway)
    watching.cancel()
    print(f"{sum(samples.values())} samples; {sum(seen, Counter())}")
    assert not over, over
    assert len(samples) >= len(PAYERS)
    assert sum(seen, Counter())["429 insufficient_quota"] > 0, "no budget was used up"
    check(stores, await asyncio.to_thread(fleet.settled, 1))


def payers(admin: httpx.Client, budgets: list[float]) -> list[str]:
    """A user, a team and a brand with these budgets in USD, and two keys of them, the second with a budget too."""

    def post(path: str, **body: Any) -> dict[str, Any]:
        answer = admin.post(path, json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    user, team, brand = budgets
    post("/admin/users", id="ann", budget=user)
    post("/admin/teams", id="red", name="Red", budget=team)
    assert admin.put("/admin/teams/red/members/ann", json={"role": "member"}).is_success
    post("/admin/brands", id="tea", name="Tea", team="red", budget=brand)
    of = {"user": "ann", "team": "red", "default_brand": "tea"}
    return [post("/admin/keys", name="a", **of)["key"], post("/admin/keys", name="b", budget="0.01", **of)["key"]]


async def watch(stores: Stores, over: list[str], samples: Counter[str]) -> None:
    """Ten times a second: no account is over its limit, in Redis or in SQL."""
    with Redis.from_url(stores.redis_url, decode_responses=True) as redis:
        while True:
            for name in redis.scan_iter(f"{MONEY}acct:*", count=1000):
                limit, spent, held = redis.hmget(name, "limit", "spent", "held")
                if limit:
                    samples[name] += 1
                    if int(spent) + int(held) > int(limit) or int(held) < 0:
                        over.append(f"{name}: {spent} + {held} of {limit}")
            for row in await asyncio.to_thread(lambda: rows_of(stores.database_url, "account")["account"]):
                if row["spent_nano"] > (row["limit_nano"] or float("inf")):
                    over += [f"SQL: {row['scope']}: {row['spent_nano']} of {row['limit_nano']}"]
            await asyncio.sleep(0.1)
