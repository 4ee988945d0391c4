"""What is measured on a server that runs: each part does one kind of load and returns its figures, by name.

All figures of CPU are milliseconds, of memory megabytes; latencies are milliseconds. Each raises LoadError when an
answer was not as it should have been.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks.effort import Pair
from benchmarks.load import Exchange, LoadError, Target, at_rate, connected, drive
from benchmarks.machine import rss_bytes
from benchmarks.measure import Bench, Figures, averages, meter, quantile, rest, streamed_answers, warm_up, whole_answers
from benchmarks.servers import Running

SPARE = 16  # connections of the open loop: as many requests may be under way at once
PROMPTS = {"16k": 16_384, "1m": 1_000_000}  # bytes
WARMED = 100  # connections that have been used before the crowd comes
GROWING = 600  # seconds that all requests, or all streams, of `growth` may take


async def request(served: Running, bench: Bench) -> Figures:
    """Whole answers in a closed loop, which keeps the server busy."""
    metered = await whole_answers(served, bench, served.target(), bench.effort.seconds)
    times = metered.times_ms()
    return {
        "request_cpu": metered.cpu_ms,
        "request_p50": quantile(times, 0.50),
        "request_p95": quantile(times, 0.95),
        "requests_per_s": len(times) / metered.elapsed,
    }


async def chunk(served: Running, bench: Bench) -> Figures:
    """Paced streams, many at once."""
    return await two_lengths("", served, bench, served.target(), bench.effort.chunk)


async def peers(served: Running, bench: Bench) -> Figures:
    """Paced streams, so few at once that the most expensive server follows; all are compared at the same number."""
    return await two_lengths("peers_", served, bench, served.target(), bench.effort.peers)


async def prompts(served: Running, bench: Bench) -> Figures:
    """Long prompts with short answers."""
    found = {}
    for name, size in PROMPTS.items():
        metered = await whole_answers(served, bench, served.target(), bench.effort.prompt_seconds, size)
        found[f"prompt_{name}_cpu"] = metered.cpu_ms
    return found


async def open_loop(served: Running, bench: Bench) -> Figures:
    """Requests at fixed times, whatever the answers do: the latency of a server that is not busy."""
    effort, target = bench.effort, served.target()
    asked = target.request(40, stream=False)
    async with connected(target, SPARE) as connections:
        await drive(connections, asked, most=effort.warm_up)
        metered = await meter(served, bench, lambda: at_rate(connections, asked, effort.rate, effort.open_seconds))
    times = metered.times_ms()
    return {"open_p50": quantile(times, 0.50), "open_p99": quantile(times, 0.99)}


async def translate(served: Running, bench: Bench) -> Figures:
    """Whole and streamed answers of providers that speak otherwise than the client does."""
    found = {}
    for name in ("anthropic", "gemini"):
        target = served.target(f"bench-{name}")
        found[f"{name}_request_cpu"] = (await whole_answers(served, bench, target, bench.effort.seconds)).cpu_ms
        found |= await two_lengths(f"{name}_", served, bench, target, bench.effort.translate)
    return found


async def sdk(served: Running, bench: Bench) -> Figures:
    """Whole answers through LiteLLM, by a gateway, or by the bare loop that it is compared with."""
    if not served.launch.calls_itself:
        return {
            "sdk_cpu": (await whole_answers(served, bench, served.target("bench-sdk"), bench.effort.seconds)).cpu_ms
        }
    at_once, target = bench.effort.connections, served.target()
    async with connected(target, 1) as (connection,):

        async def told(requests: int) -> list[Exchange]:
            order = json.dumps({"requests": requests, "at_once": at_once}).encode()
            return [await connection.ask(target.post("/run", order))] * requests  # its answer stands for all

        await told(bench.effort.warm_up)
        metered = await meter(served, bench, lambda: told(bench.effort.sdk_requests))
    return {"sdk_cpu": metered.cpu_ms}


async def crowd(served: Running, bench: Bench) -> Figures:
    """A thousand streams at once, each with a word now and then; as one ends, its client begins the next."""
    effort, target, shape = bench.effort, served.target(), bench.effort.crowd
    bench.pace(effort.crowd_pause)
    try:

        async def load() -> list[Exchange]:
            spread = shape.words * effort.crowd_pause
            asked = target.request(shape.words, stream=True)
            return await drive(connections, asked, most=shape.streams, spread=spread)

        async with connected(target, shape.at_once) as connections:
            await warm_up(connections[:WARMED], target)
            found = averages(await meter(served, bench, load), shape)
    finally:
        bench.pace(effort.pause)
    waits = [wait * 1000 for wait in found.first_after]
    return {"crowd_ttfc_p50": quantile(waits, 0.5), "crowd_ttfc_p99": quantile(waits, 0.99), "crowd_busy": found.busy}


async def growth(served: Running, bench: Bench) -> Figures:
    """Memory after very many requests and streams, against memory after the first ones, which are of the same mix."""
    effort = bench.effort
    share = effort.streams / (effort.requests + effort.streams)
    first = round(effort.first * share)
    await mixed(served, bench, effort.first - first, first)
    before = rss_bytes(served.pid)
    await mixed(served, bench, effort.requests, effort.streams)
    after = rss_bytes(served.pid)
    return {"grown_before": before / 1e6, "grown_after": after / 1e6, "growth": (after / before - 1) * 100}


async def mixed(served: Running, bench: Bench, requests: int, streams: int) -> None:
    """Requests, then streams, and a moment of rest. Raises LoadError when that takes too long."""
    target, at_once = served.target(), {False: bench.effort.connections, True: bench.effort.chunk.long.at_once}
    for stream, count in ((False, requests), (True, streams)):
        async with connected(target, at_once[stream]) as connections:
            asked = target.request(2 if stream else 40, stream=stream)
            done = await drive(connections, asked, most=count, seconds=GROWING)
        if len(done) < count:
            raise LoadError(f"{len(done)} of {count} requests were answered in {GROWING} seconds")
    rest(served, bench.effort)


async def two_lengths(prefix: str, served: Running, bench: Bench, target: Target, pair: Pair) -> Figures:
    """What a further chunk costs, and by that what a stream costs without its chunks."""
    short = await streamed_answers(served, bench, target, pair.short)
    long = await streamed_answers(served, bench, target, pair.long)
    each = (long.cpu_ms - short.cpu_ms) / (pair.long.words - pair.short.words)
    return {
        f"{prefix}chunk_cpu": each,
        f"{prefix}stream_cpu": short.cpu_ms - each * pair.short.words,
        f"{prefix}ttfc_p50": quantile(long.first_after, 0.5) * 1000,
        f"{prefix}reads": long.reads / pair.long.words,
        f"{prefix}busy": max(short.busy, long.busy),
    }


Part = Callable[[Running, Bench], Coroutine[Any, Any, Figures]]
EACH_ROUND: dict[str, Part] = {
    "request": request,
    "chunk": chunk,
    "peers": peers,
    "prompts": prompts,
    "open": open_loop,
    "translate": translate,
    "sdk": sdk,
}
OF_THEIR_OWN: dict[str, Part] = {"crowd": crowd, "growth": growth}  # on servers that have done nothing else yet
PARTS = ("start", *EACH_ROUND, *OF_THEIR_OWN)
