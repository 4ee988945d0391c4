"""What a run prints and writes: the table of bounds, every server's figures, and what makes them doubtful."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.effort import Effort
from benchmarks.lines import LINES, OURS, Line, Round
from benchmarks.machine import Cores
from benchmarks.summary import Estimate, estimate

SATURATED = 0.9  # of a core
MERGED = 0.97  # reads a chunk
UNEVEN = 1.15  # slowest calibration against the fastest
CROWDED = 1.1  # time against CPU of the calibration
WORDS = {True: "yes", False: "NO", None: ""}


def document(rounds: Sequence[Round], void: Sequence[str], effort: Effort, cores: Cores) -> dict[str, Any]:
    """Everything about a run, for `--json`: the machine, the effort, each round's figures, their medians, the lines."""
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
        "rounds": list(rounds),
        "void": list(void),
        "figures": {
            name: {figure: asdict(estimate(values)) for figure, values in figures.items()}
            for name, figures in columns(rounds).items()
        },
        "lines": [entry for line in LINES for entry in entries(line, rounds)],
        "doubts": doubts(rounds, void, cores),
    }


def entries(line: Line, rounds: Sequence[Round]) -> Iterable[dict[str, Any]]:
    """A line as JSON, for each of our two set-ups that was measured."""
    for name in OURS:
        found = line.found(rounds, name)
        if found is not None:
            said = {"line": line.title, "server": name, "bound": line.bound(name), "at_least": line.at_least}
            yield {**said, **asdict(found), "holds": line.holds(found, name)}


def bounds_table(rounds: Sequence[Round]) -> str:
    """Each line with its bound, our median with its interval, and whether it holds, for both set-ups."""
    heads = [cell for name in OURS for cell in (name, "bound", "holds")]
    measured = [line for line in LINES if any(line.found(rounds, name) for name in OURS)]
    rows = [[line.title, *(cell for name in OURS for cell in cells(line, rounds, name))] for line in measured]
    return in_columns([["", *heads], *rows]) if rows else ""


def cells(line: Line, rounds: Sequence[Round], name: str) -> tuple[str, str, str]:
    found, bound = line.found(rounds, name), line.bound(name)
    if found is None:
        return "", "", ""
    sign = "≥" if line.at_least else "≤"
    return shown(found), f"{sign} {bound:g}" if bound is not None else "", WORDS[line.holds(found, name)]


def figures_table(rounds: Sequence[Round]) -> str:
    """The medians of all figures, a column a server."""
    found = columns(rounds)
    names = list(dict.fromkeys(name for figures in found.values() for name in figures if not about_the_core(name)))
    rows = [
        [name, *(shown(estimate(figures[name])) if name in figures else "" for figures in found.values())]
        for name in names
    ]
    return in_columns([["", *found], *rows])


def columns(rounds: Sequence[Round]) -> dict[str, dict[str, list[float]]]:
    """Each figure's values over the rounds, by server and name."""
    found: dict[str, dict[str, list[float]]] = {}
    for each in rounds:
        for name, figures in each.items():
            for figure, value in figures.items():
                found.setdefault(name, {}).setdefault(figure, []).append(value)
    return found


def about_the_core(figure: str) -> bool:
    return figure.endswith(("_speed", "_crowding"))


def doubts(rounds: Sequence[Round], void: Sequence[str], cores: Cores) -> list[str]:
    """Reasons to trust the figures less."""
    found = [f"A round was thrown away: {why}" for why in void]
    every = columns(rounds)
    speeds = [value for figures in every.values() for value in ending(figures, "_speed")]
    if speeds and max(speeds) > UNEVEN * min(speeds):
        found.append(f"The core's speed varied by {max(speeds) / min(speeds) - 1:.0%} between measurements.")
    waits = [value for figures in every.values() for value in ending(figures, "_crowding")]
    if waits and max(waits) > CROWDED:
        found.append(f"Other work took up to {1 - 1 / max(waits):.0%} of the server's core: latencies are too long.")
    if cores.shared:
        found.append("There is one core for all: latencies and throughput include load and upstream.")
    for name, figures in every.items():
        if (busy := max(ending(figures, "busy"), default=0)) > SATURATED:
            found.append(f"{name} used {busy:.0%} of its core in streams: its cost per chunk is flattered.")
        if (reads := min(ending(figures, "reads"), default=1)) < MERGED:
            found.append(f"{name} merged chunks ({reads:.2f} reads a chunk): its cost per chunk is flattered.")
    return found


def ending(figures: Mapping[str, Sequence[float]], suffix: str) -> list[float]:
    return [value for name, values in figures.items() if name.endswith(suffix) for value in values]


def in_columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def shown(found: Estimate) -> str:
    return f"{number(found.median)} [{number(found.low)}, {number(found.high)}]"


def number(value: float) -> str:
    """Three digits that count; small ones to a thousandth."""
    digits = sum(abs(value) < size for size in (100, 10, 1))
    return f"{value:.{digits}f}"
