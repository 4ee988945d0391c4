"""Clients that misbehave: random requests, faults on demand, cuts at every point of an answer."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

FAULTS = (
    "429", "429 retry_after=1", "500", "503", "hang_before_headers", "hang after=4", "reset after=0", "reset after=3",
    "clean_end after=5", "in_band_error after=2", "malformed after=2", "drip after=2", "usage_absent", "usage_zero",
    "usage_twice", "refused", "context_length_exceeded", "content_policy", "wrong_content_type",
)  # fmt: skip
CUTS = ("now", "headers", "token", "middle", "late")


@dataclass(frozen=True)
class Errand:
    """One request: what it asks, what goes wrong at the provider, when its client leaves."""

    body: dict[str, object]
    cut: str | None
    patience: float


def errand(rnd: random.Random, number: int, models: tuple[str, ...]) -> Errand:
    """About a third meets no fault, about half is not cut."""
    fault = rnd.choice([*FAULTS, *[""] * 8])
    text = f"Tell me about topic {number} in 40 words." + (f" [[sim:{fault}]]" if fault else "")
    body: dict[str, object] = {"model": rnd.choice(models), "messages": [{"role": "user", "content": text}]}
    if rnd.random() < 0.6:
        body["stream"] = True
        if rnd.random() < 0.5:
            body["stream_options"] = {"include_usage": True}
    if (limit := rnd.choice([None, 30, 60])) is not None:
        body["max_tokens"] = limit
    return Errand(body, rnd.choice([None, *CUTS]), rnd.uniform(0.001, 0.12))


async def run(
    session: aiohttp.ClientSession,
    url: str,
    todo: Errand,
    timeout: float = 30.0,
    headers: Mapping[str, str] | None = None,
) -> str:
    """What the client saw, in a word; "silent end" is the one that must never be."""
    try:
        patience = todo.patience if todo.cut == "now" else timeout
        return await asyncio.wait_for(ask(session, url, todo, headers), patience)
    except TimeoutError:
        return "left at once" if todo.cut == "now" else "hung"
    except aiohttp.ClientError as error:
        return type(error).__name__


async def ask(session: aiohttp.ClientSession, url: str, todo: Errand, headers: Mapping[str, str] | None = None) -> str:
    async with session.post(f"{url}/v1/chat/completions", json=todo.body, headers=headers) as answer:
        if todo.cut == "headers":
            return "left after the headers"
        if answer.status != 200 or not todo.body.get("stream"):
            body = await answer.json()
            return f"{answer.status} {(body.get('error') or {}).get('code', '')}".strip()
        return await read_stream(answer, todo.cut)


async def read_stream(answer: aiohttp.ClientResponse, cut: str | None) -> str:
    seen, last = 0, b""
    async for line in answer.content:
        if not line.startswith(b"data:"):
            continue
        seen, last = seen + 1, line
        if (cut == "token" and seen == 1) or (cut == "middle" and seen == 8):
            return f"left at chunk {seen}"
        if cut == "late" and b'"finish_reason":"' in line:
            return "left before the usage"
    if last.strip() == b"data: [DONE]":
        return "done"
    return "error in band" if b'"error"' in last and json.loads(last[6:])["error"]["code"] else "silent end"


async def crowd(url: str, key: str, errands: list[Errand], at_once: int) -> Counter[str]:
    """Run them all, `at_once` at a time."""
    limit = asyncio.Semaphore(at_once)
    seen: Counter[str] = Counter()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers={"authorization": f"Bearer {key}"}) as session:

        async def one(todo: Errand) -> None:
            async with limit:
                seen[await run(session, url, todo)] += 1

        await asyncio.gather(*(one(todo) for todo in errands))
    return seen
