"""The table's lines: what each says of a round, and the bounds it has to keep, for one process and for the scaled set-up.

A line of which a round has no figures is left out of that round, and out of the table when no round has any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.summary import Estimate, estimate

Round = Mapping[str, Mapping[str, float]]  # figures by the server's name
Reading = Callable[[Round, str], float]  # of a round and one of OURS; raises KeyError where something was not measured
EMBEDDED, SCALED = OURS = "atelier", "atelier-scaled"
FLOOR, SCAN, LITELLM, ACOMPLETION = "floor", "floor+scan", "litellm", "acompletion"


@dataclass(frozen=True, slots=True)
class Line:
    """`bounds`: of EMBEDDED and of SCALED; None for a line that is only reported. `at_least`: they are lower bounds."""

    part: str
    title: str
    read: Reading
    bounds: tuple[float, float] | None = None
    at_least: bool = False

    def bound(self, name: str) -> float | None:
        return self.bounds[OURS.index(name)] if self.bounds else None

    def found(self, rounds: Sequence[Round], name: str) -> Estimate | None:
        """The median over the rounds; a ratio is taken within each of them first."""
        values = [value for each in rounds if (value := self.value(each, name)) is not None]
        return estimate(values) if values else None

    def value(self, each: Round, name: str) -> float | None:
        try:
            return self.read(each, name)
        except (KeyError, ZeroDivisionError):
            return None

    def holds(self, found: Estimate, name: str) -> bool | None:
        """Whether the end of the interval that is on the bound's good side keeps it."""
        bound = self.bound(name)
        if bound is None:
            return None
        return found.high >= bound if self.at_least else found.low <= bound


def own(figure: str, more: str = "") -> Reading:
    """A figure as it is; `more` is what the server's name ends with besides."""
    return lambda each, name: each[name + more][figure]


def over(figure: str, base: str) -> Reading:
    """A figure divided by another server's."""
    return lambda each, name: each[name][figure] / each[base][figure]


def under(figure: str, peer: str) -> Reading:
    """Another server's figure divided by ours."""
    return lambda each, name: each[peer][figure] / each[name][figure]


def added(figure: str, base: str, more: str = "") -> Reading:
    """A figure less another server's."""
    return lambda each, name: each[name + more][figure] - each[base][figure]


LINES = (
    Line("request", "CPU per request, ÷ floor", over("request_cpu", FLOOR), (2.0, 2.5)),
    Line("chunk", "CPU per paced chunk, ÷ floor with scan", over("chunk_cpu", SCAN), (1.15, 1.15)),
    Line("chunk", "fixed CPU per stream, ms", own("stream_cpu"), (0.8, 1.1)),
    Line("translate", "Anthropic: CPU per request, ms", own("anthropic_request_cpu", "+lanes"), (1.3, 1.6)),
    Line("translate", "Anthropic: CPU per chunk, ms", own("anthropic_chunk_cpu", "+lanes"), (0.2, 0.2)),
    Line("translate", "Gemini: CPU per request, ms", own("gemini_request_cpu", "+lanes"), (1.1, 1.4)),
    Line("translate", "Gemini: CPU per chunk, ms", own("gemini_chunk_cpu", "+lanes"), (0.32, 0.32)),
    Line("sdk", "sdk lane, added to acompletion, ms", added("sdk_cpu", ACOMPLETION, "+lanes"), (0.5, 0.8)),
    Line("request", "LiteLLM proxy ÷ ours: request", under("request_cpu", LITELLM), (20, 15), at_least=True),
    Line("peers", "LiteLLM proxy ÷ ours: chunk", under("peers_chunk_cpu", LITELLM), (7, 7), at_least=True),
    Line("open", "added p50 at 50 requests a second, ms", added("open_p50", FLOOR), (1.0, 2.0)),
    Line("open", "p99 at 50 requests a second, ms", own("open_p99")),
    Line("start", "start to first answer, s", own("first_answer"), (3.0, 3.0)),
    Line("start", "RSS idle, MB", own("idle_rss"), (130, 140)),
    Line("start", "CPU idle, % of a core", own("idle_cpu")),
    Line("crowd", "1,000 streams: TTFC p99, ms over the floor's", added("crowd_ttfc_p99", FLOOR), (100, 150)),
    Line("growth", "RSS grown by 100,000 requests, 10,000 streams, %", own("growth"), (5, 5)),
    Line("prompts", "16 KB prompts: CPU per request, ÷ floor", over("prompt_16k_cpu", FLOOR), (2.0, 2.5)),
    Line("prompts", "1 MB prompts: CPU per request, ÷ floor", over("prompt_1m_cpu", FLOOR), (2.0, 2.0)),
)
