"""A store with as many requests as asked for, each with one line, spread as in real teams. Deterministic.

90 days, most of it in office hours; 40 people in 6 teams with 60 keys; 12 brands, five of which a team may write for; 5
models. Some are much busier than others. Rows are written in transactions of a few thousand, as nothing else runs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import SQLModel

from gateway.store.directory import Brand, Team, User
from gateway.store.tables import LedgerLine, Request, VirtualKey

DAY, HOUR = 86_400, 3_600
NOW = 1_900_000_800.0
DAYS, USERS, TEAMS, BRANDS, MODELS, KEYS = 90, 40, 6, 12, 5, 60
HOURS = (8, 9, 9, 10, 10, 10, 11, 11, 12, 13, 14, 14, 15, 15, 16, 17, 20)
BATCH = 5_000
TOKENS = {
    "input_tokens": 900,
    "output_tokens": 400,
    "cached_input_tokens": 0,
    "cache_write_tokens": 0,
    "reasoning_tokens": 0,
    "audio_input_tokens": 0,
    "audio_output_tokens": 0,
}
REQUEST = {
    "endpoint": "chat",
    "stream": True,
    "template": "blog_post",
    "template_version": "3",
    "tags": ["spring"],
    "route": "complexity: 0.42, standard",
    "http_status": 200,
    "prompt_digest": "5d41402abc4b2a76b9719d911017c592",
    "ttft_ms": 512.0,
    "duration_ms": 4_000.0,
}
LINE = {
    "number": 1,
    "provider": "openai",
    "finish_reason": "stop",
    "late": False,
    "price": {"input": 150_000, "output": 600_000, "source": "litellm"},
    "ttft_ms": 500.0,
}


@dataclass(frozen=True, slots=True)
class Owner:
    """A key and whose it is."""

    key_id: str
    user: str
    team: str


OWNERS = tuple(Owner(f"k_{n:02}", f"user_{n % USERS:02}", f"team_{n % USERS % TEAMS}") for n in range(KEYS))


async def fill(engine: AsyncEngine, count: int) -> None:
    """Write the directory and `count` requests, oldest first."""
    people: list[SQLModel] = [
        *(Team(id=f"team_{n}", name=f"Team {n}", created_at=0.0) for n in range(TEAMS)),
        *(User(id=f"user_{n:02}", name=f"Person {n}", created_at=0.0) for n in range(USERS)),
        *(Brand(id=f"brand_{n:02}", name=f"Brand {n}", created_at=0.0) for n in range(BRANDS)),
        *(
            VirtualKey(id=o.key_id, digest=o.key_id.encode(), name=o.key_id, prefix="sk-atl", user=o.user, created_at=0)
            for o in OWNERS
        ),
    ]
    async with engine.begin() as connection:
        for row in people:
            await connection.execute(insert(type(row)).values(row.model_dump(by_alias=False, exclude={"extra"})))
    requests: list[dict[str, Any]] = []
    for request in made(count):
        requests.append(request)
        if len(requests) == BATCH:
            await write(engine, requests)
            requests = []
    await write(engine, requests)


async def write(engine: AsyncEngine, requests: list[dict[str, Any]]) -> None:
    if requests:
        async with engine.begin() as connection:
            await connection.execute(insert(Request), [each["request"] for each in requests])
            await connection.execute(insert(LedgerLine), [each["line"] for each in requests])


def made(count: int) -> Iterator[dict[str, Any]]:
    """Requests and their lines in the order in which they were booked."""
    chance = random.Random(20300317)  # noqa: S311 - a spread, not a secret
    for number, at in enumerate(sorted(moment(chance) for _ in range(count)), 1):
        owner = OWNERS[min(KEYS - 1, int(chance.expovariate(1 / 20)))]
        own_brand = (int(owner.team[-1]) * 2 + min(4, int(chance.expovariate(0.9)))) % BRANDS
        model = f"model-{min(MODELS - 1, int(chance.expovariate(0.9)))}"
        yield rows(
            number, at, owner, {"brand": f"brand_{own_brand:02}", "model": model}, chance.randrange(10**5, 10**8)
        )


def moment(chance: random.Random) -> float:
    day = chance.randrange(DAYS)
    if day % 7 > 4 and chance.random() < 0.8:
        day -= 2
    midnight = NOW - NOW % DAY - day * DAY
    return min(NOW - 1, midnight + chance.choice(HOURS) * HOUR + chance.random() * HOUR)


def rows(number: int, at: float, owner: Owner, what: dict[str, str], cost: int) -> dict[str, Any]:
    """One request and its line."""
    both = {
        **TOKENS,
        "key_id": owner.key_id,
        "tenant": f"team:{owner.team}",
        "user": owner.user,
        "team": owner.team,
        "brand": what["brand"],
        "simulated": False,
        "deployment_id": f"group/{what['model']}",
        "status": "completed",
        "cost_nano": cost,
        "estimated": False,
        "ended_at": at,
    }
    name = f"gen-{number:012x}"
    request = {**both, **REQUEST, "id": name, "x_request_id": f"req-{number}", "created_at": at - 4}
    line = {**both, **LINE, "request_id": name, "seq": number, "started_at": at - 4, "booked_at": at}
    return {"request": {**request, "model_requested": what["model"]}, "line": {**line, "model": what["model"]}}
