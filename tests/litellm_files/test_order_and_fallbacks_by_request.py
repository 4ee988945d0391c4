"""02: order, retries, fallbacks and their fallbacks, default ones: who is asked, held against LiteLLM's own router."""

from __future__ import annotations

import pytest

FILE = "02"
DOWN = dict.fromkeys(("main-first", "main-second", "backup-only", "last-only", "reserve-only", "alone-only"), "500")


def only(*names: str) -> dict[str, str]:
    return {name: DOWN[name] for name in names}


@pytest.mark.parametrize(
    ("model", "faults", "asked"),
    [
        ("main", {}, ["main-first"]),
        ("main", only("main-first"), ["main-first", "main-second"]),
        ("main", only("main-first", "main-second"), ["main-first", "main-second", "backup-only"]),
        ("main", DOWN, ["main-first", "main-second", "backup-only", "last-only", "reserve-only"]),
        ("backup", only("backup-only"), ["backup-only", "last-only"]),
        ("backup", DOWN, ["backup-only", "last-only"]),
        ("reserve", only("reserve-only"), ["reserve-only", "alone-only"]),
        ("alone", only("alone-only"), ["alone-only"]),
    ],
)
def test_the_same_deployments_are_asked_in_the_same_order(pair, model, faults, asked) -> None:
    assert pair.theirs(model, faults) == asked
    assert pair.ours(model, faults) == asked
