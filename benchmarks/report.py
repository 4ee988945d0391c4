"""The table and the JSON of a run, and in words what makes its figures doubtful."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.machine import Cores
from benchmarks.measure import Effort, Figures
from benchmarks.servers import ATELIER, FLOOR, FLOOR_WITH_SCAN
from benchmarks.summary import Estimate, estimate, ratio

Rounds = Mapping[str, Sequence[Figures]]  # by the server's name, in the order of the rounds
SATURATED = 0.9  # of a core
MERGED = 0.97  # reads a chunk
UNEVEN = 1.15  # slowest calibration against the fastest
CROWDED = 1.1  # time against CPU of the calibration


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of the table; `compared`: its ratio to the floor means something."""

    name: str
    title: str
    compared: bool = False


LINES = (
    Line("cpu_ms_request", "CPU ms per request", compared=True),
    Line("cpu_ms_chunk", "CPU ms per paced chunk", compared=True),
    Line("cpu_ms_stream", "CPU ms per stream, fixed", compared=True),
    Line("p50_ms", "p50 ms, closed loop", compared=True),
    Line("p95_ms", "p95 ms, closed loop", compared=True),
    Line("requests_per_s", "requests per second"),
    Line("ttfc_ms", "time to first chunk, ms", compared=True),
    Line("rss_idle_mb", "RSS idle, MB"),
    Line("live_s", "start to /health/live, s"),
    Line("first_answer_s", "start to first answer, s"),
    Line("reads_per_chunk", "reads per chunk"),
    Line("busy", "share of a core, streams"),
)
RATIOS = ((ATELIER.name, FLOOR.name), (ATELIER.name, FLOOR_WITH_SCAN.name))


def document(rounds: Rounds, effort: Effort, cores: Cores) -> dict[str, Any]:
    """Everything about a run, for `--json`: the machine, the effort, each round's figures, their summary."""
    return {
        "machine": {
            "python": platform.python_version(),
            "system": platform.system(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "server_core": sorted(cores.server),
            "load_cores": sorted(cores.load),
        },
        "effort": asdict(effort),
        "rounds": {name: list(figures) for name, figures in rounds.items()},
        "summary": {
            name: {line.name: asdict(estimate(column(figures, line))) for line in LINES}
            for name, figures in rounds.items()
        },
        "ratios": {f"{over}/{under}": ratios(rounds, (over, under)) for over, under in pairs(rounds)},
        "doubts": doubts(rounds, cores),
    }


def table(rounds: Rounds) -> str:
    """Medians with their intervals, a column a server, then the ratios."""
    heads = [*rounds, *(f"{over} ÷ {under}" for over, under in pairs(rounds))]
    rows = [["", *heads]]
    for line in LINES:
        cells = [shown(estimate(column(figures, line))) for figures in rounds.values()]
        cells += [shown(compared(rounds, line, pair)) for pair in pairs(rounds)]
        rows.append([line.title, *cells])
    widths = [max(len(row[index]) for row in rows) for index in range(len(heads) + 1)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def doubts(rounds: Rounds, cores: Cores) -> list[str]:
    """Reasons to trust the figures less."""
    found = []
    every = [figures for each in rounds.values() for figures in each]
    speeds = [figures["calibration_ms"] for figures in every]
    if max(speeds) > UNEVEN * min(speeds):
        found.append(f"The core's speed varied by {max(speeds) / min(speeds) - 1:.0%} between measurements.")
    waited = max(figures["calibration_elapsed_ms"] / figures["calibration_ms"] for figures in every)
    if waited > CROWDED:
        found.append(f"Other work took up to {1 - 1 / waited:.0%} of the server's core: latencies are too long.")
    if cores.shared:
        found.append("There is one core for all: latencies and throughput include load and upstream.")
    for name, each in rounds.items():
        if (busy := max(figures["busy"] for figures in each)) > SATURATED:
            found.append(f"{name} used {busy:.0%} of its core in streams: its cost per chunk is flattered.")
        if (reads := min(figures["reads_per_chunk"] for figures in each)) < MERGED:
            found.append(f"{name} merged chunks ({reads:.2f} reads a chunk): its cost per chunk is flattered.")
    return found


def pairs(rounds: Rounds) -> list[tuple[str, str]]:
    return [pair for pair in RATIOS if set(pair) <= set(rounds)]


def ratios(rounds: Rounds, pair: tuple[str, str]) -> dict[str, dict[str, float]]:
    """The estimate of each ratio that means something, by its line's name."""
    return {line.name: asdict(found) for line in LINES if (found := compared(rounds, line, pair)) is not None}


def compared(rounds: Rounds, line: Line, pair: tuple[str, str]) -> Estimate | None:
    over, under = (column(rounds[name], line) for name in pair)
    return ratio(over, under) if line.compared else None


def column(figures: Sequence[Figures], line: Line) -> list[float]:
    return [each[line.name] for each in figures]


def shown(found: Estimate | None) -> str:
    if found is None:
        return ""
    return f"{number(found.median)} [{number(found.low)}, {number(found.high)}]"


def number(value: float) -> str:
    """Three digits that count; small ones to a thousandth."""
    digits = sum(abs(value) < size for size in (100, 10, 1))
    return f"{value:.{digits}f}"
