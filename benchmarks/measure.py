"""What an amount of load costs a server: its CPU, the time it took, and how each request fared.

CPU is the server's whole process tree, by the kernel's own account. A request that fails, or a request that the
upstream saw twice or not at all, raises, because the figures of such a round mean nothing.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from benchmarks.effort import Effort, Shape
from benchmarks.load import PROMPT_BYTES, Connection, Exchange, LoadError, Target, connected, drive
from benchmarks.machine import cpu_seconds
from benchmarks.servers import Running

Figures = dict[str, float]
WARM = 16  # streams
QUIET = 0.05  # of a core: a server that uses less has nothing left to do
LONGEST_REST = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measurements share: the provider behind the servers, and how much is done."""

    upstream: Running
    effort: Effort

    def seen(self) -> int:
        """How many requests the upstream has seen."""
        return int(self.upstream.get("/seen")["seen"])

    def pace(self, pause: float) -> None:
        """Seconds between two words of all streams that begin from now on."""
        self.upstream.get(f"/pace/{pause}")


@dataclass(frozen=True, slots=True)
class Metered:
    """What was asked, the server's CPU for it, and the time that it took, in seconds."""

    exchanges: list[Exchange]
    cpu: float
    elapsed: float

    @property
    def cpu_ms(self) -> float:
        """Of one request."""
        return self.cpu * 1000 / len(self.exchanges)

    def times_ms(self) -> list[float]:
        return [exchange.duration * 1000 for exchange in self.exchanges]


@dataclass(frozen=True, slots=True)
class Streams:
    """A run of streams of one length, as averages of one stream."""

    cpu_ms: float
    reads: float
    busy: float  # the share of one core that the server used
    first_after: list[float]  # seconds


async def meter(served: Running, bench: Bench, load: Callable[[], Awaitable[list[Exchange]]]) -> Metered:
    """Do what `load` says and see what it costs the server. Raises LoadError unless the upstream saw each request once."""
    asked = bench.seen()
    gc.collect()
    gc.disable()  # a pause of ours would look like one of the server's
    try:
        cpu, began = cpu_seconds(served.pid), time.perf_counter()
        exchanges = await load()
        elapsed = time.perf_counter() - began
    finally:
        gc.enable()
    rest(served, bench.effort)
    cpu = cpu_seconds(served.pid) - cpu
    asked = bench.seen() - asked
    if asked != len(exchanges):
        raise LoadError(f"{len(exchanges)} requests were answered, but the upstream saw {asked}")
    return Metered(exchanges, cpu, elapsed)


def rest(served: Running, effort: Effort) -> None:
    """Until the server has done what it does behind its answers: it has been quiet for twice `settling` on end."""
    quiet = 0
    until = time.monotonic() + LONGEST_REST
    while quiet < 2 and time.monotonic() < until:
        cpu, began = cpu_seconds(served.pid), time.perf_counter()
        time.sleep(effort.settling)
        share = (cpu_seconds(served.pid) - cpu) / (time.perf_counter() - began)
        quiet = quiet + 1 if share < QUIET else 0


async def whole_answers(
    served: Running, bench: Bench, target: Target, seconds: float, prompt_bytes: int = PROMPT_BYTES
) -> Metered:
    """A closed loop of answers that are not streamed."""
    effort = bench.effort
    request = target.request(40, stream=False, prompt_bytes=prompt_bytes)
    async with connected(target, effort.connections) as connections:
        await drive(connections, request, most=effort.warm_up, seconds=seconds / 2)
        return await meter(served, bench, lambda: drive(connections, request, most=10**9, seconds=seconds))


async def streamed_answers(served: Running, bench: Bench, target: Target, shape: Shape) -> Streams:
    """Streams that begin evenly over the time that one of them takes, so that they do not run in step."""
    request = target.request(shape.words, stream=True)
    spread = shape.words * bench.effort.pause

    async def load() -> list[Exchange]:
        return await drive(connections, request, most=shape.streams, spread=spread)

    async with connected(target, shape.at_once) as connections:
        await warm_up(connections, target)
        metered = await meter(served, bench, load)
    return averages(metered, shape)


async def warm_up(connections: Sequence[Connection], target: Target) -> None:
    """Short streams, two on each connection and some more: the server opens its own connections now."""
    await drive(connections, target.request(2, stream=True), most=2 * len(connections) + WARM)


def averages(metered: Metered, shape: Shape) -> Streams:
    """Raises LoadError when a stream came with fewer events than its words."""
    if any(exchange.events < shape.words for exchange in metered.exchanges):
        raise LoadError(f"a stream of {shape.words} words came with fewer events than that")
    return Streams(
        metered.cpu_ms,
        statistics.mean(exchange.reads for exchange in metered.exchanges),
        metered.cpu / metered.elapsed,
        [exchange.first_after for exchange in metered.exchanges],
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the others lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
