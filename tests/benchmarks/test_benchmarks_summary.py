"""Medians, intervals, ratios, lines and doubts of the benchmarks."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.__main__ import chosen_servers, options_of
from benchmarks.effort import Effort
from benchmarks.lines import LINES, Line, added, over, own, under
from benchmarks.machine import Cores
from benchmarks.peers import LITELLM_HOME
from benchmarks.report import bounds_table, document, doubts, number
from benchmarks.servers import ROOT
from benchmarks.summary import Estimate, estimate

CORES = Cores(frozenset({1}), frozenset({0}))
QUIET = {"chunk_cpu": 1.0, "busy": 0.2, "reads": 1.0, "chunk_speed": 5.0, "chunk_crowding": 1.0}


def test_a_single_round_is_its_own_interval() -> None:
    assert estimate([3.0]) == Estimate(3.0, 3.0, 3.0)


def test_an_interval_holds_the_median_and_leaves_a_lone_outlier_out() -> None:
    found = estimate([1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 9.0])
    assert found.median == 1.3
    assert 1.0 <= found.low < found.median < found.high < 9.0


@pytest.mark.parametrize(
    ("read", "median"),
    [
        (over("cpu", "floor"), 2.0),
        (under("cpu", "floor"), 0.5),
        (added("cpu", "floor"), 3.0),
        (own("cpu"), 6.0),
        (own("cpu", "+lanes"), 8.0),
    ],
)
def test_figures_are_compared_round_by_round(read: object, median: float) -> None:
    rounds = [
        {"atelier": {"cpu": 2.0 * floor}, "floor": {"cpu": floor}, "atelier+lanes": {"cpu": 8.0}}
        for floor in (1.0, 10.0, 3.0)
    ]
    line = Line("request", "cpu", read)  # type: ignore[arg-type]
    found = line.found(rounds, "atelier")
    assert found is not None
    assert found.median == median


def test_rounds_without_a_lines_figures_do_not_count_towards_it() -> None:
    line = Line("request", "cpu", over("cpu", "floor"))
    rounds = [{"atelier": {"cpu": 4.0}}, {"atelier": {"cpu": 4.0}, "floor": {"cpu": 2.0}}, {"floor": {"cpu": 9.0}}]
    assert line.found(rounds, "atelier") == Estimate(2.0, 2.0, 2.0)
    assert line.found(rounds[:1], "atelier") is None
    assert line.found([{"atelier": {"cpu": 4.0}, "floor": {"cpu": 0.0}}], "atelier") is None


def test_a_line_holds_when_the_good_end_of_its_interval_keeps_the_bound() -> None:
    most = Line("request", "cpu", own("cpu"), (2.0, 2.5))
    assert [most.holds(Estimate(3.0, low, 4.0), "atelier") for low in (1.9, 2.1)] == [True, False]
    assert most.holds(Estimate(3.0, 2.4, 4.0), "atelier-scaled") is True
    least = Line("request", "times", own("cpu"), (20.0, 15.0), at_least=True)
    assert [least.holds(Estimate(10.0, 9.0, high), "atelier") for high in (21.0, 19.0)] == [True, False]
    assert Line("open", "p99", own("p99")).holds(Estimate(1.0, 1.0, 1.0), "atelier") is None


def test_the_table_tells_bound_and_verdict_for_each_set_up() -> None:
    figures = {"chunk_cpu": 1.1, "stream_cpu": 0.9}
    rounds = [{"floor+scan": {"chunk_cpu": 1.0}, "atelier": figures, "atelier-scaled": figures}]
    _, chunk, stream = bounds_table(rounds).splitlines()
    assert " ".join(chunk.split()).endswith("1.10 [1.10, 1.10] ≤ 1.15 yes 1.10 [1.10, 1.10] ≤ 1.15 yes")
    assert [cell for cell in stream.split() if cell in ("yes", "NO")] == ["NO", "yes"]


def test_the_document_has_every_line_with_its_verdict() -> None:
    figures = {line.title: 1.0 for line in LINES} | {"first_answer": 1.2, "idle_rss": 140.0}
    written = document([{"atelier": figures}], [], Effort(), CORES)
    verdicts = {entry["line"]: entry["holds"] for entry in written["lines"]}
    assert verdicts == {"start to first answer, s": True, "RSS idle, MB": False}


def test_every_line_has_a_bound_for_each_set_up_or_none() -> None:
    assert [line.title for line in LINES if line.bounds is None] == [
        "p99 at 50 requests a second, ms",
        "CPU idle, % of a core",
    ]
    assert len({line.title for line in LINES}) == len(LINES)


def test_the_page_on_performance_has_every_line_with_its_bounds() -> None:
    page = (ROOT / "docs" / "performance.md").read_text().partition("## The table")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in page.splitlines() if row.startswith("| ")]
    told = {row[0]: [float(bound.lstrip("≤≥ ")) for bound in (row[2], row[4]) if bound] for row in rows[1:]}
    assert told == {line.title: list(line.bounds or ()) for line in LINES}


def test_a_quiet_run_leaves_no_doubts() -> None:
    assert doubts([{"floor": QUIET}, {"floor": QUIET}], [], CORES) == []


def test_doubts_say_what_flatters_or_disturbs_the_figures() -> None:
    loud = QUIET | {"busy": 0.95, "reads": 0.5, "chunk_speed": 6.0, "chunk_crowding": 1.5}
    rounds = [{"floor": QUIET}, {"atelier": loud}]
    found = "\n".join(doubts(rounds, ["status 500: oh"], Cores(frozenset({0}), frozenset({0}))))
    said = ("thrown away: status 500: oh", "speed", "Other work", "one core", "95%", "0.50")
    assert [word for word in said if word not in found] == []


def test_figures_are_shown_with_the_digits_that_count() -> None:
    assert [number(value) for value in (123.4, 12.34, 1.234, 0.1234, -0.5)] == [
        "123",
        "12.3",
        "1.23",
        "0.123",
        "-0.500",
    ]


def test_parts_and_servers_are_chosen_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    options = options_of(["--only", "chunk,request", "--servers", "floor"])
    assert (options.only, options.servers) == (frozenset({"chunk", "request"}), frozenset({"floor"}))
    with pytest.raises(SystemExit):
        options_of(["--only", "chunks"])
    assert "chunks: there is start, request, chunk" in capsys.readouterr().err


def test_a_peer_that_is_not_installed_is_told_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.peers.LITELLM_PROGRAM", tmp_path / "litellm")
    assert [server.name for server in chosen_servers(frozenset({"floor", "litellm"}))] == ["floor"]
    assert capsys.readouterr().out == f"Note: litellm is not measured: nothing is installed in {LITELLM_HOME.name}.\n"
