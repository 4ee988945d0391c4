"""Reloads under load, on three workers: no request fails, every worker soon serves the new version, the books are right.

Each round writes another valid file (groups, weights, rules, limits, a virtual model), now and then a broken one, which must
change nothing. How soon every worker serves it is printed, and bounded only by what a machine under load can keep.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import Any, Self

import aiohttp
import pytest
from redis import Redis

from gateway.config.loader import load
from gateway.fleet import Pacing
from tests.faults.audit import MONEY, check
from tests.harness import FleetThread, GatewayProcess, Stores, config_of, deployment, wait_until

WORKERS = 3
CLIENTS = 8
LOOKS = 24  # connections that ask for the version; each worker has accepted some
WITHIN = 2.0  # seconds, on a machine that has the time
PATIENCE = 20.0
BROKEN = ("model_list: nonsense\n", "{", "", "model_list: []\n", "routing: {rules: [{when: {}, use: {}}]}\n")


@pytest.fixture
def fleet() -> Iterator[FleetThread]:
    running = FleetThread()
    running.configure(pacing=Pacing(ttft=0.02, tokens_per_second=400))
    yield running
    running.close()


@pytest.fixture
def gateway(fleet: FleetThread, stores: Stores, tmp_path: Path) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path, fleet, stores, workers=WORKERS) as running:
        wait_until(lambda: len(running.workers()) == WORKERS and "workers" in running.log(), "all workers")
        yield running


def test_sixty_reloads(gateway: GatewayProcess, fleet: FleetThread) -> None:
    asyncio.run(reloads(gateway, fleet, rounds=60, seed=1))


@pytest.mark.faults
@pytest.mark.timeout(3000)
def test_a_thousand_reloads(gateway: GatewayProcess, fleet: FleetThread) -> None:
    asyncio.run(reloads(gateway, fleet, rounds=1000, seed=2))


async def reloads(gateway: GatewayProcess, fleet: FleetThread, rounds: int, seed: int) -> None:
    rnd = random.Random(seed)
    key = await asyncio.to_thread(gateway.key)
    done = asyncio.Event()
    seen: Counter[str] = Counter()
    clients = [asyncio.create_task(client(gateway.url, key, number, done, seen)) for number in range(CLIENTS)]
    took: list[float] = []
    rejected = 0
    async with Lookers(gateway.url) as lookers:
        for number in range(rounds):
            if number % 10 == 7:
                rejected += 1
                await lookers.reject(gateway, rnd.choice(BROKEN) + f"# {number}\n")
            write(gateway, json.dumps(variant(fleet, rnd, number)), hint=rnd.random() < 0.8)
            took.append(await lookers.until(load(gateway.config_file, gateway.env).version))
    done.set()
    await asyncio.gather(*clients)
    tenths = quantiles(took, n=10)
    print(f"seed {seed}: {rounds} reloads, {rejected} rejections, {seen}")
    print(f"every worker after {tenths[4]:.2f} s (median), {tenths[8]:.2f} s (nine of ten), {max(took):.2f} s (all)")
    assert set(seen) == {"200", "done"}, seen
    assert sum(seen.values()) > rounds
    assert gateway.process is not None
    assert gateway.process.poll() is None
    await asyncio.to_thread(books_are_right, gateway, fleet)


def variant(fleet: FleetThread, rnd: random.Random, number: int) -> dict[str, Any]:
    """A valid configuration in which `gpt` and `echo` always serve, and little else stays as it was."""
    models = config_of(fleet)["model_list"]
    rnd.shuffle(models)
    for each in models:
        if rnd.random() < 0.5:
            each["litellm_params"] |= {"weight": rnd.randint(1, 9), "order": rnd.randint(1, 3)}
    models += [deployment(f"new-{number}", "openai/echo", fleet.urls) for _ in range(rnd.randint(0, 2))]
    rules = [{"name": f"rule {number}", "when": {"tags": f"tag-{number}"}, "use": {"group": "gpt"}}]
    tiers = {"fast": rnd.choice(("gpt", "gemini")), "smart": "claude", "best": "gemini"}
    return config_of(
        fleet,
        model_list=models,
        routing={"policy": rnd.choice(("priority", "weighted")), "models": {"auto": {"tiers": tiers}}, "rules": rules},
        limits={"max_n": rnd.randint(1, 9), "rpm": rnd.choice((None, 100_000))},
        groups={"pair": {"fallbacks": ["echo"]}},
        retry={"attempts": rnd.randint(2, 5)},
        stream={"idle_timeout": 20 + number},
    )


def write(gateway: GatewayProcess, text: str, *, hint: bool) -> None:
    """In place or by renaming, as editors do; `hint`: SIGHUP as well."""
    if len(text) % 2:
        gateway.config_file.write_text(text)
    else:
        other = gateway.config_file.with_suffix(".new")
        other.write_text(text)
        other.rename(gateway.config_file)
    if hint and gateway.process is not None:
        gateway.process.send_signal(signal.SIGHUP)


class Lookers:
    """Connections to every worker that ask for the version it serves."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/health/ready"

    async def __aenter__(self) -> Self:
        self._sessions = [
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1, keepalive_timeout=300)) for _ in range(LOOKS)
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in self._sessions:
            await session.close()

    async def ask(self) -> list[dict[str, Any]]:
        async def one(session: aiohttp.ClientSession) -> dict[str, Any]:
            async with session.get(self._url) as answer:
                found: dict[str, Any] = (await answer.json())["config"]
                return found

        return await asyncio.gather(*map(one, self._sessions))

    async def until(self, version: str) -> float:
        """Seconds until every worker serves this version."""
        began = time.monotonic()
        while any(each["version"] != version or each["rejected"] for each in await self.ask()):
            assert time.monotonic() - began < PATIENCE, "a worker stays behind"
            await asyncio.sleep(0.05)
        return time.monotonic() - began

    async def reject(self, gateway: GatewayProcess, text: str) -> None:
        """Every worker refuses this file, and serves what it served."""
        served = {each["version"] for each in await self.ask()}
        write(gateway, text, hint=True)
        began = time.monotonic()
        while not all(each["rejected"] for each in await self.ask()):
            assert time.monotonic() - began < PATIENCE, "a worker has not noticed the broken file"
            await asyncio.sleep(0.05)
        assert {each["version"] for each in await self.ask()} == served


async def client(url: str, key: str, number: int, done: asyncio.Event, seen: Counter[str]) -> None:
    """Asks one thing after the other until it is told that it is enough; every other client streams."""
    asked = {"model": "echo", "max_tokens": 60, "messages": [{"role": "user", "content": "a few words to say again"}]}
    async with aiohttp.ClientSession(headers={"authorization": f"Bearer {key}"}) as session:
        while not done.is_set():
            body = asked | ({"stream": True} if number % 2 else {})
            async with session.post(f"{url}/v1/chat/completions", json=body) as answer:
                text = await answer.text()
                if answer.status != 200 or not number % 2:
                    seen[str(answer.status)] += 1
                else:
                    seen["done" if text.rstrip().endswith("data: [DONE]") else "cut"] += 1
            await asyncio.sleep(0.05)


def books_are_right(gateway: GatewayProcess, fleet: FleetThread) -> None:
    """Once the outbox is booked: what the providers served is what the ledger says."""
    stores = gateway.stores
    assert stores is not None
    with Redis.from_url(stores.redis_url) as redis:
        wait_until(lambda: not redis.zcard(f"{MONEY}holds"), "the end of all holds")
    check(stores, fleet.settled(0))
