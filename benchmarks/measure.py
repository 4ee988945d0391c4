"""One server, started afresh, measured and ended: the figures of one round.

CPU is the server's whole process tree, by the kernel's own account. A request that fails, or a request that the
upstream saw twice or not at all, raises, because the figures of such a round mean nothing.
"""

from __future__ import annotations

import http.client
import json
import statistics
import time
from collections.abc import Coroutine, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from benchmarks.load import PATIENCE, Exchange, LoadError, drive
from benchmarks.machine import Cores, calibrate, cpu_seconds, rss_bytes
from benchmarks.servers import Running, Server, running

T = TypeVar("T")
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Shape:
    """Streams of one length: how many words each, how many streams, how many of them at once."""

    words: int
    streams: int
    at_once: int


@dataclass(frozen=True, slots=True)
class Effort:
    """How much one round does; times in seconds."""

    seconds: float = 3.0  # of whole answers, or less when `requests` are done
    requests: int = 20_000
    connections: int = 8
    short: Shape = Shape(words=2, streams=300, at_once=4)
    long: Shape = Shape(words=64, streams=150, at_once=50)
    pause: float = 0.02  # between two words
    settling: float = 0.3  # after the last answer, for what a server does behind it


@dataclass(frozen=True, slots=True)
class Bench:
    """What the servers of a run share: the upstream's port, the cores, the effort, a folder for their files."""

    upstream_port: int
    cores: Cores
    effort: Effort
    folder: Path


@dataclass(frozen=True, slots=True)
class Metered:
    """What was asked, the server's CPU for it, and the time that it took, in seconds."""

    exchanges: list[Exchange]
    cpu: float
    elapsed: float


@dataclass(frozen=True, slots=True)
class Streams:
    """A run of streams of one length, as averages of one stream."""

    cpu: float  # seconds
    reads: float
    busy: float  # the share of one core that the server used
    first_after: float  # seconds, median


def measure(server: Server, bench: Bench, number: int) -> Figures:
    """Start `server`, measure it, end it. Raises StartError or LoadError."""
    folder = bench.folder / f"{number}-{server.name}"
    folder.mkdir()
    launch = server.prepare(folder, f"http://127.0.0.1:{bench.upstream_port}")
    calibration, elapsed = calibrate(bench.cores.server)
    with running(launch, bench.cores.server, folder / "server.log") as served:
        figures = start(served, bench.effort)
        warm_up(served, bench.effort)
        figures |= whole_answers(served, bench)
        figures |= streamed_answers(served, bench)
    return {**figures, "calibration_ms": calibration, "calibration_elapsed_ms": elapsed}


def start(served: Running, effort: Effort) -> Figures:
    """From the process's start to the first answers, and the memory it then needs."""
    live = served.answers("GET", "/health/live")
    _, _, body = served.target.request(8, stream=False).partition(b"\r\n\r\n")
    answered = served.answers("POST", "/v1/chat/completions", body)
    time.sleep(effort.settling)
    return {"live_s": live, "first_answer_s": answered, "rss_idle_mb": rss_bytes(served.pid) / 1e6}


def warm_up(served: Running, effort: Effort) -> None:
    """Fill pools and caches: two requests of each kind on every connection."""
    for stream, at_once in ((False, effort.connections), (True, effort.long.at_once)):
        request = served.target.request(2, stream=stream)
        run(drive(served.target, request, at_once=at_once, most=2 * at_once, seconds=PATIENCE))


def whole_answers(served: Running, bench: Bench) -> Figures:
    """A closed loop of requests that are not streamed."""
    effort = bench.effort
    request = served.target.request(40, stream=False)
    work = drive(served.target, request, at_once=effort.connections, most=effort.requests, seconds=effort.seconds)
    metered = meter(served, bench, work)
    times = [exchange.duration * 1000 for exchange in metered.exchanges]
    return {
        "cpu_ms_request": metered.cpu * 1000 / len(times),
        "p50_ms": quantile(times, 0.50),
        "p95_ms": quantile(times, 0.95),
        "requests_per_s": len(times) / metered.elapsed,
    }


def streamed_answers(served: Running, bench: Bench) -> Figures:
    """Streams of two lengths: what a further chunk costs, and by that what a stream costs without its chunks."""
    shapes = bench.effort.short, bench.effort.long
    short, long = (streams(served, bench, shape) for shape in shapes)
    chunk = (long.cpu - short.cpu) / (shapes[1].words - shapes[0].words)
    return {
        "cpu_ms_chunk": chunk * 1000,
        "cpu_ms_stream": (short.cpu - chunk * shapes[0].words) * 1000,
        "ttfc_ms": long.first_after * 1000,
        "reads_per_chunk": long.reads / shapes[1].words,
        "busy": max(short.busy, long.busy),
    }


def streams(served: Running, bench: Bench, shape: Shape) -> Streams:
    """Streams that begin evenly over the time that one of them takes, so that they do not run in step."""
    request = served.target.request(shape.words, stream=True)
    spread = shape.words * bench.effort.pause
    work = drive(served.target, request, at_once=shape.at_once, most=shape.streams, seconds=PATIENCE, spread=spread)
    metered = meter(served, bench, work)
    if any(exchange.events < shape.words for exchange in metered.exchanges):
        raise LoadError(f"a stream of {shape.words} words came with fewer events than that")
    return Streams(
        metered.cpu / len(metered.exchanges),
        statistics.mean(exchange.reads for exchange in metered.exchanges),
        metered.cpu / metered.elapsed,
        statistics.median(exchange.first_after for exchange in metered.exchanges),
    )


def meter(served: Running, bench: Bench, work: Coroutine[Any, Any, list[Exchange]]) -> Metered:
    """Do `work` and see what it costs the server. Raises LoadError unless the upstream saw each request once."""
    asked = seen(bench.upstream_port)
    cpu, began = cpu_seconds(served.pid), time.perf_counter()
    exchanges = run(work)
    elapsed = time.perf_counter() - began
    time.sleep(bench.effort.settling)
    cpu = cpu_seconds(served.pid) - cpu
    asked = seen(bench.upstream_port) - asked
    if asked != len(exchanges):
        raise LoadError(f"{len(exchanges)} requests were answered, but the upstream saw {asked}")
    return Metered(exchanges, cpu, elapsed)


def seen(upstream_port: int) -> int:
    """How many requests the upstream has seen."""
    with closing(http.client.HTTPConnection("127.0.0.1", upstream_port, timeout=10)) as connection:
        connection.request("GET", "/seen")
        count: int = json.load(connection.getresponse())["seen"]
        return count


def run(work: Coroutine[Any, Any, T]) -> T:
    return uvloop.run(work)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the others lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
